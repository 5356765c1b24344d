/** Buckets grow by this factor: a quantile is at most 9 % above the truth. */
const GROWTH = 2 ** (1 / 8);
const LOG_GROWTH = Math.log(GROWTH);
/** Up to about three hours in microseconds. */
const BUCKETS = 270;

/** Counts durations in exponential buckets; memory and cost per observation are constant. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  /** Adds `count` durations of so many microseconds; below zero counts as zero. */
  observe(micros: number, count = 1): void {
    const bucket = micros < 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(micros) / LOG_GROWTH));
    this.#counts[bucket]! += count;
    this.#total += count;
  }

  get count(): number {
    return this.#total;
  }

  /** Microseconds not exceeded by this share (0 to 1) of the observations; null without any. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return Math.round(GROWTH ** bucket);
    }
    return Math.round(GROWTH ** (BUCKETS - 1));
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
