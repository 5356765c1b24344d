import type { Occurrence, Provenance, StreamLine } from '../events/captured.ts';
import type { BookDeltaEvent, TickerEvent, TradeEvent } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/**
 * Where a gatherer hands over what it captured. `accept` never throws, never drops and never waits; the
 * implementation (router and batcher) grows, then spills to disk. `lane` names what must stay in order: the
 * instrument for market events, the market for lifecycle, a fixed word for the rest.
 */
export interface CaptureSink {
  accept(lane: string, line: StreamLine, received_at: Micros): void;
  /**
   * Takes an event without the line that `accept` would take, which saves making one: nothing that is given is looked
   * at once this returns.
   *
   * @param event goes into the lane of its instrument
   * @param origin and for a change its place among equals, which nobody looks at for any other event
   * @returns false where nothing was taken, and the line is wanted.
   */
  take?(event: FeedEvent, origin: Provenance & Occurrence): boolean;
}

/** What makes up nearly all of the feed. */
export type FeedEvent = BookDeltaEvent | TradeEvent | TickerEvent;

/** Takes every frame as received, before anything decodes it. Never throws. */
export interface FrameRecorder {
  /** @param frame a text, or the bytes of a binary frame */
  received(at: Micros, connection: string, frame: string | Uint8Array): void;
  /** The same for a text whose bytes in UTF-8 are at hand. Where it is absent, `received` takes the text. */
  receivedText?(at: Micros, connection: string, bytes: Uint8Array): void;
  /** A command that this side sent; recorded so that a replay knows the convention that was asked for. */
  sent(at: Micros, connection: string, frame: string): void;
}
