import type { HeatCell, HeatMap } from '#src/coverage/heat-map.ts';
import { formatRfc3339 } from '#src/units/time.ts';

const LABEL = 28;
/** By how many lines prove it. */
const SHADES = ['·', '░', '▒', '█'] as const;

function glyph(cell: HeatCell | null): string {
  if (cell === null) return ' ';
  if (cell.isPending) return '?';
  if (cell.inGap >= 1) return '×';
  if (cell.inGap > 0) return '!';
  return SHADES[cell.proving as 0 | 1 | 2 | 3];
}

/** ANSI colour of a cell: red in a gap, amber partly, then greener with each line that proves it. */
function colour(cell: HeatCell | null): number {
  if (cell === null || cell.isPending) return 90;
  if (cell.inGap >= 1) return 31;
  if (cell.inGap > 0) return 33;
  return cell.proving === 3 ? 32 : cell.proving === 2 ? 36 : 34;
}

function shortened(text: string): string {
  return text.length <= LABEL ? text.padEnd(LABEL) : `${text.slice(0, 15)}…${text.slice(-12)}`;
}

const timeOfDay = (time: number): string => formatRfc3339(time as never).slice(5, 16);

/** Coverage for the terminal, a line of text for each instrument. */
export function terminalMap(map: HeatMap, hasColour: boolean): string {
  const end = map.from + map.step * map.columns;
  const first = timeOfDay(map.from);
  const last = timeOfDay(end);
  const lines = [
    `${''.padEnd(LABEL)} ${first}${last.padStart(Math.max(last.length + 1, map.columns - first.length))}`,
  ];
  for (const { instrument, cells, events } of map.rows) {
    const drawn = cells.map((cell) =>
      hasColour ? `\u001b[${colour(cell)}m${glyph(cell)}\u001b[0m` : glyph(cell),
    );
    lines.push(`${shortened(instrument)} ${drawn.join('')} ${events}`);
  }
  lines.push(
    '',
    `a column is ${map.step / 60_000_000} min of venue time; the number is the events on the tape`,
    '█ three lines prove it   ▒ two   ░ one   · none alone   ! partly in a gap   × in a gap   ? not merged yet   (blank) nothing happened',
  );
  if (map.leftOut > 0) lines.push(`${map.leftOut} quieter instruments are not shown (--limit)`);
  return `${lines.join('\n')}\n`;
}
