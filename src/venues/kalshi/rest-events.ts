import type { BookSnapshotEvent, Level, TradeEvent } from '../../events/event.ts';
import { DecimalError } from '../../units/decimal.ts';
import { complement, ONE_DOLLAR, type Price, parsePrice, priceFromCents } from '../../units/price.ts';
import { parseSize, type Size, sizeFromContracts } from '../../units/size.ts';
import { type Micros, parseRfc3339 } from '../../units/time.ts';
import type { KalshiOrderbookBody, KalshiTradeBody } from './rest-schema.ts';

type Side = readonly (readonly [string | number, string | number])[] | null | undefined;
type Decimal = string | number | null | undefined;

/**
 * The order book of `GET /markets/{ticker}/orderbook` and `/markets/orderbooks`: bids only, of YES and of NO in
 * NO prices, worst first or best first. NO bids become YES asks at one dollar less the price.
 *
 * @param depth levels per side that were asked for, or undefined for the whole book
 * @throws DecimalError for a price or size that is none
 * @throws RangeError for a price outside 0 to 1 dollar, a size below zero, or a price named twice
 */
export function kalshiRestBook(
  instrument: string,
  body: KalshiOrderbookBody,
  received_at: Micros,
  depth?: number,
): BookSnapshotEvent {
  const today = body.orderbook_fp;
  const older = body.orderbook;
  const yes = today ? dollarLevels(today.yes_dollars) : olderLevels(older?.yes_dollars, older?.yes);
  const no = today ? dollarLevels(today.no_dollars) : olderLevels(older?.no_dollars, older?.no);
  return {
    kind: 'book_snapshot',
    venue: 'kalshi',
    received_at,
    instrument,
    source: 'rest',
    bids: ordered(yes, -1),
    asks: ordered(
      no.map(([price, size]): Level => [complement(price), size]),
      1,
    ),
    snapshot_ts: received_at,
    exchange_ts: null,
    ...(depth === undefined ? {} : { depth }),
  };
}

/**
 * A trade of `GET /markets/trades` in the form the WebSocket's trades have; the same `trade_id` is the same trade.
 * REST times have microseconds where the WebSocket's have milliseconds.
 *
 * @throws DecimalError or TimeError naming the value that cannot be read
 */
export function kalshiRestTrade(body: KalshiTradeBody, received_at: Micros): TradeEvent {
  return {
    kind: 'trade',
    venue: 'kalshi',
    received_at,
    instrument: body.ticker,
    trade_id: body.trade_id,
    price: readPrice(body.yes_price_dollars, body.yes_price),
    size: readSize(body.count_fp, body.count),
    taker_side: takerSide(body),
    is_block: body.is_block_trade ?? false,
    exchange_ts: parseRfc3339(body.created_time),
  };
}

function takerSide(body: KalshiTradeBody): 'buy' | 'sell' | null {
  for (const word of [body.taker_outcome_side, body.taker_book_side, body.taker_side]) {
    if (word === 'yes' || word === 'bid') return 'buy';
    if (word === 'no' || word === 'ask') return 'sell';
  }
  return null;
}

function readPrice(dollars: Decimal, cents: number | null | undefined): Price {
  if (isPresent(dollars)) return parsePrice(String(dollars));
  if (isPresent(cents)) return priceFromCents(cents);
  throw new DecimalError('price is absent', '');
}

function readSize(count: Decimal, contracts: number | null | undefined): Size {
  if (isPresent(count)) return parseSize(String(count));
  if (isPresent(contracts)) return sizeFromContracts(contracts);
  throw new DecimalError('count is absent', '');
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined && value !== '';
}

function dollarLevels(side: Side): Level[] {
  return (side ?? []).map(([price, size]) => [parsePrice(String(price)), parseSize(String(size))]);
}

/** Dollars where the older body has them beside the cents. The unit goes by the key, never by the magnitude. */
function olderLevels(dollars: Side, cents: Side): Level[] {
  if (dollars) return dollarLevels(dollars);
  return (cents ?? []).map(([price, size]) => [priceFromCents(Number(price)), parseSize(String(size))]);
}

/** Best first (`direction` −1 for bids, 1 for asks), without levels of no size. */
function ordered(levels: readonly Level[], direction: 1 | -1): Level[] {
  const kept = levels.filter(([, size]) => size !== 0);
  kept.sort((a, b) => direction * (a[0] - b[0]));
  kept.forEach(([price, size], index) => {
    if (price < 0 || price > ONE_DOLLAR) throw new RangeError(`price ${price} is outside 0 to ${ONE_DOLLAR}`);
    if (size < 0) throw new RangeError(`size ${size} at ${price} is below zero`);
    if (index > 0 && kept[index - 1]![0] === price) throw new RangeError(`price ${price} is named twice`);
  });
  return kept;
}
