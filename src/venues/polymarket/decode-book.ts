import type { AbsoluteBookDelta, Level } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, isAbsent, isFields, KnownKeys, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';
import { orderBestFirst } from '../level-order.ts';
import { readPrice, readSize, readTimestamp, readTop } from './decode-values.ts';

const BOOK = new KnownKeys(
  'book',
  'event_type',
  'asset_id',
  'market',
  'timestamp',
  'hash',
  'bids',
  'asks',
  'buys',
  'sells',
  'last_trade_price',
  'tick_size',
  'min_order_size',
  'neg_risk',
);
const LEVEL = new KnownKeys('level of a book', 'price', 'size');
const PRICE_CHANGE = new KnownKeys(
  'price_change',
  'event_type',
  'market',
  'timestamp',
  'price_changes',
  'asset_id',
  'hash',
  'changes',
  'price',
  'size',
  'side',
  'best_bid',
  'best_ask',
);
const CHANGE = new KnownKeys(
  'entry of price_change',
  'asset_id',
  'price',
  'size',
  'side',
  'hash',
  'best_bid',
  'best_ask',
);

/**
 * `book`: the whole book of one token, sides `bids` and `asks`, formerly `buys` and `sells`, in any order. A book
 * with a level that cannot be read is no book: it is reported and not emitted.
 */
export function decodeBook(fields: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(fields['asset_id']);
  if (instrument === undefined) {
    result.problem('missing_field', `book: asset_id is ${shown(fields['asset_id'])}, not a token id as text`);
    return;
  }
  BOOK.check(fields, result, instrument);
  const { bids: todaysBids, buys, asks: todaysAsks, sells } = fields;
  if (todaysBids === undefined && buys === undefined && todaysAsks === undefined && sells === undefined) {
    result.problem('missing_field', 'book: neither bids nor asks are there', instrument);
    return;
  }
  const bids = readSide(todaysBids ?? buys, 'bid', result, instrument);
  const asks = readSide(todaysAsks ?? sells, 'ask', result, instrument);
  if (bids === null || asks === null) return;
  const exchange_ts = readTimestamp(fields, 'book', result, instrument);
  const event = {
    kind: 'book_snapshot',
    venue: 'polymarket',
    received_at: context.received_at,
    instrument,
    source: 'ws',
    bids,
    asks,
    snapshot_ts: exchange_ts ?? context.received_at,
    exchange_ts,
  } as const;
  const market = textOf(fields['market']);
  if (market !== undefined) result.belongs(instrument, market);
  const hash = readHash(fields['hash'], 'book', result, instrument);
  result.event(hash === undefined ? event : { ...event, hash });
}

function readSide(
  list: unknown,
  side: 'bid' | 'ask',
  result: FrameResult,
  instrument: string,
): Level[] | null {
  if (isAbsent(list)) return [];
  if (!Array.isArray(list)) {
    result.problem('wrong_shape', `book: ${side}s are ${shown(list)}, not a list`, instrument);
    return null;
  }
  const levels: Level[] = [];
  for (const level of list as readonly unknown[]) {
    if (!isFields(level)) {
      result.problem(
        'wrong_shape',
        `book: ${side}s hold ${shown(level)}, not a price and a size`,
        instrument,
      );
      return null;
    }
    LEVEL.check(level, result, instrument);
    const price = readPrice(level, 'price', 'book', result, instrument);
    const size = readSize(level, 'size', 'book', result, instrument);
    if (price === null || size === null) return null;
    if (size > 0) levels.push([price, size]);
  }
  const twice = orderBestFirst(levels, side);
  if (twice === null) return levels;
  result.problem('wrong_shape', `book: ${side}s name the price of ${twice} micro-dollars twice`, instrument);
  return null;
}

/**
 * `price_change` in its three forms: entries with token, hash and best prices of their own (today), entries of one
 * token named beside them, or one change at the top. Sizes are absolute. An entry that cannot be read spoils no other.
 */
export function decodePriceChange(fields: Fields, context: FrameContext, result: FrameResult): void {
  const { price_changes: entries, changes } = fields;
  const instrument = textOf(fields['asset_id']);
  PRICE_CHANGE.check(fields, result, instrument);
  const exchange_ts = readTimestamp(fields, 'price_change', result, instrument);
  const listed = entries ?? changes;
  if (Array.isArray(listed) && listed.length === 0)
    result.problem('empty', 'price_change: the list of changes is empty', instrument);
  if (Array.isArray(entries)) {
    for (const entry of entries as readonly unknown[]) {
      if (!isFields(entry)) {
        result.problem('wrong_shape', `price_change: the entry ${shown(entry)} is not an object`, instrument);
        continue;
      }
      CHANGE.check(entry, result, textOf(entry['asset_id']) ?? instrument);
      decodeChange(
        entry,
        entry['asset_id'] ?? fields['asset_id'],
        entry['hash'],
        exchange_ts,
        context,
        result,
      );
    }
  } else if (Array.isArray(changes)) {
    for (const entry of changes as readonly unknown[]) {
      if (!isFields(entry)) {
        result.problem('wrong_shape', `price_change: the entry ${shown(entry)} is not an object`, instrument);
        continue;
      }
      CHANGE.check(entry, result, instrument);
      decodeChange(entry, fields['asset_id'], entry['hash'] ?? fields['hash'], exchange_ts, context, result);
    }
  } else if (!isAbsent(entries) || !isAbsent(changes)) {
    const list = isAbsent(entries) ? changes : entries;
    result.problem('wrong_shape', `price_change: the changes are ${shown(list)}, not a list`, instrument);
  } else {
    decodeChange(fields, fields['asset_id'], fields['hash'], exchange_ts, context, result);
  }
}

function decodeChange(
  entry: Fields,
  token: unknown,
  hash: unknown,
  exchange_ts: Micros | null,
  context: FrameContext,
  result: FrameResult,
): void {
  const instrument = textOf(token);
  if (instrument === undefined) {
    result.problem('missing_field', `price_change: asset_id is ${shown(token)}, not a token id as text`);
    return;
  }
  const side = sideOf(entry['side']);
  if (side === null) {
    result.problem('bad_side', `price_change: side is ${shown(entry['side'])}, not BUY or SELL`, instrument);
    return;
  }
  const price = readPrice(entry, 'price', 'price_change', result, instrument);
  const size = readSize(entry, 'size', 'price_change', result, instrument);
  if (price === null || size === null) return;
  const stated = readHash(hash, 'price_change', result, instrument);
  const event: AbsoluteBookDelta =
    stated !== undefined
      ? {
          kind: 'book_delta',
          venue: 'polymarket',
          received_at: context.received_at,
          instrument,
          side,
          price,
          size,
          exchange_ts,
          hash: stated,
        }
      : {
          kind: 'book_delta',
          venue: 'polymarket',
          received_at: context.received_at,
          instrument,
          side,
          price,
          size,
          exchange_ts,
        };
  result.event(event);
  const bid = readTop(entry, 'best_bid', 'price_change', result, instrument);
  const ask = readTop(entry, 'best_ask', 'price_change', result, instrument);
  if (bid !== undefined && ask !== undefined) result.top({ instrument, bid, ask });
}

function readHash(
  value: unknown,
  message: string,
  result: FrameResult,
  instrument: string,
): string | undefined {
  if (typeof value !== 'string' && !isAbsent(value)) {
    result.problem('unknown_value', `${message}: hash is ${shown(value)}, not text; left out`, instrument);
  }
  return textOf(value);
}

function sideOf(word: unknown): 'bid' | 'ask' | null {
  if (word === 'BUY' || word === 'buy') return 'bid';
  return word === 'SELL' || word === 'sell' ? 'ask' : null;
}
