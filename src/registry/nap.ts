import type { Sleep } from '../http/sleep.ts';

/** One loop's sleep, which others can cut short. */
export class Nap {
  readonly #sleep: Sleep;
  #wake: AbortController | undefined;
  #woken = false;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  /** Resolves after the time, or when woken; at once when woken since the last nap. */
  async take(millis: number): Promise<void> {
    if (this.#woken || millis <= 0) {
      this.#woken = false;
      return;
    }
    this.#wake = new AbortController();
    // The rejection of a sleep that was cut short is how it ends.
    await this.#sleep(millis, this.#wake.signal).catch(() => {});
    this.#wake = undefined;
    this.#woken = false;
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.abort();
  }
}
