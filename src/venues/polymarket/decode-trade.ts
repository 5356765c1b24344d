import type { FrameContext } from '../decoder.ts';
import { type Fields, isAbsent, KnownKeys, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';
import { readPrice, readSize, readTimestamp, readTop } from './decode-values.ts';
import { derivedTradeId } from './trade-id.ts';

const TRADE = new KnownKeys(
  'last_trade_price',
  'event_type',
  'asset_id',
  'market',
  'price',
  'size',
  'side',
  'fee_rate_bps',
  'timestamp',
  'transaction_hash',
);
const TOP = new KnownKeys(
  'best_bid_ask',
  'event_type',
  'asset_id',
  'market',
  'best_bid',
  'best_ask',
  'spread',
  'timestamp',
);

/** `last_trade_price`: a trade; `side` is the taker's. Its id is derived, and the same for equal trades. */
export function decodeTrade(fields: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(fields['asset_id']);
  if (instrument === undefined) {
    const token = shown(fields['asset_id']);
    result.problem('missing_field', `last_trade_price: asset_id is ${token}, not a token id as text`);
    return;
  }
  TRADE.check(fields, result, instrument);
  const price = readPrice(fields, 'price', 'last_trade_price', result, instrument);
  const size = readSize(fields, 'size', 'last_trade_price', result, instrument);
  if (price === null || size === null) return;
  const exchange_ts = readTimestamp(fields, 'last_trade_price', result, instrument);
  const market = textOf(fields['market']);
  if (market !== undefined) result.belongs(instrument, market);
  const taker_side = takerOf(fields['side'], result, instrument);
  const transaction = textOf(fields['transaction_hash']) ?? '';
  if (transaction === '' && !isAbsent(fields['transaction_hash'])) {
    const value = shown(fields['transaction_hash']);
    result.problem(
      'unknown_value',
      `last_trade_price: transaction_hash is ${value}, not text; left out`,
      instrument,
    );
  }
  result.event({
    kind: 'trade',
    venue: 'polymarket',
    received_at: context.received_at,
    instrument,
    trade_id: derivedTradeId({ instrument, exchange_ts, taker_side, price, size, transaction }),
    price,
    size,
    taker_side,
    is_block: false,
    exchange_ts,
  });
}

/** `best_bid_ask`: the top of the book, a cross-check that the venue does not guarantee. */
export function decodeBestPrices(fields: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(fields['asset_id']);
  if (instrument === undefined) {
    const token = shown(fields['asset_id']);
    result.problem('missing_field', `best_bid_ask: asset_id is ${token}, not a token id as text`);
    return;
  }
  TOP.check(fields, result, instrument);
  const bid = readTop(fields, 'best_bid', 'best_bid_ask', result, instrument);
  const ask = readTop(fields, 'best_ask', 'best_bid_ask', result, instrument);
  if (bid === undefined && ask === undefined) {
    result.problem('missing_field', 'best_bid_ask: neither best_bid nor best_ask can be read', instrument);
    return;
  }
  result.event({
    kind: 'ticker',
    venue: 'polymarket',
    received_at: context.received_at,
    instrument,
    bid: bid ?? null,
    ask: ask ?? null,
    bid_size: null,
    ask_size: null,
    last: null,
    volume: null,
    open_interest: null,
    exchange_ts: readTimestamp(fields, 'best_bid_ask', result, instrument),
  });
}

function takerOf(word: unknown, result: FrameResult, instrument: string): 'buy' | 'sell' | null {
  if (word === 'BUY' || word === 'buy') return 'buy';
  if (word === 'SELL' || word === 'sell') return 'sell';
  if (!isAbsent(word)) {
    result.problem('unknown_value', `last_trade_price: side is ${shown(word)}, not BUY or SELL`, instrument);
  }
  return null;
}
