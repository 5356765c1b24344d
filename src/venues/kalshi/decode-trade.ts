import { complement, ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, isAbsent, KnownKeys, millionthsOf, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';
import { readPrice, readSize } from './decode-figures.ts';
import { readExchangeTime } from './decode-time.ts';

const TRADE = new KnownKeys(
  'trade',
  'trade_id',
  'market_ticker',
  'market_id',
  'yes_price_dollars',
  'no_price_dollars',
  'count_fp',
  'taker_side',
  'taker_outcome_side',
  'taker_book_side',
  'is_block_trade',
  'ts',
  'ts_ms',
  'yes_price',
  'no_price',
  'count',
  'side',
);

/** Where the aggressor's side is looked for, the surest first. */
const TAKER_KEYS = ['taker_outcome_side', 'taker_book_side', 'taker_side', 'side'] as const;

/** `trade`: a fill, in YES prices. A taker of YES buys the instrument, a taker of NO sells it. */
export function decodeTrade(msg: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(msg['market_ticker']);
  if (instrument === undefined) {
    result.problem('missing_field', `trade: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  TRADE.check(msg, result, instrument);
  const trade_id = textOf(msg['trade_id']);
  if (trade_id === undefined) {
    result.problem('missing_field', `trade: trade_id is ${shown(msg['trade_id'])}`, instrument);
    return;
  }
  const price = readTradePrice(msg, result, instrument);
  const size = readSize(msg, 'count_fp', 'count', result, instrument);
  if (size === null) result.problem('missing_field', 'trade: count_fp is missing', instrument);
  if (price === null || size === null || Number.isNaN(size)) return;
  if (size < 0) {
    result.problem('bad_size', `trade: count of ${size} millionths is below zero`, instrument);
    return;
  }
  if (price <= 0 || price >= ONE_DOLLAR) {
    const message = `trade: price of ${price} micro-dollars is not between 0 and ${ONE_DOLLAR}; kept`;
    result.problem('price_out_of_range', message, instrument);
  }
  result.event({
    kind: 'trade',
    venue: 'kalshi',
    received_at: context.received_at,
    instrument,
    trade_id,
    price,
    size: size as Size,
    taker_side: readTaker(msg, result, instrument),
    is_block: readBlock(msg['is_block_trade'], result, instrument),
    exchange_ts: readExchangeTime(msg, result, instrument),
  });
}

function readTradePrice(msg: Fields, result: FrameResult, instrument: string): Price | null {
  const yes = readPrice(msg, 'yes_price_dollars', 'yes_price', result, instrument);
  if (yes === null) {
    const no = readPrice(msg, 'no_price_dollars', 'no_price', result, instrument);
    if (no === null) result.problem('missing_field', 'trade: yes_price_dollars is missing', instrument);
    return no === null || Number.isNaN(no) ? null : complement(no as Price);
  }
  if (Number.isNaN(yes)) return null;
  const no = msg['no_price_dollars'];
  if (!isAbsent(no) && millionthsOf(no) !== complement(yes as Price)) {
    const message = `trade: no_price_dollars ${shown(no)} is not one dollar less ${shown(msg['yes_price_dollars'])}`;
    result.problem('disagreement', message, instrument);
  }
  return yes as Price;
}

function readTaker(msg: Fields, result: FrameResult, instrument: string): 'buy' | 'sell' | null {
  let taker: 'buy' | 'sell' | null = null;
  for (const key of TAKER_KEYS) {
    const word = msg[key];
    if (isAbsent(word)) continue;
    const side = word === 'yes' || word === 'bid' ? 'buy' : word === 'no' || word === 'ask' ? 'sell' : null;
    if (side === null) {
      result.problem('unknown_value', `trade: ${key} is ${shown(word)}, no side that is known`, instrument);
    } else if (taker === null) taker = side;
    else if (taker !== side) {
      result.problem(
        'disagreement',
        `trade: ${key} ${shown(word)} says another side than the one kept`,
        instrument,
      );
    }
  }
  return taker;
}

function readBlock(value: unknown, result: FrameResult, instrument: string): boolean {
  if (typeof value === 'boolean') return value;
  if (!isAbsent(value)) {
    result.problem('unknown_value', `trade: is_block_trade is ${shown(value)}, not a boolean`, instrument);
  }
  return false;
}
