import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';

/** Silence this many times the usual distance of events does not happen by chance (e^-20 for a steady flow). */
const IMPROBABLE = 20;
/** Fewer events than this say nothing about what is usual. */
const EVIDENCE = 20;
const FOLD_EVERY = 10 * MICROS_PER_SECOND;
const MEMORY = 10 * MICROS_PER_MINUTE;
/** A shorter silence is never suspicious: a busy venue pauses for breath, too. */
export const LEAST_SUSPICIOUS = 5 * MICROS_PER_SECOND;
/** Nor is one that is not this many times as long as every other of late: data comes in bursts. */
const TIMES_LONGEST = 4;
/** What is usual is known well enough for that after this time. */
const OBSERVED = 30 * MICROS_PER_SECOND;

/**
 * Watches the data (never the heartbeats) of one subscription and knows its usual rate. The rate is folded in
 * only when data arrives, so that silence cannot lower the very rate it is judged by.
 */
export class DataWatch {
  /** Receive time of the last data, or of the beginning. */
  lastAt: Micros;
  /** Receive time of the last data that was not a first book; null before it. */
  flowAt: Micros | null = null;
  #evidence = 0;
  #perMicro = 0;
  /** That of the latest ten seconds or more that were folded in: a flow may ebb at once. */
  #latestPerMicro = 0;
  /** Time over which the rate was taken. */
  #observed = 0;
  #foldedAt: Micros;
  #unfolded = 0;
  /** Longest silences between data in the present span of memory and in the one before. */
  #longest = 0;
  #longestBefore = 0;
  #spanBegan: Micros;

  /** A successor of an earlier watch takes over what was usual there. */
  constructor(now: Micros, before?: DataWatch) {
    this.lastAt = now;
    this.#foldedAt = now;
    if (before === undefined) {
      this.#spanBegan = now;
      return;
    }
    this.#evidence = before.#evidence;
    this.#perMicro = before.#perMicro;
    this.#latestPerMicro = before.#latestPerMicro;
    this.#observed = before.#observed;
    this.#longest = before.#longest;
    this.#longestBefore = before.#longestBefore;
    this.#spanBegan = before.#spanBegan;
  }

  /**
   * Data arrived. First books do not count: they come in a flood and say nothing about the flow after.
   *
   * @param isPrompt whether it was read when it came, so that the silence before it was not this process's.
   * @param isComplete whether it shows that nothing was missing before it: a silence was the venue's then, and is usual.
   */
  data(now: Micros, isFirstBook: boolean, isPrompt = true, isComplete = false): void {
    if (isPrompt && (isComplete || !this.isSuspicious(now))) this.#heardAfter(now - this.lastAt, now);
    this.lastAt = now;
    if (isFirstBook) return;
    this.flowAt = now;
    this.#evidence++;
    this.#unfolded++;
    const passed = now - this.#foldedAt;
    if (passed < FOLD_EVERY) return;
    const weight = Math.max(passed / MEMORY, this.#perMicro === 0 ? 1 : 0);
    const recent = this.#unfolded / passed;
    this.#perMicro += (recent - this.#perMicro) * Math.min(weight, 1);
    this.#latestPerMicro = recent;
    this.#observed += passed;
    this.#foldedAt = now;
    this.#unfolded = 0;
  }

  /** What was usual may be so no more: from here on a silence must be four times as long. */
  doubt(): void {
    this.#perMicro /= 4;
  }

  /** Whether so long a silence as that from the last data up to then is usual: less than one event is missed by it. */
  isUsualUntil(then: Micros): boolean {
    return (then - this.lastAt) * this.#rate <= 1;
  }

  /** Whether the silence up to `now` is longer than `least` and than chance explains. All in microseconds. */
  isStalled(now: Micros, least: number): boolean {
    const silence = now - this.lastAt;
    if (silence <= least || this.#evidence < EVIDENCE) return false;
    return silence * this.#rate > IMPROBABLE;
  }

  /**
   * Whether the silence up to then is one that chance does not explain, though it may be shorter than any stall: what
   * was due in it may be lost, even if data comes again.
   *
   * @param perMicro events in a microsecond that are due, where others than those of this watch tell that.
   */
  isSuspicious(then: Micros, perMicro?: number): boolean {
    const silence = then - this.lastAt;
    if (silence <= LEAST_SUSPICIOUS || this.#observed < OBSERVED) return false;
    if (silence <= TIMES_LONGEST * Math.max(this.#longest, this.#longestBefore)) return false;
    return silence * (perMicro ?? this.leastPerMicro) > IMPROBABLE;
  }

  /** Events in a microsecond that are due by all that is known; 0 while that is too little. */
  get leastPerMicro(): number {
    return this.#observed < OBSERVED ? 0 : Math.min(this.#rate, this.#latestPerMicro);
  }

  #heardAfter(silence: number, now: Micros): void {
    if (now - this.#spanBegan > MEMORY) {
      this.#longestBefore = this.#longest;
      this.#longest = 0;
      this.#spanBegan = now;
    }
    if (silence > this.#longest) this.#longest = silence;
  }

  /** Events in a microsecond. */
  get #rate(): number {
    if (this.#perMicro > 0) return this.#perMicro;
    return this.#unfolded / Math.max(this.lastAt - this.#foldedAt, MICROS_PER_SECOND);
  }
}
