import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { venueNames } from '#src/events/event.ts';
import { checkOwnVenues } from '../../local/run/own-venues.ts';
import { venueEnvironment } from '../../local/run/venue-source.ts';

const given = {
  KALSHI_REST_URL: 'http://127.0.0.1:1/trade-api/v2',
  KALSHI_WEBSOCKET_URL: 'ws://127.0.0.1:1/trade-api/ws/v2',
  POLYMARKET_CLOB_URL: 'http://127.0.0.1:2',
  POLYMARKET_GAMMA_URL: 'http://127.0.0.1:3',
  POLYMARKET_WEBSOCKET_URL: 'ws://127.0.0.1:2/ws/market',
};
const own = loadConfiguration('config/local.yaml', given);
const real = loadConfiguration('config/local.yaml', {});

type Venues = Configuration['venues'];
const check =
  (kalshi: Partial<Venues['kalshi']>, polymarket: Partial<Venues['polymarket']> = {}) =>
  () =>
    checkOwnVenues(
      {
        venues: {
          kalshi: { ...own.venues.kalshi, ...kalshi },
          polymarket: { ...own.venues.polymarket, ...polymarket },
        },
      },
      given,
      'my.yaml',
    );

describe('a run with its own venues', () => {
  it('takes a configuration that names just these', () => {
    expect(check({})).not.toThrow();
  });

  it.each(['rest_url', 'websocket_url'] as const)('refuses the real Kalshi: %s', (key) => {
    expect(check({ [key]: real.venues.kalshi[key] })).toThrow(
      `my.yaml: venues.kalshi.${key}: names ${real.venues.kalshi[key]}, but this run has its own venues`,
    );
  });

  it.each(['clob_url', 'gamma_url', 'websocket_url'] as const)('refuses the real Polymarket: %s', (key) => {
    expect(check({}, { [key]: real.venues.polymarket[key] })).toThrow(
      `my.yaml: venues.polymarket.${key}: names ${real.venues.polymarket[key]}, but this run has its own venues`,
    );
  });

  it('refuses a secret, which holds a real key', () => {
    expect(check({ key_secret: 'prod/kalshi' })).toThrow('my.yaml: venues.kalshi.key_secret: must be empty');
  });

  it.each(venueNames)('has one clear error for a venue that nothing stands in for: %s', (venue) => {
    const others = Object.entries(given).filter(([name]) => !name.startsWith(venue.toUpperCase()));
    const asked = () => checkOwnVenues(own, Object.fromEntries(others), 'my.yaml');
    expect(asked).toThrow(
      `my.yaml: venues.${venue}.enabled: nothing stands in for this venue in a run with its own`,
    );
  });

  it('gives every registered venue the addresses that its configuration asks for', () => {
    const ready = {
      kalshi: { rest: given.KALSHI_REST_URL, ws: given.KALSHI_WEBSOCKET_URL },
      polymarket: {
        clob: given.POLYMARKET_CLOB_URL,
        gamma: given.POLYMARKET_GAMMA_URL,
        ws: given.POLYMARKET_WEBSOCKET_URL,
      },
    };
    const key = { KALSHI_KEY_ID: 'local-run', KALSHI_PRIVATE_KEY: '', KALSHI_PRIVATE_KEY_FILE: 'key.pem' };
    const enabled = { KALSHI_ENABLED: 'true', POLYMARKET_ENABLED: 'true' };
    expect(venueEnvironment(ready, 'sim', 'key.pem')).toEqual({ ...given, ...enabled, ...key });
    // A recording may lack one; the simulator must not.
    const { kalshi } = ready;
    expect(venueEnvironment({ kalshi }, 'replay', 'k')).toMatchObject({ POLYMARKET_ENABLED: 'false' });
    expect(venueEnvironment({ kalshi }, 'sim', 'k')).not.toHaveProperty('POLYMARKET_ENABLED');
  });

  it('does not mind a venue that is not captured', () => {
    const { rest_url } = real.venues.kalshi;
    expect(check({ enabled: false, rest_url, key_secret: 'prod/kalshi' })).not.toThrow();
  });
});
