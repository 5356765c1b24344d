/** `npm run soak`: keeps a system running under load and troubles, and judges whether anything piles up or is lost. */
import { parseArgs } from 'node:util';
import { type SoakReport, soak } from './soak.ts';

const USAGE = `npm run soak -- --minutes N [--seed N] [--json]

Runs the whole system on simulated venues while troubles chosen by the seed befall it, one after the other. Samples
memory and open handles of every process, and compares the tape with the exchange's own log at the end.

  --minutes  how long; troubles under way are ended first
  --seed     1 by default; chooses exchange and troubles
  --json     print one JSON object at the end; progress goes to standard error

Exit code 0 when nothing was lost, wrong or undeclared and nothing piled up, 1 otherwise, 2 when the wish is not clear.
`;

class Unclear extends Error {
  override readonly name = 'Unclear';
}

interface Wish {
  readonly minutes: number;
  readonly seed: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws Unclear in one line */
function wishOf(parameters: readonly string[]): Wish {
  let values: Record<string, string | boolean | undefined>;
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = { minutes: text, seed: text, json: flag, help: flag };
    values = parseArgs({ args: [...parameters], options }).values;
  } catch (error) {
    throw new Unclear((error as Error).message);
  }
  const help = values['help'] === true;
  const minutes = Number(values['minutes']);
  if (!help && !(minutes > 0 && Number.isFinite(minutes)))
    throw new Unclear(`--minutes must be a number above 0, got "${values['minutes'] ?? ''}"`);
  const seed = Number(values['seed'] ?? 1);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Unclear(`--seed must be a whole number, got "${values['seed']}"`);
  return { minutes, seed, json: values['json'] === true, help };
}

function verdict(flat: boolean | null): string {
  if (flat === null) return 'rises (not judged)';
  return flat ? 'flat' : 'GROWS';
}

function told(report: SoakReport): string {
  const { minutes, events, missing, extra, books_wrong, undeclared_gaps } = report;
  const befell = Object.entries(report.troubles).map(([name, count]) => `${name} ${count}`);
  const lines = [
    `${minutes} minutes: ${report.held ? 'held' : 'NOT HELD'}`,
    `${events} events, ${missing} missing, ${extra} extra, ${books_wrong} books wrong, ${undeclared_gaps} undeclared`,
    `troubles: ${befell.join(', ')}`,
    ...report.unwell.map((text) => `not well: ${text}`),
    ...report.processes.map(({ process: name, rss_mb, handles, flat, minutes: lived }) =>
      [
        `${name.padEnd(14)} ${verdict(flat)} over ${lived} min: ${rss_mb[0]} then ${rss_mb[1]} MB`,
        handles === null ? '' : `, ${handles[0]} then ${handles[1]} handles`,
      ].join(''),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

async function main(parameters: readonly string[]): Promise<number> {
  const { minutes, seed, json, help } = wishOf(parameters);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const report = await soak(minutes, seed, (text) => process.stderr.write(`soak: ${text}\n`));
  process.stdout.write(json ? `${JSON.stringify({ soak: report })}\n` : told(report));
  return report.held ? 0 : 1;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const fault = error as Error;
  process.stderr.write(`soak: ${fault instanceof Unclear ? fault.message : fault.stack}\n`);
  process.exitCode = fault instanceof Unclear ? 2 : 1;
}
