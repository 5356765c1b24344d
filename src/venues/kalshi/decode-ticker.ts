import { ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, KnownKeys, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';
import { readPrice, readSize } from './decode-figures.ts';
import { readExchangeTime } from './decode-time.ts';

const TICKER = new KnownKeys(
  'ticker',
  'market_ticker',
  'market_id',
  'price_dollars',
  'yes_bid_dollars',
  'yes_ask_dollars',
  'yes_bid_size_fp',
  'yes_ask_size_fp',
  'last_trade_size_fp',
  'volume_fp',
  'open_interest_fp',
  'dollar_volume',
  'dollar_open_interest',
  'ts',
  'ts_ms',
  'time',
  'price',
  'yes_bid',
  'yes_ask',
  'yes_bid_size',
  'yes_ask_size',
  'last_trade_size',
  'volume',
  'open_interest',
  'no_bid_dollars',
  'no_ask_dollars',
  'no_bid',
  'no_ask',
  'Clock',
);

/**
 * `ticker`: best prices and figures of the day. An absent bid is written as 0, an absent ask as one dollar, and
 * the price of a market that never traded as the empty text or 0. A figure that cannot be read is null and reported.
 */
export function decodeTicker(msg: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(msg['market_ticker']);
  if (instrument === undefined) {
    result.problem('missing_field', `ticker: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  TICKER.check(msg, result, instrument);
  const bid = stated(readPrice(msg, 'yes_bid_dollars', 'yes_bid', result, instrument), 0);
  const ask = stated(readPrice(msg, 'yes_ask_dollars', 'yes_ask', result, instrument), ONE_DOLLAR);
  const last = stated(readPrice(msg, 'price_dollars', 'price', result, instrument), 0);
  for (const price of [bid, ask, last]) {
    if (price === null || (price > 0 && price < ONE_DOLLAR)) continue;
    const message = `ticker: price of ${price} micro-dollars is not between 0 and ${ONE_DOLLAR}; kept`;
    result.problem('price_out_of_range', message, instrument);
  }
  const bidSize = readable(readSize(msg, 'yes_bid_size_fp', 'yes_bid_size', result, instrument));
  const askSize = readable(readSize(msg, 'yes_ask_size_fp', 'yes_ask_size', result, instrument));
  result.event({
    kind: 'ticker',
    venue: 'kalshi',
    received_at: context.received_at,
    instrument,
    bid,
    ask,
    bid_size: bid === null ? null : bidSize,
    ask_size: ask === null ? null : askSize,
    last,
    volume: readable(readSize(msg, 'volume_fp', 'volume', result, instrument)),
    open_interest: readable(readSize(msg, 'open_interest_fp', 'open_interest', result, instrument)),
    exchange_ts: readExchangeTime(msg, result, instrument),
  });
}

/** The price, or null where it is missing, unreadable, or the one that stands for no price. */
function stated(price: number | null, none: number): Price | null {
  return price === null || Number.isNaN(price) || price === none ? null : (price as Price);
}

function readable(size: number | null): Size | null {
  return size === null || Number.isNaN(size) ? null : (size as Size);
}
