import { z } from 'zod';
import type { BookSnapshotEvent, TradeEvent } from '../../events/event.ts';
import { type AnswerProblem, reasonText, wrongShape } from '../../http/answer-shape.ts';
import { chunks } from '../../http/chunks.ts';
import { HttpClient, type HttpClientOptions } from '../../http/http-client.ts';
import { orNull } from '../../http/http-error.ts';
import { cursorPages } from '../../http/pagination.ts';
import { queryOf } from '../../http/query.ts';
import type { FetchedBooks } from '../fetched-books.ts';
import { KalshiBudget } from './rest-budget.ts';
import { type KalshiCandle, kalshiCandle } from './rest-candles.ts';
import { kalshiRestBook, kalshiRestTrade } from './rest-events.ts';
import type {
  KalshiCandlesQuery,
  KalshiEventsQuery,
  KalshiMarketsQuery,
  KalshiTradesQuery,
} from './rest-queries.ts';
import * as schemas from './rest-schema.ts';
import { KalshiTransport, listOf } from './rest-transport.ts';
import type { KalshiSigner } from './signing.ts';

export interface KalshiRestOptions extends Omit<HttpClientOptions, 'headers'> {
  /** Without one, requests go unsigned: market data needs no key, but has a lower limit. */
  readonly signer?: KalshiSigner | undefined;
  /** Part of the account's rate budget for this process; 1 unless said. */
  readonly rateShare?: number;
  /** Told of every element of an answer that could not be used. */
  readonly problem?: (problem: AnswerProblem) => void;
}

/** Most tickers in one `GET /markets/orderbooks` or `/markets/candlesticks`. */
export const BATCH = 100;

const oneMarket = z.looseObject({ market: schemas.marketSchema });
const oneSeries = z.looseObject({ series: schemas.seriesSchema });
const oneEvent = z.looseObject({ event: schemas.eventSchema, markets: z.array(z.unknown()).nullish() });
const bookEntry = z.looseObject({ ticker: z.string() });
const candlesEntry = z.looseObject({
  market_ticker: z.string(),
  candlesticks: z.array(z.unknown()).nullish(),
});

const LONG_LISTING_MILLIS = 60_000;

/**
 * Kalshi's REST interface, as far as market data goes. Lists come as pages to iterate over; something that is not
 * there is null; anything else that fails is an `HttpError`. An element that cannot be read is reported to
 * `problem` and costs nothing else.
 */
export class KalshiRest {
  readonly budget: KalshiBudget;
  readonly #transport: KalshiTransport;
  readonly #signed: boolean;
  readonly #problem: (problem: AnswerProblem) => void;

  constructor(options: KalshiRestOptions) {
    const { signer, rateShare, problem, ...http } = options;
    this.#signed = signer !== undefined;
    this.budget = new KalshiBudget(this.#signed, rateShare ?? 1, options.clock, options.sleep);
    const client = new HttpClient(signer === undefined ? http : { ...http, headers: signer });
    this.#problem = problem ?? (() => {});
    this.#transport = new KalshiTransport(client, this.budget, this.#problem);
  }

  /** Whether the exchange and trading run. The same body comes with 500, 503 and 504 when they do not. */
  async exchangeStatus(): Promise<schemas.KalshiExchangeStatus> {
    const get = { path: '/exchange/status', accept: [500, 503, 504] };
    return (await this.#transport.get(get, schemas.exchangeStatusSchema)).body;
  }

  async exchangeSchedule(): Promise<schemas.KalshiExchangeSchedule> {
    return (await this.#transport.get({ path: '/exchange/schedule' }, schemas.exchangeScheduleSchema)).body;
  }

  markets(query: KalshiMarketsQuery, signal?: AbortSignal): AsyncGenerator<readonly schemas.KalshiMarket[]> {
    return this.#marketPages('/markets', query, signal);
  }

  market(ticker: string): Promise<schemas.KalshiMarket | null> {
    return this.#marketAt(`/markets/${encodeURIComponent(ticker)}`, '/markets/{ticker}');
  }

  events(query: KalshiEventsQuery, signal?: AbortSignal): AsyncGenerator<readonly schemas.KalshiEvent[]> {
    return this.#eventPages('/events', query, signal);
  }

  /** Events of combos, which `events` leaves out. */
  multivariateEvents(
    query: KalshiEventsQuery,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly schemas.KalshiEvent[]> {
    return this.#eventPages('/events/multivariate', query, signal);
  }

  async event(ticker: string): Promise<schemas.KalshiEvent | null> {
    const get = { path: `/events/${encodeURIComponent(ticker)}`, route: '/events/{event_ticker}' };
    return orNull(async () => (await this.#transport.get(get, oneEvent)).body.event);
  }

  /** All series at once: the listing has no pages and is about 18 MB unless narrowed by category. */
  async series(
    query: { readonly category?: string; readonly min_updated_ts?: number } = {},
  ): Promise<schemas.KalshiSeries[]> {
    const get = { path: '/series', query: queryOf(query), attemptTimeoutMillis: LONG_LISTING_MILLIS };
    const { body } = await this.#transport.get(get, listOf('series'));
    return this.#transport.elements('/series', body['series'], schemas.seriesSchema);
  }

  async oneSeries(ticker: string): Promise<schemas.KalshiSeries | null> {
    const get = { path: `/series/${encodeURIComponent(ticker)}`, route: '/series/{series_ticker}' };
    return orNull(async () => (await this.#transport.get(get, oneSeries)).body.series);
  }

  /** @param depth levels per side, 1 to 100; the whole book without it */
  async orderbook(ticker: string, depth?: number): Promise<BookSnapshotEvent | null> {
    const route = '/markets/{ticker}/orderbook';
    const path = `/markets/${encodeURIComponent(ticker)}/orderbook`;
    return orNull(async () => {
      const get = { path, route, query: queryOf({ depth }) };
      const { body, answer } = await this.#transport.get(get, schemas.orderbookSchema);
      try {
        return kalshiRestBook(ticker, body, answer.received_at, depth);
      } catch (error) {
        throw wrongShape(answer, { method: 'GET', path, route }, reasonText(error));
      }
    });
  }

  /** Whole books of any number of markets, a hundred to a request. */
  async orderbooks(tickers: readonly string[], signal?: AbortSignal): Promise<FetchedBooks> {
    const books = new Map<string, BookSnapshotEvent>();
    for (const chunk of chunks(tickers, BATCH)) {
      const get = { path: '/markets/orderbooks', query: queryOf({ tickers: chunk }), signal };
      const { body, answer } = await this.#transport.get(get, listOf('orderbooks'));
      const read = (entry: unknown): BookSnapshotEvent => {
        const { ticker } = bookEntry.parse(entry);
        return kalshiRestBook(ticker, schemas.orderbookSchema.parse(entry), answer.received_at);
      };
      for (const book of this.#transport.readEach(get.path, (body['orderbooks'] as unknown[]) ?? [], read)) {
        books.set(book.instrument, book);
      }
    }
    return {
      books: [...books.values()],
      missing: tickers.filter((ticker) => !books.has(ticker)),
    };
  }

  /** Trades, newest first. Those of settled markets move to the historical tier after about two months. */
  trades(query: KalshiTradesQuery, signal?: AbortSignal): AsyncGenerator<readonly TradeEvent[]> {
    return this.#tradePages('/markets/trades', query, signal);
  }

  async candlesticks(
    series: string,
    ticker: string,
    query: KalshiCandlesQuery,
  ): Promise<KalshiCandle[] | null> {
    const path = `/series/${encodeURIComponent(series)}/markets/${encodeURIComponent(ticker)}/candlesticks`;
    return this.#candles(path, '/series/{series_ticker}/markets/{ticker}/candlesticks', query);
  }

  /** Candles of any number of markets, by ticker; the venue gives at most 10,000 per request of a hundred markets. */
  async candlesticksOf(
    tickers: readonly string[],
    query: KalshiCandlesQuery,
  ): Promise<ReadonlyMap<string, KalshiCandle[]>> {
    const result = new Map<string, KalshiCandle[]>();
    const path = '/markets/candlesticks';
    for (const chunk of chunks(tickers, BATCH)) {
      const get = { path, query: queryOf({ market_tickers: chunk.join(','), ...query }) };
      const { body } = await this.#transport.get(get, listOf('markets'));
      for (const entry of this.#transport.elements(path, body['markets'], candlesEntry)) {
        const candles = this.#transport.elements(path, entry.candlesticks, schemas.candleSchema);
        result.set(entry.market_ticker, this.#transport.readEach(path, candles, kalshiCandle));
      }
    }
    return result;
  }

  /** Before these times data is in the historical tier. */
  async historicalCutoff(): Promise<schemas.KalshiHistoricalCutoff> {
    return (await this.#transport.get({ path: '/historical/cutoff' }, schemas.historicalCutoffSchema)).body;
  }

  /** Filters exclude each other here. */
  historicalMarkets(
    query: Pick<KalshiMarketsQuery, 'tickers' | 'event_ticker' | 'series_ticker' | 'mve_filter' | 'limit'>,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly schemas.KalshiMarket[]> {
    return this.#marketPages('/historical/markets', query, signal);
  }

  historicalMarket(ticker: string): Promise<schemas.KalshiMarket | null> {
    return this.#marketAt(
      `/historical/markets/${encodeURIComponent(ticker)}`,
      '/historical/markets/{ticker}',
    );
  }

  historicalTrades(query: KalshiTradesQuery, signal?: AbortSignal): AsyncGenerator<readonly TradeEvent[]> {
    return this.#tradePages('/historical/trades', query, signal);
  }

  async historicalCandlesticks(ticker: string, query: KalshiCandlesQuery): Promise<KalshiCandle[] | null> {
    const path = `/historical/markets/${encodeURIComponent(ticker)}/candlesticks`;
    return this.#candles(path, '/historical/markets/{ticker}/candlesticks', query);
  }

  async accountLimits(signal?: AbortSignal): Promise<schemas.KalshiAccountLimits> {
    return (await this.#transport.get({ path: '/account/limits', signal }, schemas.accountLimitsSchema)).body;
  }

  /** Endpoints whose requests cost other than the default. */
  async endpointCosts(signal?: AbortSignal): Promise<schemas.KalshiEndpointCosts> {
    return (
      await this.#transport.get({ path: '/account/endpoint_costs', signal }, schemas.endpointCostsSchema)
    ).body;
  }

  /**
   * Asks the venue for the account's rate limits and the cost of each endpoint, and keeps to them from now on.
   * Without a key there is nothing to ask; what the venue does not tell stays as it was, and is reported to
   * `problem`.
   */
  async adoptLimits(signal?: AbortSignal): Promise<void> {
    if (!this.#signed) return;
    try {
      this.budget.setLimits(await this.accountLimits(signal));
      this.budget.setCosts(await this.endpointCosts(signal));
    } catch (error) {
      const message = `rate limits stay as they were: ${reasonText(error)}`;
      this.#problem({ route: '/account/limits', subject: null, message, raw: null });
    }
  }

  #marketPages(
    path: string,
    query: KalshiMarketsQuery,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly schemas.KalshiMarket[]> {
    const { tickers, ...rest } = query;
    const fixed = { limit: 1000, ...rest, tickers: tickers?.join(',') };
    return cursorPages(path, (cursor) => {
      const get = { path, query: queryOf({ ...fixed, cursor: cursor ?? undefined }), signal };
      return this.#transport.page(get, 'markets', schemas.marketSchema);
    });
  }

  #eventPages(
    path: string,
    query: KalshiEventsQuery,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly schemas.KalshiEvent[]> {
    return cursorPages(path, (cursor) => {
      const get = { path, query: queryOf({ limit: 200, ...query, cursor: cursor ?? undefined }), signal };
      return this.#transport.page(get, 'events', schemas.eventSchema);
    });
  }

  #tradePages(
    path: string,
    query: KalshiTradesQuery,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly TradeEvent[]> {
    return cursorPages(path, async (cursor) => {
      const get = { path, query: queryOf({ limit: 1000, ...query, cursor: cursor ?? undefined }), signal };
      const page = await this.#transport.page(get, 'trades', schemas.tradeSchema);
      const read = (trade: schemas.KalshiTradeBody) => kalshiRestTrade(trade, page.answer.received_at);
      return { items: this.#transport.readEach(path, page.items, read), next: page.next };
    });
  }

  #marketAt(path: string, route: string): Promise<schemas.KalshiMarket | null> {
    return orNull(async () => (await this.#transport.get({ path, route }, oneMarket)).body.market);
  }

  #candles(path: string, route: string, query: KalshiCandlesQuery): Promise<KalshiCandle[] | null> {
    return orNull(async () => {
      const { body } = await this.#transport.get(
        { path, route, query: queryOf({ ...query }) },
        listOf('candlesticks'),
      );
      const candles = this.#transport.elements(route, body['candlesticks'], schemas.candleSchema);
      return this.#transport.readEach(route, candles, kalshiCandle);
    });
  }
}
