import type { Level, SignedBookDelta } from '../../events/event.ts';
import { complement, ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, isAbsent, KnownKeys, shown, textOf } from '../field-values.ts';
import { FrameResult } from '../frame-result.ts';
import { orderBestFirst } from '../level-order.ts';
import {
  CENT,
  centsOf,
  contractsOf,
  dollarsOf,
  type FigureReader,
  ONE_CONTRACT,
  readPrice,
  readSize,
} from './decode-figures.ts';
import { readExchangeTime } from './decode-time.ts';

const SNAPSHOT = new KnownKeys(
  'orderbook_snapshot',
  'market_ticker',
  'market_id',
  'yes_dollars_fp',
  'no_dollars_fp',
  'yes_dollars',
  'no_dollars',
  'yes',
  'no',
);

/** `client_order_id` and `subaccount` come with changes made by the account's own orders: known, and left out. */
const DELTA = new KnownKeys(
  'orderbook_delta',
  'market_ticker',
  'market_id',
  'price_dollars',
  'delta_fp',
  'side',
  'ts',
  'ts_ms',
  'price',
  'delta',
  'client_order_id',
  'subaccount',
);

interface SideForm {
  readonly key: string;
  readonly price: FigureReader;
}

/** The forms of a side, the one to be believed first. */
const YES: readonly SideForm[] = [
  { key: 'yes_dollars_fp', price: dollarsOf },
  { key: 'yes_dollars', price: dollarsOf },
  { key: 'yes', price: centsOf },
];
const NO: readonly SideForm[] = [
  { key: 'no_dollars_fp', price: dollarsOf },
  { key: 'no_dollars', price: dollarsOf },
  { key: 'no', price: centsOf },
];

/**
 * `orderbook_snapshot`: bids only, for YES and for NO. A side that is empty is absent, null or `[]`. NO bids become
 * YES asks; their prices are NO prices unless the connection asked for YES prices. A book with a level that cannot
 * be read is no book: it is reported and not emitted.
 */
export function decodeSnapshot(msg: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(msg['market_ticker']);
  if (instrument === undefined) {
    result.problem('missing_field', `orderbook_snapshot: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  if (!SNAPSHOT.check(msg, result, instrument)) {
    // A side under a new name must not pass for an empty side.
    const list = SNAPSHOT.unknownOf(msg).find((key) => Array.isArray(msg[key]));
    if (list !== undefined) {
      result.problem(
        'wrong_shape',
        `orderbook_snapshot: ${shown(list)} may be a side of the book`,
        instrument,
      );
      return;
    }
  }
  const bids = readSide(msg, YES, 'bid', false, result, instrument);
  const asks = readSide(msg, NO, 'ask', !context.useYesPrice, result, instrument);
  if (bids === null || asks === null) return;
  result.event({
    kind: 'book_snapshot',
    venue: 'kalshi',
    received_at: context.received_at,
    instrument,
    source: 'ws',
    bids,
    asks,
    snapshot_ts: context.received_at,
    exchange_ts: null,
  });
}

/** `orderbook_delta`: a signed change of the size at one price. */
export function decodeDelta(msg: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(msg['market_ticker']);
  if (instrument === undefined) {
    result.problem('missing_field', `orderbook_delta: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  DELTA.check(msg, result, instrument);
  const { side } = msg;
  if (side !== 'yes' && side !== 'no') {
    result.problem('bad_side', `orderbook_delta: side is ${shown(side)}, not "yes" or "no"`, instrument);
    return;
  }
  const stated = readPrice(msg, 'price_dollars', 'price', result, instrument);
  const change = readSize(msg, 'delta_fp', 'delta', result, instrument);
  if (stated === null)
    result.problem('missing_field', 'orderbook_delta: price_dollars is missing', instrument);
  if (change === null) result.problem('missing_field', 'orderbook_delta: delta_fp is missing', instrument);
  if (stated === null || change === null || Number.isNaN(stated) || Number.isNaN(change)) return;
  const price = side === 'yes' || context.useYesPrice ? (stated as Price) : complement(stated as Price);
  if (stated <= 0 || stated >= ONE_DOLLAR) reportRange(stated, 'orderbook_delta', result, instrument);
  const event: SignedBookDelta = {
    kind: 'book_delta',
    venue: 'kalshi',
    received_at: context.received_at,
    instrument,
    side: side === 'yes' ? 'bid' : 'ask',
    price,
    change: change as Size,
    exchange_ts: readExchangeTime(msg, result, instrument),
  };
  result.event(event);
}

function reportRange(price: number, message: string, result: FrameResult, instrument: string): void {
  const range = `is not between 0 and ${ONE_DOLLAR}`;
  result.problem(
    'price_out_of_range',
    `${message}: price of ${price} micro-dollars ${range}; kept`,
    instrument,
  );
}

/** One side as levels of YES, best first, or null where it cannot be read. */
function readSide(
  msg: Fields,
  forms: readonly SideForm[],
  side: 'bid' | 'ask',
  isComplement: boolean,
  result: FrameResult,
  instrument: string,
): Level[] | null {
  let levels: Level[] | undefined;
  for (const { key, price } of forms) {
    const list = msg[key];
    if (isAbsent(list)) continue;
    const read = readLevels(
      list,
      key,
      price,
      isComplement,
      levels === undefined ? result : new FrameResult(),
      instrument,
    );
    const twice = read === null ? null : orderBestFirst(read, side);
    if (levels !== undefined) {
      if (read !== null && twice === null && agree(levels, read)) continue;
      const message = `orderbook_snapshot: ${key} disagrees with the form before it, which is kept`;
      result.problem('disagreement', message, instrument);
      continue;
    }
    if (read === null) return null;
    if (twice !== null) {
      const message = `orderbook_snapshot: ${key} names the price of ${twice} micro-dollars twice`;
      result.problem('wrong_shape', message, instrument);
      return null;
    }
    levels = read;
  }
  return levels ?? [];
}

function readLevels(
  list: unknown,
  key: string,
  priceOf: FigureReader,
  isComplement: boolean,
  result: FrameResult,
  instrument: string,
): Level[] | null {
  if (!Array.isArray(list)) {
    result.problem('wrong_shape', `orderbook_snapshot: ${key} is ${shown(list)}, not a list`, instrument);
    return null;
  }
  const levels: Level[] = [];
  for (const level of list as readonly unknown[]) {
    if (!Array.isArray(level) || level.length < 2) {
      const message = `orderbook_snapshot: ${key} holds ${shown(level)}, not [price, count]`;
      result.problem('wrong_shape', message, instrument);
      return null;
    }
    const price = priceOf(level[0]);
    const size = contractsOf(level[1]);
    if (Number.isNaN(price)) {
      result.problem('bad_price', `orderbook_snapshot: ${key} holds price ${shown(level[0])}`, instrument);
      return null;
    }
    if (Number.isNaN(size) || size < 0) {
      result.problem('bad_size', `orderbook_snapshot: ${key} holds count ${shown(level[1])}`, instrument);
      return null;
    }
    if (size === 0) continue;
    if (price <= 0 || price >= ONE_DOLLAR) reportRange(price, 'orderbook_snapshot', result, instrument);
    levels.push([isComplement ? complement(price as Price) : (price as Price), size as Size]);
  }
  return levels;
}

/** Whether an older form can be what is left of the exact one in whole cents and contracts. */
function agree(exact: readonly Level[], older: readonly Level[]): boolean {
  if (exact.length !== older.length) {
    // Levels finer than a cent or a contract fall together or away.
    return exact.some(([price, size]) => price % CENT !== 0 || size < ONE_CONTRACT);
  }
  return exact.every(([price, size], index) => {
    const [olderPrice, olderSize] = older[index]!;
    return Math.abs(price - olderPrice) < CENT && Math.abs(size - olderSize) < ONE_CONTRACT;
  });
}
