import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import type { KalshiGateway } from './gateway.ts';
import { type KalshiEventFacts, type KalshiMarketState, priceRanges } from './market.ts';
import { wholeSeconds } from './notation.ts';

/** A market's status after each type of announcement; the other types leave it. */
const STATUS_AFTER: Readonly<Record<string, string>> = {
  created: 'initialized',
  activated: 'active',
  deactivated: 'inactive',
  determined: 'determined',
  settled: 'finalized',
};

/** Lifecycle messages. They bear no time of their own; opening and closing are not among them. */
export class KalshiAnnouncer {
  readonly #timeline: Timeline;
  readonly #truth: TruthSink;
  readonly #gateway: () => KalshiGateway | null;

  constructor(timeline: Timeline, truth: TruthSink, gateway: () => KalshiGateway | null) {
    this.#timeline = timeline;
    this.#truth = truth;
    this.#gateway = gateway;
  }

  created(market: KalshiMarketState): void {
    this.#market(market, 'created', {
      exchange_index: market.event.isCombo ? 1 : 0,
      open_ts: wholeSeconds(market.openAt),
      close_ts: wholeSeconds(market.closeAt),
      price_level_structure: market.structure,
      price_ranges: priceRanges(market.structure),
      additional_metadata: {
        name: market.subtitle,
        title: `${market.event.title} ${market.subtitle}`,
        yes_sub_title: market.subtitle,
        no_sub_title: market.subtitle,
        rules_primary: `Resolves to YES if the value is above ${market.strike}.`,
        rules_secondary: '',
        can_close_early: true,
        event_ticker: market.event.event_ticker,
        expected_expiration_ts: wholeSeconds(market.closeAt),
        strike_type: 'greater',
        floor_strike: market.strike,
      },
    });
  }

  toggled(market: KalshiMarketState, isDeactivated: boolean): void {
    this.#market(market, isDeactivated ? 'deactivated' : 'activated', { is_deactivated: isDeactivated });
  }

  closeDate(market: KalshiMarketState): void {
    this.#market(market, 'close_date_updated', { close_ts: wholeSeconds(market.closeAt) });
  }

  determined(market: KalshiMarketState): void {
    this.#market(market, 'determined', {
      determination_ts: wholeSeconds(this.#timeline.stamp),
      result: market.result,
      settlement_value: market.result === 'yes' ? '1.0000' : '0.0000',
    });
  }

  settled(market: KalshiMarketState): void {
    this.#market(market, 'settled', { settled_ts: wholeSeconds(market.settledAt ?? this.#timeline.stamp) });
  }

  regridded(market: KalshiMarketState): void {
    this.#market(market, 'price_level_structure_updated', {
      price_level_structure: market.structure,
      price_ranges: priceRanges(market.structure),
    });
  }

  renamed(market: KalshiMarketState, title: string): void {
    this.#market(market, 'metadata_updated', { yes_sub_title: title });
  }

  event(event: KalshiEventFacts): void {
    const msg = {
      event_ticker: event.event_ticker,
      exchange_index: 0,
      title: event.title,
      subtitle: event.sub_title,
      collateral_return_type: event.mutually_exclusive ? 'MECNET' : '',
      series_ticker: event.series_ticker,
    };
    const delivered = this.#send('market_lifecycle_v2', 'event_lifecycle', JSON.stringify(msg));
    this.#truth.event(
      {
        kind: 'lifecycle',
        venue: 'kalshi',
        event: event.event_ticker,
        instruments: [],
        type: 'event_lifecycle',
        details: msg,
        exchange_ts: null,
      },
      delivered,
      this.#timeline.now,
    );
  }

  #market(market: KalshiMarketState, type: string, fields: Readonly<Record<string, unknown>>): void {
    const msg = { event_type: type, market_ticker: market.ticker, ...fields };
    const channel = market.event.isCombo ? 'multivariate_market_lifecycle' : 'market_lifecycle_v2';
    const delivered = this.#send(channel, channel, JSON.stringify(msg));
    const status = STATUS_AFTER[type];
    this.#truth.event(
      {
        kind: 'lifecycle',
        venue: 'kalshi',
        market: market.ticker,
        instruments: [market.ticker],
        type,
        ...(status === undefined ? {} : { status }),
        details: msg,
        exchange_ts: null,
      },
      delivered,
      this.#timeline.now,
    );
  }

  #send(channel: 'market_lifecycle_v2' | 'multivariate_market_lifecycle', type: string, msg: string): number {
    return this.#gateway()?.announce(channel, type, msg) ?? 0;
  }
}
