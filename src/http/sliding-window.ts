import { type Clock, MICROS_PER_MILLI } from '../units/time.ts';
import { QueuedLimit } from './rate-limit.ts';
import type { Sleep } from './sleep.ts';

export interface SlidingWindowSettings {
  /** Cost allowed within any window. */
  readonly limit: number;
  readonly windowMillis: number;
}

/**
 * At most `limit` within any interval of `windowMillis`, as Polymarket counts. Exact: it remembers when each
 * cost was taken, in two parallel arrays that never hold more than one window.
 *
 * @throws RangeError when a setting is not positive.
 */
export class SlidingWindow extends QueuedLimit {
  readonly #limit: number;
  readonly #window: number;
  #times: number[] = [];
  #costs: number[] = [];
  #head = 0;
  #used = 0;

  constructor(settings: SlidingWindowSettings, clock: Clock, sleep: Sleep) {
    super(clock, sleep);
    if (!(settings.limit > 0) || !(settings.windowMillis > 0)) {
      throw new RangeError(
        `sliding window needs a positive limit and length, got ${JSON.stringify(settings)}`,
      );
    }
    this.#limit = settings.limit;
    this.#window = settings.windowMillis * MICROS_PER_MILLI;
  }

  protected override take(cost: number, now: number): number {
    while (this.#head < this.#times.length && this.#times[this.#head]! <= now - this.#window) {
      this.#used -= this.#costs[this.#head]!;
      this.#head++;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#times.length) {
      this.#times = this.#times.slice(this.#head);
      this.#costs = this.#costs.slice(this.#head);
      this.#head = 0;
    }
    const share = Math.min(cost, this.#limit);
    if (this.#used + share <= this.#limit) {
      this.#times.push(now);
      this.#costs.push(share);
      this.#used += share;
      return 0;
    }
    return Math.max(1, this.#times[this.#head]! + this.#window - now);
  }
}
