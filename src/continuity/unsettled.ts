/** Something that may turn out to be a gap. */
export interface Doubt {
  /** Venue time from which the gap would be. */
  readonly from: number;
  /** When it was settled, what came of it recorded with that receive time; null while it is open. */
  settledAt: number | null;
}

/**
 * What is in doubt and not judged yet. A process that ends before the judgement records no gap, so that until then
 * nothing may be said to be proven beyond where the earliest of these gaps would begin.
 */
export class Unsettled {
  private doubts: Doubt[] = [];

  add(from: number): Doubt {
    const doubt = { from, settledAt: null };
    this.doubts.push(doubt);
    return doubt;
  }

  /** It makes no gap. */
  dismiss(doubt: Doubt): void {
    this.doubts = this.doubts.filter((other) => other !== doubt);
  }

  /**
   * Venue time beyond which nothing may be said to be proven; infinity where nothing is in doubt.
   *
   * @param durableUntil receive time up to which every record is safe: a gap that was recorded later may still be lost
   */
  provenAtMost(durableUntil: number): number {
    if (this.doubts.length === 0) return Number.POSITIVE_INFINITY;
    this.doubts = this.doubts.filter(({ settledAt }) => settledAt === null || settledAt > durableUntil);
    return this.doubts.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY);
  }
}
