import { type Clock, MICROS_PER_SECOND } from '../units/time.ts';
import { QueuedLimit } from './rate-limit.ts';
import type { Sleep } from './sleep.ts';

export interface TokenBucketSettings {
  readonly refillPerSecond: number;
  readonly capacity: number;
}

/**
 * Tokens that flow in at a steady rate up to a capacity; each request takes its cost. A cost above the capacity
 * waits for a full bucket and leaves it in debt, so that it cannot wait for ever. The rate can be changed while
 * requests wait.
 *
 * @throws RangeError when a setting is not positive.
 */
export class TokenBucket extends QueuedLimit {
  #settings: TokenBucketSettings;
  #tokens: number;
  #at: number;

  constructor(settings: TokenBucketSettings, clock: Clock, sleep: Sleep) {
    super(clock, sleep);
    check(settings);
    this.#settings = settings;
    this.#tokens = settings.capacity;
    this.#at = clock();
  }

  get settings(): TokenBucketSettings {
    return this.#settings;
  }

  /** Sets another rate and capacity; tokens already there are kept as far as the new capacity allows. */
  reconfigure(settings: TokenBucketSettings): void {
    check(settings);
    this.#refill(this.clock());
    this.#settings = settings;
    this.#tokens = Math.min(this.#tokens, settings.capacity);
    this.reconsider();
  }

  /** A refusal also empties the bucket: the venue's own has evidently nothing left. */
  override refused(waitMillis: number): void {
    this.#refill(this.clock());
    this.#tokens = Math.min(this.#tokens, 0);
    super.refused(waitMillis);
  }

  protected override take(cost: number, now: number): number {
    this.#refill(now);
    const missing = Math.min(cost, this.#settings.capacity) - this.#tokens;
    // Refilling adds fractions: a millionth of a token too few is none.
    if (missing <= 1e-6) {
      this.#tokens -= cost;
      return 0;
    }
    return Math.ceil((missing / this.#settings.refillPerSecond) * MICROS_PER_SECOND);
  }

  #refill(now: number): void {
    // A wall clock that steps back gives nothing and takes nothing.
    const elapsed = Math.max(0, now - this.#at);
    this.#at = now;
    const { capacity, refillPerSecond } = this.#settings;
    this.#tokens = Math.min(capacity, this.#tokens + (elapsed / MICROS_PER_SECOND) * refillPerSecond);
  }
}

function check(settings: TokenBucketSettings): void {
  if (!(settings.refillPerSecond > 0) || !(settings.capacity > 0)) {
    throw new RangeError(`token bucket needs a positive rate and capacity, got ${JSON.stringify(settings)}`);
  }
}
