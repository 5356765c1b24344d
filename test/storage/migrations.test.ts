import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lineTables } from '#src/storage/line-tables.ts';
import { type MigrationSet, migrate, migrationSets, readMigrations } from '#src/storage/migrate.ts';
import { eventTables, marketLifecycle } from '#src/storage/tables.ts';
import { useDatabases } from './database.ts';
import { DAY } from './stream-lines.ts';

const databases = useDatabases();

interface ActualColumn {
  name: string;
  type: string;
  nullable: boolean;
}

async function columnsOf(client: pg.Client, table: string): Promise<ActualColumn[]> {
  const { rows } = await client.query<ActualColumn>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return rows;
}

/** A later migration can only add columns behind the others. */
function byName(columns: readonly ActualColumn[]): ActualColumn[] {
  return [...columns].sort((a, b) => a.name.localeCompare(b.name));
}

async function uniqueKeys(client: pg.Client, table: string): Promise<string[][]> {
  const { rows } = await client.query<{ columns: string[] }>(
    `SELECT array_agg(a.attname::text ORDER BY k.place) AS columns
     FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, place), pg_attribute a
     WHERE i.indrelid = $1::regclass AND i.indisunique AND a.attrelid = i.indrelid AND a.attnum = k.number
     GROUP BY i.indexrelid`,
    [table],
  );
  return rows.map((row) => row.columns);
}

describe('the gatherer set', () => {
  test.each(eventTables.map((table) => [table.name, table] as const))(
    '%s has exactly the columns that are written, and its identity is unique',
    async (name, table) => {
      const client = await (await databases.fresh('gatherer')).connect();
      expect(byName(await columnsOf(client, name))).toEqual(
        byName([
          ...table.columns.map((column) => ({
            name: column.name,
            type: column.type,
            nullable: column.nullable === true,
          })),
          { name: 'ingested_at', type: 'bigint', nullable: false },
          { name: 'ingest_xid', type: 'xid8', nullable: false },
        ]),
      );
      expect((await uniqueKeys(client, name)).map((key) => key.sort())).toContainEqual(
        [...table.unique].sort(),
      );
    },
  );

  test('every table that the writer fills has the columns that it gives', async () => {
    const client = await (await databases.fresh('gatherer')).connect();
    for (const table of lineTables) {
      const actual = new Map((await columnsOf(client, table.name)).map((column) => [column.name, column]));
      for (const column of table.columns) {
        expect(actual.get(column.name), `${table.name}.${column.name}`).toEqual({
          name: column.name,
          type: column.type,
          nullable: column.nullable === true,
        });
      }
    }
  });
});

describe('the production set', () => {
  test.each(eventTables.map((table) => [table.name, table] as const))(
    '%s has the columns of the lines without those that belong to one line, and which lines saw it',
    async (name, table) => {
      const client = await (await databases.fresh('production')).connect();
      expect(byName(await columnsOf(client, name))).toEqual(
        byName([
          ...table.columns
            .filter((column) => column.lineOnly !== true)
            .map((column) => ({ name: column.name, type: column.type, nullable: column.nullable === true })),
          { name: 'lines', type: 'smallint', nullable: false },
          { name: 'merged_at', type: 'bigint', nullable: false },
          ...(table === marketLifecycle ? ['received_a', 'received_b', 'received_c'] : []).map((column) => ({
            name: column,
            type: 'bigint',
            nullable: true,
          })),
        ]),
      );
      expect((await uniqueKeys(client, name)).map((key) => key.sort())).toContainEqual(
        [...table.unique].sort(),
      );
    },
  );

  test('views in e5 give prices as hundred-thousandths, and none where that would need rounding', async () => {
    const client = await (await databases.fresh('production')).connect();
    await client.query(
      `INSERT INTO trades (venue, instrument, trade_id, exchange_ts, price, size, is_block, received_at, quality, lines)
       VALUES ('kalshi', 'X', '1', 1, 480000, 1, false, 1, 0, 1), ('kalshi', 'X', '2', 2, 1000000, 1, false, 1, 0, 1),
              ('kalshi', 'X', '3', 3, 480001, 1, false, 1, 0, 1)`,
    );
    const { rows } = await client.query('SELECT price FROM e5.trades ORDER BY exchange_ts');
    expect(rows.map((row) => row.price)).toEqual([48_000, 100_000, null]);
    const levels = await client.query(
      `SELECT e5.levels('{480000,7,470000,9}') AS some, e5.levels('{}') AS none`,
    );
    expect(levels.rows[0]).toEqual({ some: ['48000', '7', '47000', '9'], none: [] });
  });
});

describe.each(migrationSets)('%s', (set) => {
  test('every table and column says what it is and in which unit', async () => {
    const client = await (await databases.fresh(set)).connect();
    const { rows } = await client.query(
      `SELECT c.relname, a.attname FROM pg_class c
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND c.relname <> 'schema_migrations' AND col_description(c.oid, a.attnum) IS NULL`,
    );
    expect(rows).toEqual([]);
  });

  test('a second run applies nothing, and two runs at once apply everything once', async () => {
    const database = await databases.fresh('empty');
    const [one, two] = [await database.connect(), await database.connect()];
    const [first, second] = await Promise.all([migrate(one, set), migrate(two, set)]);
    const all = readMigrations(set).length;
    expect([first.length, second.length].sort()).toEqual([0, all]);
    expect(await migrate(one, set)).toEqual([]);
  });

  test('latency percentiles can be asked of an empty and of a filled database', async () => {
    const client = await (await databases.fresh(set)).connect();
    expect((await client.query('SELECT * FROM latency_percentiles(0, 10)')).rows).toEqual([]);
    // Without venue time, with a receive time that is suspect, and fetched by a repair: how long they took nobody knows.
    const lineOnly = set === 'gatherer' ? ['connection, sid, seq', "'c', 1, 1"] : ['lines', '7'];
    await client.query(
      `INSERT INTO tickers (venue, instrument, exchange_ts, content_key, received_at, quality, ${lineOnly[0]})
       SELECT 'kalshi', 'X', n, 0, n + n, 0, ${lineOnly[1]} FROM generate_series(1, 100) n
       UNION ALL SELECT 'kalshi', 'X', 200 + q, 0, 200 + q * 1000, q, ${lineOnly[1]} FROM unnest(ARRAY[2, 16, 32, 48]) q
       UNION ALL SELECT 'polymarket', 'X', 300, 0, 300, 16, ${lineOnly[1]}`,
    );
    const { rows } = await client.query('SELECT * FROM latency_percentiles(0, 1000)');
    expect(rows).toMatchObject([
      {
        ...{ venue: 'kalshi', kind: 'ticker', events: '104', venue_events: '100' },
        ...{ venue_p50: '50', venue_p99: '99', venue_p999: '100' },
      },
      { venue: 'polymarket', kind: 'ticker', events: '1', venue_events: '0', venue_p50: null },
    ]);
  });
});

describe('a tape whose indexes by time were built beforehand', () => {
  test('keeps them when it migrates, also those of a day that was made meanwhile', async () => {
    const client = await (await databases.fresh('empty')).connect();
    await migrate(client, 'production', { target: 13 });
    const day = `SELECT ensure_day_partitions('trades', $1, $1)`;
    await client.query(day, [DAY]);
    const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
    const [parent, parts, valid] = page
      .match(/```sql\n(CREATE INDEX trades_by_time.*?)```/s)![1]!
      .split(/;\n|\\gexec\n/);
    await client.query(parent!);
    await client.query(day, [DAY + 86_400_000_000]);
    // psql runs what each row says, from left to right.
    const { rows } = await client.query<string[]>({ text: parts!, rowMode: 'array' });
    expect(rows).toHaveLength(2);
    for (const statement of rows.flat()) await client.query(statement);
    const whole = async () => (await client.query(valid!.split(';')[0]!)).rows;
    expect(await whole()).toEqual([{ indisvalid: true }]);
    const ofIndexes = `SELECT indexrelid::regclass::text AS name, indexrelid::int AS oid FROM pg_index
      WHERE indrelid::regclass::text ~ '^trades' ORDER BY 1`;
    const before = (await client.query(ofIndexes)).rows;
    expect((await migrate(client, 'production')).map(({ version }) => version)[0]).toBe(14);
    expect((await client.query(ofIndexes)).rows).toEqual(before);
    expect(await whole()).toEqual([{ indisvalid: true }]);
  });
});

describe('days', () => {
  test('partitions are made once, rows that came before move into them, and old days can be dropped', async () => {
    const client = await (await databases.fresh('production')).connect();
    const insert = async (id: string, at: number) =>
      await client.query(
        `INSERT INTO trades (venue, instrument, trade_id, exchange_ts, price, size, is_block, received_at, quality, lines)
         VALUES ('kalshi', 'X', $1, $2, 1, 1, false, 1, 0, 1)`,
        [id, at],
      );
    const ensure = async (from: number, to: number): Promise<boolean> =>
      (await client.query('SELECT ensure_day_partitions($1, $2, $3) AS made', ['trades', from, to])).rows[0]
        .made;
    await insert('early', DAY + 5);
    await insert('odd', 5);
    const partitions = async (): Promise<number> =>
      (await client.query(`SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'trades'::regclass`))
        .rows[0].count;
    expect(await ensure(DAY, DAY + 86_400_000_000)).toBe(true);
    expect(await ensure(DAY, DAY + 86_400_000_000)).toBe(true);
    expect(await partitions()).toBe(3);
    await insert('late', DAY + 6);
    const places = await client.query(
      'SELECT trade_id, tableoid::regclass::text AS place FROM trades ORDER BY 1',
    );
    expect(places.rows).toEqual([
      { trade_id: 'early', place: 'trades_20260301' },
      { trade_id: 'late', place: 'trades_20260301' },
      { trade_id: 'odd', place: 'trades_default' },
    ]);
    await expect(insert('late', DAY + 6)).rejects.toThrow(/duplicate key/);
    // Beyond what any event can carry: no partition, whatever is asked for.
    expect(await ensure(0, 86_400_000_000)).toBe(true);
    expect(await ensure(Number.MAX_SAFE_INTEGER - 10, Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(await partitions()).toBe(3);
    expect(
      (await client.query(`SELECT drop_days_before('trades', $1) AS gone`, [DAY + 86_400_000_000])).rows[0]
        .gone,
    ).toBe(1);
    expect((await client.query('SELECT trade_id FROM trades')).rows).toEqual([{ trade_id: 'odd' }]);
  });

  test('two sessions that make the same partitions at once both succeed', async () => {
    const database = await databases.fresh('gatherer');
    const sessions = await Promise.all(Array.from({ length: 4 }, () => database.connect()));
    const made = await Promise.all(
      sessions.map(
        async (client) =>
          (
            await client.query('SELECT ensure_day_partitions($1, $2, $3) AS made', [
              'tickers',
              DAY,
              DAY + 3 * 86_400_000_000,
            ])
          ).rows[0].made as boolean,
      ),
    );
    expect(made).toEqual([true, true, true, true]);
    const { rows } = await sessions[0]!.query(
      `SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'tickers'::regclass`,
    );
    expect(rows[0].count).toBe(5);
  });

  test('a book is rebuilt and a cursor read through an index', async () => {
    const client = await (await databases.fresh('gatherer')).connect();
    await client.query(`SELECT ensure_day_partitions('order_book_deltas', $1, $1)`, [DAY]);
    await client.query('SET enable_seqscan = off');
    const plan = async (condition: string) =>
      (await client.query(`EXPLAIN SELECT * FROM order_book_deltas_20260301 WHERE ${condition}`)).rows
        .map((row) => row['QUERY PLAN'])
        .join('\n');
    expect(await plan(`instrument = 'X' AND exchange_ts > 5 ORDER BY exchange_ts`)).toMatch(
      /Index.*instrument_exchange_ts/s,
    );
    expect(await plan(`ingest_xid >= '5' AND ingest_xid < '9'`)).toMatch(/Index.*ingest_xid/s);
  });
});

describe('roll-ups of a line', () => {
  test('candles have first, highest, lowest and last price and the volume of each bucket', async () => {
    const client = await (await databases.fresh('gatherer')).connect();
    const prices = [5, 9, 2, 4, 7];
    for (const [index, price] of prices.entries()) {
      await client.query(
        `INSERT INTO trades (venue, instrument, trade_id, exchange_ts, price, size, is_block, received_at, quality, connection, sid, seq)
         VALUES ('kalshi', 'X', $1, $2, $3, 10, false, 1, 0, 'c', 1, 1)`,
        [String(index), DAY + index * 20_000_000, price],
      );
    }
    const { rows } = await client.query('SELECT * FROM candles_1m ORDER BY bucket');
    expect(rows).toEqual([
      {
        venue: 'kalshi',
        instrument: 'X',
        bucket: String(DAY),
        open: '5',
        high: '9',
        low: '2',
        close: '2',
        volume: '30',
        trades: '3',
      },
      {
        venue: 'kalshi',
        instrument: 'X',
        bucket: String(DAY + 60_000_000),
        open: '4',
        high: '7',
        low: '4',
        close: '7',
        volume: '20',
        trades: '2',
      },
    ]);
    for (const view of ['candles_5m', 'candles_1h', 'candles_1d', 'book_figures_1m', 'book_figures_1d']) {
      await client.query(`SELECT * FROM ${view}`);
    }
  });
});

describe('the runner', () => {
  let directory: string;
  const set: MigrationSet = 'gatherer';
  const file = (name: string, sql: string): void => writeFileSync(join(directory, set, name), sql);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'migrations-'));
    mkdirSync(join(directory, set));
    file('0001_one.sql', 'CREATE TABLE one (a int);');
    file('0002_two.sql', 'CREATE TABLE two (a int);');
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const client = async () => await (await databases.fresh('empty')).connect();

  test('goes up to a target, and on from there', async () => {
    const session = await client();
    expect((await migrate(session, set, { directory, target: 1 })).map(({ version }) => version)).toEqual([
      1,
    ]);
    expect((await migrate(session, set, { directory })).map(({ version }) => version)).toEqual([2]);
    expect(await migrate(session, set, { directory, target: 1 })).toEqual([]);
    await expect(migrate(session, set, { directory, target: 3 })).rejects.toThrow(
      'versions 1 to 2; 3 is none',
    );
  });

  test('leaves nothing of a file that fails, names file and line, and goes on when it is mended', async () => {
    const session = await client();
    file('0002_two.sql', 'CREATE TABLE two (a int);\nINSERT INTO two VALUES (1);\nSELECT nonsense;\n');
    await expect(migrate(session, set, { directory })).rejects.toThrow(
      'gatherer migration 2 (two) failed at line 3: column "nonsense" does not exist',
    );
    expect((await session.query("SELECT to_regclass('one') AS one, to_regclass('two') AS two")).rows).toEqual(
      [{ one: 'one', two: null }],
    );
    file('0002_two.sql', 'CREATE TABLE two (a int);');
    expect(await migrate(session, set, { directory })).toHaveLength(1);
  });

  test('refuses a file that changed after it was applied, but not other line ends', async () => {
    const session = await client();
    await migrate(session, set, { directory });
    file('0001_one.sql', 'CREATE TABLE one (a int, b int);');
    await expect(migrate(session, set, { directory })).rejects.toThrow(
      'gatherer migration 1 (one) was changed',
    );
    file('0001_one.sql', 'CREATE TABLE one (a int);');
    expect(await migrate(session, set, { directory })).toEqual([]);
  });

  test('refuses a database that is newer than the program, and one that holds the other set', async () => {
    const session = await client();
    await migrate(session, set, { directory });
    rmSync(join(directory, set, '0002_two.sql'));
    await expect(migrate(session, set, { directory })).rejects.toThrow(
      'at version 2 of gatherer and this program knows 1',
    );
    await expect(migrate(session, 'production')).rejects.toThrow('holds the gatherer tables');
  });

  test('refuses names and numbers out of order before it touches the database', async () => {
    file('0004_four.sql', '');
    expect(() => readMigrations(set, directory)).toThrow(
      '0004_four.sql has number 4, and the next in order is 3',
    );
    rmSync(join(directory, set, '0004_four.sql'));
    file('notes.txt', '');
    expect(() => readMigrations(set, directory)).toThrow('notes.txt is not named like');
  });

  test('waits for another run and says so when it takes too long', async () => {
    const database = await databases.fresh('empty');
    const [holder, session] = [await database.connect(), await database.connect()];
    file('0001_one.sql', 'SELECT pg_sleep(1.5);');
    const slow = migrate(holder, set, { directory });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await expect(migrate(session, set, { directory, lockTimeoutMillis: 300 })).rejects.toThrow(
      'another migration',
    );
    await slow;
  });
});

describe('the migrate function', () => {
  const invoke = async (event: Record<string, unknown>): Promise<number[]> => {
    const { handler } = await import('../../lambdas/migrate/handler.ts');
    const { applied } = await handler(event as never, {} as never);
    return applied.map(({ version }) => version);
  };
  const all = readMigrations('production').map(({ version }) => version);

  beforeEach(() => {
    vi.stubEnv('LOG_LEVEL', 'silent');
    vi.stubEnv('MIGRATION_SET', 'production');
    vi.stubEnv('WAIT_SECONDS', '0');
  });

  test('brings its database up to date when a deployment makes a version, and when asked by hand', async () => {
    vi.stubEnv('DATABASE_URL', (await databases.fresh('empty')).url);
    expect(await invoke({ RequestType: 'Create', ResourceProperties: { ServiceToken: 'arn' } })).toEqual(all);
    expect(await invoke({})).toEqual([]);
  });

  test('leaves a database that is newer than its files as it is', async () => {
    const database = await databases.fresh('production');
    const client = await database.connect();
    await client.query(
      "INSERT INTO schema_migrations (set_name, version, name, checksum) VALUES ('production', $1, 'later', 'x')",
      [all.length + 1],
    );
    vi.stubEnv('DATABASE_URL', database.url);
    expect(await invoke({ RequestType: 'Create' })).toEqual([]);
  });

  test('does nothing when a deployment takes a version away, though the database be gone', async () => {
    vi.stubEnv('DATABASE_URL', 'postgres://nobody@127.0.0.1:9/nothing');
    expect(await invoke({ RequestType: 'Delete' })).toEqual([]);
    await expect(invoke({ RequestType: 'Create' })).rejects.toThrow(/ECONNREFUSED/);
  });

  test('waits for a server that does not answer yet', async () => {
    const { url } = await databases.fresh('empty');
    const target = new URL(url);
    let knocks = 0;
    const door = createServer((socket) => {
      socket.on('error', () => {});
      if (++knocks === 1) return socket.destroy();
      const server = connect(Number(target.port), target.hostname);
      server.on('error', () => socket.destroy());
      return socket.pipe(server).pipe(socket);
    });
    await new Promise<void>((opened) => door.listen(0, '127.0.0.1', opened));
    const through = new URL(url);
    through.port = String((door.address() as AddressInfo).port);
    vi.stubEnv('DATABASE_URL', through.href);
    vi.stubEnv('WAIT_SECONDS', '60');
    expect(await invoke({ RequestType: 'Create' })).toEqual(all);
    expect(knocks).toBe(2);
    door.close();
  });

  test('refuses an environment that names no database, or a set that there is not', async () => {
    vi.stubEnv('DATABASE_URL', undefined);
    await expect(invoke({})).rejects.toThrow('expected exactly one of DATABASE_URL and DATABASE_SECRET');
    vi.stubEnv('DATABASE_URL', 'postgres://x');
    vi.stubEnv('MIGRATION_SET', 'other');
    await expect(invoke({})).rejects.toThrow(/MIGRATION_SET/);
  });
});
