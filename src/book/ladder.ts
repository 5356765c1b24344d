import type { Level } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import { PriceGrid } from './price-grid.ts';

/** What `setSize` did with an absolute size. */
export const SetOutcome = {
  /** The level now has that size. */
  applied: 0,
  /** The level, or the whole side, is known at a later time: nothing changed. */
  stale: 1,
  /** Older than a removal that is no longer remembered: it cannot be told whether it still holds. */
  undecidable: 2,
} as const;
export type SetOutcome = (typeof SetOutcome)[keyof typeof SetOutcome];

/**
 * Emptied levels kept, beside twice as many as have a size, before they are cleared out. A book moves to and fro over the same prices, so an emptied
 * level is most often filled again, and its time tells a late update from a new one.
 */
const EMPTIED_KEPT = 16;

/** Numbers kept per level: key, size, time. */
const WIDTH = 3;

const NEVER = Number.NEGATIVE_INFINITY;

/** Beyond this many numbers to move, the engine's own memory move is faster than a loop. */
const LOOP_MOVES = 96;

/** A side that changes so often within so many seconds is worth a place for every price. */
const BUSY_CHANGES = 256;
const BUSY_SECONDS = 60;
const MICROS_PER_SECOND = 1_000_000;

/** An empty array of doubles: V8 then never has to convert it, and all books share one kind of array. */
function doubles(): number[] {
  const array = [0.5];
  array.length = 0;
  return array;
}

/** Shared by all empty sides, never written. */
const nothing = doubles();
const scratch = doubles();

/**
 * One side of a book as one sorted array of levels, the best towards the end, because that is where changes
 * happen: no object per level, and a top that comes and goes moves nothing. Prices are stored as keys: the price
 * of a bid, the negated price of an ask, so that the best is the greatest on both sides. Prices may be any
 * integer: levels off the current grid are normal.
 *
 * A busy side moves to a `PriceGrid`, several times as fast and several times as large, and comes back when a price
 * lies off the grid.
 */
export class Ladder {
  private readonly sign: 1 | -1;
  private rows: number[] = nothing;
  /** Offset in `rows` of the best level that has a size, or -WIDTH. */
  private top = -WIDTH;
  private live = 0;
  /** In place of the rows, for a busy side. */
  private grid: PriceGrid | null = null;
  /** Changes since `countedFrom`, a time in seconds. */
  private changes = 0;
  private countedFrom = 0;
  /** Time as of which the side was last replaced, and greatest time of a removal since cleared out. */
  private baseTime = NEVER;
  private forgottenTime = NEVER;

  /** @param sign 1 for bids (highest price is best), -1 for asks. */
  constructor(sign: 1 | -1) {
    this.sign = sign;
  }

  /** Levels that have a size. */
  get count(): number {
    return this.grid === null ? this.live : this.grid.live;
  }

  get bestPrice(): Price | null {
    const { grid, top } = this;
    if (grid !== null) return grid.best;
    if (top < 0) return null;
    return (this.sign === 1 ? this.rows[top]! : 0 - this.rows[top]!) as Price;
  }

  get bestSize(): Size | null {
    const { grid, top } = this;
    if (grid !== null) return grid.top < 0 ? null : (grid.size(grid.top) as Size);
    return top < 0 ? null : (this.rows[top + 1]! as Size);
  }

  /** Size at a price, 0 where there is no level. */
  sizeAt(price: number): number {
    if (this.grid !== null) {
      const place = this.grid.place(price);
      return place < 0 ? 0 : this.grid.size(place);
    }
    const at = this.find(this.sign === 1 ? price : 0 - price);
    return at < 0 ? 0 : this.rows[at + 1]!;
  }

  /** Time of the last change at a price, emptied levels included as long as they are remembered; else null. */
  timeAt(price: number): number | null {
    if (this.grid !== null) {
      const place = this.grid.place(price);
      const time = place < 0 ? NEVER : this.grid.time(place);
      return time === NEVER ? null : time;
    }
    const at = this.find(this.sign === 1 ? price : 0 - price);
    return at < 0 ? null : this.rows[at + 2]!;
  }

  /**
   * Adds a signed change to the size at a price.
   *
   * @returns the size that results; when it is negative the side was wrong, and the level is now empty.
   */
  addSize(price: number, change: number, time: number): number {
    const { grid } = this;
    if (grid !== null) {
      const place = grid.place(price);
      if (place >= 0) return grid.add(place, change, time);
    }
    return this.addAnywhere(price, change, time);
  }

  /** What `addSize` does where the side has no grid, or one that the price lies off. */
  private addAnywhere(price: number, change: number, time: number): number {
    if (this.grid !== null) this.leaveGrid(this.grid);
    else if (++this.changes >= BUSY_CHANGES && this.enterGrid(time)) {
      return this.addSize(price, change, time);
    }
    const key = this.sign === 1 ? price : 0 - price;
    const at = this.find(key);
    if (at < 0) {
      if (change > 0) this.insert(~at, key, change, time);
      return change;
    }
    const result = this.rows[at + 1]! + change;
    this.put(at, Math.max(result, 0), time);
    return result;
  }

  /** Sets the size at a price, 0 to remove it, unless the level is known at a time later than `time`. */
  setSize(price: number, size: number, time: number): SetOutcome {
    const { grid } = this;
    if (grid !== null) {
      const place = grid.place(price);
      if (place >= 0) {
        const known = grid.time(place);
        if (known <= time && known !== NEVER) {
          grid.put(place, size, time);
          return SetOutcome.applied;
        }
      }
    }
    return this.setAnywhere(price, size, time);
  }

  /** What `setSize` does where the side has no grid, or the price was never set there, or the time is early. */
  private setAnywhere(price: number, size: number, time: number): SetOutcome {
    const { grid } = this;
    if (grid !== null) {
      const place = grid.place(price);
      if (place >= 0) {
        const known = grid.time(place);
        if (known > time) return SetOutcome.stale;
        if (known === NEVER && !(time >= this.baseTime && time >= this.forgottenTime)) {
          return time < this.baseTime ? SetOutcome.stale : SetOutcome.undecidable;
        }
        grid.put(place, size, time);
        return SetOutcome.applied;
      }
      this.leaveGrid(grid);
    } else if (++this.changes >= BUSY_CHANGES && this.enterGrid(time)) {
      return this.setSize(price, size, time);
    }
    const key = this.sign === 1 ? price : 0 - price;
    const at = this.find(key);
    if (at >= 0) {
      if (this.rows[at + 2]! > time) return SetOutcome.stale;
      this.put(at, size, time);
      return SetOutcome.applied;
    }
    if (time < this.baseTime) return SetOutcome.stale;
    if (time < this.forgottenTime) return SetOutcome.undecidable;
    // A removal of what is not there is remembered, too: it tells a later, older update that it is stale.
    this.insert(~at, key, size, time);
    return SetOutcome.applied;
  }

  /** Replaces the whole side; levels may come in any order, one of size 0 is left out. */
  replace(levels: readonly Level[], time: number): void {
    this.rows = nothing;
    this.top = -WIDTH;
    this.live = 0;
    this.baseTime = time;
    this.forgottenTime = NEVER;
    const { grid } = this;
    if (grid !== null) {
      if (this.refill(grid, levels, time)) return;
      this.grid = null;
    }
    scratch.length = 0;
    for (let index = levels.length - 1; index >= 0; index--) {
      const level = levels[index]!;
      if (level[1] <= 0) continue;
      const key = this.sign === 1 ? level[0] : 0 - level[0];
      if (scratch.length > 0 && scratch[scratch.length - WIDTH]! >= key) {
        for (const [price, size] of levels) if (size > 0) this.setSize(price, size, time);
        return;
      }
      scratch.push(key, level[1], time);
    }
    if (scratch.length === 0) return;
    // The copy has exactly the length it needs; with a million books that makes the difference.
    this.rows = scratch.slice();
    this.top = scratch.length - WIDTH;
    this.live = scratch.length / WIDTH;
  }

  /** Best first, at most `depth` levels. */
  levels(depth: number = Number.POSITIVE_INFINITY): Level[] {
    const { rows, grid } = this;
    const result: Level[] = [];
    if (grid !== null) {
      for (let place = grid.top; place >= 0 && result.length < depth; place = grid.below(place)) {
        result.push([grid.price(place), grid.size(place) as Size]);
      }
      return result;
    }
    for (let at = this.top; at >= 0 && result.length < depth; at -= WIDTH) {
      const size = rows[at + 1]!;
      if (size === 0) continue;
      const key = rows[at]!;
      result.push([(this.sign === 1 ? key : 0 - key) as Price, size as Size]);
    }
    return result;
  }

  /** Sum of all sizes whose price is at most `within` worse than the best. */
  depth(within: number = Number.POSITIVE_INFINITY): number {
    const { rows, grid } = this;
    if (grid !== null) {
      const best = grid.price(Math.max(grid.top, 0));
      let sum = 0;
      for (let place = grid.top; place >= 0; place = grid.below(place)) {
        if (Math.abs(grid.price(place) - best) > within) break;
        sum += grid.size(place);
      }
      return sum;
    }
    if (this.top < 0) return 0;
    const worst = rows[this.top]! - within;
    let total = 0;
    for (let at = this.top; at >= 0 && rows[at]! >= worst; at -= WIDTH) total += rows[at + 1]!;
    return total;
  }

  /** Moves to a grid if the side is busy, and if there is one that suits its prices. @returns whether it has. */
  private enterGrid(time: number): boolean {
    const seconds = (time / MICROS_PER_SECOND) | 0;
    const isBusy = seconds - this.countedFrom <= BUSY_SECONDS;
    this.changes = 0;
    this.countedFrom = seconds;
    if (!isBusy) return false;
    const { rows } = this;
    const prices: number[] = [];
    for (let at = 0; at < rows.length; at += WIDTH) prices.push(Math.abs(rows[at]!));
    if (rows.length > 0 && rows[0]! * this.sign < 0) return false;
    const grid = PriceGrid.over(prices, this.sign);
    if (grid === null) return false;
    for (let at = 0; at < rows.length; at += WIDTH) {
      grid.put(grid.place(prices[at / WIDTH]!), rows[at + 1]!, rows[at + 2]!);
    }
    this.grid = grid;
    this.rows = nothing;
    this.top = -WIDTH;
    this.live = 0;
    return true;
  }

  private leaveGrid(grid: PriceGrid): void {
    this.grid = null;
    const rows = doubles();
    for (const number of grid.rows()) rows.push(number);
    this.rows = rows;
    this.live = grid.live;
    this.top = rows.length - WIDTH;
    while (this.top >= 0 && rows[this.top + 1]! === 0) this.top -= WIDTH;
    if (rows.length > WIDTH * (EMPTIED_KEPT + 3 * this.live)) this.clearOut();
  }

  /** Replaces what the grid holds. @returns false where a level lies off it. */
  private refill(grid: PriceGrid, levels: readonly Level[], time: number): boolean {
    grid.clear();
    for (const [price, size] of levels) {
      if (size <= 0) continue;
      const place = grid.place(price);
      if (place < 0) return false;
      grid.put(place, size, time);
    }
    return true;
  }

  /** Offset of the key's level, or the bitwise complement of the offset where it belongs. */
  private find(key: number): number {
    const rows = this.rows;
    const end = rows.length - WIDTH;
    if (end < 0) return ~0;
    const highest = rows[end]!;
    if (key >= highest) return key === highest ? end : ~(end + WIDTH);
    const lowest = rows[0]!;
    if (key <= lowest) return key === lowest ? 0 : ~0;
    // Prices near the best lie on a grid with few holes: a guess by its step is most often right, or very near.
    const steps = (highest - key) / (highest - rows[end - WIDTH]!);
    const guess = steps * WIDTH < end ? end - WIDTH * (steps | 0) : 0;
    const found = rows[guess]!;
    return found === key ? guess : this.search(key, guess, found < key);
  }

  /** Looks from a wrong guess in widening steps, then halves; answers as `find`. */
  private search(key: number, guess: number, upwards: boolean): number {
    const rows = this.rows;
    const last = rows.length / WIDTH - 1;
    let low: number;
    let high: number;
    let step = 1;
    let at = guess / WIDTH;
    if (upwards) {
      low = at + 1;
      at += step;
      while (at < last && rows[at * WIDTH]! < key) {
        low = at + 1;
        step <<= 1;
        at += step;
      }
      high = Math.min(at, last);
    } else {
      high = at;
      at -= step;
      while (at > 0 && rows[at * WIDTH]! > key) {
        high = at;
        step <<= 1;
        at -= step;
      }
      low = Math.max(at, 0);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[middle * WIDTH]! < key) low = middle + 1;
      else high = middle;
    }
    return rows[low * WIDTH]! === key ? low * WIDTH : ~(low * WIDTH);
  }

  private put(at: number, size: number, time: number): void {
    const rows = this.rows;
    const before = rows[at + 1]!;
    rows[at + 1] = size;
    rows[at + 2] = time;
    if (size !== 0) {
      if (before === 0) {
        this.live++;
        if (at > this.top) this.top = at;
      }
      return;
    }
    if (before === 0) return;
    const live = --this.live;
    if (at === this.top) {
      let top = at - WIDTH;
      while (top >= 0 && rows[top + 1]! === 0) top -= WIDTH;
      this.top = top;
    }
    if (rows.length > WIDTH * (EMPTIED_KEPT + 3 * live)) this.clearOut();
  }

  private insert(at: number, key: number, size: number, time: number): void {
    if (this.rows === nothing) {
      this.rows = doubles();
    }
    const rows = this.rows;
    const length = rows.length;
    if (length - at > LOOP_MOVES) rows.splice(at, 0, key, size, time);
    else {
      rows.push(key, size, time);
      if (at < length) {
        for (let to = length + WIDTH - 1; to >= at + WIDTH; to--) rows[to] = rows[to - WIDTH]!;
        rows[at] = key;
        rows[at + 1] = size;
        rows[at + 2] = time;
      }
    }
    if (at <= this.top) this.top += WIDTH;
    if (size !== 0) {
      this.live++;
      if (at > this.top) this.top = at;
    } else if (rows.length > WIDTH * (EMPTIED_KEPT + 3 * this.live)) this.clearOut();
  }

  /** Drops emptied levels in one pass, keeping the greatest time among them. */
  private clearOut(): void {
    const rows = this.rows;
    let kept = 0;
    for (let at = 0; at < rows.length; at += WIDTH) {
      if (rows[at + 1]! === 0) {
        if (rows[at + 2]! > this.forgottenTime) this.forgottenTime = rows[at + 2]!;
        continue;
      }
      rows[kept] = rows[at]!;
      rows[kept + 1] = rows[at + 1]!;
      rows[kept + 2] = rows[at + 2]!;
      kept += WIDTH;
    }
    rows.length = kept;
    this.top = kept - WIDTH;
  }
}
