// From an export (`tape export --out PLACE`) to a plot of the most traded instrument, without a database.
//   node examples/export-to-plot.ts PLACE plot.svg
import { writeFileSync } from 'node:fs';
import { exportedParts, rowsOfPart } from 'prediction-tape';

const [place, file] = process.argv.slice(2) as [string, string];
const WIDTH = 800;
const HEIGHT = 300;

interface Trade {
  readonly at: number;
  readonly dollars: number;
  readonly contracts: number;
}

// Every day and venue is a file; its rows are sorted by instrument and time.
const trades = new Map<string, Trade[]>();
for (const part of exportedParts(place).filter(({ table }) => table === 'trades')) {
  for await (const row of rowsOfPart(place, part)) {
    const { instrument, exchange_ts, price, size } = row as Record<string, number> & { instrument: string };
    const found = trades.get(instrument) ?? [];
    trades.set(instrument, found);
    found.push({ at: exchange_ts!, dollars: price! / 1e6, contracts: size! / 1e6 });
  }
}

const [instrument, shown] = [...trades].sort(([, a], [, b]) => b.length - a.length)[0] ?? ['nothing', []];
const [from, to] = [shown[0]?.at ?? 0, shown.at(-1)?.at ?? 1];
const x = (at: number): string => (((at - from) / Math.max(1, to - from)) * WIDTH).toFixed(1);
const y = (dollars: number): string => ((1 - dollars) * HEIGHT).toFixed(1);
const largest = Math.max(...shown.map(({ contracts }) => contracts), 1);

writeFileSync(
  file,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-40 -30 ${WIDTH + 60} ${HEIGHT + 60}" font-family="sans-serif" font-size="12">
  <title>${instrument}</title>
  <text x="0" y="-12">${instrument}: ${shown.length} trades</text>
  ${[0, 0.25, 0.5, 0.75, 1].map((level) => `<path d="M0 ${y(level)}H${WIDTH}" stroke="#ccc"/><text x="-36" y="${y(level)}">$${level}</text>`).join('\n  ')}
  <polyline fill="none" stroke="#1f6feb" points="${shown.map(({ at, dollars }) => `${x(at)},${y(dollars)}`).join(' ')}"/>
  ${shown.map(({ at, dollars, contracts }) => `<circle cx="${x(at)}" cy="${y(dollars)}" r="${(1 + 5 * Math.sqrt(contracts / largest)).toFixed(1)}" fill="#1f6feb" opacity="0.5"/>`).join('\n  ')}
</svg>
`,
);
console.log(`${shown.length} trades of ${instrument} in ${file}`);
