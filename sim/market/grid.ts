import { SCALE } from '#src/units/decimal.ts';

/** Prices from `start` to `end` lie `step` apart; all micro-dollars. */
export interface Band {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The prices at which orders may rest: contiguous bands, strictly between 0 and 1 dollar. */
export class PriceGrid {
  readonly bands: readonly Band[];

  constructor(bands: readonly Band[]) {
    this.bands = bands;
  }

  static uniform(step: number): PriceGrid {
    return new PriceGrid([{ start: 0, end: SCALE, step }]);
  }

  get lowest(): number {
    return this.bands[0]!.step;
  }

  get highest(): number {
    return SCALE - this.bands.at(-1)!.step;
  }

  /** Next price above that is on the grid; the price itself may lie off it. */
  above(price: number): number {
    const band = this.bands.find(({ end }) => price < end) ?? this.bands.at(-1)!;
    return Math.min(
      band.start + (Math.floor((price - band.start) / band.step) + 1) * band.step,
      this.highest,
    );
  }

  /** Next price below that is on the grid. */
  below(price: number): number {
    const band = this.bands.findLast(({ start }) => price > start) ?? this.bands[0]!;
    return Math.max(band.start + (Math.ceil((price - band.start) / band.step) - 1) * band.step, this.lowest);
  }

  /** The nearest price on the grid at or below. */
  floor(price: number): number {
    return this.below(this.above(price));
  }

  contains(price: number): boolean {
    const band = this.bands.find(({ start, end }) => price >= start && price <= end);
    return band !== undefined && (price - band.start) % band.step === 0 && price > 0 && price < SCALE;
  }
}
