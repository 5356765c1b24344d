import { createHash } from 'node:crypto';
import type { Level, Side } from '#src/events/event.ts';
import { complement, formatPrice, type Price } from '#src/units/price.ts';
import { formatSize, type Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import { SimulatedBook } from '../market/book.ts';
import { PriceGrid } from '../market/grid.ts';

export const OUTCOMES = ['Yes', 'No'] as const;

/** One market of the simulated Polymarket: two tokens that share one book, seen from both sides. */
export interface PolymarketMarketState {
  readonly id: string;
  readonly condition: string;
  readonly questionId: string;
  readonly slug: string;
  readonly question: string;
  readonly category: string;
  readonly tokens: readonly [yes: string, no: string];
  readonly createdAt: Micros;
  readonly endAt: Micros;
  readonly negRisk: boolean;
  /** Orders in YES prices. */
  readonly book: SimulatedBook;
  grid: PriceGrid;
  tick: number;
  fair: number;
  /** Last trade in YES prices. */
  last: Price;
  volume: number;
  /** Milliseconds of the last change: the `timestamp` of the book. */
  stamp: number;
  /** Changes made at `stamp`, to keep two equal ones apart. */
  readonly made: Set<string>;
  /** Whether the order book service knows it yet. */
  isListed: boolean;
  isClosed: boolean;
  winner: 0 | 1 | null;
  /** The top that was last announced for each token. */
  readonly announced: [string, string];
}

export function newMarket(
  facts: Pick<
    PolymarketMarketState,
    | 'id'
    | 'condition'
    | 'questionId'
    | 'slug'
    | 'question'
    | 'category'
    | 'tokens'
    | 'createdAt'
    | 'endAt'
    | 'negRisk'
    | 'tick'
    | 'fair'
    | 'last'
    | 'isListed'
    | 'stamp'
  >,
): PolymarketMarketState {
  return {
    ...facts,
    book: new SimulatedBook(),
    grid: PriceGrid.uniform(facts.tick),
    volume: 0,
    made: new Set(),
    isClosed: false,
    winner: null,
    announced: ['', ''],
  };
}

/** Side and price of an order as the token of that outcome shows it: a YES bid at p is a NO ask at 1 − p. */
export function seenBy(outcome: 0 | 1, side: Side, price: number): { side: Side; price: Price } {
  if (outcome === 0) return { side, price: price as Price };
  return { side: side === 'bid' ? 'ask' : 'bid', price: complement(price as Price) };
}

/** One token's levels, best first. */
export function tokenLevels(market: PolymarketMarketState, outcome: 0 | 1, side: Side): Level[] {
  if (outcome === 0) return market.book.levels(side);
  return market.book
    .levels(side === 'bid' ? 'ask' : 'bid')
    .map(([price, size]): Level => [complement(price), size]);
}

/** Best prices of one token as the venue writes them: 0 and 1 where a side is empty. */
export function tokenTop(
  market: PolymarketMarketState,
  outcome: 0 | 1,
): { bid: Price | null; ask: Price | null } {
  const { book } = market;
  const bid = book.best('bid');
  const ask = book.best('ask');
  if (outcome === 0) return { bid, ask };
  return { bid: ask === null ? null : complement(ask), ask: bid === null ? null : complement(bid) };
}

interface WireLevel {
  readonly price: string;
  readonly size: string;
}

/** Worst first, as the venue sends them. */
function wireLevels(market: PolymarketMarketState, outcome: 0 | 1, side: Side): WireLevel[] {
  return tokenLevels(market, outcome, side)
    .map(([price, size]): WireLevel => ({ price: formatPrice(price), size: formatSize(size) }))
    .reverse();
}

/** A trade as the market channel tells it (protocol: `last_trade_price`). */
export interface PrintedTrade {
  readonly market: string;
  readonly asset_id: string;
  readonly price: string;
  readonly size: string;
  readonly side: string;
  readonly fee_rate_bps?: string;
  /** Milliseconds. */
  readonly timestamp: string;
  readonly transaction_hash?: string;
}

export function lastTradePrice(market: PolymarketMarketState, outcome: 0 | 1): Price {
  return outcome === 0 ? market.last : complement(market.last);
}

/** All ten fields of one token's book, in the order in which the venue hashes them. */
export interface WireBook {
  readonly market: string;
  readonly asset_id: string;
  readonly timestamp: string;
  readonly hash: string;
  readonly bids: readonly WireLevel[];
  readonly asks: readonly WireLevel[];
  readonly min_order_size: string;
  readonly tick_size: string;
  readonly neg_risk: boolean;
  readonly last_trade_price: string;
}

/** The book of one token with its hash: SHA-1 over the ten fields with an empty hash. */
export function wireBook(market: PolymarketMarketState, outcome: 0 | 1): WireBook {
  const body = {
    market: market.condition,
    asset_id: market.tokens[outcome],
    timestamp: String(market.stamp),
    hash: '',
    bids: wireLevels(market, outcome, 'bid'),
    asks: wireLevels(market, outcome, 'ask'),
    min_order_size: '5',
    tick_size: formatPrice(market.tick as Price),
    neg_risk: market.negRisk,
    last_trade_price: formatPrice(lastTradePrice(market, outcome)),
  };
  return { ...body, hash: createHash('sha1').update(JSON.stringify(body)).digest('hex') };
}

/** `book` on the socket: `tick_size` and `last_trade_price` on the first one only, the rest by REST alone. */
export function bookMessage(book: WireBook, isFirst: boolean): string {
  const { market, asset_id, timestamp, hash, bids, asks, tick_size, last_trade_price } = book;
  const first = isFirst ? { tick_size, last_trade_price } : {};
  return JSON.stringify({ market, asset_id, timestamp, hash, bids, asks, ...first, event_type: 'book' });
}

export const sizeText = (size: number): string => formatSize(size as Size);
