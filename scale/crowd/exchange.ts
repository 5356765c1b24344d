import {
  type KalshiEventFacts,
  type KalshiMarketState,
  marketObject,
  noLevels,
  snapshotMessage,
  yesLevels,
} from '../../sim/kalshi/market.ts';
import type { KalshiRestData, ListedMarket } from '../../sim/kalshi/rest-data.ts';
import type { KalshiFeed } from '../../sim/kalshi/socket-rules.ts';
import type { CrowdFlow } from './flow.ts';
import type { CrowdMarkets } from './markets.ts';

/** A crowd of markets as the servers of the simulated exchange want it. */
export class CrowdExchange implements KalshiFeed, KalshiRestData {
  readonly isTrading = true;
  readonly #markets: CrowdMarkets;
  readonly #flow: () => CrowdFlow | null;

  constructor(markets: CrowdMarkets, flow: () => CrowdFlow | null) {
    this.#markets = markets;
    this.#flow = flow;
  }

  isKnown(ticker: string): boolean {
    return this.#markets.numberOf(ticker) >= 0;
  }

  snapshot(ticker: string, useYesPrice: boolean): string | null {
    const state = this.#state(ticker);
    return state === null ? null : snapshotMessage(state, useYesPrice);
  }

  ticker(ticker: string): string | null {
    return this.#state(ticker)?.lastTick ?? null;
  }

  *markets(skipped = 0): Generator<ListedMarket> {
    for (let number = skipped; number < this.#markets.size; number++) yield this.#markets.listed(number);
  }

  market(ticker: string): ListedMarket | undefined {
    const number = this.#markets.numberOf(ticker);
    return number < 0 ? undefined : this.#markets.listed(number);
  }

  object(ticker: string): Record<string, unknown> {
    return marketObject(this.#state(ticker)!);
  }

  *events(): Generator<KalshiEventFacts> {
    let last = '';
    for (const { event } of this.markets()) {
      if (event.event_ticker !== last) yield event;
      last = event.event_ticker;
    }
  }

  book(ticker: string): ReturnType<KalshiRestData['book']> {
    const state = this.#state(ticker);
    return state === null ? null : { yes: yesLevels(state.book), no: noLevels(state.book, false) };
  }

  trades(): readonly [] {
    return [];
  }

  #state(ticker: string): KalshiMarketState | null {
    const number = this.#markets.numberOf(ticker);
    return number < 0 ? null : (this.#flow()?.state(number) ?? this.#markets.open(number));
  }
}
