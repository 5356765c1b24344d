import type { Configuration } from '../config/schema.ts';
import type { PoolTiming } from '../connections/pool-contract.ts';
import { DEFAULT_TIMING } from '../connections/pool-contract.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';
import { ANNOUNCEMENTS } from './line.ts';
import type { VenueLineSettings } from './venue-line.ts';

/** More Polymarket sockets than this have never been tried by anybody: 105,000 tokens need 525. */
const POLYMARKET_CONNECTIONS = 2_000;
const FEEDS = ['ticker', 'trade', 'lifecycle'] as const;

function timing(capture: Configuration['capture']): PoolTiming {
  return {
    ...DEFAULT_TIMING,
    firstEventDeadline: capture.first_event_deadline_seconds * MICROS_PER_SECOND,
    stallAfter: capture.stall_seconds * MICROS_PER_SECOND,
    maxAge: capture.connection_max_age_seconds * MICROS_PER_SECOND,
  };
}

/** A Kalshi line as the configuration asks for it. */
export function kalshiLineSettings(configuration: Configuration): VenueLineSettings {
  const { kalshi } = configuration.venues;
  return {
    url: kalshi.websocket_url,
    book: {
      connections: kalshi.connections.book,
      instrumentsPerConnection: kalshi.instruments_per_connection,
      minimumPerConnection: kalshi.minimum_per_connection,
    },
    feeds: FEEDS.map((purpose) => ({ purpose, connections: kalshi.connections[purpose] })),
    timing: timing(configuration.capture),
    useYesPrice: kalshi.use_yes_price,
    combos: kalshi.combos,
  };
}

/** A Polymarket line as the configuration asks for it: sockets as needed, filled one after the other. */
export function polymarketLineSettings(configuration: Configuration): VenueLineSettings {
  const { polymarket } = configuration.venues;
  return {
    url: polymarket.websocket_url,
    book: {
      connections: POLYMARKET_CONNECTIONS,
      instrumentsPerConnection: polymarket.instruments_per_connection,
      minimumPerConnection: polymarket.instruments_per_connection,
    },
    feeds: [{ purpose: ANNOUNCEMENTS, connections: 0 }],
    timing: timing(configuration.capture),
    useYesPrice: false,
    combos: false,
  };
}
