import type { StreamLine } from '../events/captured.ts';
import type { Micros } from '../units/time.ts';

/**
 * Where a gatherer hands over what it captured. `accept` never throws, never drops and never waits; the
 * implementation (router and batcher) grows, then spills to disk. `lane` names what must stay in order: the
 * instrument for market events, the market for lifecycle, a fixed word for the rest.
 */
export interface CaptureSink {
  accept(lane: string, line: StreamLine, received_at: Micros): void;
}

/** Takes every frame as received, before anything decodes it. Never throws. */
export interface FrameRecorder {
  received(at: Micros, connection: string, frame: string | Uint8Array): void;
  /** A command that this side sent; recorded so that a replay knows the convention that was asked for. */
  sent(at: Micros, connection: string, frame: string): void;
}
