import type { Sleep } from '../http/sleep.ts';
import { ApiProblem } from './problem.ts';

/** Clients that follow at most. */
const MOST_FOLLOWERS = 64;

/**
 * One value that changes with time, read once for everybody who follows it and only while somebody does. A follower
 * that is slow misses values in between: nothing waits for it, and nothing is kept for it but the latest.
 */
export class LiveFeed<Value> {
  readonly #read: () => Promise<Value>;
  readonly #everyMillis: number;
  readonly #sleep: Sleep;
  #latest: { readonly value: Value; readonly version: number } | null = null;
  #followers = 0;
  #changed = Promise.withResolvers<void>();
  #stopping = new AbortController();

  /** @param read where it fails, the value before stands. */
  constructor(read: () => Promise<Value>, everyMillis: number, sleep: Sleep) {
    this.#read = read;
    this.#everyMillis = everyMillis;
    this.#sleep = sleep;
  }

  get followers(): number {
    return this.#followers;
  }

  /** @throws ApiProblem 503 when as many follow as may. */
  checkRoom(): void {
    if (this.#followers >= MOST_FOLLOWERS)
      throw new ApiProblem(503, 'busy', 'as many clients as may follow do so', { retryAfter: 10 });
  }

  /** The value now and whenever it has been read anew. */
  async *follow(signal: AbortSignal): AsyncGenerator<Value> {
    this.#followers++;
    if (this.#followers === 1) {
      this.#stopping = new AbortController();
      void this.#run(this.#stopping.signal);
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
          yield latest.value;
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
    for (let version = 0; !signal.aborted; version++) {
      const value = await this.#read().catch(() => null);
      if (signal.aborted) return;
      if (value !== null) {
        this.#latest = { value, version };
        const changed = this.#changed;
        this.#changed = Promise.withResolvers<void>();
        changed.resolve();
      }
      await this.#sleep(this.#everyMillis, signal).catch(() => {});
    }
  }
}
