import type { Micros } from '../units/time.ts';
import type {
  BookDeltaEvent,
  BookSnapshotEvent,
  GapEvent,
  Gatherer,
  LifecycleEvent,
  TickerEvent,
  TradeEvent,
  Venue,
} from './event.ts';

/** What a gatherer adds to every event it captures. */
export interface Provenance {
  readonly gatherer: Gatherer;
  /** Connection name with its epoch, e.g. `a/kalshi-book-17#3`: a new epoch begins at every reconnect. */
  readonly connection: string;
  /** Subscription id of the venue, or 0 where the venue has none. */
  readonly sid: number;
  /** Sequence number on that subscription, or 0 where the venue has none. */
  readonly seq: number;
  /** Bits of `Quality`. */
  readonly quality: number;
}

/**
 * Position among equals, assigned by a line as the events arrive (`src/events/occurrence.ts`).
 * `occurrence` is part of the identity: it tells real repetitions at one instant apart. `instant_index` is
 * the position among all changes of one instrument at one `exchange_ts`; it orders them and is not identity.
 */
export interface Occurrence {
  readonly occurrence: number;
  readonly instant_index: number;
}

/** Place of a whole book among the changes of its instant, for a venue whose times are coarse. */
export interface BookPlace {
  /**
   * Changes of the instrument at the book's own `exchange_ts` that the line had received before it: the book holds
   * them, and the later ones of that instant came after it. 0 where absent.
   */
  readonly instant_index?: number;
}

/**
 * What was read after the process stood still may have come by this much before its receive time, microseconds. One
 * that stood still for longer begins anew.
 */
export const LONGEST_LATENESS = 180_000_000;

/** Quality bits carried by rows, in gatherers and on the tape. */
export const Quality = {
  /** The line's book was suspect when the event arrived. */
  bookSuspect: 1,
  /**
   * Receive time earlier than exchange time, or the process clock stepped; of an announcement without a venue time
   * also: the process had stood still, was behind, or has a clock that is ahead, so that it may have come to its socket
   * by up to `LONGEST_LATENESS` earlier.
   */
  receiveTimeSuspect: 2,
  /** From a snapshot rather than a live message. */
  fromSnapshot: 4,
  /** First of its instrument after a gap of its line. */
  afterGap: 8,
  /**
   * There is no venue time to believe: it is missing, and what is stored as such is the line's receive time; or it lies
   * so far ahead that it is most likely wrong, and is stored as it was told, the same on all lines.
   */
  withoutVenueTime: 16,
  /** Fetched from the venue long after it happened, by a repair: its receive time is when. */
  repaired: 32,
} as const;

/** Figures of one book at one time; absent sides are null. Prices micro-dollars, sizes micro-contracts. */
export interface BookMetricsRecord {
  readonly kind: 'book_metrics';
  readonly venue: Venue;
  readonly instrument: string;
  readonly gatherer: Gatherer;
  readonly at: Micros;
  readonly bid: number | null;
  readonly ask: number | null;
  /** Twice the mid, so that it stays an integer: bid + ask. */
  readonly mid_twice: number | null;
  readonly spread: number | null;
  readonly bid_depth: number;
  readonly ask_depth: number;
  /** Depth within 5 cents of the best price. */
  readonly bid_depth_near: number;
  readonly ask_depth_near: number;
  readonly bid_levels: number;
  readonly ask_levels: number;
  readonly crossed: boolean;
}

/**
 * Says that everything the line received up to `durable_until` was handed to the stream before it. One goes through
 * every lane, in order with the lane's events, so that wherever all lanes' heartbeats have arrived, the events below the
 * least of them have, too. A line is down between its last heartbeat of one epoch and the first of the next.
 */
export interface HeartbeatRecord {
  readonly kind: 'heartbeat';
  readonly gatherer: Gatherer;
  /** Identifies one process life: its start time and a random part. */
  readonly epoch: string;
  /** Lane that carried it, 0 to `lanes` − 1. */
  readonly lane: number;
  readonly lanes: number;
  readonly started_at: Micros;
  readonly durable_until: Micros;
  /**
   * By venue, the venue's time up to which everything had been received by `durable_until`: the clocks of venue and
   * line may differ by any amount. A venue is absent until an event has shown how its clock stands to the line's.
   */
  readonly proven_until?: Readonly<Partial<Record<Venue, Micros>>>;
}

/**
 * Last line of every record that a gatherer seals. It names the record before it in the same partition of the
 * stream, so that whoever reads the records in order sees when one never came.
 */
export interface RecordEnd {
  readonly kind: 'record_end';
  /** The life that sealed the record. */
  readonly epoch: string;
  /** Grows from record to record of a partition and life; those of two lives say nothing of each other. */
  readonly order: number;
  /** Of the record sealed before in this partition; null for the first of a life. */
  readonly previous: number | null;
  /** No record of the partition after this one's order and before this record holds a gap, as far as this life knows. */
  readonly gap_free_since: number;
  /** Everything in earlier records of the partition had been received by then. */
  readonly sealed_at: Micros;
  /** How many of its lines are gaps. */
  readonly gaps: number;
  /** Times of the events in it, received and by their venues; null without events, absent where one of them is no time. */
  readonly events?: TimeSpan | null;
  /** Of the record sealed before: the one before that, and the times of the events in it, as `events`. */
  readonly before: { readonly previous: number | null; readonly events?: TimeSpan | null } | null;
  /** Present where the record went in several, because the stream found it too large: this ends the last of them. */
  readonly split?: true;
}

/** Least and greatest of some times. */
export type TimeSpan = readonly [from: Micros, to: Micros];

/** Catalogue entry of a market as the registry knows it; written when it changes. */
export interface MarketRecord {
  readonly kind: 'market';
  readonly venue: Venue;
  readonly gatherer: Gatherer;
  readonly market: string;
  readonly event: string | null;
  readonly series: string | null;
  readonly title: string;
  /** The venue's own status word. */
  readonly status: string;
  readonly open_ts: Micros | null;
  readonly close_ts: Micros | null;
  readonly instruments: readonly InstrumentRecord[];
  readonly updated_at: Micros;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface InstrumentRecord {
  readonly instrument: string;
  /** `YES` for a Kalshi market ticker; the outcome's name for a Polymarket token. */
  readonly outcome: string;
}

/** The lines of one stream record: one JSON object per line, these shapes, and at the end a `RecordEnd`. */
export type CapturedEvent =
  | (TradeEvent & Provenance)
  | (BookDeltaEvent & Provenance & Occurrence)
  | (BookSnapshotEvent & Provenance & BookPlace)
  | (TickerEvent & Provenance)
  | (LifecycleEvent & Provenance)
  | (GapEvent & Provenance);

export type StreamLine = CapturedEvent | BookMetricsRecord | HeartbeatRecord | MarketRecord;
