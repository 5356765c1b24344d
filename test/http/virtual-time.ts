import type { Sleep } from '#src/http/sleep.ts';
import type { Clock, Micros } from '#src/units/time.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes only when told, with a clock and a sleep that follow it. */
export class VirtualTime {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param start microseconds since the epoch */
  constructor(start = 1_790_000_000_000_000) {
    this.#now = start;
  }

  readonly clock: Clock = () => this.#now as Micros;

  readonly sleep: Sleep = (millis, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const sleeper: Sleeper = { at: this.#now + Math.max(0, millis) * 1000, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });

  /** The wall clock is set, without time passing. */
  step(millis: number): void {
    this.#now += millis * 1000;
  }

  /** Lets time pass, waking sleepers in their order and letting what they do settle in between. */
  async advance(millis: number): Promise<void> {
    const end = this.#now + millis * 1000;
    await this.settle();
    for (;;) {
      let first: Sleeper | undefined;
      for (const sleeper of this.#sleepers) {
        if (sleeper.at <= end && (first === undefined || sleeper.at < first.at)) first = sleeper;
      }
      if (first === undefined) break;
      this.#sleepers.delete(first);
      this.#now = Math.max(this.#now, first.at);
      first.wake();
      await this.settle();
    }
    this.#now = end;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
