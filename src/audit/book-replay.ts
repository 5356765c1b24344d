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
  /** Position among the changes of its instant. */
  readonly instantIndex: number;
  /** Whether it has the venue's time; else it has no place among the others. */
  readonly isPlaced: boolean;
}

export interface ReplayedSnapshot {
  readonly time: Micros;
  /** Whether its place among the changes is known exactly, or only that it is from shortly before `time`. */
  readonly isExact: boolean;
  /**
   * How many of the changes of its own instant it holds at least; null: all of them. A line that came to the book
   * without having seen those counts none.
   */
  readonly instantIndex: number | null;
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
  readonly after: number;
  readonly instantIndex: number;
}

const MOST_UNDONE = 5_000;

/**
 * Rebuilds one instrument's book through time and holds it against every snapshot on the way. Feed changes and
 * snapshots in the order of venue time, a snapshot after the changes of its instant. Keeps one book, and the changes of the last `window`.
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

  change({ time, side, price, amount, isAbsolute, isPlaced, instantIndex }: ReplayedChange): void {
    if (!isPlaced) this.#isCertain = false;
    if (!isPlaced) return;
    const before = this.#sides[side].get(price) ?? 0;
    this.#set(time, side, price, isAbsolute ? amount : before + amount, instantIndex);
  }

  #set(time: Micros, side: Side, price: number, after: number, instantIndex: number): void {
    const before = this.#sides[side].get(price) ?? 0;
    setLevel(this.#sides[side], price, after);
    this.#recent.push({ time, side, price, before, after, instantIndex });
    if (this.#recent.length > 2 * MOST_UNDONE) this.#recent.splice(0, MOST_UNDONE);
  }

  snapshot(snapshot: ReplayedSnapshot): BookVerdict {
    const verdict = this.#verdict(snapshot);
    if (snapshot.isAnchor) this.#startFrom(snapshot);
    return verdict;
  }

  /** The book after the changes that were fed, best first; null where nothing certain is known of it at that time. */
  levels(at: Micros): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null {
    if (!this.#isCertainAt(at)) return null;
    return { bids: ladder(this.#sides.bid, 'bid'), asks: ladder(this.#sides.ask, 'ask') };
  }

  #isCertainAt(time: Micros): boolean {
    if (this.#since === null || !this.#isCertain) return false;
    return time <= this.#since || !touchesSpan(this.#gaps, this.#since, time);
  }

  #startFrom({ time, bids, asks, instantIndex }: ReplayedSnapshot): void {
    const after = this.#recent.filter(
      (change) => change.time === time && instantIndex !== null && change.instantIndex >= instantIndex,
    );
    this.#sides = { bid: new Map(bids), ask: new Map(asks) };
    this.#since = time;
    this.#isCertain = true;
    this.#recent.length = 0;
    for (const change of after) this.#set(time, change.side, change.price, change.after, change.instantIndex);
  }

  #verdict(snapshot: ReplayedSnapshot): BookVerdict {
    if (!this.#isCertainAt(snapshot.time)) return { verdict: 'not_comparable' };
    const levels = this.#leastDifferences(snapshot);
    if (levels.length === 0) return { verdict: 'equal' };
    if (snapshot.isExact) return { verdict: 'differs', since: this.#since!, levels };
    return { verdict: 'not_placed' };
  }

  /** In what the snapshot differs from that of the books which it may be that is nearest to it. */
  #leastDifferences(snapshot: ReplayedSnapshot): readonly LevelDifference[] {
    let least = this.#differences(snapshot, this.#sides);
    const sides = { bid: new Map(this.#sides.bid), ask: new Map(this.#sides.ask) };
    const last = Math.max(0, this.#recent.length - MOST_UNDONE);
    for (let index = this.#recent.length - 1; least.length > 0 && index >= last; index--) {
      const change = this.#recent[index]!;
      if (!this.#mayPrecede(snapshot, change)) break;
      setLevel(sides[change.side], change.price, change.before);
      const differences = this.#differences(snapshot, sides);
      if (differences.length < least.length) least = differences;
    }
    return least;
  }

  /** Whether the snapshot may be of before the change. */
  #mayPrecede({ isExact, time, instantIndex }: ReplayedSnapshot, change: Undo): boolean {
    if (!isExact) return change.time >= time - this.#window;
    return change.time === time && instantIndex !== null && change.instantIndex >= instantIndex;
  }

  #differences(
    { bids, asks, depth }: ReplayedSnapshot,
    sides: Readonly<Record<Side, ReadonlyMap<number, number>>>,
  ): LevelDifference[] {
    return [...differencesOf('bid', sides.bid, bids, depth), ...differencesOf('ask', sides.ask, asks, depth)];
  }
}

function setLevel(levels: Map<number, number>, price: number, size: number): void {
  if (size === 0) levels.delete(price);
  else levels.set(price, size);
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
