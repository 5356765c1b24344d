import type { Level, Side } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import type { Micros } from '../units/time.ts';
import { type Interval, touchesSpan } from './intervals.ts';

/**
 * A snapshot whose place in venue time is exact: it holds exactly the changes before `at`, and of that instant those
 * that came before it.
 */
export interface Anchor {
  readonly at: Micros;
  readonly source: string;
  /** How many of the absolute changes at `at` itself it holds. */
  readonly instantIndex: number;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** One change as the tape holds it. */
export interface BookChange {
  readonly exchangeTs: Micros;
  readonly instantIndex: number;
  readonly side: Side;
  readonly price: Price;
  /** A signed change, or the new size where `isAbsolute`. */
  readonly amount: Size;
  readonly isAbsolute: boolean;
  /** Whether `exchangeTs` is the venue's; else a line's receive time stands for it, and each line has a copy. */
  readonly hasVenueTime: boolean;
}

export interface RebuiltBook {
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** Whether this is the venue's book at that time for certain. */
  readonly complete: boolean;
  /** Why not, in words; empty when complete. */
  readonly reasons: readonly string[];
  readonly anchor: { readonly at: Micros; readonly source: string } | null;
  readonly changes: number;
}

/** What the tape knows about an instrument around one instant. */
export interface BookEvidence {
  readonly at: Micros;
  /** The latest exact anchor at or before `at`. */
  readonly anchor: Anchor | null;
  /** The tape's gaps of the instrument and of its whole venue. */
  readonly gaps: Iterable<Interval>;
  /** Up to which venue time every running line has been merged; null when no line ever ran. */
  readonly horizon: Micros | null;
}

/**
 * Rebuilds a book from an exact anchor and the changes after it, up to `at`. Of the changes of the anchor's own
 * instant, absolute ones count where they came after a book of the venue: setting a level to what it was before
 * that book would bring back what a trade has taken and the book alone tells of. One without venue time has no
 * place among them and its copies cannot be told apart: it is left out, and the book is not certain then.
 */
export class BookRebuild {
  readonly #evidence: BookEvidence;
  readonly #sides: Record<Side, Map<number, number>>;
  #changes = 0;
  #hasUnplaced = false;

  constructor(evidence: BookEvidence) {
    this.#evidence = evidence;
    this.#sides = {
      bid: new Map(evidence.anchor?.bids.map(([price, size]) => [price, size])),
      ask: new Map(evidence.anchor?.asks.map(([price, size]) => [price, size])),
    };
  }

  /**
   * @param change in ascending order of `exchangeTs`, then `instantIndex`; those without venue time also from as
   *   long after `at` as an event may take to arrive.
   */
  apply(change: BookChange): void {
    const { anchor, at } = this.#evidence;
    if (!change.hasVenueTime) {
      this.#hasUnplaced ||= anchor === null || change.exchangeTs >= anchor.at;
      return;
    }
    if (change.exchangeTs > at) return;
    if (anchor !== null) {
      if (change.exchangeTs < anchor.at) return;
      if (change.exchangeTs === anchor.at && isHeldBy(anchor, change)) return;
    }
    this.#changes++;
    const levels = this.#sides[change.side];
    const size = change.isAbsolute ? change.amount : (levels.get(change.price) ?? 0) + change.amount;
    if (size === 0) levels.delete(change.price);
    else levels.set(change.price, size);
  }

  finish(): RebuiltBook {
    const { anchor, at, gaps, horizon } = this.#evidence;
    const reasons: string[] = [];
    if (anchor === null) reasons.push('no exact snapshot of this book at or before that time');
    else if (touchesSpan(gaps, anchor.at, at))
      reasons.push('a gap of the tape lies between the snapshot and that time');
    if (this.#hasUnplaced) reasons.push('a change came without the time of the venue');
    if (horizon === null) reasons.push('no line has been merged yet');
    else if (at > horizon) reasons.push('not every running line has been merged up to that time');
    const bids = this.#levels('bid', (a, b) => b - a);
    const asks = this.#levels('ask', (a, b) => a - b);
    // Below zero only when a change is missing or counted twice; never shown as a proven book.
    if ([...bids, ...asks].some(([, size]) => size < 0)) reasons.push('a level came out below zero');
    return {
      bids: bids.filter(([, size]) => size > 0),
      asks: asks.filter(([, size]) => size > 0),
      complete: reasons.length === 0,
      reasons,
      anchor: anchor === null ? null : { at: anchor.at, source: anchor.source },
      changes: this.#changes,
    };
  }

  #levels(side: Side, order: (a: number, b: number) => number): Level[] {
    return [...this.#sides[side]]
      .sort(([a], [b]) => order(a, b))
      .map(([price, size]) => [price as Price, size as Size]);
  }
}

/** Whether a change of the anchor's instant is part of the anchor. */
function isHeldBy(anchor: Anchor, change: BookChange): boolean {
  return !change.isAbsolute || change.instantIndex < anchor.instantIndex;
}

/** Levels from the flat `price, size, price, size, …` of storage. @throws when a price has no size. */
export function levelsFromFlat(flat: readonly (number | string)[]): Level[] {
  if (flat.length % 2 !== 0) throw new Error(`levels of odd length ${flat.length}`);
  const levels: Level[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    levels.push([Number(flat[index]) as Price, Number(flat[index + 1]) as Size]);
  }
  return levels;
}
