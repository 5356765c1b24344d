import { type Clock, formatRfc3339 } from '#src/units/time.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';
import { WindowedLimits } from './rest-clob.ts';
import type { ListedPolymarket, PolymarketRestData } from './rest-data.ts';

export const GAMMA_LIMITS: Readonly<Record<string, number>> = {
  all: 4_000,
  '/events': 500,
  '/markets': 300,
  listings: 900,
};

const LARGEST_PAGE = 500;
const USUAL_PAGE = 100;
const MOST_IDS = 100;

const ok = (body: unknown): RestAnswer => ({ status: 200, body });
const invalid = (error: string): RestAnswer => ({ status: 422, body: { type: 'validation error', error } });

/** Polymarket's catalogue of markets and events (protocol: Gamma). */
export class GammaServer {
  readonly #data: PolymarketRestData;
  readonly #limits: WindowedLimits;

  constructor(data: PolymarketRestData, clock: Clock) {
    this.#data = data;
    this.#limits = new WindowedLimits(GAMMA_LIMITS, clock);
  }

  handle = async (request: RestRequest): Promise<RestAnswer> => {
    const { method, path, query } = request;
    const isListing = path === '/markets' || path === '/events';
    const refusal = await this.#limits.pass('all', path, ...(isListing ? ['listings'] : []));
    if (refusal !== null) return refusal;
    if (method !== 'GET') return { status: 405, body: { error: 'method not allowed' } };
    if (path === '/markets') return listing(query, this.#filtered(query), gammaMarket);
    if (path === '/events')
      return listing(query, this.#filtered(query), (market) => gammaEvent(market, true));
    const match = /^\/(markets|events)\/([^/]+)$/.exec(path);
    if (match !== null) {
      const isMarket = match[1] === 'markets';
      for (const market of this.#data.markets()) {
        if ((isMarket ? market.id : eventId(market)) !== match[2]) continue;
        return ok(isMarket ? gammaMarket(market) : gammaEvent(market, true));
      }
    }
    return { status: 404, body: { type: 'not found error', error: 'id not found' } };
  };

  #filtered(query: URLSearchParams): ListedPolymarket[] {
    const conditions = query.getAll('condition_ids').slice(0, MOST_IDS);
    const tokens = query.getAll('clob_token_ids').slice(0, MOST_IDS);
    const ids = query.getAll('id').slice(0, MOST_IDS);
    const slugs = query.getAll('slug');
    const closed = query.get('closed');
    return [...this.#data.markets()].filter(
      (market) =>
        (closed === null || String(market.isClosed) === closed) &&
        query.get('archived') !== 'true' &&
        query.get('active') !== 'false' &&
        (conditions.length === 0 || conditions.includes(market.condition)) &&
        (tokens.length === 0 || market.tokens.some((token) => tokens.includes(token))) &&
        (ids.length === 0 || ids.includes(market.id)) &&
        (slugs.length === 0 || slugs.includes(market.slug)),
    );
  }
}

function listing(
  query: URLSearchParams,
  markets: ListedPolymarket[],
  show: (market: ListedPolymarket) => unknown,
): RestAnswer {
  const limit = Number(query.get('limit') ?? USUAL_PAGE);
  const offset = Number(query.get('offset') ?? 0);
  if (!Number.isSafeInteger(limit) || limit < 0) return invalid('limit is invalid');
  if (!Number.isSafeInteger(offset) || offset < 0) return invalid('offset is invalid');
  // Ascending by id as they come; without an order the newest are first.
  const isAscending = query.has('order')
    ? query.get('ascending') !== 'false'
    : query.get('ascending') === 'true';
  const ordered = isAscending ? markets : markets.reverse();
  return ok(ordered.slice(offset, offset + Math.min(limit, LARGEST_PAGE)).map(show));
}

const eventId = (market: ListedPolymarket): string => `9${market.id}`;

function gammaEvent(market: ListedPolymarket, withMarkets: boolean): Record<string, unknown> {
  return {
    id: eventId(market),
    ticker: market.slug,
    slug: market.slug,
    title: market.question,
    startDate: formatRfc3339(market.createdAt),
    endDate: formatRfc3339(market.endAt),
    active: true,
    closed: market.isClosed,
    archived: false,
    negRisk: market.negRisk,
    enableOrderBook: true,
    ...(withMarkets ? { markets: [gammaMarket(market)] } : {}),
  };
}

/** Lists come as JSON inside strings, on some markets as real lists. */
function gammaMarket(market: ListedPolymarket): Record<string, unknown> {
  const list = (items: readonly string[]): unknown =>
    Number(market.id) % 7 === 0 ? items : JSON.stringify(items);
  return {
    id: market.id,
    question: market.question,
    conditionId: market.condition,
    questionID: market.questionId,
    slug: market.slug,
    resolutionSource: '',
    description: `${market.question} Resolves to Yes if so.`,
    startDate: formatRfc3339(market.createdAt),
    endDate: formatRfc3339(market.endAt),
    createdAt: formatRfc3339(market.createdAt),
    outcomes: list(market.outcomes),
    outcomePrices: list(market.lastPrices),
    clobTokenIds: list(market.tokens),
    volume: market.volume,
    active: true,
    closed: market.isClosed,
    archived: false,
    acceptingOrders: !market.isClosed,
    enableOrderBook: true,
    orderPriceMinTickSize: Number(market.tickSize),
    orderMinSize: 5,
    negRisk: market.negRisk,
    groupItemTitle: '',
    ...(market.isClosed ? { umaResolutionStatus: 'resolved' } : {}),
    events: [gammaEvent(market, false)],
  };
}
