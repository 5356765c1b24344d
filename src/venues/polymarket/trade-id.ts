import { hash } from 'node:crypto';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';

/** What a `last_trade_price` message says of a trade: the venue gives it no id of its own. */
export interface TradeFacts {
  readonly instrument: string;
  readonly exchange_ts: Micros | null;
  readonly taker_side: 'buy' | 'sell' | null;
  readonly price: Price;
  readonly size: Size;
  /** Hash of the settling transaction, or '' where the message has none. One transaction may settle several fills. */
  readonly transaction: string;
}

/**
 * The id of a trade, derived from its content alone and so the same on every line and in every run: the first
 * 128 bits of a SHA-256 in hex. It is stored as part of the trade's identity, so its definition never changes.
 * Equal trades get equal ids; `withOrdinal` tells them apart.
 */
export function derivedTradeId(trade: TradeFacts): string {
  const { instrument, exchange_ts, taker_side, price, size, transaction } = trade;
  const content = `${instrument}|${exchange_ts ?? ''}|${taker_side ?? ''}|${price}|${size}|${transaction}`;
  return hash('sha256', content, 'hex').slice(0, 32);
}

/** The id of the n-th of several equal trades, counted from 0; the first keeps the derived id as it is. */
export function withOrdinal(tradeId: string, ordinal: number): string {
  return ordinal === 0 ? tradeId : `${tradeId}-${ordinal}`;
}
