import type {
  AbsoluteBookDelta,
  BookSnapshotEvent,
  Level,
  LifecycleEvent,
  SignedBookDelta,
  TickerEvent,
  TradeEvent,
  Venue,
} from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/**
 * The truth log of a simulated exchange: JSON lines of these records, in the order in which the exchange made
 * them. Events have the canonical names and units, without receive time, so that they can be compared with the
 * tape field by field.
 */
export type TruthRecord = TruthHeader | TruthBook | TruthEvent;

/** First line of every log. */
export interface TruthHeader {
  readonly kind: 'header';
  readonly version: 1;
  readonly seed: number;
  readonly started_at: Micros;
}

/** An instrument's whole book when it began: all later events of it come after. */
export interface TruthBook {
  readonly kind: 'book';
  readonly n: number;
  readonly venue: Venue;
  readonly instrument: string;
  /** Exchange time as of which the book is so. */
  readonly at: Micros;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

interface Made {
  /** Position in the log, counted from 1. */
  readonly n: number;
  /** How many sockets it was handed to. What was handed to none cannot be on any tape. */
  readonly delivered: number;
  /** When the exchange sent it, in its own unskewed clock. */
  readonly emitted_at: Micros;
}

type WithoutReceiveTime<T> = T extends unknown ? Omit<T, 'received_at'> : never;

/** What the exchange made, without what a log adds to it. */
export type TruthContent = WithoutReceiveTime<
  TradeEvent | SignedBookDelta | AbsoluteBookDelta | BookSnapshotEvent | TickerEvent | LifecycleEvent
>;

/**
 * A `book_snapshot` here is a book that the exchange sent of its own accord or on subscription and stamped itself
 * (Polymarket). Kalshi's snapshots bear no time and are not in the log.
 */
export type TruthEvent = TruthContent & Made;
