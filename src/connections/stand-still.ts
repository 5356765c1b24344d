import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';

const LATE = MICROS_PER_SECOND;
const GRACE = 5 * MICROS_PER_SECOND;
const LONGEST_GRACE = MICROS_PER_MINUTE;

/**
 * Notices when this process stood still (a tick came late). For a while after that no deadline is judged: what
 * has not been read yet is not missing. A process that is late all the time gets no endless grace.
 */
export class StandStill {
  #lastTick: Micros | null = null;
  #graceUntil = 0 as Micros;
  #graceBegan = 0 as Micros;

  /** Whether what is read now may have waited: the process stands behind its ticks, or has only just come back. */
  isBehind(now: Micros): boolean {
    return now < this.#graceUntil || (this.#lastTick !== null && now - this.#lastTick > LATE);
  }

  /** To be called at every tick; whether deadlines are to be left alone. */
  isRecent(now: Micros): boolean {
    if (this.#lastTick !== null && now - this.#lastTick > LATE) {
      if (now >= this.#graceUntil) this.#graceBegan = now;
      this.#graceUntil = (now + GRACE) as Micros;
    }
    this.#lastTick = now;
    return now < this.#graceUntil && now - this.#graceBegan < LONGEST_GRACE;
  }
}
