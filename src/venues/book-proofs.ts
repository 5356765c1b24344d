import type { Level } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Micros } from '../units/time.ts';

/**
 * How often a venue's hash of a book matched what it is said of: a book on the socket, a book by REST, the line's
 * own book after a change. A match proves the book; that one does not match proves nothing by itself.
 */
export interface BookHashFigures {
  socket_matched: number;
  socket_unmatched: number;
  /** What goes into the hash was not all known. */
  socket_not_checkable: number;
  rest_matched: number;
  rest_unmatched: number;
  rest_not_checkable: number;
  change_matched: number;
  change_unmatched: number;
  /** Still to be decided: a trade that is told later may be hashed in. */
  waiting: number;
}

/** A hash that nothing known gives, kept for whoever looks into it; the frame itself is in the raw archive. */
export interface UnmatchedHash {
  readonly source: 'socket' | 'rest' | 'change';
  readonly instrument: string;
  /** The venue's time of the book, as sent. */
  readonly timestamp: string;
  readonly hash: string;
  /** Last trade prices that were tried. */
  readonly tried: readonly string[];
  readonly at: Micros;
}

/** Venue time at which the line's own book is proven to have been the venue's. */
export interface BookProof {
  readonly instrument: string;
  readonly exchange_ts: Micros;
}

/** Evidence from a venue's hashes of its books, for a venue that gives them. */
export interface BookProofs {
  /** Whether the line's own book should be held against the hash of a change: not every one is worth the work. */
  isDue(instrument: string, at: Micros): boolean;
  /** Holds the line's own book, best first, against the hash that the venue states with its latest change. */
  holdOwnBook(
    change: { readonly instrument: string; readonly exchange_ts: Micros; readonly hash: string },
    bids: readonly Level[],
    asks: readonly Level[],
    at: Micros,
  ): void;
  /** Proofs found since the last call. */
  takeProofs(): readonly BookProof[];
  /** Forgets instruments that are no longer captured. */
  forget(instruments: readonly string[]): void;
  figures(): BookHashFigures;
  /** The latest that did not match. */
  unmatched(): readonly UnmatchedHash[];
}

/** A book with what is stored beside it, as far as a venue's hash of it goes. */
export interface HashedBook {
  readonly instrument: string;
  readonly market: string;
  /** The market's entry in the catalogue, as the venue gave it. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Grids that the instrument has had, as the venue wrote them; that of the catalogue is among what is tried anyhow. */
  readonly tickSizes: readonly string[];
  readonly exchange_ts: Micros;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** Prices of trades that may be hashed in, of this instrument. */
  readonly lastTradePrices: readonly Price[];
}
