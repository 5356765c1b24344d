import { MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';

export interface Counts {
  readonly frames: number;
  readonly events: number;
}

export interface Rates {
  /** Time over which they are taken. */
  readonly seconds: number;
  readonly frames_per_second: number;
  readonly events_per_second: number;
}

/** How fast counters grow, over the last minute of samples. */
export class RecentRates {
  readonly #span: number;
  readonly #samples: (Counts & { readonly at: Micros })[] = [];

  /** @param span microseconds */
  constructor(span: number = 60 * MICROS_PER_SECOND) {
    this.#span = span;
  }

  /** Call about once a second. */
  sample(at: Micros, { frames, events }: Counts): void {
    this.#samples.push({ at, frames, events });
    // One sample at or before the span's begin stays: the rates are over the whole of it.
    while (this.#samples.length > 1 && this.#samples[1]!.at <= at - this.#span) this.#samples.shift();
  }

  /** Null before two samples. */
  rates(): Rates | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return null;
    const seconds = (last.at - first.at) / MICROS_PER_SECOND;
    const rate = (from: number, to: number): number => Math.round(((to - from) / seconds) * 10) / 10;
    return {
      seconds: Math.round(seconds),
      frames_per_second: rate(first.frames, last.frames),
      events_per_second: rate(first.events, last.events),
    };
  }
}
