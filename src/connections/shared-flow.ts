import type { Micros } from '../units/time.ts';
import { DataWatch, LEAST_SUSPICIOUS } from './data-watch.ts';
import type { Life } from './life.ts';

/**
 * What all book connections of a venue bring together, where nothing numbers the messages. When that stops, each of
 * them may have lost something: also one that is not known for long, or seldom has anything to bring, so that its own
 * data does not show a silence.
 */
export class SharedFlow {
  #watch: DataWatch | null = null;

  /** Receive time of the last data of any book; null before the first. */
  get lastAt(): Micros | null {
    return this.#watch?.lastAt ?? null;
  }

  /**
   * Data of a book came over some connection: no first book, which a venue at rest sends, too, and nothing of which every
   * connection gets a copy.
   *
   * @param isPrompt whether it was read when it came, so that the silence before it was not this process's.
   */
  data(now: Micros, isPrompt: boolean): void {
    this.#watch ??= new DataWatch(now);
    this.#watch.data(now, false, isPrompt);
  }

  /** Whether the silence of all up to then is one that chance does not explain by what is due on those that are left. */
  isSilent(lives: Iterable<Life>, then: Micros): boolean {
    const watch = this.#watch;
    if (watch === null || then - watch.lastAt <= LEAST_SUSPICIOUS) return false;
    let perMicro = 0;
    for (const { carriages } of lives)
      for (const carriage of carriages.values()) perMicro += carriage.watch.leastPerMicro;
    return watch.isSuspicious(then, perMicro);
  }
}
