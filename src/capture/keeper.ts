import { venueDefinition } from '../venues/registration.ts';
import type { CaptureCore } from './keeper/capture-core.ts';
import { EvidentKeeper, type EvidentVenue } from './keeper/evident-keeper.ts';
import type { KeeperOptions } from './keeper/options.ts';
import { SequencedKeeper } from './keeper/sequenced-keeper.ts';

export type { KeeperCounters } from './keeper/counters.ts';
export type { KeeperOptions } from './keeper/options.ts';

/** A venue whose definition does not say otherwise gives trades ids of their own, and announces nothing to all. */
const USUAL: EvidentVenue = { withOrdinal: (tradeId) => tradeId, isAnnouncedToAll: () => false };

/** The capture core of one line and venue: what the venue gives decides how a line proves that it missed nothing. */
export function createKeeper(options: KeeperOptions): CaptureCore {
  const venue = venueDefinition(options.venue);
  return venue.isNumbered ? new SequencedKeeper(options) : new EvidentKeeper(options, { ...USUAL, ...venue });
}
