import type { Micros } from '#src/units/time.ts';
import type { KalshiExchange } from './exchange.ts';
import { type KalshiEventFacts, marketObject, noLevels, yesLevels } from './market.ts';
import type { KalshiTrade } from './reports.ts';

/** A market as the listings have it. */
export interface ListedMarket {
  readonly ticker: string;
  readonly event: KalshiEventFacts;
  readonly status: string;
  readonly createdAt: Micros;
  readonly updatedAt: Micros;
  readonly closeAt: Micros;
  readonly settledAt: Micros | null;
}

/** A trade as the listings have it. */
export interface ListedTrade extends Omit<KalshiTrade, 'taker'> {
  /** Null where nothing says. */
  readonly taker: KalshiTrade['taker'] | null;
}

/** What REST tells of, whether simulated or replayed. */
export interface KalshiRestData {
  /** In an order that never changes, new ones last; the first `skipped` are left out. */
  markets(skipped?: number): Iterable<ListedMarket>;
  market(ticker: string): ListedMarket | undefined;
  object(ticker: string): Record<string, unknown>;
  events(): Iterable<KalshiEventFacts>;
  /** Levels by ascending price, NO in NO prices; null when there is no such book. */
  book(ticker: string): {
    readonly yes: readonly (readonly [string, string])[];
    readonly no: readonly (readonly [string, string])[];
  } | null;
  /** Oldest first. */
  trades(): readonly ListedTrade[];
  readonly isTrading: boolean;
}

/** The simulated exchange as REST sees it. */
export class SimulatedRestData implements KalshiRestData {
  readonly #exchange: KalshiExchange;

  constructor(exchange: KalshiExchange) {
    this.#exchange = exchange;
  }

  get isTrading(): boolean {
    return !this.#exchange.timeline.isPaused;
  }

  markets(skipped = 0): Iterable<ListedMarket> {
    return this.#exchange.markets.values().drop(skipped);
  }

  market(ticker: string): ListedMarket | undefined {
    return this.#exchange.markets.get(ticker);
  }

  object(ticker: string): Record<string, unknown> {
    return marketObject(this.#exchange.markets.get(ticker)!);
  }

  events(): Iterable<KalshiEventFacts> {
    return this.#exchange.events.values();
  }

  book(ticker: string): ReturnType<KalshiRestData['book']> {
    const market = this.#exchange.markets.get(ticker);
    return market === undefined ? null : { yes: yesLevels(market.book), no: noLevels(market.book, false) };
  }

  trades(): readonly KalshiTrade[] {
    return this.#exchange.trades;
  }
}
