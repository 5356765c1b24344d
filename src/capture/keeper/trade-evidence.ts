import { type Doubt, Unsettled } from '../../continuity/unsettled.ts';
import type { Level, TradeEvent } from '../../events/event.ts';
import type { InstrumentState } from './instrument-state.ts';

/** A trade is told at most this long before or after a book that it changed, microseconds. */
const APART = 1_000_000;

/** A book from which a trade seems to have taken something that no change told of. */
export interface TakenBook {
  readonly state: InstrumentState;
  /** Venue times: since when the line's own book may have been wrong, and of the venue's book. */
  readonly from: number;
  readonly to: number;
  /** Micro-contracts that are gone. */
  readonly amount: number;
  readonly received_at: number;
}

const NOTHING: readonly TakenBook[] = [];

/**
 * Tells books that a trade explains from books that show a loss. A venue may tell of what a trade takes by the next
 * book alone, and tells the trade itself of one of a market's instruments, before that book or after it. So the
 * difference is explained when the trades of the market around that time are large enough.
 */
export class TradeEvidence {
  private readonly markets = new Map<string, string>();
  private trades: { readonly market: string; readonly size: number; readonly at: number }[] = [];
  private taken: { readonly book: TakenBook; readonly market: string; readonly doubt: Doubt }[] = [];
  private readonly unsettled = new Unsettled();

  /** An instrument of a market: what is told of one of them concerns all. */
  belongs(instrument: string, market: string): void {
    this.markets.set(instrument, market);
  }

  forget(instrument: string): void {
    this.markets.delete(instrument);
  }

  /** @returns how many books it explains that none had explained so far. */
  trade({ instrument, size, received_at }: TradeEvent): number {
    const market = this.marketOf(instrument);
    this.trades.push({ market, size, at: received_at });
    const before = this.taken.length;
    this.taken = this.taken.filter(
      ({ book, market: other, doubt }) => other !== market || !this.isExplained(book, market, doubt),
    );
    return before - this.taken.length;
  }

  /** The book is looked at again when its trades must have been told. @returns whether they have been already */
  doubt(book: TakenBook): boolean {
    // The market may be forgotten before its trades are told.
    const market = this.marketOf(book.state.instrument);
    const doubt = this.unsettled.add(book.from);
    if (this.isExplained(book, market, doubt)) return true;
    this.taken.push({ book, market, doubt });
    return false;
  }

  /** The books whose time has come without trades that explain them. */
  settle(now: number): readonly TakenBook[] {
    if (this.taken.length === 0 && this.trades.length === 0) return NOTHING;
    const settled: TakenBook[] = [];
    while (this.taken.length > 0 && now - this.taken[0]!.book.received_at > APART) {
      const { book, doubt } = this.taken.shift()!;
      doubt.settledAt = now;
      settled.push(book);
    }
    const oldest = this.trades[0];
    if (oldest !== undefined && now - oldest.at > 4 * APART)
      this.trades = this.trades.filter(({ at }) => now - at <= 2 * APART);
    return settled;
  }

  /** Venue time beyond which no book is proven while some of them wait for their trades; see `Unsettled`. */
  provenAtMost(durableUntil: number): number {
    return this.unsettled.provenAtMost(durableUntil);
  }

  private isExplained({ received_at, amount }: TakenBook, market: string, doubt: Doubt): boolean {
    if (this.traded(market, received_at) < amount) return false;
    this.unsettled.dismiss(doubt);
    return true;
  }

  /** Micro-contracts traded in the market around that time. */
  private traded(market: string, received_at: number): number {
    let size = 0;
    for (const trade of this.trades)
      if (trade.market === market && Math.abs(trade.at - received_at) <= APART) size += trade.size;
    return size;
  }

  private marketOf(instrument: string): string {
    return this.markets.get(instrument) ?? instrument;
  }
}

/**
 * What a trade would have taken to make one book of another, micro-contracts: some of the best levels of one side,
 * the last of them perhaps in part. Null where that is not how they differ.
 */
export function takenBetween(
  before: { readonly bids: readonly Level[]; readonly asks: readonly Level[] },
  after: { readonly bids: readonly Level[]; readonly asks: readonly Level[] },
): number | null {
  if (sameLevels(before.asks, after.asks)) return consumed(before.bids, after.bids);
  return sameLevels(before.bids, after.bids) ? consumed(before.asks, after.asks) : null;
}

function sameLevels(a: readonly Level[], b: readonly Level[]): boolean {
  return a.length === b.length && a.every(([price, size], at) => b[at]![0] === price && b[at]![1] === size);
}

function consumed(before: readonly Level[], after: readonly Level[]): number | null {
  const gone = before.length - after.length;
  if (gone < 0) return null;
  let amount = 0;
  for (let index = 0; index < gone; index++) amount += before[index]![1];
  for (let index = 0; index < after.length; index++) {
    const [price, size] = before[gone + index]!;
    if (after[index]![0] !== price) return null;
    if (index === 0 ? after[0]![1] > size : after[index]![1] !== size) return null;
    amount += size - after[index]![1];
  }
  return amount;
}
