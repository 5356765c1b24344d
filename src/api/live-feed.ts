import type { Sleep } from '../http/sleep.ts';
import { ApiProblem } from './problem.ts';

/** Clients that follow at most. */
const MOST_FOLLOWERS = 64;

/** What a reading gave: the value, or why there is none. */
export type Reading<Value> = { readonly value: Value } | { readonly problem: ApiProblem };

export interface LiveFeedSettings<Value> {
  readonly read: () => Promise<Value>;
  readonly everyMillis: number;
  readonly sleep: Sleep;
  /** What a client is told of a reading that failed; asked once for each. */
  readonly problemOf: (error: unknown) => ApiProblem;
  /** Ends the feed and everybody's following. */
  readonly closing: AbortSignal;
}

/**
 * One value that changes with time, read once for everybody who follows it and only while somebody does. A follower
 * that is slow misses values in between: nothing waits for it, and nothing is kept for it but the latest. Where a
 * reading fails, everybody is told so: the value before is no longer known to be true.
 */
export class LiveFeed<Value> {
  readonly #settings: LiveFeedSettings<Value>;
  #latest: { readonly reading: Reading<Value>; readonly version: number } | null = null;
  #followers = 0;
  #changed = Promise.withResolvers<void>();
  #stopping = new AbortController();

  constructor(settings: LiveFeedSettings<Value>) {
    this.#settings = settings;
  }

  get followers(): number {
    return this.#followers;
  }

  /** @throws ApiProblem 503 when as many follow as may. */
  checkRoom(): void {
    if (this.#followers >= MOST_FOLLOWERS)
      throw new ApiProblem(503, 'busy', 'as many clients as may follow do so', { retryAfter: 10 });
  }

  /** The reading now and whenever there is a new one. */
  async *follow(leaving: AbortSignal): AsyncGenerator<Reading<Value>> {
    const signal = AbortSignal.any([leaving, this.#settings.closing]);
    this.#followers++;
    if (this.#followers === 1) {
      this.#stopping = new AbortController();
      // A follower that takes nothing does not see that all is over; the reading ends without it.
      void this.#run(AbortSignal.any([this.#stopping.signal, this.#settings.closing]));
    }
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    let seen = -1;
    try {
      while (!signal.aborted) {
        const latest = this.#latest;
        if (latest !== null && latest.version !== seen) {
          seen = latest.version;
          yield latest.reading;
        } else await Promise.race([this.#changed.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#followers--;
      if (this.#followers === 0) {
        this.#stopping.abort();
        this.#latest = null;
      }
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { read, everyMillis, sleep, problemOf } = this.#settings;
    for (let version = 0; !signal.aborted; version++) {
      const reading = await read().then(
        (value) => ({ value }),
        (error: unknown) => ({ problem: problemOf(error) }),
      );
      if (signal.aborted) return;
      this.#latest = { reading, version };
      const changed = this.#changed;
      this.#changed = Promise.withResolvers<void>();
      changed.resolve();
      await sleep(everyMillis, signal).catch(() => {});
    }
  }
}
