import { TokenBucket, type TokenBucketSettings } from '../http/token-bucket.ts';
import { type Clock, MICROS_PER_SECOND } from '../units/time.ts';

/** A bucket that refuses instead of letting wait. */
class RefusingBucket extends TokenBucket {
  /** Takes one token and returns 0, or returns the microseconds until there is one. */
  takeNow(now: number): number {
    return this.take(1, now);
  }
}

/** Addresses kept; beyond them the one that asked longest ago is forgotten. */
const MOST_CLIENTS = 10_000;

/** How many requests each client may make: a steady rate, and a burst. Takes bounded memory. */
export class RequestAllowance {
  readonly #settings: TokenBucketSettings;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, RefusingBucket>();

  constructor(settings: TokenBucketSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** @returns 0 where the client may go on, else the seconds that it has to wait. */
  ask(client: string): number {
    const bucket =
      this.#buckets.get(client) ??
      new RefusingBucket(this.#settings, this.#clock, () => Promise.reject(new Error('nobody waits')));
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > MOST_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value!);
    return Math.ceil(bucket.takeNow(this.#clock()) / MICROS_PER_SECOND);
  }
}
