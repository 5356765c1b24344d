import type { Venue } from '#src/events/event.ts';
import { HttpError } from '#src/http/http-error.ts';
import { RepeatedCursorError } from '#src/http/pagination.ts';
import { isNestedDeeply } from '#src/units/nesting.ts';
import type { Micros } from '#src/units/time.ts';
import { ShiftingListingError } from '#src/venues/polymarket/gamma.ts';
import { Random } from '../../sim/market/random.ts';
import { fetchFrom, openExchange } from './exchange.ts';
import { Mutation } from './mutation.ts';
import { kalshiCalls, polymarketCalls, type RestCall } from './rest-calls.ts';

/** What became of the mutated answers of one venue. */
export interface RestFigures {
  /** Answers that were mutated. */
  mutated: number;
  calls: number;
  /** Calls that gave something, and those that ended with an error that says what is wrong. */
  answered: number;
  refused: number;
  /** Elements of answers that were left out, each with a reason. */
  elements_refused: number;
  /** Errors that are none of the clients' own. */
  thrown: number;
  /** Calls that asked again and again. */
  endless: number;
  /** Attempts that were not told to the observer. */
  unobserved: number;
  /** Numbers in what was given that are none. */
  unsound: number;
}

export interface RestFuzz {
  readonly figures: RestFigures;
  readonly examples: readonly string[];
}

export interface RestFuzzOptions {
  readonly venue: Venue;
  /** Mutated answers, at least. */
  readonly answers: number;
  readonly seed: number;
  readonly progress?: (mutated: number) => void | Promise<void>;
}

const START = 1_700_000_000_000_000;
const MARKETS = 24;
const MOST_EXAMPLES = 20;
/** No call of an honest exchange of this size asks so often. */
const MOST_REQUESTS = 400;
const STATUSES = [200, 200, 200, 200, 200, 200, 201, 204, 301, 400, 404, 418, 429, 500, 503] as const;

class Endless extends Error {
  override readonly name = 'Endless';
}

/** Answers as the exchange gave them, call by call and request by request. */
async function recordedBodies(
  calls: (fetcher: typeof fetch) => Readonly<Record<string, RestCall>>,
  honest: typeof fetch,
): Promise<Map<string, readonly string[]>> {
  const bodies = new Map<string, string[]>();
  let current: string[] = [];
  const keeping: typeof fetch = async (input, init) => {
    const response = await honest(input, init);
    current.push(await response.clone().text());
    return response;
  };
  for (const [name, call] of Object.entries(calls(keeping))) {
    current = [];
    bodies.set(name, current);
    // What the exchange does not serve is fuzzed with its refusal.
    await call().catch(() => {});
  }
  return bodies;
}

/** A body that breaks off in the middle of the answer. */
function brokenOff(text: string): ReadableStream<Uint8Array> {
  const half = new TextEncoder().encode(text.slice(0, text.length >> 1));
  return new ReadableStream({
    start(controller) {
      controller.enqueue(half);
      controller.error(new Error('other side closed'));
    },
  });
}

function unsoundNumbers(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : 1;
  if (typeof value !== 'object' || value === null || isNestedDeeply(value)) return 0;
  let count = 0;
  for (const key in value) count += unsoundNumbers((value as Record<string, unknown>)[key]);
  return count;
}

/**
 * Asks one venue everything that its clients can ask, of a host whose answers are those of a simulated exchange, but
 * mutated, refused or broken off. The same seed gives the same answers.
 */
export async function fuzzRest({ venue, answers, seed, progress }: RestFuzzOptions): Promise<RestFuzz> {
  const random = new Random(seed, `${venue} answers`);
  const mutation = new Mutation(random);
  let now = START;
  const clock = () => now as Micros;
  const exchange = openExchange(venue, MARKETS, seed, clock);
  for (let second = 0; second < 20; second++) {
    now += 1_000_000;
    exchange.run();
  }
  const figures: RestFigures = {
    mutated: 0,
    calls: 0,
    answered: 0,
    refused: 0,
    elements_refused: 0,
    thrown: 0,
    endless: 0,
    unobserved: 0,
    unsound: 0,
  };
  const examples: string[] = [];
  const example = (text: string): void => {
    if (examples.length < MOST_EXAMPLES) examples.push(text.slice(0, 2_000));
  };
  let [requests, observed] = [0, 0];
  const callsOf = (fetcher: typeof fetch) =>
    (venue === 'kalshi' ? kalshiCalls : polymarketCalls)(
      {
        clock,
        sleep: async (millis) => {
          now += millis * 1_000;
        },
        random: () => random.unit(),
        fetch: fetcher,
        maxAttempts: 2,
        observe: () => {
          observed++;
        },
        problem: () => {
          figures.elements_refused++;
        },
      },
      exchange.instruments,
    );
  const bodies = await recordedBodies(callsOf, fetchFrom(exchange));
  const all = [...bodies.values()].flat();
  let [script, position] = [[] as readonly string[], 0];
  let last = '';
  const dishonest: typeof fetch = async () => {
    // Every request takes its time, so that no limit is in the way.
    now += 1_000_000;
    if (++requests > MOST_REQUESTS) throw new Endless('it asks without an end');
    const text = script[position++ % Math.max(1, script.length)] ?? '';
    const made = mutation.of(text, random.pick(all));
    figures.mutated++;
    last = made;
    if (random.chance(0.02)) return new Response(brokenOff(made), { status: 200 });
    if (random.chance(0.01)) throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
    const status = random.chance(0.7) ? 200 : random.pick(STATUSES);
    const headers: Record<string, string> = random.chance(0.05)
      ? { 'retry-after': random.pick(['-1', '1e9', 'never', '', '0', 'Thu, 01 Jan 1970 00:00:00 GMT']) }
      : {};
    return new Response(status === 204 ? null : made, { status, headers });
  };
  const calls = Object.entries(callsOf(dishonest));
  observed = 0;
  while (figures.mutated < answers) {
    const [name, call] = random.pick(calls);
    [requests, observed] = [0, 0];
    [script, position] = [bodies.get(name)!, 0];
    figures.calls++;
    try {
      const given = await call();
      figures.answered++;
      const unsound = unsoundNumbers(given);
      figures.unsound += unsound;
      if (unsound > 0) example(`${name}: a number that is none, of ${last}`);
    } catch (error) {
      const isOwn =
        error instanceof HttpError ||
        error instanceof RepeatedCursorError ||
        error instanceof ShiftingListingError;
      if (isOwn) figures.refused++;
      else {
        figures.thrown++;
        example(`${name}: ${(error as Error).stack}\nover ${last}`);
      }
    }
    if (requests > MOST_REQUESTS) {
      figures.endless++;
      example(`${name} asks without an end, lastly of ${last}`);
    }
    if (observed !== requests) figures.unobserved++;
    if (figures.calls % 50 === 0) await progress?.(figures.mutated);
  }
  return { figures, examples };
}

/** Whether every answer was dealt with, and every attempt told. */
export function areAnswersHeld({ thrown, endless, unobserved, unsound, refused }: RestFigures): boolean {
  return thrown === 0 && endless === 0 && unobserved === 0 && unsound === 0 && refused > 0;
}
