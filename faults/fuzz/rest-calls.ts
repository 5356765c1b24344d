import type { HttpClientOptions } from '#src/http/http-client.ts';
import type { CatalogueMarket } from '#src/registry/catalogue.ts';
import { contentKey } from '#src/registry/content-key.ts';
import type { VenueCatalogue } from '#src/registry/venue-catalogue.ts';
import { KalshiCatalogue } from '#src/venues/kalshi/markets.ts';
import { KalshiRest } from '#src/venues/kalshi/rest.ts';
import { GammaRest } from '#src/venues/polymarket/gamma.ts';
import { PolymarketCatalogue } from '#src/venues/polymarket/markets.ts';
import { PolymarketRest } from '#src/venues/polymarket/rest.ts';
import type { VenueHttp } from '#src/venues/venue.ts';
import { GAMMA } from './exchange.ts';

/** One thing that is asked of a venue by REST. @returns what was made of the answers, element by element */
export type RestCall = () => Promise<readonly unknown[]>;

async function drained<T>(pages: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

const one = async (asked: Promise<unknown>): Promise<readonly unknown[]> => [await asked];

/** What the registry makes of a listing: everything that it takes is written down and given a key. */
function taken(catalogue: VenueCatalogue, markets: readonly CatalogueMarket[]): readonly CatalogueMarket[] {
  for (const market of markets) {
    contentKey(catalogue.content(market));
    JSON.stringify(market);
  }
  return markets;
}

/** Everything that the clients of Kalshi can ask, by name. */
export function kalshiCalls(
  http: VenueHttp & Pick<HttpClientOptions, 'fetch'>,
  [first = '', second = '']: readonly string[],
): Readonly<Record<string, RestCall>> {
  const rest = new KalshiRest({ ...http, baseUrl: 'http://kalshi.test/trade-api/v2' });
  const catalogue = new KalshiCatalogue(rest, true);
  const event = first.slice(0, first.lastIndexOf('-'));
  const candles = { start_ts: 1_699_990_000, end_ts: 1_700_100_000, period_interval: 60 } as const;
  const { signal } = new AbortController();
  return {
    status: () => one(rest.exchangeStatus()),
    schedule: () => one(rest.exchangeSchedule()),
    markets: () => drained(rest.markets({ limit: 10 })),
    market: () => one(rest.market(first)),
    events: () => drained(rest.events({ limit: 5 })),
    combos: () => drained(rest.multivariateEvents({})),
    event: () => one(rest.event(event)),
    series: () => rest.series(),
    book: () => one(rest.orderbook(first)),
    books: async () => (await rest.orderbooks([first, second])).books,
    trades: () => drained(rest.trades({ limit: 20 })),
    candles: async () => (await rest.candlesticks(event, first, candles)) ?? [],
    candles_of_many: async () => [...(await rest.candlesticksOf([first, second], candles)).values()].flat(),
    cutoff: () => one(rest.historicalCutoff()),
    old_markets: () => drained(rest.historicalMarkets({})),
    limits: () => one(rest.accountLimits()),
    costs: () => one(rest.endpointCosts()),
    listing: async () => taken(catalogue, await drained(catalogue.listOpen(signal))),
    look_up: async () => taken(catalogue, await catalogue.fetchMarkets([first, second], signal)),
  };
}

/** Everything that the clients of Polymarket can ask, by name. */
export function polymarketCalls(
  http: VenueHttp & Pick<HttpClientOptions, 'fetch'>,
  [first = '', second = '']: readonly string[],
): Readonly<Record<string, RestCall>> {
  const rest = new PolymarketRest({ ...http, baseUrl: 'http://clob.test' });
  const gamma = new GammaRest({ ...http, baseUrl: `http://${GAMMA}` });
  const catalogue = new PolymarketCatalogue(gamma);
  const { signal } = new AbortController();
  return {
    book: () => one(rest.book(first)),
    books: async () => (await rest.books([first, second])).books,
    markets: () => drained(rest.markets()),
    sampling_markets: () => drained(rest.samplingMarkets()),
    simplified_markets: () => drained(rest.simplifiedMarkets()),
    time: () => one(rest.time()),
    tick_size: () => one(rest.tickSize(first)),
    neg_risk: () => one(rest.negRisk(first)),
    price: () => one(rest.price(first, 'BUY')),
    midpoint: () => one(rest.midpoint(first)),
    spread: () => one(rest.spread(first)),
    last_trade_price: () => one(rest.lastTradePrice(first)),
    listing: async () => taken(catalogue, await drained(catalogue.listOpen(signal))),
    look_up: async () => taken(catalogue, await catalogue.fetchInstruments([first, second], signal)),
    gamma_events: () => drained(gamma.events({})),
  };
}
