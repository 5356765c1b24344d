import { z } from 'zod';

/**
 * Kalshi's market-data messages as documented today (AsyncAPI 2.0.0 and the changelog to 2026-11). The decoder reads
 * them by hand, because a schema costs more than the rest of the path together; tests hold it to these.
 */

const price = z.string().regex(/^\d+(\.\d{1,6})?$/);
const count = z.string().regex(/^\d+(\.\d{1,6})?$/);
const signedCount = z.string().regex(/^-?\d+(\.\d{1,6})?$/);
const ticker = z.string().min(1);
const marketId = z.string().optional();
const millis = z.int().positive();
const seconds = z.int().positive();
const rfc3339 = z.iso.datetime({ offset: true });
const sid = z.int().positive();
const seq = z.int().positive();
const id = z.int().optional();

const side = z.array(z.tuple([price, count])).nullish();

const orderbookSnapshot = z.looseObject({
  type: z.literal('orderbook_snapshot'),
  sid,
  seq,
  id,
  msg: z.looseObject({
    market_ticker: ticker,
    market_id: marketId,
    yes_dollars_fp: side,
    no_dollars_fp: side,
  }),
});

const orderbookDelta = z.looseObject({
  type: z.literal('orderbook_delta'),
  sid,
  seq,
  msg: z.looseObject({
    market_ticker: ticker,
    market_id: marketId,
    price_dollars: price,
    delta_fp: signedCount,
    side: z.enum(['yes', 'no']),
    ts: rfc3339.optional(),
    ts_ms: millis.optional(),
  }),
});

const tickerMessage = z.looseObject({
  type: z.literal('ticker'),
  sid,
  msg: z.looseObject({
    market_ticker: ticker,
    market_id: marketId,
    price_dollars: z.union([price, z.literal('')]),
    yes_bid_dollars: price,
    yes_ask_dollars: price,
    yes_bid_size_fp: count,
    yes_ask_size_fp: count,
    last_trade_size_fp: count.optional(),
    volume_fp: count,
    open_interest_fp: count,
    dollar_volume: z.int().optional(),
    dollar_open_interest: z.int().optional(),
    ts: seconds,
    ts_ms: millis,
    time: rfc3339.optional(),
  }),
});

const bookSide = z.enum(['bid', 'ask']);
const outcome = z.enum(['yes', 'no']);

const trade = z.looseObject({
  type: z.literal('trade'),
  sid,
  seq,
  msg: z.looseObject({
    trade_id: z.string().min(1),
    market_ticker: ticker,
    yes_price_dollars: price,
    no_price_dollars: price,
    count_fp: count,
    taker_side: outcome.optional(),
    taker_outcome_side: outcome,
    taker_book_side: bookSide,
    is_block_trade: z.boolean(),
    ts: seconds,
    ts_ms: millis,
  }),
});

const marketLifecycle = z.looseObject({
  type: z.enum(['market_lifecycle_v2', 'multivariate_market_lifecycle']),
  sid,
  seq: seq.optional(),
  msg: z.looseObject({
    event_type: z.enum([
      'created',
      'activated',
      'deactivated',
      'close_date_updated',
      'determined',
      'settled',
      'price_level_structure_updated',
      'metadata_updated',
    ]),
    market_ticker: ticker,
    open_ts: seconds.optional(),
    close_ts: seconds.optional(),
    settlement_value: price.optional(),
  }),
});

const eventLifecycle = z.looseObject({
  type: z.enum(['event_lifecycle', 'event_fee_update']),
  sid,
  seq: seq.optional(),
  msg: z.looseObject({ event_ticker: ticker }),
});

const subscribed = z.looseObject({
  type: z.literal('subscribed'),
  id,
  msg: z.looseObject({ channel: z.string().min(1), sid }),
});

const unsubscribed = z.looseObject({ type: z.literal('unsubscribed'), id, sid, seq });

const ok = z.looseObject({
  type: z.literal('ok'),
  id,
  sid: sid.optional(),
  seq: seq.optional(),
  msg: z
    .union([
      z.array(z.looseObject({ channel: z.string().min(1), sid })),
      z.looseObject({ market_tickers: z.array(ticker).optional() }),
    ])
    .optional(),
});

const error = z.looseObject({
  type: z.literal('error'),
  id,
  sid: sid.optional(),
  seq: seq.optional(),
  msg: z.looseObject({ code: z.int(), msg: z.string() }),
});

/** Every frame that this project's subscriptions can bring. */
export const kalshiMessageSchema = z.discriminatedUnion('type', [
  orderbookSnapshot,
  orderbookDelta,
  tickerMessage,
  trade,
  marketLifecycle,
  eventLifecycle,
  subscribed,
  unsubscribed,
  ok,
  error,
]);
