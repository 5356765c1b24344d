/** `npm run fuzz`: gives a line mutated frames, and REST clients mutated answers, and holds what becomes of them. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Subject, SubjectOutcome, SubjectWish } from './subject.ts';

const USAGE = `npm run fuzz [-- --frames N] [--seed N] [--venue V] [--only frames|answers] [--json]

Mutates frames on their way into a whole line, and answers on their way into REST clients, both of a simulated
exchange and of recordings, and says what became of them. Nothing may crash, hang, go uncounted or pile up.

  --frames  mutated frames, and mutated answers, for each venue; 10,000 by default
  --seed    1 by default; the same seed makes the same mutations
  --venue   kalshi or polymarket; both by default
  --only    frames or answers; both by default
  --json    print one JSON object at the end; progress goes to standard error

Exit code 0 when everything held, 1 when something did not, 2 when the wish is not clear.
`;

/** A mutation that keeps a thread busy for so long hangs, on the slowest machine. */
const HANGS_MILLIS = 60_000;

class Unclear extends Error {
  override readonly name = 'Unclear';
}

interface Wish {
  readonly frames: number;
  readonly seed: number;
  readonly subjects: readonly Subject[];
  readonly json: boolean;
  readonly help: boolean;
}

function chosen<T extends string>(
  given: string | undefined,
  name: string,
  known: readonly T[],
): readonly T[] {
  if (given === undefined) return known;
  if (!known.includes(given as T))
    throw new Unclear(`--${name} must be ${known.join(' or ')}, got "${given}"`);
  return [given as T];
}

function whole(given: string | undefined, name: string, otherwise: number): number {
  const number = Number(given ?? otherwise);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Unclear(`--${name} must be a whole number above 0, got "${given}"`);
}

/** @throws Unclear in one line */
function wishOf(parameters: readonly string[]): Wish {
  let values: Record<string, string | boolean | undefined>;
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = { frames: text, seed: text, venue: text, only: text, json: flag, help: flag };
    values = parseArgs({ args: [...parameters], options }).values;
  } catch (error) {
    throw new Unclear((error as Error).message);
  }
  const text = (name: string) => values[name] as string | undefined;
  const venues = chosen(text('venue'), 'venue', ['kalshi', 'polymarket'] as const);
  const kinds = chosen(text('only'), 'only', ['frames', 'answers'] as const);
  return {
    frames: whole(text('frames'), 'frames', 10_000),
    seed: whole(text('seed'), 'seed', 1),
    subjects: venues.flatMap((venue) => kinds.map((kind) => ({ venue, kind }))),
    json: values['json'] === true,
    help: values['help'] === true,
  };
}

/** Runs one subject in a thread of its own, which is ended when it makes no progress. */
async function run(wish: SubjectWish, note: (text: string) => void): Promise<SubjectOutcome> {
  const worker = new Worker(fileURLToPath(new URL('./subject.ts', import.meta.url)), { workerData: wish });
  const { promise, resolve, reject } = Promise.withResolvers<SubjectOutcome>();
  let mutated = 0;
  const hung = () => resolve({ held: false, figures: { hung_after: mutated }, memory: null, examples: [] });
  let watchdog = setTimeout(hung, HANGS_MILLIS);
  worker.on('message', (message: { progress: number } | { outcome: SubjectOutcome }) => {
    clearTimeout(watchdog);
    if ('outcome' in message) resolve(message.outcome);
    else {
      mutated = message.progress;
      watchdog = setTimeout(hung, HANGS_MILLIS);
      note(`${mutated}`);
    }
  });
  worker.on('error', reject);
  try {
    return await promise;
  } finally {
    clearTimeout(watchdog);
    await worker.terminate();
  }
}

async function main(parameters: readonly string[]): Promise<number> {
  const { subjects, frames, seed, json, help } = wishOf(parameters);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const outcomes: (Subject & SubjectOutcome)[] = [];
  const progress = json ? process.stderr : process.stdout;
  for (const subject of subjects) {
    const name = `${subject.venue} ${subject.kind}`;
    const started = Date.now();
    const outcome = await run({ ...subject, mutations: frames, seed }, (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${text}`);
    });
    outcomes.push({ ...subject, ...outcome });
    const told = Object.entries(outcome.figures).map(
      ([what, count]) => `${what.replaceAll('_', ' ')} ${count}`,
    );
    if (outcome.memory !== null)
      told.push(`heap ${outcome.memory.early_mb} then ${outcome.memory.late_mb} MB`);
    const seconds = Math.round((Date.now() - started) / 1_000);
    progress.write(`${name}: ${outcome.held ? 'held' : 'NOT HELD'} in ${seconds} s: ${told.join(', ')}\n`);
    for (const example of outcome.examples) process.stderr.write(`${name}: ${example}\n`);
  }
  const isHeld = outcomes.every(({ held }) => held);
  if (json) process.stdout.write(`${JSON.stringify({ seed, held: isHeld, fuzz: outcomes })}\n`);
  return isHeld ? 0 : 1;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const fault = error as Error;
  process.stderr.write(`fuzz: ${fault instanceof Unclear ? fault.message : fault.stack}\n`);
  process.exitCode = fault instanceof Unclear ? 2 : 1;
}
