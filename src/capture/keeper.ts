import { venueDefinition } from '../venues/registration.ts';
import type { CaptureCore } from './keeper/capture-core.ts';
import { EvidentKeeper } from './keeper/evident-keeper.ts';
import type { KeeperOptions } from './keeper/options.ts';
import { SequencedKeeper } from './keeper/sequenced-keeper.ts';

export type { KeeperCounters } from './keeper/counters.ts';
export type { KeeperOptions } from './keeper/options.ts';

const sameTradeId = (tradeId: string): string => tradeId;

/** The capture core of one line and venue: what the venue gives decides how a line proves that it missed nothing. */
export function createKeeper(options: KeeperOptions): CaptureCore {
  const { isNumbered, withOrdinal = sameTradeId } = venueDefinition(options.venue);
  return isNumbered ? new SequencedKeeper(options) : new EvidentKeeper(options, withOrdinal);
}
