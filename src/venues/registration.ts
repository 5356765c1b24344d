import type { Venue } from '../events/event.ts';
import { kalshiVenue } from './kalshi/venue.ts';
import { polymarketVenue } from './polymarket/venue.ts';
import type { VenueDefinition } from './venue.ts';

/** All venues: the one place where a venue's folder is tied to the rest. */
const venues: Readonly<Record<Venue, VenueDefinition>> = {
  kalshi: kalshiVenue,
  polymarket: polymarketVenue,
};

export function venueDefinition(venue: Venue): VenueDefinition {
  return venues[venue];
}
