import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import type { Micros } from '../units/time.ts';

/** Venues as written everywhere, one per folder in `src/venues`. A name that `src/venues/registration.ts` lacks does not compile. */
export const venueNames = ['kalshi', 'polymarket'] as const;
export type Venue = (typeof venueNames)[number];

/** One full, independent capture line. */
export type Gatherer = 'a' | 'b' | 'c';

export type Side = 'bid' | 'ask';

/** `[price, size]`, both integers (micro-dollars, micro-contracts). */
export type Level = readonly [price: Price, size: Size];

interface Observed {
  readonly venue: Venue;
  /** Time at which the frame left the socket, or the body the HTTP response. */
  readonly received_at: Micros;
}

/** A fill. `exchange_ts` is null only for recordings older than the venue's own time field. */
export interface TradeEvent extends Observed {
  readonly kind: 'trade';
  readonly instrument: string;
  /** The venue's own id; for Polymarket derived, because the venue gives none (see `docs/decisions`). */
  readonly trade_id: string;
  readonly price: Price;
  readonly size: Size;
  /** Side of the aggressor in the instrument, null where the venue does not say. */
  readonly taker_side: 'buy' | 'sell' | null;
  readonly is_block: boolean;
  readonly exchange_ts: Micros | null;
}

interface BookDeltaBase extends Observed {
  readonly kind: 'book_delta';
  readonly instrument: string;
  readonly side: Side;
  readonly price: Price;
  readonly exchange_ts: Micros | null;
  /** The venue's hash of the book after this change, where it gives one. */
  readonly hash?: string;
}

/** Kalshi: a signed change of the size resting at a price. */
export interface SignedBookDelta extends BookDeltaBase {
  readonly change: Size;
  readonly size?: undefined;
}

/** Polymarket: the new absolute size at a price; 0 removes the level. */
export interface AbsoluteBookDelta extends BookDeltaBase {
  readonly size: Size;
  readonly change?: undefined;
}

export type BookDeltaEvent = SignedBookDelta | AbsoluteBookDelta;

/** A whole book (or its best levels), best first on both sides. */
export interface BookSnapshotEvent extends Observed {
  readonly kind: 'book_snapshot';
  readonly instrument: string;
  readonly source: 'ws' | 'rest' | 'engine';
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** `exchange_ts` where the venue stamps its snapshots, else the receive time. */
  readonly snapshot_ts: Micros;
  readonly exchange_ts: Micros | null;
  readonly hash?: string;
  /** Levels kept per side when the snapshot was cut; absent when the whole book is here. */
  readonly depth?: number;
}

/** Top of book and day figures; null where absent. */
export interface TickerEvent extends Observed {
  readonly kind: 'ticker';
  readonly instrument: string;
  readonly bid: Price | null;
  readonly ask: Price | null;
  readonly bid_size: Size | null;
  readonly ask_size: Size | null;
  readonly last: Price | null;
  readonly volume: Size | null;
  readonly open_interest: Size | null;
  readonly exchange_ts: Micros | null;
}

/** What a venue announces about a market or an event. Exactly one of `market` and `event` names the subject. */
export interface LifecycleEvent extends Observed {
  readonly kind: 'lifecycle';
  readonly market?: string;
  readonly event?: string;
  readonly instruments: readonly string[];
  /** The venue's own word. */
  readonly type: string;
  /** The market's status after this message, where it changes it. */
  readonly status?: string;
  /** The message as received, parsed. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly exchange_ts: Micros | null;
}

/**
 * An interval in which a line may have missed events. An open gap has `to` null; its closing is a second
 * record with the same `gap_id` and both bounds. Either `instruments` lists what is concerned or `all` is true.
 * Instruments of one gap may be proven again at different times: each closing record then lists the part that
 * closes with it. What a gap says is therefore keyed by (`gap_id`, instrument), with `*` standing for `all`.
 */
export interface GapEvent extends Observed {
  readonly kind: 'gap';
  readonly gap_id: string;
  readonly instruments?: readonly string[];
  readonly all?: true;
  readonly from: Micros;
  readonly to: Micros | null;
  /** One of `GapCause`, kept as text in storage so that a new cause needs no migration. */
  readonly cause: GapCause;
}

export type GapCause =
  /** The line begins to expect the instrument, and has no proof yet: around the start of its life, and later on. */
  | 'startup'
  | 'not_subscribed'
  /** The book was asked for anew on the subscription that has it, or goes from one to another. */
  | 'resubscribed'
  /** The line no longer captures the instrument, which may go on without it. */
  | 'released'
  /** The line no longer captures the instrument, because the venue says that its market is over for good. */
  | 'market_over'
  | 'disconnected'
  | 'sequence_gap'
  | 'stalled'
  | 'no_first_event'
  | 'subscription_lost'
  | 'book_mismatch'
  | 'undecodable_frame'
  | 'line_down'
  /** An event that the line received could not go into its stream; it is kept in the gatherer's `set-aside/`. */
  | 'not_sent'
  /** A line of the stream could not be stored as what it is; it is kept in `poison_records`. */
  | 'not_stored'
  /** Records of the stream never came to the line's database. */
  | 'not_delivered';

/** What a decoder makes of the venue's frames. */
export type MarketEvent = TradeEvent | BookDeltaEvent | BookSnapshotEvent | TickerEvent | LifecycleEvent;

/** Whether the event says something of a book: its prices are in the convention of its connection. */
export function isOfBook(event: MarketEvent): event is BookDeltaEvent | BookSnapshotEvent {
  return event.kind === 'book_delta' || event.kind === 'book_snapshot';
}

/** One captured record of the tape. */
export type TapeEvent = MarketEvent | GapEvent;

export type EventKind = TapeEvent['kind'];
