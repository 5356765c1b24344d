import type { MarketEvent } from '../events/event.ts';

/**
 * Writes events in the venue's own words, as its socket would send them: what the decoder of the venue reads back as
 * the same events. Keeps the books of what it has written; one for each stream of events, in their order.
 */
export interface FrameEncoder {
  /**
   * @param events of one instant, in their order. Engine and REST books count as books that the venue sends.
   * @returns texts of frames; none for what the venue has no message for
   */
  encode(events: readonly MarketEvent[]): string[];
}

/** The market that an instrument belongs to, for venues whose messages name both. */
export type MarketOf = (instrument: string) => string;
