import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';

/** Silence this many times the usual distance of events does not happen by chance (e^-20 for a steady flow). */
const IMPROBABLE = 20;
/** Fewer events than this say nothing about what is usual. */
const EVIDENCE = 20;
const FOLD_EVERY = 10 * MICROS_PER_SECOND;
const MEMORY = 10 * MICROS_PER_MINUTE;

/**
 * Watches the data (never the heartbeats) of one subscription and knows its usual rate. The rate is folded in
 * only when data arrives, so that silence cannot lower the very rate it is judged by.
 */
export class DataWatch {
  /** Receive time of the last data, or of the beginning. */
  lastAt: Micros;
  /** Receive time of the last data that was not a first book; null before it. */
  flowAt: Micros | null = null;
  #evidence: number;
  #perMicro: number;
  #foldedAt: Micros;
  #unfolded = 0;

  /** A successor of an earlier watch takes over what was usual there. */
  constructor(now: Micros, before?: DataWatch) {
    this.lastAt = now;
    this.#foldedAt = now;
    this.#evidence = before === undefined ? 0 : before.#evidence;
    this.#perMicro = before === undefined ? 0 : before.#perMicro;
  }

  /** Data arrived. First books do not count: they come in a flood and say nothing about the flow after. */
  data(now: Micros, isFirstBook: boolean): void {
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

  /** Events in a microsecond. */
  get #rate(): number {
    if (this.#perMicro > 0) return this.#perMicro;
    return this.#unfolded / Math.max(this.lastAt - this.#foldedAt, MICROS_PER_SECOND);
  }
}
