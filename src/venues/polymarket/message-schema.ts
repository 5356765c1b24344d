import { z } from 'zod';

/**
 * Messages of Polymarket's market channel as documented today. The decoder reads them by hand, because a schema
 * costs more than the rest of the path together; tests hold it to these.
 */

const price = z
  .string()
  .regex(/^\d*(\.\d{1,6})?$/)
  .min(1);
const size = z.string().regex(/^\d+(\.\d{1,6})?$/);
const token = z.string().min(1);
const market = z.string().min(1);
const timestamp = z.string().regex(/^[1-9]\d{0,12}$/);
const level = z.looseObject({ price, size });
const direction = z.enum(['BUY', 'SELL']);

const book = z.looseObject({
  event_type: z.literal('book'),
  asset_id: token,
  market,
  timestamp,
  hash: z.string().optional(),
  bids: z.array(level),
  asks: z.array(level),
  last_trade_price: z.string().optional(),
  tick_size: z.string().optional(),
});

const priceChange = z.looseObject({
  event_type: z.literal('price_change'),
  market,
  timestamp,
  price_changes: z.array(
    z.looseObject({
      asset_id: token,
      price,
      size,
      side: direction,
      hash: z.string().optional(),
      best_bid: z.string().optional(),
      best_ask: z.string().optional(),
    }),
  ),
});

const tickSizeChange = z.looseObject({
  event_type: z.literal('tick_size_change'),
  asset_id: token,
  market,
  old_tick_size: price,
  new_tick_size: price,
  timestamp,
});

const lastTradePrice = z.looseObject({
  event_type: z.literal('last_trade_price'),
  asset_id: token,
  market,
  price,
  size,
  side: direction,
  timestamp,
  fee_rate_bps: z.string().optional(),
  transaction_hash: z.string().optional(),
});

const bestBidAsk = z.looseObject({
  event_type: z.literal('best_bid_ask'),
  asset_id: token,
  market,
  best_bid: price,
  best_ask: price,
  timestamp,
});

const newMarket = z.looseObject({
  event_type: z.literal('new_market'),
  market,
  assets_ids: z.array(token),
  timestamp,
});

const marketResolved = z.looseObject({
  event_type: z.literal('market_resolved'),
  market,
  assets_ids: z.array(token),
  timestamp,
});

/** One message; a frame holds one or an array of them. */
export const polymarketMessageSchema = z.discriminatedUnion('event_type', [
  book,
  priceChange,
  tickSizeChange,
  lastTradePrice,
  bestBidAsk,
  newMarket,
  marketResolved,
]);
