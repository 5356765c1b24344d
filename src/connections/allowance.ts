import type { Micros } from '../units/time.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';

/** A token bucket that answers at once: whoever is refused comes again at a later tick. */
export class Allowance {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number | null = null;

  /** Starts full: `burst` tokens, refilled at `perSecond`. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes as many of `wanted` tokens as there are and returns how many that was, a whole number. */
  take(now: Micros, wanted: number): number {
    if (this.#at !== null && now > this.#at) {
      const refill = ((now - this.#at) / MICROS_PER_SECOND) * this.#perSecond;
      this.#tokens = Math.min(this.#burst, this.#tokens + refill);
    }
    this.#at = this.#at === null ? now : Math.max(this.#at, now);
    const granted = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= granted;
    return granted;
  }
}
