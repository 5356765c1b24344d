import type { Level, Side } from '../events/event.ts';
import { type Interval, touchesSpan } from '../tape/intervals.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import type { Micros } from '../units/time.ts';

/** A change as the tape has it. */
export interface ReplayedChange {
  readonly time: Micros;
  readonly side: Side;
  readonly price: Price;
  readonly amount: Size;
  readonly isAbsolute: boolean;
  /** Whether it has the venue's time; else it has no place among the others. */
  readonly isPlaced: boolean;
}

export interface ReplayedSnapshot {
  readonly time: Micros;
  /** Whether its place among the changes is known exactly, or only that it is from shortly before `time`. */
  readonly isExact: boolean;
  /** Whether the book may be started from it. */
  readonly isAnchor: boolean;
  /** Levels kept per side; null: the whole book. */
  readonly depth: number | null;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** One level in which a snapshot and the rebuilt book differ. */
export interface LevelDifference {
  readonly side: Side;
  readonly price: Price;
  readonly rebuilt: number;
  readonly stated: number;
}

export type BookVerdict =
  | { readonly verdict: 'equal' }
  | { readonly verdict: 'differs'; readonly since: Micros; readonly levels: readonly LevelDifference[] }
  /** There was no exact snapshot before it, a gap of the tape lies between, or a change came without venue time. */
  | { readonly verdict: 'not_comparable' }
  /** Of a book without a place in venue time: it is none of those that there were shortly before. */
  | { readonly verdict: 'not_placed' };

interface Undo {
  readonly time: Micros;
  readonly side: Side;
  readonly price: number;
  readonly before: number;
}

const MOST_UNDONE = 5_000;

/**
 * Rebuilds one instrument's book through time and holds it against every snapshot on the way. Feed changes and
 * snapshots in the order of venue time. Keeps one book, and the changes of the last `window`.
 */
export class BookReplay {
  readonly #gaps: readonly Interval[];
  readonly #window: number;
  #sides: Record<Side, Map<number, number>> = { bid: new Map(), ask: new Map() };
  /** Of the latest anchor; null before the first. */
  #since: Micros | null = null;
  #isCertain = false;
  readonly #recent: Undo[] = [];

  /**
   * @param gaps the tape's, of the instrument and of everything.
   * @param window how much earlier than its time a snapshot without an exact place may be, microseconds
   */
  constructor(gaps: readonly Interval[], window: number) {
    this.#gaps = gaps;
    this.#window = window;
  }

  /** The book as rebuilt so far, best first; null where it is not certain at that time. */
  bookAt(time: Micros): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null {
    if (!this.#isCertainAt(time)) return null;
    return { bids: ladder(this.#sides.bid, 'bid'), asks: ladder(this.#sides.ask, 'ask') };
  }

  change({ time, side, price, amount, isAbsolute, isPlaced }: ReplayedChange): void {
    if (!isPlaced) this.#isCertain = false;
    if (this.#since === null || !isPlaced) return;
    const levels = this.#sides[side];
    const before = levels.get(price) ?? 0;
    const size = isAbsolute ? amount : before + amount;
    if (size === 0) levels.delete(price);
    else levels.set(price, size);
    this.#recent.push({ time, side, price, before });
    if (this.#recent.length > 2 * MOST_UNDONE) this.#recent.splice(0, MOST_UNDONE);
  }

  snapshot(snapshot: ReplayedSnapshot): BookVerdict {
    const verdict = this.#verdict(snapshot);
    if (snapshot.isAnchor) {
      this.#sides = { bid: new Map(snapshot.bids), ask: new Map(snapshot.asks) };
      this.#since = snapshot.time;
      this.#isCertain = true;
      this.#recent.length = 0;
    }
    return verdict;
  }

  #isCertainAt(time: Micros): boolean {
    if (this.#since === null || !this.#isCertain) return false;
    return time <= this.#since || !touchesSpan(this.#gaps, this.#since, time);
  }

  #verdict(snapshot: ReplayedSnapshot): BookVerdict {
    if (!this.#isCertainAt(snapshot.time)) return { verdict: 'not_comparable' };
    const levels = this.#differences(snapshot, this.#sides);
    if (levels.length === 0) return { verdict: 'equal' };
    if (snapshot.isExact) return { verdict: 'differs', since: this.#since!, levels };
    return this.#wasEarlier(snapshot) ? { verdict: 'equal' } : { verdict: 'not_placed' };
  }

  /** Whether the snapshot is one of the books of the last window. */
  #wasEarlier(snapshot: ReplayedSnapshot): boolean {
    const sides = { bid: new Map(this.#sides.bid), ask: new Map(this.#sides.ask) };
    const earliest = snapshot.time - this.#window;
    const last = Math.max(0, this.#recent.length - MOST_UNDONE);
    for (let index = this.#recent.length - 1; index >= last; index--) {
      const { time, side, price, before } = this.#recent[index]!;
      if (time < earliest) return false;
      if (before === 0) sides[side].delete(price);
      else sides[side].set(price, before);
      if (this.#differences(snapshot, sides).length === 0) return true;
    }
    return false;
  }

  #differences(
    { bids, asks, depth }: ReplayedSnapshot,
    sides: Readonly<Record<Side, ReadonlyMap<number, number>>>,
  ): LevelDifference[] {
    return [...differencesOf('bid', sides.bid, bids, depth), ...differencesOf('ask', sides.ask, asks, depth)];
  }
}

function ladder(levels: ReadonlyMap<number, number>, side: Side): Level[] {
  const sign = side === 'bid' ? -1 : 1;
  return [...levels]
    .sort(([left], [right]) => sign * (left - right))
    .map(([price, size]) => [price as Price, size as Size]);
}

function differencesOf(
  side: Side,
  rebuilt: ReadonlyMap<number, number>,
  stated: readonly Level[],
  depth: number | null,
): LevelDifference[] {
  const known = depth === null ? rebuilt : new Map(ladder(rebuilt, side).slice(0, depth));
  const differences: LevelDifference[] = [];
  const prices = new Set<number>();
  for (const [price, size] of stated) {
    prices.add(price);
    const own = known.get(price) ?? 0;
    if (own !== size) differences.push({ side, price, rebuilt: own, stated: size });
  }
  for (const [price, size] of known) {
    if (!prices.has(price)) differences.push({ side, price: price as Price, rebuilt: size, stated: 0 });
  }
  return differences;
}
