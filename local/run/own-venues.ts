import type { Configuration } from '#src/config/schema.ts';
import { ConfigError } from '#src/config/substitution.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { ADDRESS, addressVariable } from '../template/venue-addresses.ts';

/**
 * A run with venues of its own (simulated or replayed) must not reach the real ones: every address of a venue that
 * is captured has to be the one that the run gives. An address is whatever the venue's configuration calls a URL.
 *
 * @param given what `config/local.yaml` substitutes: the addresses of this run's venues, `rest_url` of Kalshi as
 *   `KALSHI_REST_URL`.
 * @throws ConfigError naming file and key of the first that is not, of a secret that holds a real key, and of a venue
 *   that is captured and that nothing stands in for.
 */
export function checkOwnVenues(
  { venues }: Pick<Configuration, 'venues'>,
  given: Readonly<Record<string, string>>,
  file: string,
): void {
  for (const venue of venueNames) {
    if (!venues[venue].enabled) continue;
    if (!hasAddress(venue, given)) {
      throw new ConfigError(
        `${file}: venues.${venue}.enabled: nothing stands in for this venue in a run with its own venues; set it to false, or use --source live`,
      );
    }
    for (const [key, found] of Object.entries(venues[venue])) {
      const where = `${file}: venues.${venue}.${key}`;
      if (ADDRESS.test(key) && found !== given[addressVariable(venue, key)]) {
        throw new ConfigError(
          `${where}: names ${found}, but this run has its own venues; use \${VAR} as config/local.yaml does`,
        );
      }
      if (key === 'key_secret' && found !== '') {
        throw new ConfigError(`${where}: must be empty in a run with its own venues`);
      }
    }
  }
}

function hasAddress(venue: Venue, given: Readonly<Record<string, string>>): boolean {
  const prefix = addressVariable(venue, '');
  return Object.keys(given).some((name) => name.startsWith(prefix) && name.endsWith('_URL'));
}
