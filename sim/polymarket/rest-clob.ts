import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, formatRfc3339, MICROS_PER_MILLI, MICROS_PER_SECOND } from '#src/units/time.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';
import { SlidingWindow } from '../http/rate-limits.ts';
import type { ListedPolymarket, PolymarketRestData } from './rest-data.ts';
import {
  type BatchForm,
  batchForms,
  midpointOf,
  priceHistory,
  priceOf,
  quoteOf,
  spreadOf,
} from './rest-quotes.ts';

/** Requests in ten seconds, by route; over the limit a request is delayed, and refused when that takes too long. */
export const CLOB_LIMITS: Readonly<Record<string, number>> = {
  all: 9_000,
  '/book': 1_500,
  '/price': 1_500,
  '/midpoint': 1_500,
  '/books': 500,
  '/prices': 500,
  '/midpoints': 500,
  '/prices-history': 1_000,
  '/tick-size': 200,
};

const LONGEST_DELAY_MILLIS = 3_000;
const MOST_TOKENS = 500;
const PAGE = 1_000;
/** Trades of one answer. */
const MOST_TRADES = 500;
const ACTIVITY = '/live-activity/events/';
/** Base64 of −1: there are no more pages. */
const END_CURSOR = 'LTE=';

const ok = (body: unknown): RestAnswer => ({ status: 200, body });
const failed = (status: number, error: string): RestAnswer => ({ status, body: { error } });
const NO_BOOK = failed(404, 'No orderbook exists for the requested token id');

/** Takes places in sliding windows, waits as long as a venue would, or refuses. */
export class WindowedLimits {
  readonly #windows: ReadonlyMap<string, SlidingWindow>;

  constructor(limits: Readonly<Record<string, number>>, clock: Clock) {
    this.#windows = new Map(
      Object.entries(limits).map(([route, limit]) => [route, new SlidingWindow(limit, clock)]),
    );
  }

  /** Null when the request may go on. */
  async pass(...routes: readonly string[]): Promise<RestAnswer | null> {
    const waits = routes.map((route) => this.#windows.get(route)?.take() ?? 0);
    const millis = Math.ceil(Math.max(0, ...waits) / MICROS_PER_MILLI);
    if (millis > LONGEST_DELAY_MILLIS) {
      return {
        status: 429,
        body: 'error code: 1015',
        headers: { 'retry-after': String(Math.ceil(millis / 1_000)) },
      };
    }
    if (millis > 0) await sleep(millis);
    return null;
  }
}

/** The public part of the CLOB's REST interface (protocol: CLOB REST). */
export class ClobServer {
  readonly #data: PolymarketRestData;
  readonly #clock: Clock;
  readonly #limits: WindowedLimits;

  constructor(data: PolymarketRestData, clock: Clock) {
    this.#data = data;
    this.#clock = clock;
    this.#limits = new WindowedLimits(CLOB_LIMITS, clock);
  }

  handle = async (request: RestRequest): Promise<RestAnswer> => {
    const { method, path, query } = request;
    const refusal = await this.#limits.pass('all', path);
    if (refusal !== null) return refusal;
    const batch = method === 'POST' ? batchForms.get(path) : undefined;
    if (batch !== undefined) return this.#many(request.body, batch);
    if (method !== 'GET') return failed(405, 'Method not allowed');
    switch (path) {
      case '/':
      case '/ok':
        return ok('OK');
      case '/time':
        return ok(Math.floor(this.#clock() / MICROS_PER_SECOND));
      case '/markets':
        return this.#listing(query, () => true, clobMarket);
      case '/sampling-markets':
        return this.#listing(query, ({ isClosed }) => !isClosed, clobMarket);
      case '/simplified-markets':
        return this.#listing(query, () => true, simplifiedMarket);
      case '/sampling-simplified-markets':
        return this.#listing(query, ({ isClosed }) => !isClosed, simplifiedMarket);
      default:
    }
    if (path.startsWith('/markets/')) {
      const market = this.#data.market(decodeURIComponent(path.slice('/markets/'.length)));
      return market?.isListed === true ? ok(clobMarket(market)) : failed(404, 'market not found');
    }
    if (path.startsWith(ACTIVITY)) return this.#activity(decodeURIComponent(path.slice(ACTIVITY.length)));
    return this.#aboutToken(path, query);
  };

  /** The last trades of a market, the last one first, in the fields of the venue's client; nobody has a name here. */
  #activity(condition: string): RestAnswer {
    const market = this.#data.market(condition);
    if (market === undefined) return ok([]);
    const nobody = {
      ...{ address: '', username: '', pseudonym: '' },
      ...{ profile_picture: '', optimized_profile_picture: '' },
    };
    const made = this.#data.trades().filter((trade) => trade.market === condition);
    const told = made.slice(-MOST_TRADES).reverse();
    return ok(
      told.map((trade) => {
        const index = market.tokens.indexOf(trade.asset_id);
        const { slug, question } = market;
        return {
          event_type: 'trade',
          market: { condition_id: condition, asset_id: trade.asset_id, question, icon: '', slug },
          user: nobody,
          side: trade.side,
          size: trade.size,
          fee_rate_bps: trade.fee_rate_bps ?? '0',
          price: trade.price,
          outcome: market.outcomes[index] ?? '',
          outcome_index: index,
          transaction_hash: trade.transaction_hash ?? '',
          timestamp: trade.timestamp,
        };
      }),
    );
  }

  #aboutToken(path: string, query: URLSearchParams): RestAnswer {
    const parameter = path === '/prices-history' ? 'market' : 'token_id';
    const token = query.get(parameter);
    if (token === null || !/^\d+$/.test(token)) return failed(400, 'Invalid token id');
    const book = this.#data.book(token);
    if (book === null) return NO_BOOK;
    const quote = quoteOf(book);
    const orNone = (told: string | null, name: string): RestAnswer =>
      told === null ? NO_BOOK : ok({ [name]: told });
    switch (path) {
      case '/book':
        return ok(book);
      case '/tick-size':
        return ok({ minimum_tick_size: Number(book['tick_size']) });
      case '/neg-risk':
        return ok({ neg_risk: book['neg_risk'] });
      case '/price': {
        const price = priceOf(quote, query.get('side'));
        return price === undefined ? failed(400, 'Invalid side') : ok({ price });
      }
      case '/midpoint':
        return orNone(midpointOf(quote), 'mid');
      case '/spread':
        return orNone(spreadOf(quote), 'spread');
      case '/last-trade-price':
        return ok({ price: book['last_trade_price'], side: this.#data.lastSide(token) });
      case '/fee-rate':
        return ok({ base_fee: 0 });
      case '/prices-history': {
        const history = priceHistory(this.#data.trades(), token, query);
        return history === null ? failed(400, 'Invalid time range') : ok({ history });
      }
      default:
        return failed(404, 'Not found');
    }
  }

  #many(body: string, tell: BatchForm): RestAnswer {
    let asked: unknown;
    try {
      asked = JSON.parse(body);
    } catch {
      return failed(400, 'Invalid payload');
    }
    if (!Array.isArray(asked) || asked.some((entry) => typeof entry?.token_id !== 'string')) {
      return failed(400, 'Invalid payload');
    }
    if (asked.length > MOST_TOKENS) return failed(400, 'Payload exceeds the limit');
    return ok(tell(this.#data, asked));
  }

  #listing(
    query: URLSearchParams,
    fits: (market: ListedPolymarket) => boolean,
    show: (market: ListedPolymarket) => unknown,
  ): RestAnswer {
    const cursor = query.get('next_cursor') ?? '';
    const from = cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64').toString('utf8'));
    if (!Number.isSafeInteger(from) || from < 0)
      return failed(400, 'next item should be greater than or equal to 0');
    const all = [...this.#data.markets()].filter((market) => market.isListed && fits(market));
    const data = all.slice(from, from + PAGE).map(show);
    const next = from + PAGE < all.length ? Buffer.from(String(from + PAGE)).toString('base64') : END_CURSOR;
    return ok({ data, next_cursor: next, limit: PAGE, count: data.length });
  }
}

function tokensOf(market: ListedPolymarket): unknown[] {
  return market.tokens.map((token_id, index) => ({
    token_id,
    outcome: market.outcomes[index] ?? '',
    price: Number(market.lastPrices[index] ?? 0),
    winner: market.winner === index,
  }));
}

function simplifiedMarket(market: ListedPolymarket): unknown {
  return {
    condition_id: market.condition,
    tokens: tokensOf(market),
    active: true,
    closed: market.isClosed,
    archived: false,
    accepting_orders: !market.isClosed,
    rewards: { rates: null, min_size: 0, max_spread: 0 },
  };
}

function clobMarket(market: ListedPolymarket): unknown {
  return {
    enable_order_book: true,
    active: true,
    closed: market.isClosed,
    archived: false,
    accepting_orders: !market.isClosed,
    accepting_order_timestamp: formatRfc3339(market.createdAt),
    minimum_order_size: 5,
    minimum_tick_size: Number(market.tickSize),
    condition_id: market.condition,
    question_id: market.questionId,
    question: market.question,
    description: `${market.question} Resolves to Yes if so.`,
    market_slug: market.slug,
    end_date_iso: formatRfc3339(market.endAt),
    game_start_time: null,
    seconds_delay: 0,
    fpmm: '',
    maker_base_fee: 0,
    taker_base_fee: 0,
    notifications_enabled: true,
    neg_risk: market.negRisk,
    neg_risk_market_id: '',
    neg_risk_request_id: '',
    is_50_50_outcome: false,
    tokens: tokensOf(market),
    tags: [market.category],
  };
}
