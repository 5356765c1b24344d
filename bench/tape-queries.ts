import { deepStrictEqual } from 'node:assert';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import type { Level } from '#src/events/event.ts';
import { type ExportedTable, exportedTables } from '#src/export/exported-tables.ts';
import { plainKey } from '#src/export/manifest.ts';
import { TapeExport } from '#src/export/tape-export.ts';
import { migrate } from '#src/storage/migrate.ts';
import { candlesOf } from '#src/storage/production/candle-query.ts';
import { bookAt } from '#src/storage/production/tape-queries.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatRfc3339, MICROS_PER_DAY, MICROS_PER_HOUR, type Micros } from '#src/units/time.ts';
import { startPostgres } from '../local/postgres/server.ts';
import { randomNumbers } from './book-stream.ts';
import { type FilledTape, fillTape, instrumentName } from './inputs/filled-tape.ts';
import { type Contender, measureBoth, rateRow } from './measure.ts';
import type { Extent, Row, Subject } from './row.ts';
import { sessionCpu } from './session-cpu.ts';

const VENUE = 'kalshi';
const INSTRUMENTS = 250;
const DAYS = 2;
const BOOKS = 20;
const SERIES = 10;
/** Tables of which DuckDB reads the files. */
const READ: ReadonlySet<string> = new Set(['trades', 'order_book_deltas', 'order_book_snapshots']);

/** What one instant of a book asks for. */
interface Asked {
  readonly instrument: string;
  readonly at: Micros;
}

/** Levels and candles as both give them, so that they can be compared. */
type Levels = Readonly<Record<'bid' | 'ask', readonly Level[]>>;
type Figures = readonly number[];

/** Answers out of the tape's database. */
interface Ours {
  readonly client: pg.Client;
  readonly cpu: () => number;
  /** Writes a table's rows of the day into files. */
  readonly export: (table: ExportedTable) => Promise<number>;
}

/** DuckDB over the files that an export of the same rows made. */
class Files {
  readonly #connection: DuckDBConnection;
  readonly #path: (table: string) => string;

  constructor(connection: DuckDBConnection, path: (table: string) => string) {
    this.#connection = connection;
    this.#path = path;
  }

  async #ask(statement: string, values: readonly (string | number)[]): Promise<readonly unknown[][]> {
    const prepared = await this.#connection.prepare(statement);
    for (const [index, value] of values.entries()) {
      if (typeof value === 'string') prepared.bindVarchar(index + 1, value);
      else prepared.bindBigInt(index + 1, BigInt(value));
    }
    return (await prepared.runAndReadAll()).getRowsJS();
  }

  /** The book of the last whole one and what changed since; nothing says here whether any of it is certain. */
  async book({ instrument, at }: Asked): Promise<Levels> {
    const rows = await this.#ask(
      `WITH anchor AS (
         SELECT snapshot_ts, bids, asks FROM '${this.#path('order_book_snapshots')}'
         WHERE instrument = $1 AND snapshot_ts <= $2 AND depth IS NULL AND source = 'engine'
         ORDER BY snapshot_ts DESC LIMIT 1
       ), held AS (
         SELECT 'bid' AS side, unnest(bids[1:-:2]) AS price, unnest(bids[2:-:2]) AS amount FROM anchor
         UNION ALL SELECT 'ask', unnest(asks[1:-:2]), unnest(asks[2:-:2]) FROM anchor
         UNION ALL SELECT side, price, amount FROM '${this.#path('order_book_deltas')}'
         WHERE instrument = $1 AND exchange_ts <= $2 AND exchange_ts > (SELECT snapshot_ts FROM anchor)
       )
       SELECT side, price, sum(amount)::BIGINT FROM held GROUP BY side, price HAVING sum(amount) > 0
       ORDER BY CASE side WHEN 'bid' THEN -price ELSE price END`,
      [instrument, at],
    );
    const side = (name: string): Level[] =>
      rows
        .filter(([found]) => found === name)
        .map(([, price, size]) => [Number(price), Number(size)] as unknown as Level);
    return { bid: side('bid'), ask: side('ask') };
  }

  /** Candles of one instrument, or of all. */
  async candles(width: number, instrument: string | null): Promise<readonly Figures[]> {
    const rows = await this.#ask(
      `SELECT exchange_ts - exchange_ts % ${width} AS bucket, arg_min(price, (exchange_ts, trade_id)), max(price),
         min(price), arg_max(price, (exchange_ts, trade_id)), sum(size)::BIGINT, count(*)
       FROM '${this.#path('trades')}' ${instrument === null ? '' : 'WHERE instrument = $1'}
       GROUP BY instrument, bucket ORDER BY instrument, bucket`,
      instrument === null ? [] : [instrument],
    );
    return rows.map((row) => row.map(Number));
  }

  /** The rows of a table into another file, sorted as they are. */
  async copy({ name, sortedBy }: ExportedTable, to: string): Promise<void> {
    await this.#connection.run(
      `COPY (SELECT * FROM '${this.#path(name)}' ORDER BY ${sortedBy.join(', ')}) TO '${to}'
       (FORMAT parquet, COMPRESSION zstd)`,
    );
  }
}

async function book({ client }: Ours, { instrument, at }: Asked): Promise<Levels> {
  const { bids, asks } = await bookAt(client, VENUE, instrument, at, defaultRules);
  return { bid: bids, ask: asks };
}

async function candles(
  { client }: Ours,
  day: Micros,
  width: '1m' | '1h',
  instrument: string | null,
): Promise<readonly Figures[]> {
  const found: Figures[] = [];
  const span = { venue: VENUE, from: day, to: (day + MICROS_PER_DAY) as Micros };
  const asked = { ...span, ...(instrument === null ? {} : { instrument }) };
  const request = { ...asked, width, of: 'trades', empty: 'skip' } as const;
  for await (const candle of candlesOf(client, request, defaultRules)) {
    const { bucket, open, high, low, close, volume, trades } = candle;
    found.push([bucket, open!, high!, low!, close!, volume, trades]);
  }
  return found;
}

/** Runs something so many times as one unit of a measurement each. */
const repeated =
  (times: number, work: (turn: number) => Promise<unknown>): Contender['run'] =>
  async () => {
    for (let turn = 0; turn < times; turn++) await work(turn);
    return times;
  };

async function rowsOf(
  ours: Ours,
  files: Files,
  tape: FilledTape,
  scratch: string,
  { rounds }: Extent,
): Promise<Row[]> {
  const random = randomNumbers(5);
  const instrument = (): string => instrumentName(Math.floor(random() * INSTRUMENTS));
  // From the second hour on, so that a whole book lies before it in the same file.
  const instant = (): Micros =>
    (tape.lastDay + Math.floor((0.1 + 0.9 * random()) * MICROS_PER_DAY)) as Micros;
  const books = Array.from({ length: BOOKS }, () => ({ instrument: instrument(), at: instant() }));
  const series = Array.from({ length: SERIES }, instrument);
  const deltas = exportedTables.find(({ name }) => name === 'order_book_deltas')!;
  const exported = await ours.export(deltas);

  for (const asked of books.slice(0, 10)) deepStrictEqual(await book(ours, asked), await files.book(asked));
  for (const one of [series[0]!, null]) {
    deepStrictEqual(await candles(ours, tape.lastDay, '1m', one), await files.candles(60_000_000, one));
  }

  const rows: Row[] = [];
  const beside = async (
    name: string,
    unit: string,
    work: { readonly ours: Contender['run']; readonly duckdb: Contender['run'] },
  ): Promise<void> => {
    const own: Contender = { name: 'ours', run: work.ours, cpuElsewhere: ours.cpu };
    const other: Contender = { name: 'DuckDB over the same rows in Parquet', run: work.duckdb };
    const rates = await measureBoth([own, other], rounds);
    for (const [kind, how, per] of [
      ['wall', 'time on the wall', unit],
      ['cpu', 'CPU of client and server', `${unit} of CPU`],
    ] as const) {
      const described = { name: `${name}, ${how}`, unit: per, reach: null };
      rows.push(rateRow(rates[kind], own.name, other.name, described));
    }
  };
  await beside('book at a time', 'books/s', {
    ours: repeated(BOOKS, (turn) => book(ours, books[turn]!)),
    duckdb: repeated(BOOKS, (turn) => files.book(books[turn]!)),
  });
  await beside('candles (1m) of an instrument over a day', 'series/s', {
    ours: repeated(SERIES, (turn) => candles(ours, tape.lastDay, '1m', series[turn]!)),
    duckdb: repeated(SERIES, (turn) => files.candles(60_000_000, series[turn]!)),
  });
  await beside(`candles (1h) of ${INSTRUMENTS} instruments over a day`, 'series/s', {
    ours: async () => {
      await candles(ours, tape.lastDay, '1h', null);
      return INSTRUMENTS;
    },
    duckdb: async () => {
      await files.candles(MICROS_PER_HOUR, null);
      return INSTRUMENTS;
    },
  });
  await beside(`export of a day, ${exported.toLocaleString('en')} changes`, 'rows/s', {
    ours: () => ours.export(deltas),
    duckdb: async () => {
      await files.copy(deltas, join(scratch, 'copy.parquet'));
      return exported;
    },
  });
  return rows;
}

/**
 * What is asked of the tape's database, beside DuckDB over the same rows in the files of an export. DuckDB is given less
 * to do: it reads the file of the day alone, knows of no gaps, and writes what it reads from a sorted file.
 */
export const subject: Subject = {
  name: 'tape-queries',
  run: async (extent) => {
    const directory = await mkdtemp(join(tmpdir(), 'bench-tape-queries-'));
    const server = await startPostgres({
      dir: join(directory, 'database'),
      databases: ['tape'],
      settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
    });
    const client = new pg.Client({ connectionString: server.url('tape') });
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      await client.connect();
      await migrate(client, 'production');
      const now = Date.now() * 1_000;
      const lastDay = (now - (now % MICROS_PER_DAY) - MICROS_PER_DAY) as Micros;
      const changesPerDay = extent.isQuick ? 200 : 4_000;
      const tape: FilledTape = { instruments: INSTRUMENTS, days: DAYS, lastDay, changesPerDay };
      await fillTape(client, tape);
      const date = formatRfc3339(lastDay).slice(0, 10);
      const scratch = join(directory, 'scratch');
      await mkdir(scratch);
      const exportTo = (folder: string) => async (table: ExportedTable) => {
        const store = new DirectoryObjectStore(folder);
        const clock = (): Micros => now as Micros;
        const exporting = new TapeExport({
          client,
          store,
          scratch,
          clock,
          rules: defaultRules,
          unsettled: true,
        });
        return (await exporting.export(table, date, VENUE)).rows;
      };
      const kept = join(directory, 'kept');
      for (const table of exportedTables) if (READ.has(table.name)) await exportTo(kept)(table);
      let exports = 0;
      const ours: Ours = {
        client,
        cpu: await sessionCpu([client]),
        // Each into a folder of its own, so that there is none before it.
        export: async (table) => {
          const folder = join(directory, `export-${exports++}`);
          const rows = await exportTo(folder)(table);
          await rm(folder, { recursive: true, force: true });
          return rows;
        },
      };
      const path = (table: string): string => join(kept, plainKey({ table, date, venue: VENUE }, 0));
      return await rowsOf(ours, new Files(connection, path), tape, scratch, extent);
    } finally {
      connection.closeSync();
      instance.closeSync();
      await client.end().catch(() => {});
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  },
};
