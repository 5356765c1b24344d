import { formatMillionths } from '#src/units/decimal.ts';
import { complement, type Price } from '#src/units/price.ts';
import {
  type Clock,
  formatRfc3339,
  MICROS_PER_DAY,
  MICROS_PER_SECOND,
  type Micros,
} from '#src/units/time.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';
import { TokenBuckets } from '../http/rate-limits.ts';
import type { Random } from '../market/random.ts';
import type { KalshiAuthentication } from './authentication.ts';
import { type CandleRequest, candlesticks } from './candlesticks.ts';
import type { KalshiEventFacts } from './market.ts';
import { listMarkets } from './market-listing.ts';
import { BadRequest, page, wholeNumber } from './query.ts';
import type { KalshiRestData, ListedTrade } from './rest-data.ts';

export interface KalshiRestLimits {
  /** Tokens a second and bucket size for signed requests, and the cost of a request. */
  readonly refill: number;
  readonly capacity: number;
  readonly cost: number;
  /** Unsigned requests a second and address, and how many at once. */
  readonly unsignedRefill: number;
  readonly unsignedBurst: number;
}

export const KALSHI_REST_LIMITS: KalshiRestLimits = {
  refill: 1_200,
  capacity: 3_600,
  cost: 10,
  unsignedRefill: 5,
  unsignedBurst: 20,
};

export const PREFIX = '/trade-api/v2';
const BATCH = 100;
const LONGEST_TICKER = 200;

/** Both bodies of a refusal for too many requests: the documented one and the one that has been seen. */
export function tooManyRequests(random: Random): unknown {
  return random.chance(0.5)
    ? { error: 'too many requests' }
    : { error: { code: 'too_many_requests', message: 'too many requests' } };
}

const notFound = (what: string): RestAnswer => ({
  status: 404,
  body: { error: { code: 'not_found', message: `${what} not found` } },
});

const ok = (body: unknown): RestAnswer => ({ status: 200, body });

/** Kalshi's REST interface (protocol: REST). */
export class KalshiRestServer {
  readonly #data: KalshiRestData;
  readonly #authentication: KalshiAuthentication;
  readonly #limits: KalshiRestLimits;
  readonly #signed: TokenBuckets;
  readonly #unsigned: TokenBuckets;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(
    data: KalshiRestData,
    authentication: KalshiAuthentication,
    limits: KalshiRestLimits,
    random: Random,
    clock: Clock,
  ) {
    this.#data = data;
    this.#authentication = authentication;
    this.#limits = limits;
    this.#signed = new TokenBuckets(limits.refill, limits.capacity, clock);
    this.#unsigned = new TokenBuckets(limits.unsignedRefill, limits.unsignedBurst, clock);
    this.#random = random;
    this.#clock = clock;
  }

  handle = async (request: RestRequest): Promise<RestAnswer> => {
    if (!request.path.startsWith(`${PREFIX}/`)) return notFound('page');
    const identity = this.#authentication.identify(request);
    if (identity.kind === 'refused') return identity.answer;
    const allowed =
      identity.kind === 'signed'
        ? this.#signed.take(identity.keyId, this.#limits.cost)
        : this.#unsigned.take(request.address, 1);
    if (!allowed) return { status: 429, body: tooManyRequests(this.#random) };
    if (request.method !== 'GET')
      return { status: 405, body: { code: 'method_not_allowed', message: 'only GET is served' } };
    try {
      return this.#get(request.path.slice(PREFIX.length), request.query, identity.kind === 'signed');
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      return {
        status: 400,
        body: { code: 'invalid_parameters', message: error.message, details: error.parameter },
      };
    }
  };

  #get(path: string, query: URLSearchParams, isSigned: boolean): RestAnswer {
    switch (path) {
      case '/exchange/status':
        return this.#status();
      case '/exchange/schedule':
        return ok({
          schedule: {
            standard_hours: [{ start_time: '2026-01-01T00:00:00Z', end_time: '2036-01-01T00:00:00Z' }],
            maintenance_windows: [
              { start_datetime: '2026-12-03T08:00:00Z', end_datetime: '2026-12-03T10:00:00Z' },
            ],
          },
        });
      case '/markets':
        return ok(listMarkets(this.#data, query));
      case '/markets/orderbooks':
        return this.#books(query.getAll('tickers'));
      case '/markets/trades':
        return this.#trades(query);
      case '/historical/trades':
        return ok({ trades: [], cursor: '' });
      case '/historical/markets':
        return ok({ markets: [], cursor: '' });
      case '/historical/cutoff': {
        const cutoff = formatRfc3339((this.#clock() - 60 * MICROS_PER_DAY) as Micros);
        return ok({ market_settled_ts: cutoff, trades_created_ts: cutoff, orders_updated_ts: cutoff });
      }
      case '/markets/candlesticks':
        return this.#manyCandles(query);
      case '/events':
        return this.#events(query, false);
      case '/events/multivariate':
        return this.#events(query, true);
      case '/events/fee_changes':
      case '/series/fee_changes':
        return ok({ fee_changes: [], cursor: '' });
      case '/series':
        return ok({
          series: this.#series().filter(
            ({ category }) => !query.has('category') || category === query.get('category'),
          ),
        });
      case '/account/limits':
        return isSigned ? this.#accountLimits() : this.#authentication.unauthorized();
      case '/account/endpoint_costs':
        return isSigned
          ? ok({ default_cost: this.#limits.cost, endpoint_costs: [] })
          : this.#authentication.unauthorized();
      default:
        return this.#named(path, query);
    }
  }

  /** Paths that name one thing. */
  #named(path: string, query: URLSearchParams): RestAnswer {
    const parts = path.split('/').slice(1).map(decodeURIComponent);
    const [kind, name = '', detail, ticker] = parts;
    if (kind === 'markets' && parts.length === 2) {
      return this.#data.market(name) === undefined
        ? notFound('market')
        : ok({ market: this.#data.object(name) });
    }
    if (kind === 'markets' && parts.length === 3 && detail === 'orderbook') return this.#book(name, query);
    if (kind === 'events' && parts.length === 2) return this.#event(name, query);
    if (kind === 'series' && parts.length === 2) {
      const series = this.#series().find((one) => one.ticker === name);
      return series === undefined ? notFound('series') : ok({ series });
    }
    if (kind === 'series' && parts.length === 5 && detail === 'markets' && parts[4] === 'candlesticks') {
      const market = this.#data.market(ticker!);
      if (market === undefined || market.event.series_ticker !== name) return notFound('market');
      return ok({ ticker: market.ticker, candlesticks: this.#candles(market.ticker, query) });
    }
    return notFound('page');
  }

  #status(): RestAnswer {
    const { isTrading } = this.#data;
    return {
      status: isTrading ? 200 : 503,
      body: {
        exchange_active: isTrading,
        trading_active: isTrading,
        intra_exchange_transfers_active: isTrading,
        exchange_estimated_resume_time: null,
        exchange_index_statuses: [0, 1, 2, 3].map((exchange_index) => ({
          exchange_index,
          description: `shard ${exchange_index}`,
          exchange_active: isTrading,
          trading_active: isTrading,
        })),
      },
    };
  }

  #book(ticker: string, query: URLSearchParams): RestAnswer {
    const depth = wholeNumber(query, 'depth', 0, 100) ?? 0;
    const book = this.#data.book(ticker);
    if (book === null) return notFound('market');
    const cut = <T>(levels: readonly T[]): readonly T[] => (depth === 0 ? levels : levels.slice(-depth));
    return ok({ orderbook_fp: { yes_dollars: cut(book.yes), no_dollars: cut(book.no) } });
  }

  #books(tickers: readonly string[]): RestAnswer {
    if (tickers.length === 0 || tickers.length > BATCH) {
      throw new BadRequest('tickers', `tickers must be given 1 to ${BATCH} times`);
    }
    if (tickers.some((ticker) => ticker.length > LONGEST_TICKER))
      throw new BadRequest('tickers', 'ticker too long');
    const orderbooks = [];
    for (const ticker of new Set(tickers)) {
      const book = this.#data.book(ticker);
      if (book !== null)
        orderbooks.push({ ticker, orderbook_fp: { yes_dollars: book.yes, no_dollars: book.no } });
    }
    return ok({ orderbooks });
  }

  #trades(query: URLSearchParams): RestAnswer {
    const from = (wholeNumber(query, 'min_ts', 0) ?? 0) * MICROS_PER_SECOND;
    const to =
      ((wholeNumber(query, 'max_ts', 0) ?? Number.MAX_SAFE_INTEGER / 2_000_000) + 1) * MICROS_PER_SECOND;
    const ticker = query.get('ticker');
    const block = query.get('is_block_trade');
    const fits = (trade: ListedTrade): boolean =>
      (ticker === null || trade.ticker === ticker) &&
      trade.at >= from &&
      trade.at < to &&
      (block === null || String(trade.isBlock) === block);
    const { items, cursor } = page(
      query,
      1_000,
      100,
      this.#data.trades().filter(fits).reverse(),
      ({ id }) => id,
    );
    return ok({ trades: items.map(tradeObject), cursor });
  }

  #candles(ticker: string, query: URLSearchParams): unknown[] {
    const start = wholeNumber(query, 'start_ts', 0);
    const end = wholeNumber(query, 'end_ts', 0);
    const interval = wholeNumber(query, 'period_interval', 1);
    if (start === null) throw new BadRequest('start_ts', 'start_ts is required');
    if (end === null || end < start)
      throw new BadRequest('end_ts', 'end_ts is required and not before start_ts');
    if (interval !== 1 && interval !== 60 && interval !== 1440) {
      throw new BadRequest('period_interval', 'period_interval must be 1, 60 or 1440');
    }
    const request: CandleRequest = { ticker, start, end, minutes: interval };
    return candlesticks(request, this.#data.trades(), this.#data.object(ticker));
  }

  #manyCandles(query: URLSearchParams): RestAnswer {
    const tickers = (query.get('market_tickers') ?? '').split(',').filter((ticker) => ticker !== '');
    if (tickers.length === 0 || tickers.length > BATCH) {
      throw new BadRequest('market_tickers', `market_tickers must name 1 to ${BATCH} markets`);
    }
    const known = tickers.filter((ticker) => this.#data.market(ticker) !== undefined);
    return ok({
      markets: known.map((ticker) => ({ market_ticker: ticker, candlesticks: this.#candles(ticker, query) })),
    });
  }

  #eventObject(event: KalshiEventFacts, withMarkets: boolean): Record<string, unknown> {
    const { isCombo, ...facts } = event;
    const markets = withMarkets
      ? [...this.#data.markets()]
          .filter((market) => market.event === event)
          .map((market) => this.#data.object(market.ticker))
      : undefined;
    return {
      ...facts,
      collateral_return_type: '',
      strike_period: '',
      available_on_brokers: false,
      ...(markets === undefined ? {} : { markets }),
    };
  }

  #events(query: URLSearchParams, combos: boolean): RestAnswer {
    const series = query.get('series_ticker');
    const tickers = query.get('tickers')?.split(',');
    const events = [...this.#data.events()].filter(
      (event) =>
        event.isCombo === combos &&
        (series === null || event.series_ticker === series) &&
        (tickers === undefined || tickers.includes(event.event_ticker)),
    );
    const { items, cursor } = page(query, 200, combos ? 100 : 200, events, (event) => event.event_ticker);
    const nested = query.get('with_nested_markets') === 'true';
    return ok({ events: items.map((event) => this.#eventObject(event, nested)), cursor });
  }

  #event(ticker: string, query: URLSearchParams): RestAnswer {
    for (const event of this.#data.events()) {
      if (event.event_ticker !== ticker) continue;
      const nested = query.get('with_nested_markets') === 'true';
      const markets = this.#eventObject(event, true)['markets'];
      return ok({ event: this.#eventObject(event, nested), ...(nested ? {} : { markets }) });
    }
    return notFound('event');
  }

  #series(): SeriesObject[] {
    const series = new Map<string, SeriesObject>();
    for (const { series_ticker, title, category } of this.#data.events()) {
      series.set(series_ticker, { ticker: series_ticker, title, category, frequency: 'daily', tags: [] });
    }
    return [...series.values()];
  }

  #accountLimits(): RestAnswer {
    const { refill, capacity } = this.#limits;
    return ok({
      usage_tier: 'premier',
      read: { refill_rate: refill, bucket_capacity: capacity },
      write: { refill_rate: refill, bucket_capacity: capacity },
      grants: [],
    });
  }
}

interface SeriesObject {
  readonly ticker: string;
  readonly title: string;
  readonly category: string;
  readonly frequency: string;
  readonly tags: readonly string[];
}

function tradeObject(trade: ListedTrade): Record<string, unknown> {
  const side = trade.taker === 'buy' ? 'yes' : 'no';
  return {
    trade_id: trade.id,
    ticker: trade.ticker,
    // A recording may hold more digits than the exchange simulated here makes.
    count_fp: formatMillionths(trade.size, 2),
    yes_price_dollars: formatMillionths(trade.price, 4),
    no_price_dollars: formatMillionths(complement(trade.price as Price), 4),
    ...(trade.taker === null
      ? {}
      : {
          taker_side: side,
          taker_outcome_side: side,
          taker_book_side: trade.taker === 'buy' ? 'bid' : 'ask',
        }),
    created_time: formatRfc3339(trade.at),
    is_block_trade: trade.isBlock,
  };
}
