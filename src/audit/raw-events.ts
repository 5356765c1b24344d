import type { ClientBase } from 'pg';
import type { LifecycleEvent, MarketEvent } from '../events/event.ts';
import { contentKey, hashKey } from '../events/identity.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';

/** Announcements without a venue time are one within so long. */
const ANNOUNCED_WITHIN = 10 * MICROS_PER_SECOND;
/** A trade's time may differ within its millisecond. */
const MILLI = 1_000;

type Values = readonly (string | number | null)[];

/** How the events of one table are looked up on the tape, by all that all copies share. */
interface LookUp {
  readonly table: string;
  /** Types of what is asked for, in the order of `values`. */
  readonly types: readonly string[];
  readonly condition: string;
}

const lookUps = {
  trade: {
    table: 'trades',
    types: ['text', 'text', 'bigint'],
    condition: `t.venue = e.v1 AND t.trade_id = e.v2 AND t.exchange_ts >= e.v3 AND t.exchange_ts < e.v3 + ${MILLI}`,
  },
  book_delta: {
    table: 'order_book_deltas',
    types: ['text', 'bigint', 'text', 'bigint', 'bigint', 'integer', 'integer'],
    // A line that came into the instant later has counted fewer.
    condition:
      't.instrument = e.v1 AND t.exchange_ts = e.v2 AND t.side = e.v3 AND t.price = e.v4 AND t.amount = e.v5 AND t.hash_key = e.v6 AND t.occurrence >= e.v7',
  },
  book_snapshot: {
    table: 'order_book_snapshots',
    types: ['text', 'bigint', 'integer'],
    condition: `t.instrument = e.v1 AND t.snapshot_ts = e.v2 AND t.source = 'ws' AND t.hash_key = e.v3`,
  },
  ticker: {
    table: 'tickers',
    types: ['text', 'bigint', 'integer'],
    condition: 't.instrument = e.v1 AND t.exchange_ts = e.v2 AND t.content_key = e.v3',
  },
  lifecycle: {
    table: 'market_lifecycle',
    types: ['text', 'text', 'integer', 'bigint', 'bigint'],
    condition:
      't.subject = e.v1 AND t.type = e.v2 AND t.content_key = e.v3 AND t.at >= e.v4 AND t.at <= e.v5',
  },
} as const satisfies Readonly<Record<string, LookUp>>;

type Kind = keyof typeof lookUps;

/**
 * By what an event is found on the tape; null for one that is nowhere but at its own line.
 *
 * @param occurrence of a change: how many equal ones of its instant came before it
 */
export function lookedUpBy(
  event: MarketEvent,
  occurrence = 0,
): { readonly kind: Kind; readonly values: Values } | null {
  if (event.kind === 'lifecycle') return { kind: 'lifecycle', values: announcement(event) };
  const { exchange_ts, instrument } = event;
  switch (event.kind) {
    case 'book_snapshot':
      return { kind: 'book_snapshot', values: [instrument, event.snapshot_ts, contentKey(event)] };
    case 'trade':
      if (exchange_ts === null) return null;
      return { kind: 'trade', values: [event.venue, event.trade_id, exchange_ts - (exchange_ts % MILLI)] };
    case 'ticker':
      return exchange_ts === null
        ? null
        : { kind: 'ticker', values: [instrument, exchange_ts, contentKey(event)] };
    case 'book_delta': {
      if (exchange_ts === null) return null;
      const { side, price, hash } = event;
      const amount = event.size ?? event.change ?? 0;
      const values = [instrument, exchange_ts, side, price, amount, hashKey(hash), occurrence];
      return { kind: 'book_delta', values };
    }
  }
}

function announcement(event: LifecycleEvent): Values {
  const { exchange_ts, received_at, type } = event;
  const around = exchange_ts === null ? ANNOUNCED_WITHIN : 0;
  const at = exchange_ts ?? received_at;
  return [event.market ?? event.event ?? '', type, contentKey(event), at - around, at + around];
}

/**
 * Of each event, in order, the lines that the tape credits with it, as bits; null where the tape does not have it.
 *
 * @param events all of one kind
 */
export async function creditedLines(
  client: ClientBase,
  kind: Kind,
  events: readonly Values[],
): Promise<(number | null)[]> {
  const { table, types, condition } = lookUps[kind];
  const columns = types.map((_, column) => events.map((values) => values[column]));
  const { rows } = await client.query<{ lines: number | null }>(
    `SELECT (SELECT bit_or(t.lines) FROM ${table} AS t WHERE ${condition}) AS lines
     FROM unnest(${types.map((type, column) => `$${column + 1}::${type}[]`).join(', ')}) WITH ORDINALITY
       AS e (${types.map((_, column) => `v${column + 1}`).join(', ')}, place)
     ORDER BY e.place`,
    columns,
  );
  return rows.map(({ lines }) => lines);
}
