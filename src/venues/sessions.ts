import type { Venue } from '../events/event.ts';
import { kalshiProfile } from './kalshi/session.ts';
import { polymarketProfile } from './polymarket/session.ts';
import type { SessionProfile } from './session.ts';

export interface SessionSettings {
  /** Kalshi: the convention that book subscriptions ask for. */
  readonly useYesPrice: boolean;
  /** Kalshi: listen to the lifecycle of multivariate markets, too. */
  readonly combos: boolean;
}

/** How each venue's sockets are spoken to: a further venue is one folder and one line here. */
const profiles: Readonly<Record<Venue, (settings: SessionSettings) => SessionProfile>> = {
  kalshi: (settings) => kalshiProfile(settings),
  polymarket: () => polymarketProfile(),
};

export function sessionProfile(venue: Venue, settings: SessionSettings): SessionProfile {
  return profiles[venue](settings);
}
