import { ANNOUNCEMENTS } from '../../capture/line.ts';
import type { Configuration } from '../../config/schema.ts';
import { lineTiming } from '../../connections/line-timing.ts';
import type { VenueDefinition, VenueLineSettings } from '../venue.ts';
import { BookHashEvidence, provesStoredBook } from './book-hash-evidence.ts';
import { PolymarketDecoder } from './decode.ts';
import { PolymarketEncoder } from './encode.ts';
import { GammaRest } from './gamma.ts';
import { PolymarketCatalogue } from './markets.ts';
import { BATCH, PolymarketRest } from './rest.ts';
import { polymarketLimits } from './rest-limits.ts';
import { sentTokens } from './sent-tokens.ts';
import { polymarketProfile } from './session.ts';
import { polymarketSettlement } from './settlement.ts';
import { withOrdinal } from './trade-id.ts';

/** More sockets than this have never been tried by anybody: 105,000 tokens need 525. */
const CONNECTIONS = 2_000;

/** A line as the configuration asks for it: sockets as needed, filled one after the other. */
function lineSettings(configuration: Configuration): VenueLineSettings {
  const { polymarket } = configuration.venues;
  return {
    url: polymarket.websocket_url,
    book: {
      connections: CONNECTIONS,
      instrumentsPerConnection: polymarket.instruments_per_connection,
      minimumPerConnection: polymarket.instruments_per_connection,
    },
    feeds: [{ purpose: ANNOUNCEMENTS, connections: 0 }],
    timing: lineTiming(configuration.capture),
    useYesPrice: false,
    combos: false,
  };
}

/** Polymarket: everything is public, and nothing is numbered. */
export const polymarketVenue: VenueDefinition = {
  venue: 'polymarket',
  needsKey: false,
  isNumbered: false,
  isAnnouncedToAll: (type) => type === 'new_market' || type === 'market_resolved',
  hasConventions: false,
  restAddress: ({ venues }) => venues.polymarket.clob_url,
  booksPerRequest: BATCH,
  decoder: () => new PolymarketDecoder(),
  encoder: (marketOf) => new PolymarketEncoder(marketOf),
  sentConvention: () => null,
  sentSubscription: sentTokens,
  withOrdinal,
  settlement: polymarketSettlement,
  provesBook: provesStoredBook,
  session: polymarketProfile,
  lineSettings,
  access(configuration, _key, http) {
    const { clob_url, gamma_url, rate_share } = configuration.venues.polymarket;
    const shared = { ...http, limits: polymarketLimits(rate_share, http.clock, http.sleep) };
    const hashes = new BookHashEvidence();
    const rest = new PolymarketRest({ ...shared, hashes, baseUrl: clob_url });
    return {
      decoder: new PolymarketDecoder(hashes),
      proofs: hashes,
      catalogue: new PolymarketCatalogue(new GammaRest({ ...shared, baseUrl: gamma_url }), hashes),
      fetchBooks: (instruments) => rest.books(instruments),
    };
  },
  books(address, _key, http) {
    const rest = new PolymarketRest({ ...http, baseUrl: address });
    return (instruments) => rest.books(instruments);
  },
};
