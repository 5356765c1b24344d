import type { ClientBase } from 'pg';
import type { Side } from '../../events/event.ts';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';
import { rowsOf } from './row-cursor.ts';
import { eventConditions, type TapeFilter, timeOrder } from './tape-filter.ts';

export interface TapeDelta {
  readonly venue: string;
  readonly instrument: string;
  readonly exchange_ts: Micros;
  readonly side: Side;
  readonly price: Price;
  /** The signed change, or the new size where `is_absolute`. */
  readonly amount: Size;
  readonly is_absolute: boolean;
  readonly hash: string | null;
  readonly hash_key: number;
  readonly occurrence: number;
  /** Place among the changes of the instrument with this `exchange_ts`. */
  readonly instant_index: number;
  readonly received_at: Micros;
  readonly quality: number;
  /** Bits: a 1, b 2, c 4. */
  readonly lines: number;
}

/** By time and place, then by the rest of the identity, so that no two rows stand at the same place. */
export const DELTA_ORDER = [
  'exchange_ts',
  'instrument',
  'instant_index',
  'side',
  'price',
  'amount',
  'hash_key',
  'occurrence',
] as const;

/** Changes of books in the order of venue time; those of one instant and instrument as they came. */
export async function* deltasOf(client: ClientBase, filter: TapeFilter): AsyncGenerator<TapeDelta> {
  const conditions = eventConditions(filter, 'exchange_ts');
  const [time, ...rest] = DELTA_ORDER;
  const order = [
    timeOrder(filter, 'order_book_deltas', time, conditions),
    ...rest.map((name) => `order_book_deltas.${name}`),
  ];
  conditions.addAfter(order, filter.after);
  const statement = `SELECT venue, instrument, exchange_ts, side, price, amount, is_absolute, hash, hash_key, occurrence, instant_index,
      received_at, quality, lines
    FROM order_book_deltas ${conditions.where}
    ORDER BY ${order.join(', ')} ${conditions.limit(filter.limit)}`;
  for await (const row of rowsOf<Record<string, never>>(client, statement, conditions.values)) {
    yield {
      ...(row as unknown as TapeDelta),
      exchange_ts: Number(row['exchange_ts']) as Micros,
      price: Number(row['price']) as Price,
      amount: Number(row['amount']) as Size,
      received_at: Number(row['received_at']) as Micros,
    };
  }
}

export interface TapeMetrics {
  readonly venue: string;
  readonly instrument: string;
  readonly at: Micros;
  readonly bid: Price | null;
  readonly ask: Price | null;
  /** Bid plus ask: twice the mid, so that it stays whole. */
  readonly mid_twice: Price | null;
  readonly spread: Price | null;
  readonly bid_depth: Size;
  readonly ask_depth: Size;
  /** Within five cents of the best. */
  readonly bid_depth_near: Size;
  readonly ask_depth_near: Size;
  readonly bid_levels: number;
  readonly ask_levels: number;
  readonly crossed: boolean;
  readonly lines: number;
}

const WHOLE = [
  'at',
  'bid',
  'ask',
  'mid_twice',
  'spread',
  'bid_depth',
  'ask_depth',
  'bid_depth_near',
  'ask_depth_near',
] as const;

/** Figures of proven books at intervals, in the order of venue time. */
export async function* metricsOf(client: ClientBase, filter: TapeFilter): AsyncGenerator<TapeMetrics> {
  const conditions = eventConditions(filter, 'at');
  const order = [timeOrder(filter, 'order_book_metrics', 'at', conditions), 'venue', 'instrument'];
  conditions.addAfter(order, filter.after);
  const statement = `SELECT venue, instrument, ${WHOLE.join(', ')}, bid_levels, ask_levels, crossed, lines
    FROM order_book_metrics ${conditions.where}
    ORDER BY ${order.join(', ')} ${conditions.limit(filter.limit)}`;
  for await (const row of rowsOf<Record<string, string | null>>(client, statement, conditions.values)) {
    const numbers = WHOLE.map((name) => [name, row[name] === null ? null : Number(row[name])]);
    yield { ...(row as unknown as TapeMetrics), ...Object.fromEntries(numbers) };
  }
}
