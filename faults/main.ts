/** `npm run faults`: injects faults, one after the other, and holds the tape against what the exchange made. */
import { parseArgs } from 'node:util';
import { type Fault, FaultFailed, type FaultOutcome, isHeld } from './fault.ts';
import { matrix } from './matrix.ts';
import { forgetCorpus } from './storage/corpus.ts';

const USAGE = `npm run faults [-- [NAME...] [--list] [--seed N] [--json]]

Runs every fault of the matrix that is over within minutes, or those that are named: injects it into a running system, lets that recover, drains
it, and compares the tape with the simulated exchange's own log.

  --list    name the faults and say what they do
  --seed    seed of the exchange, 1 by default
  --json    print one JSON object at the end; progress goes to standard error

Exit code 0 when nothing was missing, extra, wrong or undeclared, 1 when something was, 2 when the wish is not clear.
`;

class Unclear extends Error {
  override readonly name = 'Unclear';
}

interface Wish {
  readonly names: readonly string[];
  readonly list: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly seed: number;
}

/** @throws Unclear in one line */
function wishOf(parameters: readonly string[]): Wish {
  let parsed: { values: Record<string, string | boolean | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        list: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        seed: { type: 'string' },
      },
    });
  } catch (error) {
    throw new Unclear((error as Error).message);
  }
  const { values, positionals: names } = parsed;
  const unknown = names.find((name) => !matrix.some((fault) => fault.name === name));
  if (unknown !== undefined) {
    throw new Unclear(`there is no fault ${unknown}; known are ${matrix.map(({ name }) => name).join(', ')}`);
  }
  const seed = Number(values['seed'] ?? 1);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new Unclear(`--seed must be a whole number, got "${values['seed']}"`);
  }
  return {
    names,
    seed,
    list: values['list'] === true,
    json: values['json'] === true,
    help: values['help'] === true,
  };
}

/** A row that takes longer hangs. */
const ROW_LIMIT_MILLIS = 1_800_000;

/** @throws FaultFailed when a row does not come to its end, also where nothing is left to wait for. */
async function ended(fault: Fault, note: (text: string) => void, seed: number): Promise<FaultOutcome> {
  const { run, limitMillis = ROW_LIMIT_MILLIS } = fault;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new FaultFailed(`it did not end within ${limitMillis / 1_000} s`)),
    limitMillis,
  );
  try {
    return await Promise.race([run(note, seed), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of a row that could not be run to its end. */
const nothing: FaultOutcome = {
  events: 0,
  missing: 0,
  extra: 0,
  books_wrong: 0,
  declared_gaps: 0,
  undeclared_gaps: 0,
  recover_s: null,
};

const row = (name: string, { events, missing, extra, books_wrong, ...more }: FaultOutcome): string =>
  [
    name.padEnd(30),
    `${events} events, ${missing} missing, ${extra} extra, ${books_wrong} books wrong,`,
    `${more.declared_gaps} gaps declared, ${more.undeclared_gaps} undeclared,`,
    more.recover_s === null ? 'not recovered' : `recovered in ${more.recover_s} s`,
  ].join(' ');

async function main(parameters: readonly string[]): Promise<number> {
  const wish = wishOf(parameters);
  if (wish.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const isWished = ({ name, limitMillis }: Fault): boolean =>
    wish.names.length === 0 ? wish.list || limitMillis === undefined : wish.names.includes(name);
  const chosen = matrix.filter(isWished);
  if (wish.list) {
    for (const { row: number, name, about } of chosen)
      process.stdout.write(`${String(number).padStart(2)}  ${name.padEnd(30)}  ${about}\n`);
    return 0;
  }
  const outcomes: ({ name: string } & FaultOutcome)[] = [];
  const broken: string[] = [];
  const progress = wish.json ? process.stderr : process.stdout;
  for (const fault of chosen) {
    const { name } = fault;
    try {
      const outcome = await ended(fault, (text) => process.stderr.write(`${name}: ${text}\n`), wish.seed);
      outcomes.push({ name, ...outcome });
      progress.write(`${row(name, outcome)}\n`);
      if (!isHeld(outcome)) broken.push(name);
    } catch (error) {
      broken.push(name);
      outcomes.push({ name, ...nothing });
      process.stderr.write(`${name}: ${(error as Error).message}\n`);
    }
  }
  forgetCorpus();
  if (broken.length > 0) process.stderr.write(`faults: not held: ${broken.join(', ')}\n`);
  if (wish.json) process.stdout.write(`${JSON.stringify({ faults: outcomes })}\n`);
  return broken.length === 0 ? 0 : 1;
}

try {
  // A row that hung may have left something open.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const fault = error as Error;
  process.stderr.write(`faults: ${fault instanceof Unclear ? fault.message : fault.stack}\n`);
  process.exitCode = fault instanceof Unclear ? 2 : 1;
}
