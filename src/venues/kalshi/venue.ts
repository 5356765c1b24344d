import type { Configuration } from '../../config/schema.ts';
import { lineTiming } from '../../connections/line-timing.ts';
import type { VenueDefinition, VenueHttp, VenueKey, VenueLineSettings } from '../venue.ts';
import { KalshiDecoder } from './decode.ts';
import { KalshiCatalogue } from './markets.ts';
import { BATCH, KalshiRest } from './rest.ts';
import { sentUseYesPrice } from './sent-convention.ts';
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
  booksPerRequest: BATCH,
  decoder: () => new KalshiDecoder(),
  sentConvention: sentUseYesPrice,
  settlement: kalshiSettlement,
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
  books(address, key, http) {
    const rest = new KalshiRest({ ...http, baseUrl: address, signer: signerOf(key, http) });
    return (instruments) => rest.orderbooks(instruments);
  },
};
