import type { Configuration } from '#src/config/schema.ts';
import { ConfigError } from '#src/config/substitution.ts';
import { venueNames } from '#src/events/event.ts';

const ADDRESS = /_url$/;

/**
 * A run with venues of its own (simulated or replayed) must not reach the real ones: every address of a venue that
 * is captured has to be the one that the run gives. An address is whatever the venue's configuration calls a URL.
 *
 * @param given what `config/local.yaml` substitutes: the addresses of this run's venues, `rest_url` of Kalshi as
 *   `KALSHI_REST_URL`.
 * @throws ConfigError naming file and key of the first that is not, and of a secret that holds a real key.
 */
export function checkOwnVenues(
  { venues }: Pick<Configuration, 'venues'>,
  given: Readonly<Record<string, string>>,
  file: string,
): void {
  for (const venue of venueNames) {
    if (!venues[venue].enabled) continue;
    for (const [key, found] of Object.entries(venues[venue])) {
      const where = `${file}: venues.${venue}.${key}`;
      if (ADDRESS.test(key) && found !== given[`${venue}_${key}`.toUpperCase()]) {
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
