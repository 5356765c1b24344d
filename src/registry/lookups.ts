import { backoffMillis } from '../http/backoff.ts';
import { HttpError } from '../http/http-error.ts';
import type { Sleep } from '../http/sleep.ts';
import { type Clock, MICROS_PER_MILLI } from '../units/time.ts';
import type { CatalogueMarket } from './catalogue.ts';
import { LookupQueue } from './lookup-queue.ts';
import type { MarketStates } from './market-states.ts';
import { Nap } from './nap.ts';
import type { VenueCatalogue } from './venue-catalogue.ts';

export interface LookupParts {
  readonly catalogue: VenueCatalogue;
  readonly states: MarketStates;
  /** Takes over and announces what was found. */
  readonly take: (markets: readonly CatalogueMarket[]) => void;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly tell: (kind: 'lookup_failed' | 'not_found' | 'queue_full', error: unknown) => void;
}

type Ask = (names: readonly string[], signal: AbortSignal) => Promise<readonly CatalogueMarket[]>;

/** Waits after failed requests. */
export const FAILURE_BACKOFF = { baseMillis: 2_000, capMillis: 60_000 };
const BATCH = 100;
const PAUSE_MILLIS = 1_000;
const LONGEST_NAP_MILLIS = 60_000;
const MARKETS = {
  // A new market may take the venue minutes to know.
  retry: { baseMillis: 5_000, capMillis: 300_000 },
  maxAttempts: 10,
  forgetAfterMillis: 600_000,
  capacity: 100_000,
};
const INSTRUMENTS = { ...MARKETS, maxAttempts: 4 };

/** Asks the venue about single markets and instruments, in batches and at most one of each kind a second. */
export class Lookups {
  readonly #parts: LookupParts;
  readonly #markets = new LookupQueue(MARKETS);
  readonly #instruments = new LookupQueue(INSTRUMENTS);
  readonly #nap: Nap;

  constructor(parts: LookupParts) {
    this.#parts = parts;
    this.#nap = new Nap(parts.sleep);
  }

  market(market: string, inMillis: number): void {
    this.#add(this.#markets, market, inMillis);
  }

  /** Whether a market waits to be asked about, or for the answer. */
  isAwaited(market: string): boolean {
    return this.#markets.has(market);
  }

  instrument(instrument: string): void {
    this.#add(this.#instruments, instrument, 0);
  }

  wake(): void {
    this.#nap.wake();
  }

  /** Works until the signal ends it. */
  async run(): Promise<void> {
    const { clock, random, sleep, signal } = this.#parts;
    let failures = 0;
    while (!signal.aborted) {
      const now = clock();
      const due = Math.min(this.#markets.next(), this.#instruments.next());
      if (due > now) {
        await this.#nap.take(Math.min(LONGEST_NAP_MILLIS, Math.ceil((due - now) / MICROS_PER_MILLI)));
        continue;
      }
      const isWell =
        (await this.#lookUpMarkets(this.#markets.due(now, BATCH))) &&
        (await this.#lookUpInstruments(this.#instruments.due(now, BATCH)));
      failures = isWell ? 0 : failures + 1;
      const backoff = isWell ? 0 : backoffMillis(FAILURE_BACKOFF, failures, random);
      await sleep(Math.max(PAUSE_MILLIS, backoff), signal).catch(() => {});
    }
  }

  #add(queue: LookupQueue, name: string, inMillis: number): void {
    const now = this.#parts.clock();
    const before = queue.size;
    const isIn = queue.add(name, now + inMillis * MICROS_PER_MILLI, now);
    if (!isIn && queue.isFull) {
      this.#parts.tell(
        'queue_full',
        new Error(`too many look-ups wait; ${name} is left to the next listing`),
      );
    }
    if (queue.size > before || inMillis === 0) this.#nap.wake();
  }

  /** False when the venue could not be asked. */
  async #lookUpMarkets(names: readonly string[]): Promise<boolean> {
    const { catalogue, clock, states, take, tell } = this.#parts;
    const found = await this.#fetch(names, (some, signal) => catalogue.fetchMarkets(some, signal));
    if (found === null) return false;
    const answered = new Set(found.map(({ market }) => market));
    // Answered ones leave the queue first: what they say may put them there again.
    for (const name of names) if (answered.has(name)) this.#markets.found(name);
    const now = clock();
    for (const name of names) {
      if (answered.has(name)) continue;
      if (states.isConfirmed(name)) {
        this.#markets.drop(name);
        states.absent(name, false);
      } else if (this.#markets.missing(name, now)) {
        states.absent(name, true);
        tell('not_found', new Error(`the venue does not know the market ${name}`));
      }
    }
    take(found);
    return true;
  }

  async #lookUpInstruments(asked: readonly string[]): Promise<boolean> {
    const { catalogue, clock, states, take, tell } = this.#parts;
    // A feed brings instruments of all markets, long before the first listing comes to them.
    for (const name of asked) if (states.knowsInstrument(name)) this.#instruments.found(name);
    const names = asked.filter((name) => !states.knowsInstrument(name));
    const found = await this.#fetch(names, (some, signal) => catalogue.fetchInstruments(some, signal));
    if (found === null) return false;
    take(found);
    const now = clock();
    for (const name of names) {
      if (states.knowsInstrument(name)) this.#instruments.found(name);
      else if (this.#instruments.missing(name, now)) {
        tell('not_found', new Error(`the venue does not know the instrument ${name}`));
      }
    }
    return true;
  }

  async #fetch(names: readonly string[], ask: Ask): Promise<readonly CatalogueMarket[] | null> {
    if (names.length === 0) return [];
    const { signal, tell } = this.#parts;
    try {
      return await ask(names, signal);
    } catch (error) {
      if (isRefusal(error)) return this.#fetchApart(names, ask);
      if (!signal.aborted) tell('lookup_failed', error);
      return null;
    }
  }

  /** One name that the venue will not hear of must not keep it from answering for the others. */
  async #fetchApart(names: readonly string[], ask: Ask): Promise<readonly CatalogueMarket[] | null> {
    if (names.length === 1) return [];
    const middle = names.length >> 1;
    const first = await this.#fetch(names.slice(0, middle), ask);
    const second = first === null ? null : await this.#fetch(names.slice(middle), ask);
    return first === null || second === null ? null : [...first, ...second];
  }
}

/** The venue understood and will not answer this, as opposed to not answering at all. */
function isRefusal(error: unknown): boolean {
  return error instanceof HttpError && [400, 404, 414, 422].includes(error.status ?? 0);
}
