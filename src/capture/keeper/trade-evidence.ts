import type { GapHolder, GapLedger } from '../../continuity/gap-ledger.ts';
import type { Level, TradeEvent } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { InstrumentState } from './instrument-state.ts';

/** A trade is told at most this long before or after a book that it changed, microseconds. */
const APART = 1_000_000;
/** Most trades are told within this time of their book; what waits for longer is a gap until it is explained. */
const SHORTLY = 250_000;

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

/** One that no trade explains so far, and the gap that it has meanwhile. */
interface Waiting {
  readonly book: TakenBook;
  readonly market: string;
  readonly doubt: GapHolder;
}

/**
 * Tells books that a trade explains from books that show a loss. A venue may tell of what a trade takes by the next
 * book alone, and tells the trade itself of one of a market's instruments, before that book or after it. So the
 * difference is explained when the trades of the market around that time are large enough. Until then it is a gap of
 * its instrument, which is taken back: a process that ends before the judgement has left it.
 */
export class TradeEvidence {
  private readonly markets = new Map<string, string>();
  private trades: { readonly market: string; readonly size: number; readonly at: number }[] = [];
  private taken: Waiting[] = [];
  private readonly ledger: GapLedger;

  constructor(ledger: GapLedger) {
    this.ledger = ledger;
  }

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
    this.taken = this.taken.filter((waiting) => waiting.market !== market || !this.isExplained(waiting));
    return before - this.taken.length;
  }

  /** The book is looked at again when its trades must have been told. @returns whether they have been already */
  doubt(book: TakenBook): boolean {
    const { instrument } = book.state;
    // The market may be forgotten before its trades are told.
    const waiting = { book, market: this.marketOf(instrument), doubt: { instrument, gap: null } };
    if (this.isExplained(waiting)) return true;
    this.taken.push(waiting);
    return false;
  }

  /** @returns how many books there are whose time has come without trades that explain them: each leaves a gap. */
  settle(now: number): number {
    if (this.taken.length === 0 && this.trades.length === 0) return 0;
    let settled = 0;
    for (const { book, doubt } of this.taken) {
      const waited = now - book.received_at;
      if (waited <= SHORTLY) break;
      // Also of one that was released meanwhile: the time before that is all that the gap is about.
      if (doubt.gap === null) this.ledger.open(doubt, book.from as Micros, 'book_mismatch');
      if (waited <= APART) continue;
      this.ledger.close(doubt, book.to as Micros);
      settled++;
    }
    this.taken.splice(0, settled);
    const oldest = this.trades[0];
    if (oldest !== undefined && now - oldest.at > 4 * APART)
      this.trades = this.trades.filter(({ at }) => now - at <= 2 * APART);
    return settled;
  }

  private isExplained({ book, market, doubt }: Waiting): boolean {
    if (this.traded(market, book.received_at) < book.amount) return false;
    this.ledger.takeBack(doubt);
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
