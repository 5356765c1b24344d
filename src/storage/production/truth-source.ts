import type { ClientBase } from 'pg';
import type { LifecycleEvent, TickerEvent, Venue } from '../../events/event.ts';
import { tickerContentKey } from '../../events/identity.ts';
import { levelsFromFlat } from '../../tape/book-rebuild.ts';
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
import { gapsOf, type TapeGapRow } from './tape-queries.ts';

/** One row as the database's client gives it: 64-bit integers as text. */
export type TapeRow = Readonly<Record<string, unknown>>;

const text = (row: TapeRow, name: string): string => row[name] as string;
const integer = (row: TapeRow, name: string): number => Number(row[name]);
const integerOrNull = (row: TapeRow, name: string): number | null =>
  row[name] === null ? null : Number(row[name]);

interface ComparedTable {
  readonly select: string;
  /** The row as what it says, not as the keys beside it say: a wrong figure under a right key is found. */
  readonly read: (row: TapeRow) => ComparedEvent;
}

/** What is compared of the tape: the events that a venue made, not those that a line made. */
export const comparedTables = {
  trades: {
    select: 'SELECT venue, instrument, trade_id, exchange_ts, price, size, taker_side, is_block FROM trades',
    read: (row) => {
      const [venue, instrument, time] = [
        text(row, 'venue'),
        text(row, 'instrument'),
        integer(row, 'exchange_ts'),
      ];
      const identity = tradeIdentity({
        venue,
        instrument,
        trade_id: text(row, 'trade_id'),
        price: integer(row, 'price'),
        size: integer(row, 'size'),
        taker_side: row['taker_side'] as string | null,
        is_block: row['is_block'] as boolean,
        exchange_ts: time,
      });
      return { kind: 'trade', venue, subject: instrument, time: time as Micros, identity };
    },
  },
  order_book_deltas: {
    select: 'SELECT venue, instrument, exchange_ts, side, price, amount, hash_key FROM order_book_deltas',
    read: (row) => {
      const [instrument, time] = [text(row, 'instrument'), integer(row, 'exchange_ts')];
      const identity = deltaIdentity({
        instrument,
        exchange_ts: time,
        side: text(row, 'side'),
        price: integer(row, 'price'),
        amount: integer(row, 'amount'),
        hash_key: integer(row, 'hash_key'),
      });
      return {
        kind: 'book_delta',
        venue: text(row, 'venue'),
        subject: instrument,
        time: time as Micros,
        identity,
      };
    },
  },
  tickers: {
    select: `SELECT venue, instrument, exchange_ts, bid, ask, bid_size, ask_size, last, volume, open_interest
      FROM tickers`,
    read: (row) => {
      const [instrument, time] = [text(row, 'instrument'), integer(row, 'exchange_ts')];
      const figures = Object.fromEntries(
        ['bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'].map((name) => [
          name,
          integerOrNull(row, name),
        ]),
      ) as unknown as TickerEvent;
      const identity = tickerIdentity(instrument, time, tickerContentKey(figures));
      return {
        kind: 'ticker',
        venue: text(row, 'venue'),
        subject: instrument,
        time: time as Micros,
        identity,
      };
    },
  },
  order_book_snapshots: {
    select: `SELECT venue, instrument, exchange_ts, hash_key, bids, asks FROM order_book_snapshots
      WHERE source = 'ws' AND exchange_ts IS NOT NULL`,
    read: (row) => {
      const [instrument, time] = [text(row, 'instrument'), integer(row, 'exchange_ts')];
      const identity = snapshotIdentity({
        instrument,
        exchange_ts: time,
        hash_key: integer(row, 'hash_key'),
        bids: levelsFromFlat(row['bids'] as string[]),
        asks: levelsFromFlat(row['asks'] as string[]),
      });
      return {
        kind: 'book_snapshot',
        venue: text(row, 'venue'),
        subject: instrument,
        time: time as Micros,
        identity,
      };
    },
  },
  market_lifecycle: {
    select:
      'SELECT venue, subject, is_event, instruments, type, status, details, at, exchange_ts FROM market_lifecycle',
    read: (row) => {
      const [subject, at, status] = [
        text(row, 'subject'),
        integer(row, 'at') as Micros,
        row['status'] as string | null,
      ];
      const event: LifecycleEvent = {
        kind: 'lifecycle',
        venue: text(row, 'venue') as Venue,
        ...(row['is_event'] === true ? { event: subject } : { market: subject }),
        instruments: row['instruments'] as string[],
        type: text(row, 'type'),
        ...(status === null ? {} : { status }),
        details: row['details'] as LifecycleEvent['details'],
        exchange_ts: integerOrNull(row, 'exchange_ts') as Micros | null,
        received_at: at,
      };
      const { venue, instruments } = event;
      return { kind: 'lifecycle', venue, subject, instruments, time: at, identity: lifecycleIdentity(event) };
    },
  },
} as const satisfies Readonly<Record<string, ComparedTable>>;

/** Every event of the tape as it is compared with the truth. */
export async function* comparedTapeEvents(client: ClientBase): AsyncGenerator<ComparedEvent> {
  for (const { select, read } of Object.values(comparedTables)) {
    for await (const row of rowsOf<TapeRow>(client, select, [])) yield read(row);
  }
}

/** All gaps of the tape, to be asked by instrument. */
export class TapeGapIndex {
  readonly #bySubject = new Map<string, Interval[]>();

  add(gap: Pick<TapeGapRow, 'venue' | 'instrument' | 'from' | 'to'>): void {
    const key = `${gap.venue}\n${gap.instrument}`;
    const known = this.#bySubject.get(key);
    if (known === undefined) this.#bySubject.set(key, [gap]);
    else known.push(gap);
  }

  /** Whether any gap names the instrument: it does for every one that a line ever expected. */
  readonly names = (venue: string, instrument: string): boolean =>
    this.#bySubject.has(`${venue}\n${instrument}`);

  /** Its own and those of its whole venue, united. */
  readonly of = (venue: string, instrument: string): readonly Interval[] =>
    union([
      ...(this.#bySubject.get(`${venue}\n${instrument}`) ?? []),
      ...(this.#bySubject.get(`${venue}\n*`) ?? []),
    ]);

  /**
   * When the first gap of a single instrument ended after a time: from then on, some line proved something. Null
   * when nothing was proven.
   */
  firstProof(after: Micros): Micros | null {
    let first: Micros | null = null;
    for (const [key, gaps] of this.#bySubject) {
      if (key.endsWith('\n*')) continue;
      for (const { to } of gaps) if (to !== null && to > after && (first === null || to < first)) first = to;
    }
    return first;
  }
}

export async function tapeGapIndex(client: ClientBase): Promise<TapeGapIndex> {
  const index = new TapeGapIndex();
  for await (const gap of gapsOf(client, { line: 'tape' })) index.add(gap);
  return index;
}
