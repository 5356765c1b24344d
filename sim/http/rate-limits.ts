import { type Clock, MICROS_PER_SECOND } from '#src/units/time.ts';

/** Tokens that refill steadily; each caller has a bucket of its own. */
export class TokenBuckets {
  readonly #clock: Clock;
  readonly #refill: number;
  readonly #capacity: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @param refill tokens a second */
  constructor(refill: number, capacity: number, clock: Clock) {
    this.#clock = clock;
    this.#refill = refill;
    this.#capacity = capacity;
  }

  take(caller: string, cost: number): boolean {
    const now = this.#clock();
    const bucket = this.#buckets.get(caller) ?? { tokens: this.#capacity, at: now };
    this.#buckets.set(caller, bucket);
    bucket.tokens = Math.min(
      this.#capacity,
      bucket.tokens + ((now - bucket.at) / MICROS_PER_SECOND) * this.#refill,
    );
    bucket.at = now;
    if (bucket.tokens < cost) return false;
    bucket.tokens -= cost;
    return true;
  }
}

const WINDOW = 10 * MICROS_PER_SECOND;

/** Requests in any ten seconds. Beyond the limit a request has to wait for the oldest to leave the window. */
export class SlidingWindow {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #taken: number[] = [];

  constructor(limit: number, clock: Clock) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Takes a place. @returns microseconds until it may be used */
  take(): number {
    const now = this.#clock();
    while (this.#taken.length > 0 && this.#taken[0]! <= now - WINDOW) this.#taken.shift();
    const oldest = this.#taken[this.#taken.length - this.#limit];
    const at = oldest === undefined ? now : Math.max(now, oldest + WINDOW);
    this.#taken.push(at);
    return at - now;
  }
}
