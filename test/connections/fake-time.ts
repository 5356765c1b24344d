import type { Timers } from '#src/connections/timers.ts';
import type { Clock, Micros } from '#src/units/time.ts';

/** Time that stands still until a test turns it. */
export class FakeTime {
  now = 1_700_000_000_000_000;
  readonly #repeating: { every: number; next: number; action: () => void }[] = [];
  readonly #once: { at: number; action: () => void }[] = [];

  readonly clock: Clock = () => this.now as Micros;

  readonly timers: Timers = {
    every: (millis, action) => {
      const timer = { every: millis * 1_000, next: this.now + millis * 1_000, action };
      this.#repeating.push(timer);
      return () => {
        this.#repeating.splice(this.#repeating.indexOf(timer), 1);
      };
    },
    after: (millis, action) => {
      const timer = { at: this.now + millis * 1_000, action };
      this.#once.push(timer);
      return () => {
        const index = this.#once.indexOf(timer);
        if (index >= 0) this.#once.splice(index, 1);
      };
    },
  };

  /** Lets this much time pass in steps of 100 ms, running what is due; `each` is called after every step. */
  pass(millis: number, each: () => void = () => {}): void {
    for (let left = millis; left > 0; left -= 100) {
      this.now += Math.min(100, left) * 1_000;
      for (const timer of [...this.#repeating]) {
        while (timer.next <= this.now) {
          timer.next += timer.every;
          timer.action();
        }
      }
      for (const timer of [...this.#once]) {
        if (timer.at > this.now) continue;
        this.#once.splice(this.#once.indexOf(timer), 1);
        timer.action();
      }
      each();
    }
  }
}

/** Repeatable numbers from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
