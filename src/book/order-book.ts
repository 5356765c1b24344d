import type { Level, Side } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import { Ladder, SetOutcome } from './ladder.ts';

export { SetOutcome } from './ladder.ts';

/** Distance from the best price within which depth counts as near: five cents, in micro-dollars. */
const NEAR = 50_000;

/** Figures of a book; prices micro-dollars, sizes micro-contracts, null where a side is empty. */
export interface BookMetrics {
  readonly bid: Price | null;
  readonly ask: Price | null;
  /** bid + ask, which is twice the mid and stays an integer. */
  readonly mid_twice: number | null;
  readonly spread: number | null;
  readonly bid_depth: number;
  readonly ask_depth: number;
  readonly bid_depth_near: number;
  readonly ask_depth_near: number;
  readonly bid_levels: number;
  readonly ask_levels: number;
  readonly crossed: boolean;
}

/**
 * The order book of one instrument: signed changes (Kalshi), absolute sizes (Polymarket), whole replacements,
 * best prices in constant time. Times are microseconds of the venue's clock. It never throws; what cannot be
 * right (a size below zero, bid above ask) is reported and left to the caller to judge.
 */
export class OrderBook {
  private readonly bids = new Ladder(1);
  private readonly asks = new Ladder(-1);
  private time = Number.NEGATIVE_INFINITY;

  /** Greatest time among the changes and replacements applied, or -Infinity. */
  get lastTime(): number {
    return this.time;
  }

  get bestBid(): Price | null {
    return this.bids.bestPrice;
  }

  get bestAsk(): Price | null {
    return this.asks.bestPrice;
  }

  get bestBidSize(): Size | null {
    return this.bids.bestSize;
  }

  get bestAskSize(): Size | null {
    return this.asks.bestSize;
  }

  /** Whether the best bid is at or above the best ask. */
  get crossed(): boolean {
    const bid = this.bids.bestPrice;
    const ask = this.asks.bestPrice;
    return bid !== null && ask !== null && bid >= ask;
  }

  /**
   * Applies a signed change.
   *
   * @returns the resulting size in micro-contracts; negative says that the book was wrong (the level is then empty).
   */
  change(side: Side, price: Price, change: Size, time: number): number {
    if (time > this.time) this.time = time;
    return (side === 'bid' ? this.bids : this.asks).addSize(price, change, time);
  }

  /** Applies a new absolute size, unless the level is known at a later time. */
  set(side: Side, price: Price, size: Size, time: number): SetOutcome {
    const outcome = (side === 'bid' ? this.bids : this.asks).setSize(price, size, time);
    if (outcome === SetOutcome.applied && time > this.time) this.time = time;
    return outcome;
  }

  /** Replaces everything with a snapshot that is true as of `time`; levels in any order. */
  replace(bids: readonly Level[], asks: readonly Level[], time: number): void {
    this.bids.replace(bids, time);
    this.asks.replace(asks, time);
    this.time = time;
  }

  /** Levels with a size, best first, at most `depth` of them. */
  levels(side: Side, depth?: number): Level[] {
    return (side === 'bid' ? this.bids : this.asks).levels(depth);
  }

  /** Number of levels with a size. */
  count(side: Side): number {
    return (side === 'bid' ? this.bids : this.asks).count;
  }

  /** Size at a price in micro-contracts, 0 where there is no level. */
  sizeAt(side: Side, price: Price): number {
    return (side === 'bid' ? this.bids : this.asks).sizeAt(price);
  }

  /** Time of the last change at a price, or null when none is remembered. */
  timeAt(side: Side, price: Price): number | null {
    return (side === 'bid' ? this.bids : this.asks).timeAt(price);
  }

  /** Whether the book holds exactly these levels, given in any order and each price once. */
  equals(bids: readonly Level[], asks: readonly Level[]): boolean {
    return sameLevels(this.bids, bids) && sameLevels(this.asks, asks);
  }

  metrics(): BookMetrics {
    const bid = this.bids.bestPrice;
    const ask = this.asks.bestPrice;
    const both = bid !== null && ask !== null;
    return {
      bid,
      ask,
      mid_twice: both ? bid + ask : null,
      spread: both ? ask - bid : null,
      bid_depth: this.bids.depth(),
      ask_depth: this.asks.depth(),
      bid_depth_near: this.bids.depth(NEAR),
      ask_depth_near: this.asks.depth(NEAR),
      bid_levels: this.bids.count,
      ask_levels: this.asks.count,
      crossed: both && bid >= ask,
    };
  }
}

function sameLevels(ladder: Ladder, levels: readonly Level[]): boolean {
  let sized = 0;
  for (const [price, size] of levels) {
    if (size === 0) continue;
    if (ladder.sizeAt(price) !== size) return false;
    sized++;
  }
  return sized === ladder.count;
}
