import type { ClientBase } from 'pg';
import type { BookSnapshotEvent, LifecycleEvent, TickerEvent } from '../events/event.ts';
import { hashKey, lifecycleContentKey, snapshotContentKey, tickerContentKey } from '../events/identity.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { levelsFromFlat } from '../tape/book-rebuild.ts';
import type { Micros } from '../units/time.ts';
import type { FindingLog } from './finding.ts';

type Row = Readonly<Record<string, unknown>>;

interface KeyedTable {
  readonly name: string;
  readonly key: string;
  readonly subject: string;
  readonly time: string;
  readonly columns: string;
  readonly condition: string;
  readonly reckon: (row: Row) => number;
}

const integerOrNull = (value: unknown): number | null => (value === null ? null : Number(value));

const keyed: readonly KeyedTable[] = [
  {
    name: 'order_book_deltas',
    key: 'hash_key',
    subject: 'instrument',
    time: 'exchange_ts',
    columns: 'hash',
    condition: '(hash IS NOT NULL OR hash_key <> 0)',
    reckon: (row) => hashKey((row['hash'] as string | null) ?? undefined),
  },
  {
    name: 'order_book_snapshots',
    key: 'hash_key',
    subject: 'instrument',
    time: 'snapshot_ts',
    columns: 'hash, depth, bids, asks',
    condition: 'true',
    reckon: (row) => {
      const { hash, depth, bids, asks } = row as Record<'hash', string | null> & {
        depth: number | null;
      } & Record<'bids' | 'asks', string[]>;
      return snapshotContentKey({
        ...(hash === null ? {} : { hash }),
        ...(depth === null ? {} : { depth }),
        bids: levelsFromFlat(bids),
        asks: levelsFromFlat(asks),
      } as unknown as BookSnapshotEvent);
    },
  },
  {
    name: 'tickers',
    key: 'content_key',
    subject: 'instrument',
    time: 'exchange_ts',
    columns: 'bid, ask, bid_size, ask_size, last, volume, open_interest',
    condition: 'true',
    reckon: (row) => {
      const names = ['bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'] as const;
      const figures = Object.fromEntries(names.map((name) => [name, integerOrNull(row[name])]));
      return tickerContentKey(figures as unknown as TickerEvent);
    },
  },
  {
    name: 'market_lifecycle',
    key: 'content_key',
    subject: 'subject',
    time: 'at',
    columns: 'is_event, type, status, details',
    condition: 'true',
    reckon: (row) => {
      const { subject, is_event, type, status, details } = row as Record<'subject' | 'type', string> & {
        is_event: boolean;
        status: string | null;
        details: LifecycleEvent['details'];
      };
      return lifecycleContentKey({
        ...(is_event ? { event: subject } : { market: subject }),
        type,
        ...(status === null ? {} : { status }),
        details,
      } as unknown as LifecycleEvent);
    },
  },
];

/**
 * Whether the content of every row is still what its key was made of. Needs no line.
 *
 * @returns how many rows were looked at
 */
export async function auditContentKeys(
  client: ClientBase,
  span: { readonly from: Micros; readonly to: Micros },
  findings: FindingLog,
): Promise<number> {
  let checked = 0;
  for (const { name, key, subject, time, columns, condition, reckon } of keyed) {
    const rows = rowsOf<Record<string, unknown>>(
      client,
      `SELECT venue, ${subject}, ${time}, ${key}, ${columns} FROM ${name}
       WHERE ${time} >= $1 AND ${time} < $2 AND ${condition}`,
      [span.from, span.to],
    );
    for await (const row of rows) {
      checked++;
      let reckoned: number | null = null;
      let detail = 'levels of a price without a size';
      try {
        reckoned = reckon(row);
        detail = `${key} is ${row[key]}, the content gives ${reckoned}`;
      } catch {
        // A book that is none: told as it is.
      }
      if (reckoned === row[key]) continue;
      findings.add({
        kind: 'content_key_wrong',
        table: name,
        venue: row['venue'] as string,
        subject: row[subject] as string,
        time: Number(row[time]) as Micros,
        detail,
      });
    }
  }
  return checked;
}
