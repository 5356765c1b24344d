import { complement, type Price } from '#src/units/price.ts';
import { formatRfc3339, type Micros } from '#src/units/time.ts';
import { SimulatedBook } from '../market/book.ts';
import { PriceGrid } from '../market/grid.ts';
import { contracts, dollars } from './notation.ts';

/** Grids by the venue's label. */
export const GRIDS: Readonly<Record<string, PriceGrid>> = {
  linear_cent: PriceGrid.uniform(10_000),
  deci_cent: PriceGrid.uniform(1_000),
  tapered_deci_cent: new PriceGrid([
    { start: 0, end: 100_000, step: 1_000 },
    { start: 100_000, end: 900_000, step: 10_000 },
    { start: 900_000, end: 1_000_000, step: 1_000 },
  ]),
  center_half_edge_deci_cent: new PriceGrid([
    { start: 0, end: 100_000, step: 1_000 },
    { start: 100_000, end: 900_000, step: 5_000 },
    { start: 900_000, end: 1_000_000, step: 1_000 },
  ]),
};

export type KalshiStatus = 'initialized' | 'active' | 'inactive' | 'closed' | 'determined' | 'finalized';

export interface KalshiEventFacts {
  readonly event_ticker: string;
  readonly series_ticker: string;
  readonly title: string;
  readonly sub_title: string;
  readonly category: string;
  readonly mutually_exclusive: boolean;
  readonly isCombo: boolean;
}

/** One market of the simulated exchange. Times are those of the exchange's clock. */
export interface KalshiMarketState {
  readonly ticker: string;
  readonly id: string;
  readonly event: KalshiEventFacts;
  readonly subtitle: string;
  readonly strike: number;
  readonly createdAt: Micros;
  readonly openAt: Micros;
  readonly book: SimulatedBook;
  status: KalshiStatus;
  structure: string;
  closeAt: Micros;
  updatedAt: Micros;
  /** Where traders believe the price belongs, micro-dollars. */
  fair: number;
  last: Price | null;
  previous: Price | null;
  lastSize: number;
  volume: number;
  openInterest: number;
  dollarVolume: number;
  result: '' | 'yes' | 'no';
  settledAt: Micros | null;
  /** Stamp of the last change and content of the last ticks at one stamp. */
  stamp: number;
  tickStamp: number;
  lastTick: string | null;
  /** When the last pause began or ended: announcements of equal content keep their distance. */
  toggledAt: number;
}

export function newMarket(
  facts: Pick<
    KalshiMarketState,
    | 'ticker'
    | 'id'
    | 'event'
    | 'subtitle'
    | 'strike'
    | 'createdAt'
    | 'openAt'
    | 'closeAt'
    | 'status'
    | 'structure'
    | 'fair'
  >,
): KalshiMarketState {
  return {
    ...facts,
    book: new SimulatedBook(),
    updatedAt: facts.createdAt,
    last: null,
    previous: null,
    lastSize: 0,
    volume: 0,
    openInterest: 0,
    dollarVolume: 0,
    result: '',
    settledAt: null,
    stamp: 0,
    tickStamp: 0,
    lastTick: null,
    toggledAt: 0,
  };
}

export function priceRanges(structure: string): { start: string; end: string; step: string }[] {
  return GRIDS[structure]!.bands.map(({ start, end, step }) => ({
    start: dollars(start),
    end: dollars(end),
    step: dollars(step),
  }));
}

type Pair = readonly [string, string];

/** YES bids by ascending price. */
export function yesLevels(book: SimulatedBook): Pair[] {
  return book.ascending('bid').map(([price, size]): Pair => [dollars(price), contracts(size)]);
}

/** NO bids by ascending NO price; or, in YES prices, the asks by descending YES price: the same order. */
export function noLevels(book: SimulatedBook, inYesPrices: boolean): Pair[] {
  return book
    .ascending('ask')
    .map(
      ([price, size]): Pair => [dollars(inYesPrices ? price : complement(price as Price)), contracts(size)],
    )
    .reverse();
}

/** `msg` of an `orderbook_snapshot`: the key of an empty side is absent. */
export function snapshotMessage(market: KalshiMarketState, useYesPrice: boolean): string {
  const yes = yesLevels(market.book);
  const no = noLevels(market.book, useYesPrice);
  return JSON.stringify({
    market_ticker: market.ticker,
    market_id: market.id,
    ...(yes.length > 0 ? { yes_dollars_fp: yes } : {}),
    ...(no.length > 0 ? { no_dollars_fp: no } : {}),
  });
}

const text = (time: Micros): string => formatRfc3339(time);

/** The market object of REST. */
export function marketObject(market: KalshiMarketState): Record<string, unknown> {
  const { book, event } = market;
  const bid = book.best('bid');
  const ask = book.best('ask');
  const volume = contracts(market.volume);
  return {
    ticker: market.ticker,
    event_ticker: event.event_ticker,
    market_type: 'binary',
    title: `${event.title} ${market.subtitle}`,
    subtitle: market.subtitle,
    yes_sub_title: market.subtitle,
    no_sub_title: market.subtitle,
    status: market.status,
    created_time: text(market.createdAt),
    updated_time: text(market.updatedAt),
    open_time: text(market.openAt),
    close_time: text(market.closeAt),
    expected_expiration_time: text(market.closeAt),
    latest_expiration_time: text(market.closeAt),
    expiration_time: text(market.closeAt),
    settlement_timer_seconds: 60,
    yes_bid_dollars: dollars(bid ?? 0),
    yes_bid_size_fp: contracts(book.bestSize('bid') ?? 0),
    yes_ask_dollars: dollars(ask ?? 1_000_000),
    yes_ask_size_fp: contracts(book.bestSize('ask') ?? 0),
    no_bid_dollars: dollars(1_000_000 - (ask ?? 1_000_000)),
    no_ask_dollars: dollars(1_000_000 - (bid ?? 0)),
    last_price_dollars: dollars(market.last ?? 0),
    previous_price_dollars: dollars(market.previous ?? 0),
    previous_yes_bid_dollars: '0.0000',
    previous_yes_ask_dollars: '0.0000',
    volume_fp: volume,
    volume_24h_fp: volume,
    open_interest_fp: contracts(market.openInterest),
    liquidity_dollars: '0.0000',
    notional_value_dollars: '1.0000',
    result: market.result,
    ...(market.result === ''
      ? {}
      : { settlement_value_dollars: market.result === 'yes' ? '1.0000' : '0.0000' }),
    ...(market.settledAt === null ? {} : { settlement_ts: text(market.settledAt) }),
    expiration_value: market.result === '' ? '' : String(market.strike),
    can_close_early: true,
    early_close_condition: 'This market closes early when its outcome is known.',
    strike_type: 'greater',
    floor_strike: market.strike,
    rules_primary: `Resolves to YES if the value is above ${market.strike}.`,
    rules_secondary: '',
    price_level_structure: market.structure,
    price_ranges: priceRanges(market.structure),
    exchange_index: event.isCombo ? 1 : 0,
    ...(event.isCombo
      ? {
          mve_collection_ticker: event.series_ticker,
          mve_selected_legs: [
            { event_ticker: 'KXSIMBTC-26DEC31', market_ticker: 'KXSIMBTC-26DEC31-T10', side: 'yes' },
          ],
        }
      : {}),
  };
}
