import { ONE_DOLLAR, type Price } from '../units/price.ts';

/** Finer grids than this many steps to the dollar are not kept: too much memory for too few levels. */
const MOST_STEPS = 10_000;
/** Places that a grid may have for each level in use, and whatever the levels. */
const PLACES_PER_LEVEL = 64;
const PLACES_ANYWAY = 256;
/** Numbers kept per place: size, time. */
const WIDTH = 2;
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * One side of a busy book with a place for every price of its grid from 0 to a dollar: nothing is searched, nothing
 * moves. Places are numbered so that the best price is the highest place on both sides; one bit per place says
 * whether it has a size, so that the next best is found a word at a time.
 */
export class PriceGrid {
  /** Places in use. */
  live = 0;
  /** The highest place in use, or -1, and its price: read far more often than it changes. */
  top = -1;
  best: Price | null = null;
  /** The number of the last place. */
  readonly last: number;
  private readonly step: number;
  private readonly perPrice: number;
  /** Place and price of each other: `base + direction * steps`, and `lowest + perPlace * place`. */
  private readonly base: number;
  private readonly direction: 1 | -1;
  private readonly lowest: number;
  private readonly perPlace: number;
  private readonly cells: Float64Array;
  private readonly used: Int32Array;

  /**
   * The coarsest grid on which all these prices lie, or null where there is none or where it has too many places
   * for them.
   *
   * @param sign 1 where the highest price is best, -1 where the lowest is.
   */
  static over(prices: readonly number[], sign: 1 | -1): PriceGrid | null {
    let step: number = ONE_DOLLAR;
    for (const price of prices) {
      if (price < 0 || price > ONE_DOLLAR) return null;
      for (let rest = price; rest !== 0; ) [step, rest] = [rest, step % rest];
    }
    const places = ONE_DOLLAR / step + 1;
    if (places > MOST_STEPS + 1 || places > PLACES_ANYWAY + PLACES_PER_LEVEL * prices.length) return null;
    return new PriceGrid(step, sign);
  }

  private constructor(step: number, sign: 1 | -1) {
    this.step = step;
    this.perPrice = 1 / step;
    this.last = ONE_DOLLAR / step;
    this.base = sign === 1 ? 0 : this.last;
    this.direction = sign;
    this.lowest = sign === 1 ? 0 : ONE_DOLLAR;
    this.perPlace = sign * step;
    this.cells = new Float64Array((this.last + 1) * WIDTH);
    this.used = new Int32Array((this.last >> 5) + 1);
    this.clear();
  }

  /** Forgets all sizes and times. */
  clear(): void {
    const { cells } = this;
    for (let cell = 0; cell < cells.length; cell += WIDTH) {
      cells[cell] = 0;
      cells[cell + 1] = NEVER;
    }
    this.used.fill(0);
    this.live = 0;
    this.moveTop(-1);
  }

  /** The place of a price, or -1 where it lies off the grid. */
  place(price: number): number {
    const steps = (price * this.perPrice + 0.5) | 0;
    if (steps * this.step !== price || steps < 0 || steps > this.last) return -1;
    return this.base + this.direction * steps;
  }

  price(place: number): Price {
    return (this.lowest + this.perPlace * place) as Price;
  }

  size(place: number): number {
    return this.cells[place * WIDTH]!;
  }

  /** Time of the last change at a place, -Infinity where there was none. */
  time(place: number): number {
    return this.cells[place * WIDTH + 1]!;
  }

  put(place: number, size: number, time: number): void {
    const { cells } = this;
    const cell = place * WIDTH;
    const before = cells[cell]!;
    cells[cell] = size;
    cells[cell + 1] = time;
    if (size === 0) {
      if (before !== 0) this.leave(place);
    } else if (before === 0) this.enter(place);
  }

  /** Adds to the size at a place, which becomes 0 where the sum is negative. @returns the sum. */
  add(place: number, change: number, time: number): number {
    const { cells } = this;
    const cell = place * WIDTH;
    const before = cells[cell]!;
    const sum = before + change;
    cells[cell + 1] = time;
    if (sum > 0) {
      cells[cell] = sum;
      if (before === 0) this.enter(place);
    } else {
      cells[cell] = 0;
      if (before !== 0) this.leave(place);
    }
    return sum;
  }

  /** The place comes into use. Apart from `put`, so that this is short enough to become part of its callers. */
  private enter(place: number): void {
    this.live++;
    this.used[place >> 5]! |= 1 << (place & 31);
    if (place > this.top) this.moveTop(place);
  }

  private leave(place: number): void {
    this.live--;
    this.used[place >> 5]! &= ~(1 << (place & 31));
    if (place === this.top) this.moveTop(this.below(place));
  }

  /** The highest place in use below another, or -1. */
  below(place: number): number {
    const { used } = this;
    let word = place >> 5;
    let bits = used[word]! & ((1 << (place & 31)) - 1);
    while (bits === 0) {
      if (word === 0) return -1;
      bits = used[--word]!;
    }
    return (word << 5) + 31 - Math.clz32(bits);
  }

  private moveTop(place: number): void {
    this.top = place;
    this.best = place < 0 ? null : this.price(place);
  }

  /** Every place that was ever changed since the last `clear`, lowest first: key (see `Ladder`), size, time. */
  rows(): number[] {
    const rows: number[] = [];
    for (let place = 0; place <= this.last; place++) {
      if (this.time(place) === NEVER) continue;
      const price = this.price(place);
      rows.push(this.direction === 1 ? price : 0 - price, this.size(place), this.time(place));
    }
    return rows;
  }
}
