import { type Clock, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import type { Random } from './market/random.ts';
import { Schedule } from './market/schedule.ts';

/**
 * Simulated time: everything that happens has its moment on the schedule, and the clock only decides how far the
 * schedule is run. So content and order depend on the seed alone, as long as it is not paused: while it is, time does
 * not pass, and what was announced for a moment of the exchange's clock happens then, or when the pause is over. Time
 * begins with a whole second and stands still for whole seconds, because markets open at whole seconds.
 */
export class Timeline {
  readonly #schedule = new Schedule();
  /** By times of the exchange's own clock, in which pauses are not left out. */
  readonly #appointed = new Schedule();
  readonly #clock: Clock;
  #shift = 0;
  #pausedAt: number | null = null;
  /** Added to every stamp of the exchange, microseconds. */
  skew = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.start = (Math.floor(clock() / MICROS_PER_SECOND) * MICROS_PER_SECOND) as Micros;
    this.#now = this.start;
  }

  readonly start: Micros;
  #now: number;

  /** The moment being simulated, on the clock. */
  get now(): Micros {
    return (this.#now + this.#shift) as Micros;
  }

  /** The exchange's own clock: what it stamps its events with. */
  get stamp(): Micros {
    return (this.now + this.skew) as Micros;
  }

  get isPaused(): boolean {
    return this.#pausedAt !== null;
  }

  /** Runs `action` so many microseconds after the moment being simulated. */
  after(delay: number, action: () => void): void {
    this.#schedule.at(this.#now + Math.max(0, Math.round(delay)), (at) => {
      this.#now = at;
      action();
    });
  }

  /** Runs `action` at a moment of the exchange's own clock, at once where that has passed. */
  at(moment: Micros, action: () => void): void {
    this.#appointed.at(moment, (at) => {
      this.#now = Math.max(this.#now, at - this.skew - this.#shift);
      action();
    });
  }

  /** Runs `action` again and again, at random moments, on average so often a second. */
  repeat(random: Random, perSecond: number, action: () => void): void {
    if (perSecond <= 0) return;
    const again = (): void =>
      this.after(random.exponential(perSecond) * MICROS_PER_SECOND, () => {
        action();
        again();
      });
    again();
  }

  /** Runs what has become due by the clock. */
  run(): void {
    if (this.#pausedAt !== null) return;
    const until = this.#clock() - this.#shift;
    for (;;) {
      const next = this.#schedule.next;
      const appointed = this.#appointed.next - this.skew - this.#shift;
      if (Math.min(next, appointed) > until) break;
      if (next <= appointed) this.#schedule.runNext();
      else this.#appointed.runNext();
    }
    if (until > this.#now) this.#now = until;
  }

  pause(): void {
    this.run();
    this.#pausedAt ??= this.#clock();
  }

  resume(): void {
    if (this.#pausedAt === null) return;
    const stood = this.#clock() - this.#pausedAt;
    this.#shift += Math.ceil(stood / MICROS_PER_SECOND) * MICROS_PER_SECOND;
    this.#pausedAt = null;
  }
}
