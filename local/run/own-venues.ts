import type { Configuration } from '#src/config/schema.ts';
import { ConfigError } from '#src/config/substitution.ts';

/**
 * A run with venues of its own (simulated or replayed) must not reach the real ones: every address of a venue that
 * is captured has to be the one that the run gives.
 *
 * @param given what `config/local.yaml` substitutes: the addresses of this run's venues.
 * @throws ConfigError naming file and key of the first that is not, and of a secret that holds a real key.
 */
export function checkOwnVenues(
  { venues }: Pick<Configuration, 'venues'>,
  given: Readonly<Record<string, string>>,
  file: string,
): void {
  const addresses: readonly (readonly [keyof Configuration['venues'], string, string, string | undefined])[] =
    [
      ['kalshi', 'rest_url', venues.kalshi.rest_url, given['KALSHI_REST_URL']],
      ['kalshi', 'websocket_url', venues.kalshi.websocket_url, given['KALSHI_WEBSOCKET_URL']],
      ['polymarket', 'clob_url', venues.polymarket.clob_url, given['POLYMARKET_CLOB_URL']],
      ['polymarket', 'gamma_url', venues.polymarket.gamma_url, given['POLYMARKET_GAMMA_URL']],
      ['polymarket', 'websocket_url', venues.polymarket.websocket_url, given['POLYMARKET_WEBSOCKET_URL']],
    ];
  for (const [venue, key, found, wanted] of addresses) {
    if (venues[venue].enabled && found !== wanted) {
      throw new ConfigError(
        `${file}: venues.${venue}.${key}: names ${found}, but this run has its own venues; use \${VAR} as config/local.yaml does`,
      );
    }
  }
  if (venues.kalshi.enabled && venues.kalshi.key_secret !== '') {
    throw new ConfigError(`${file}: venues.kalshi.key_secret: must be empty in a run with its own venues`);
  }
}
