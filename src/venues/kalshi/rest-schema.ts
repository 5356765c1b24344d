import { z } from 'zod';

/**
 * Shapes of Kalshi's REST bodies: strict about what is used, open to everything else. A list is read element by
 * element, so that one that cannot be used does not cost the page.
 */

const text = z.string();
const optionalText = z.string().nullish();
const flag = z.boolean().nullish();
/** Money and counts: decimal strings today, numbers in older captures. */
const decimal = z.union([z.string(), z.number()]).nullish();

export const cursorSchema = z.string().nullish();

export const exchangeStatusSchema = z.looseObject({
  exchange_active: z.boolean(),
  trading_active: z.boolean(),
  exchange_estimated_resume_time: optionalText,
  exchange_index_statuses: z
    .array(z.looseObject({ exchange_index: z.number(), exchange_active: flag, trading_active: flag }))
    .nullish(),
});

export const exchangeScheduleSchema = z.looseObject({
  schedule: z.looseObject({
    standard_hours: z.array(z.looseObject({})).nullish(),
    maintenance_windows: z.array(z.looseObject({})).nullish(),
  }),
});

export const marketSchema = z.looseObject({
  ticker: text.min(1),
  event_ticker: optionalText,
  status: text,
  title: optionalText,
  yes_sub_title: optionalText,
  open_time: optionalText,
  close_time: optionalText,
});

export const eventSchema = z.looseObject({
  event_ticker: text.min(1),
  series_ticker: optionalText,
  title: optionalText,
  markets: z.array(z.unknown()).nullish(),
});

export const seriesSchema = z.looseObject({ ticker: text.min(1), title: optionalText });

/** A level: price and count, `["0.4100", "120.50"]` today, `[41, 120]` in cents and contracts before. */
const level = z.tuple([z.union([z.string(), z.number()]), z.union([z.string(), z.number()])]);
const side = z.array(level).nullish();

export const orderbookSchema = z
  .looseObject({
    orderbook_fp: z.looseObject({ yes_dollars: side, no_dollars: side }).nullish(),
    orderbook: z.looseObject({ yes: side, no: side, yes_dollars: side, no_dollars: side }).nullish(),
  })
  // Without this an answer of another shape would be taken for an empty book.
  .refine((body) => body.orderbook_fp || body.orderbook, { error: 'expected orderbook_fp or orderbook' });

export const tradeSchema = z.looseObject({
  trade_id: text.min(1),
  ticker: text.min(1),
  created_time: text,
  yes_price_dollars: decimal,
  yes_price: z.number().nullish(),
  count_fp: decimal,
  count: z.number().nullish(),
  taker_outcome_side: optionalText,
  taker_book_side: optionalText,
  taker_side: optionalText,
  is_block_trade: flag,
});

/** Open, high, low and close under either naming: `open_dollars` live, `open` in the historical tier. */
const ohlc = z.looseObject({});

export const candleSchema = z.looseObject({
  end_period_ts: z.number(),
  price: ohlc.nullish(),
  yes_bid: ohlc.nullish(),
  yes_ask: ohlc.nullish(),
  volume_fp: decimal,
  volume: decimal,
  open_interest_fp: decimal,
  open_interest: decimal,
});

export const historicalCutoffSchema = z.looseObject({
  market_settled_ts: text,
  trades_created_ts: text,
  orders_updated_ts: optionalText,
});

const bucket = z.looseObject({ refill_rate: z.number().positive(), bucket_capacity: z.number().positive() });

export const accountLimitsSchema = z.looseObject({
  usage_tier: optionalText,
  read: bucket.nullish(),
  write: bucket.nullish(),
  /** Older form: one number each, tokens per second. */
  read_limit: z.number().positive().nullish(),
  write_limit: z.number().positive().nullish(),
});

export const endpointCostsSchema = z.looseObject({
  default_cost: z.number().positive().nullish(),
  endpoint_costs: z
    .array(z.looseObject({ method: text, path: text, cost: z.number().nonnegative() }))
    .nullish(),
});

export type KalshiExchangeStatus = z.infer<typeof exchangeStatusSchema>;
export type KalshiExchangeSchedule = z.infer<typeof exchangeScheduleSchema>;
export type KalshiMarket = z.infer<typeof marketSchema>;
export type KalshiEvent = z.infer<typeof eventSchema>;
export type KalshiSeries = z.infer<typeof seriesSchema>;
export type KalshiOrderbookBody = z.infer<typeof orderbookSchema>;
export type KalshiTradeBody = z.infer<typeof tradeSchema>;
export type KalshiCandleBody = z.infer<typeof candleSchema>;
export type KalshiHistoricalCutoff = z.infer<typeof historicalCutoffSchema>;
export type KalshiAccountLimits = z.infer<typeof accountLimitsSchema>;
export type KalshiEndpointCosts = z.infer<typeof endpointCostsSchema>;
