import type { BookSnapshotEvent, GapCause, LifecycleEvent, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { ControlMessage, DecodeProblem } from '../venues/decoder.ts';

/** The feed of what a venue announces on every connection, beside what was asked for. */
export const ANNOUNCEMENTS = 'announcement';

/** One life of one socket. A reconnect makes a new one with the next epoch. */
export interface ConnectionEpoch {
  readonly venue: Venue;
  /** Name with epoch, e.g. `kalshi-book-17#3`; what `connection` in stored rows holds. */
  readonly name: string;
  /** Kalshi only: the convention this connection asked for. */
  readonly useYesPrice: boolean;
}

/** What one frame led to, as far as the pool must act on it. Arrays are empty rather than absent. */
export interface FrameOutcome {
  readonly controls: readonly ControlMessage[];
  readonly problems: readonly DecodeProblem[];
  /** Instruments whose book this frame proved (first snapshot, or a resync that succeeded). */
  readonly proven: readonly string[];
  /** Books that stopped being provable by this frame; the pool is to obtain fresh snapshots of them. */
  readonly resync: readonly ResyncRequest[];
  /** Instruments that this frame carried data for, for the stall watchdog and the first-event deadline. */
  readonly touched: readonly string[];
  /** Lifecycle messages, for the registry. */
  readonly lifecycle: readonly LifecycleEvent[];
  /** The frame brought an event of any kind, copies of what another connection brought included. */
  readonly hasData?: boolean;
  /**
   * The frame brought what the venue sends to every connection, as the first of them or as a copy of what another
   * brought: one that brings nothing afterwards is silent.
   */
  readonly announced?: 'first' | 'copy' | undefined;
  /** Latest venue time in this frame, where it has one: the pool shows the age of messages per connection. */
  readonly exchange_ts?: Micros | null;
}

export interface ResyncRequest {
  readonly instruments: readonly string[];
  readonly cause: GapCause;
  /** Subscription concerned (Kalshi), or 0. */
  readonly sid: number;
}

/**
 * The capture core of one line and venue: decode, sequence check, books, gaps. It is told what the pool does
 * and given every frame; it writes what it captured to a `CaptureSink`.
 */
export interface LineKeeper {
  /** These instruments are expected from now on; each has an open gap until its book is proven. */
  expect(instruments: readonly string[], at: Micros): void;
  /**
   * These are no longer captured (closed, filtered out): forget the books. A gap runs on until they are proven again,
   * or are said to be over.
   */
  release(instruments: readonly string[], at: Micros): void;
  /**
   * The venue says that the markets of these are over for good, and they have been since a time of our clock: of those
   * that are not captured nothing can be missed from then on.
   */
  over?(instruments: readonly string[], since: Micros): void;
  /**
   * A book subscription now carries these instruments, in place of whatever carried them before: frames for
   * them from any other connection or sid are superseded and ignored. `sid` is 0 where the venue has none.
   */
  bind(connection: ConnectionEpoch, sid: number, instruments: readonly string[]): void;
  /** @param data the frame's text, or the bytes of that in UTF-8, which stay as they are */
  frame(connection: ConnectionEpoch, data: string | Uint8Array, received_at: Micros): FrameOutcome;
  /**
   * The line itself failed over the frame just received, so that it is not known how much of it was captured: all
   * that its connection carries is in doubt, as after a frame that cannot be read.
   */
  frameFailed(connection: ConnectionEpoch, received_at: Micros): FrameOutcome;
  /** A book obtained by REST: stored, and held against the line's own book. */
  restSnapshot(snapshot: BookSnapshotEvent): FrameOutcome;
  /**
   * The connection brought nothing between these receive times although data was due, and goes on: what happened in
   * between may be lost to everything it carries. Where nothing numbers the messages, nothing else shows that.
   */
  interrupted?(connection: ConnectionEpoch, since: Micros, at: Micros, cause: GapCause): void;
  /**
   * A subscription is more silent than usual, and is not judged yet: what it carries is a gap until `believe`, or until
   * it is lost. `sid` null means the feeds of the connection.
   */
  doubt?(connection: ConnectionEpoch, sid: number | null, at: Micros): void;
  /** It is heard again: nothing was missing, where neither its numbers nor `interrupted` say otherwise. */
  believe?(connection: ConnectionEpoch, sid: number | null, at: Micros): void;
  /**
   * The pool lost sight of these books (stalled, subscription ended) at the given time or before: a proven one can be
   * shown to have been right until the last data of its subscription.
   */
  lose(instruments: readonly string[], since: Micros, cause: GapCause): void;
  /**
   * The socket is gone: drop its sequence state and `lose` every instrument bound to it. Returns them. Up to `at` it is
   * believed to have been in order: that of its last data where a heartbeat alone proves nothing.
   */
  connectionClosed(connection: ConnectionEpoch, at: Micros, cause: GapCause): readonly string[];
  /**
   * This venue-wide feed (`trade`, `ticker`, `lifecycle`, `announcement`) is wanted from now on: an `all` gap of the
   * line wherever no connection carries it. `isAlone` says that its connections carry nothing else.
   */
  feedExpected?(feed: string, at: Micros, isAlone: boolean): void;
  /** The connection carries the feed, all of its channels, from this time on. */
  feedCarried?(feed: string, connection: ConnectionEpoch, at: Micros): void;
  /**
   * The connection, which is still there, carries its feed no longer. That was noticed at `at`; what else the connection
   * brings does not show until when it did.
   */
  feedDropped?(connection: ConnectionEpoch, at: Micros, cause: GapCause): void;
  /** Calls due by time: engine snapshots, metrics, anchors, heartbeat bookkeeping. Call about every 100 ms. */
  tick(now: Micros): void;
  /** Whether the book is proven at this moment: the pool looks up where its own count differs from `counts()`. */
  isProven(instrument: string): boolean;
  /**
   * A receive time as the venue's time before which everything had arrived by then, over all connections. Null before
   * the first event with a venue time.
   */
  venueTime?(received_at: Micros): Micros | null;
  /** Shown in status and asserted by the pool: expected, bound (subscribed) and proven (seeded) counts. */
  counts(): { readonly expected: number; readonly bound: number; readonly proven: number };
}
