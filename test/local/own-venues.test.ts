import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { checkOwnVenues } from '../../local/run/own-venues.ts';

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

  it('does not mind a venue that is not captured', () => {
    const { rest_url } = real.venues.kalshi;
    expect(check({ enabled: false, rest_url, key_secret: 'prod/kalshi' })).not.toThrow();
  });
});
