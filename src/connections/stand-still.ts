import { LONGEST_LATENESS } from '../events/captured.ts';
import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';

const LATE = MICROS_PER_SECOND;
const GRACE = 5 * MICROS_PER_SECOND;
const LONGEST_GRACE = MICROS_PER_MINUTE;
/** With the time in which what waited is read, no more than what is said of announcements to be late at most. */
const LONGEST_STAND = LONGEST_LATENESS - LONGEST_GRACE;

/**
 * Notices when this process stood still (a tick came late). For a while after that no deadline is judged: what
 * has not been read yet is not missing. A process that is late all the time gets no endless grace.
 */
export class StandStill {
  #lastTick: Micros | null = null;
  #graceUntil = 0 as Micros;
  #graceBegan = 0 as Micros;
  #stoodSince = 0 as Micros;
  #lateUntil = 0 as Micros;
  /** How long it stood since `#stoodSince`, one time after the other, microseconds. */
  #stood = 0;

  /**
   * By how much what is read now may have waited, microseconds: 0 unless the process stands behind its ticks, or came
   * back so lately that it may not have read everything yet.
   */
  lateBy(now: Micros): number {
    if (this.#lastTick === null) return 0;
    if (now < this.#lateUntil) return Math.min(now - this.#stoodSince, LONGEST_LATENESS);
    return now - this.#lastTick > LATE ? now - this.#lastTick : 0;
  }

  /**
   * How much of a silence before what is read now may be this process's, microseconds: what waited is read within twice the
   * time that the process stood, however often it stood in a row.
   */
  silentBy(now: Micros): number {
    return Math.min(this.lateBy(now), 2 * Math.max(this.#stood, now - (this.#lastTick ?? now)));
  }

  /** Whether it has stood still for so long that what waits on its sockets is to be let go. To be asked before `tick`. */
  isTooLong(now: Micros): boolean {
    return this.#lastTick !== null && now - this.#lastTick > LONGEST_STAND;
  }

  /** To be called at every tick; whether deadlines are to be left alone. */
  tick(now: Micros): boolean {
    const stood = this.#lastTick === null ? 0 : now - this.#lastTick;
    if (stood > LATE) {
      if (now >= this.#lateUntil) {
        this.#stoodSince = this.#lastTick!;
        this.#stood = 0;
      }
      this.#stood += stood;
      // What waited at the venue comes after what waited here, and takes a part of the time that it waited.
      this.#lateUntil = (now + Math.min(Math.max(stood, GRACE), LONGEST_GRACE)) as Micros;
      if (now >= this.#graceUntil) this.#graceBegan = now;
      this.#graceUntil = (now + GRACE) as Micros;
    }
    this.#lastTick = now;
    return now < this.#graceUntil && now - this.#graceBegan < LONGEST_GRACE;
  }
}
