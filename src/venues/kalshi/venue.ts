import type { Configuration } from '../../config/schema.ts';
import { lineTiming } from '../../connections/line-timing.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { VenueDefinition, VenueHttp, VenueKey, VenueLineSettings } from '../venue.ts';
import { KalshiDecoder } from './decode.ts';
import { KalshiEncoder } from './encode.ts';
import { KalshiCatalogue } from './markets.ts';
import { BATCH, KalshiRest } from './rest.ts';
import { sentBooks, sentUseYesPrice } from './sent-convention.ts';
import { kalshiProfile } from './session.ts';
import { kalshiSettlement } from './settlement.ts';
import { type KalshiSigner, kalshiSigner } from './signing.ts';

const FEEDS = ['ticker', 'trade', 'lifecycle'] as const;

/** A line as the configuration asks for it. */
function lineSettings(configuration: Configuration): VenueLineSettings {
  const { kalshi } = configuration.venues;
  return {
    url: kalshi.websocket_url,
    book: {
      connections: kalshi.connections.book,
      instrumentsPerConnection: kalshi.instruments_per_connection,
      minimumPerConnection: kalshi.minimum_per_connection,
    },
    feeds: FEEDS.map((purpose) => ({ purpose, connections: kalshi.connections[purpose] })),
    timing: lineTiming(configuration.capture),
    useYesPrice: kalshi.use_yes_price,
    combos: kalshi.combos,
  };
}

const signerOf = (key: VenueKey | null, { clock }: VenueHttp): KalshiSigner | undefined =>
  key === null ? undefined : kalshiSigner(key.keyId, key.privateKey, clock);

/** Kalshi: public data by REST, and a socket that asks for a signature. */
export const kalshiVenue: VenueDefinition = {
  venue: 'kalshi',
  needsKey: true,
  isNumbered: true,
  hasConventions: true,
  restAddress: ({ venues }) => venues.kalshi.rest_url,
  booksPerRequest: BATCH,
  decoder: () => new KalshiDecoder(),
  encoder: () => new KalshiEncoder(),
  sentConvention: sentUseYesPrice,
  settlement: kalshiSettlement,
  sentSubscription: sentBooks,
  session: kalshiProfile,
  lineSettings,
  access(configuration, key, http) {
    const { rest_url, websocket_url, combos, rate_share } = configuration.venues.kalshi;
    const signer = signerOf(key, http);
    const rest = new KalshiRest({ ...http, baseUrl: rest_url, signer, rateShare: rate_share });
    const socketPath = new URL(websocket_url).pathname;
    return {
      decoder: new KalshiDecoder(),
      catalogue: new KalshiCatalogue(rest, combos),
      fetchBooks: (instruments) => rest.orderbooks(instruments),
      ...(signer === undefined ? {} : { signer: () => signer('GET', socketPath) }),
    };
  },
  async *trades(address, key, http, { from, to }) {
    const rest = new KalshiRest({ ...http, baseUrl: address, signer: signerOf(key, http) });
    const span = {
      min_ts: Math.floor(from / MICROS_PER_SECOND),
      max_ts: Math.ceil(to / MICROS_PER_SECOND),
    };
    yield* rest.trades(span);
    // Those of markets that were settled long ago are kept elsewhere.
    yield* rest.historicalTrades(span);
  },
  books(address, key, http) {
    const rest = new KalshiRest({ ...http, baseUrl: address, signer: signerOf(key, http) });
    return (instruments) => rest.orderbooks(instruments);
  },
};
