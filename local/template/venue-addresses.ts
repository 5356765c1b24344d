import type { Venue } from '#src/events/event.ts';

/** Keys of a venue's configuration that are addresses: whatever it calls a URL. */
export const ADDRESS = /_url$/;

/** The variable for a key of a venue's configuration: `rest_url` of Kalshi is `KALSHI_REST_URL`. */
export function addressVariable(venue: Venue, key: string): string {
  return `${venue}_${key}`.toUpperCase();
}
