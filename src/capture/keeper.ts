import type { Venue } from '../events/event.ts';
import { withOrdinal } from '../venues/polymarket/trade-id.ts';
import type { CaptureCore } from './keeper/capture-core.ts';
import { EvidentKeeper } from './keeper/evident-keeper.ts';
import type { KeeperOptions } from './keeper/options.ts';
import { SequencedKeeper } from './keeper/sequenced-keeper.ts';

export type { KeeperCounters } from './keeper/counters.ts';
export type { KeeperOptions } from './keeper/options.ts';

/** How each venue lets a line prove that it missed nothing. */
const keepers: Readonly<Record<Venue, (options: KeeperOptions) => CaptureCore>> = {
  kalshi: (options) => new SequencedKeeper(options),
  polymarket: (options) => new EvidentKeeper(options, withOrdinal),
};

/** The capture core of one line and venue. */
export function createKeeper(options: KeeperOptions): CaptureCore {
  return keepers[options.venue](options);
}
