import { formatPrice } from '#src/units/price.ts';
import type { Micros } from '#src/units/time.ts';
import type { PolymarketExchange } from './exchange.ts';
import {
  lastTradePrice,
  OUTCOMES,
  type PolymarketMarketState,
  type PrintedTrade,
  wireBook,
} from './market.ts';

/** A market as REST tells of it, whether simulated or replayed. */
export interface ListedPolymarket {
  readonly id: string;
  readonly condition: string;
  readonly questionId: string;
  readonly slug: string;
  readonly question: string;
  readonly category: string;
  readonly tokens: readonly string[];
  readonly outcomes: readonly string[];
  readonly lastPrices: readonly string[];
  readonly tickSize: string;
  readonly negRisk: boolean;
  readonly createdAt: Micros;
  readonly endAt: Micros;
  /** Whether the order book service knows it. */
  readonly isListed: boolean;
  readonly isClosed: boolean;
  readonly winner: number | null;
  readonly volume: string;
}

export interface PolymarketRestData {
  /** In an order that never changes, by ascending id; new ones come last. */
  markets(): Iterable<ListedPolymarket>;
  market(condition: string): ListedPolymarket | undefined;
  marketOfToken(token: string): ListedPolymarket | undefined;
  /** The body of `GET /book`, or null for unknown and closed tokens. */
  book(token: string): Readonly<Record<string, unknown>> | null;
  /** Who took the last trade of a token, `BUY` or `SELL`; empty where that is not known. */
  lastSide(token: string): string;
  /** Oldest first, as far back as they are kept. */
  trades(): readonly PrintedTrade[];
}

function listed(market: PolymarketMarketState): ListedPolymarket {
  const { id, condition, questionId, slug, question, category, tokens, negRisk, createdAt, endAt } = market;
  return {
    ...{ id, condition, questionId, slug, question, category, tokens, negRisk, createdAt, endAt },
    outcomes: OUTCOMES,
    lastPrices: [formatPrice(lastTradePrice(market, 0)), formatPrice(lastTradePrice(market, 1))],
    tickSize: market.tick === 1_000 ? '0.001' : '0.01',
    isListed: market.isListed,
    isClosed: market.isClosed,
    winner: market.winner,
    volume: String(Math.floor(market.volume / 1_000_000)),
  };
}

/** The simulated exchange as REST sees it. */
export class SimulatedPolymarketData implements PolymarketRestData {
  readonly #exchange: PolymarketExchange;

  constructor(exchange: PolymarketExchange) {
    this.#exchange = exchange;
  }

  *markets(): Generator<ListedPolymarket> {
    for (const market of this.#exchange.markets.values()) yield listed(market);
  }

  market(condition: string): ListedPolymarket | undefined {
    const market = this.#exchange.markets.get(condition);
    return market === undefined ? undefined : listed(market);
  }

  marketOfToken(token: string): ListedPolymarket | undefined {
    const known = this.#exchange.tokens.get(token);
    return known === undefined ? undefined : listed(known.market);
  }

  book(token: string): Readonly<Record<string, unknown>> | null {
    const known = this.#exchange.tokens.get(token);
    if (known === undefined || !known.market.isListed || known.market.isClosed) return null;
    return { ...wireBook(known.market, known.outcome) };
  }

  lastSide(token: string): string {
    return this.#exchange.trades.findLast(({ asset_id }) => asset_id === token)?.side ?? '';
  }

  trades(): readonly PrintedTrade[] {
    return this.#exchange.trades;
  }
}
