import type { ClientBase } from 'pg';
import { type Interval, union } from '../../tape/intervals.ts';
import {
  type ComparedEvent,
  deltaIdentity,
  lifecycleIdentity,
  snapshotIdentity,
  tickerIdentity,
  tradeIdentity,
} from '../../tape/truth-identity.ts';
import type { Micros } from '../../units/time.ts';
import { rowsOf } from './row-cursor.ts';
import { gapsOf } from './tape-queries.ts';

type Row = Record<string, string | null>;

/** Every event of the tape as it is compared with the truth: those that a venue made, not those that a line made. */
export async function* comparedTapeEvents(client: ClientBase): AsyncGenerator<ComparedEvent> {
  const time = (text: string): Micros => Number(text) as Micros;
  for await (const row of rowsOf<Row>(
    client,
    'SELECT venue, instrument, trade_id, exchange_ts, price, size FROM trades',
    [],
  )) {
    const [venue, instrument, trade_id] = [row['venue']!, row['instrument']!, row['trade_id']!];
    const at = time(row['exchange_ts']!);
    const [price, size] = [Number(row['price']), Number(row['size'])];
    const identity = tradeIdentity({ venue, instrument, trade_id, price, size, exchange_ts: at });
    yield { kind: 'trade', venue, subject: instrument, time: at, identity };
  }
  for await (const row of rowsOf<Row>(
    client,
    'SELECT venue, instrument, exchange_ts, side, price, amount, hash_key FROM order_book_deltas',
    [],
  )) {
    const [venue, instrument, side] = [row['venue']!, row['instrument']!, row['side']!];
    const at = time(row['exchange_ts']!);
    const [price, amount, hash_key] = [Number(row['price']), Number(row['amount']), Number(row['hash_key'])];
    const identity = deltaIdentity({ instrument, exchange_ts: at, side, price, amount, hash_key });
    yield { kind: 'book_delta', venue, subject: instrument, time: at, identity };
  }
  for await (const row of rowsOf<Row>(
    client,
    'SELECT venue, instrument, exchange_ts, content_key FROM tickers',
    [],
  )) {
    const [venue, instrument] = [row['venue']!, row['instrument']!];
    const at = time(row['exchange_ts']!);
    const identity = tickerIdentity(instrument, at, Number(row['content_key']));
    yield { kind: 'ticker', venue, subject: instrument, time: at, identity };
  }
  for await (const row of rowsOf<Row>(
    client,
    `SELECT venue, instrument, exchange_ts, hash_key FROM order_book_snapshots
     WHERE source = 'ws' AND exchange_ts IS NOT NULL`,
    [],
  )) {
    const [venue, instrument] = [row['venue']!, row['instrument']!];
    const at = time(row['exchange_ts']!);
    const identity = snapshotIdentity(instrument, at, Number(row['hash_key']));
    yield { kind: 'book_snapshot', venue, subject: instrument, time: at, identity };
  }
  for await (const row of rowsOf<Row>(
    client,
    'SELECT venue, subject, type, at, exchange_ts FROM market_lifecycle',
    [],
  )) {
    const [venue, subject, type, at] = [row['venue']!, row['subject']!, row['type']!, row['at']!];
    const exchange = row['exchange_ts'] === null ? null : time(row['exchange_ts']!);
    yield {
      kind: 'lifecycle',
      venue,
      subject,
      time: time(at),
      identity: lifecycleIdentity(venue, subject, type, exchange),
    };
  }
}

/** All gaps of the tape, ready to be asked by instrument: its own and those of its whole venue. */
export async function tapeGapIndex(
  client: ClientBase,
): Promise<(venue: string, instrument: string) => readonly Interval[]> {
  const byInstrument = new Map<string, Interval[]>();
  for await (const gap of gapsOf(client, { line: 'tape' })) {
    const key = `${gap.venue}\n${gap.instrument}`;
    const known = byInstrument.get(key);
    if (known === undefined) byInstrument.set(key, [gap]);
    else known.push(gap);
  }
  return (venue, instrument) =>
    union([
      ...(byInstrument.get(`${venue}\n${instrument}`) ?? []),
      ...(byInstrument.get(`${venue}\n*`) ?? []),
    ]);
}
