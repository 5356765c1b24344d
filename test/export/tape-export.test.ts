import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import type { ObjectStore } from '#src/archive/object-store.ts';
import { hashKey } from '#src/events/identity.ts';
import { exportedTables, tablesOfFiles } from '#src/export/exported-tables.ts';
import { followExports, isItsTurn } from '#src/export/follow-exports.ts';
import { type Manifest, versionKey, writeManifest } from '#src/export/manifest.ts';
import { type ExportOptions, type ExportReport, TapeExport } from '#src/export/tape-export.ts';
import { recordRepair } from '#src/repair/repair-log.ts';
import { tapeColumns } from '#src/storage/production/merge-statements.ts';
import { eventTables, orderBookDeltas } from '#src/storage/tables.ts';
import type { TapeRules } from '#src/tape/rules.ts';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { tapeTables } from '../../lib/glue/tape-tables.ts';
import { delta, lifecycle, metrics, type Row, snapshot, store, T0, ticker, trade } from '../merge/lines.ts';
import { jsonLines, outputOf } from '../queries/run-command.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';
import { askDuckDb, parquetMetadata, readParquet } from './readers.ts';

const databases = useDatabases();
const rules: TapeRules = { silence: 30_000_000, arrivalAllowance: 0, settleAllowance: 0 };
const DATE = formatRfc3339(T0 as Micros).slice(0, 10);
const DAY = T0 - (T0 % MICROS_PER_DAY);
const deltas = exportedTables.find(({ name }) => name === orderBookDeltas.name)!;

let database: TestDatabase;
let client: Client;
let out: string;
let scratch: string;
let now: number;

beforeEach(async () => {
  database = await databases.fresh('production');
  client = await database.connect();
  const folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
  out = join(folder, 'out');
  scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  now = T0 + 5 * MICROS_PER_DAY;
  await settledUntil(DAY + MICROS_PER_DAY);
});
afterEach(() => rmSync(join(out, '..'), { recursive: true, force: true }));

async function settledUntil(at: number): Promise<void> {
  await client.query(
    `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)
     ON CONFLICT (line, epoch) DO UPDATE SET durable_until = excluded.durable_until`,
    [DAY, at],
  );
}

function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

function exporting(more: Partial<ExportOptions> = {}): TapeExport {
  return new TapeExport({
    client,
    store: new DirectoryObjectStore(out),
    scratch,
    clock: () => now++ as Micros,
    rules,
    ...more,
  });
}
const exportDeltas = (more: Partial<ExportOptions> = {}): Promise<ExportReport> =>
  exporting(more).export(deltas, DATE, 'kalshi');

const path = (table: string, venue = 'kalshi'): string =>
  join(out, 'tape', table, `date=${DATE}`, `venue=${venue}`, 'tape.parquet');
const manifestPath = (table = deltas.name): string =>
  join(out, 'manifests', table, `date=${DATE}`, 'venue=kalshi', 'manifest.json');
const manifest = (table = deltas.name): Manifest =>
  JSON.parse(readFileSync(manifestPath(table), 'utf8')) as Manifest;
/** What the manifest names as the file of the day. */
const named = (table = deltas.name): string => join(out, manifest(table).files[0]!.key);
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Every file that a manifest names. */
const filesOf = ({ files }: Manifest): readonly { readonly key: string; readonly sha256: string }[] =>
  files.flatMap((file) => [file, file.arrivals!]);

/** The statement of the page on files that joins the two files of changes, over this export. */
function joinByManifest(): string {
  const page = readFileSync(new URL('../../docs/files.md', import.meta.url), 'utf8');
  const [, sql] = /```sql\n(-- DuckDB: everything that is known of each change\n[^`]+)```/.exec(page)!;
  return sql!.replaceAll("'PLACE/", `'${out}/`);
}

/** A row's fields in the order of their names; JSON by meaning. */
function asText(names: readonly string[], row: Row): string {
  const value = (name: string): unknown =>
    name === 'details' && typeof row[name] === 'string' ? JSON.parse(row[name]) : row[name];
  return JSON.stringify(names.map((name) => value(name)));
}

/** Every kind, some of it on another day or venue, and in no order. */
async function fill(): Promise<void> {
  const other = (hash: string, place = 0) => ({
    ...{ venue: 'polymarket', instrument: 'P1', is_absolute: true, instant_index: place },
    ...{ hash, hash_key: hashKey(hash) },
  });
  await store(client, 'order_book_deltas', [
    onTape(delta({ instrument: 'K2', exchange_ts: T0 })),
    onTape(delta({ instrument: 'K1', exchange_ts: T0 + 2, amount: -9_000_000_000_000 })),
    onTape(delta({ instrument: 'K1', exchange_ts: T0 + 1, instant_index: 1, price: 10_000 })),
    onTape(delta({ instrument: 'K1', exchange_ts: T0 + 1, instant_index: 0, price: 990_000 })),
    onTape(delta({ exchange_ts: DAY })),
    onTape(delta({ exchange_ts: DAY + MICROS_PER_DAY - 1 })),
    onTape(delta({ exchange_ts: DAY + MICROS_PER_DAY })),
    onTape(delta({ exchange_ts: DAY - 1 })),
    onTape(delta({ ...other('ff01aa'), received_at: T0 - 3 })),
    // Of one instant, and no hexadecimal digits, as a venue may send them.
    ...['FF01', 'abc', 'no hash at all', ''].map((hash, index) => onTape(delta(other(hash, index + 1)))),
  ]);
  await store(client, 'trades', [onTape(trade()), onTape(trade({ trade_id: 'é', taker_side: null }))]);
  await store(client, 'tickers', [onTape(ticker())]);
  await store(client, 'order_book_snapshots', [
    onTape(snapshot()),
    onTape(snapshot({ snapshot_ts: T0 + 1, bids: [], asks: [1, 2, 3, 4], depth: 2 })),
  ]);
  await store(client, 'market_lifecycle', [onTape(lifecycle({ instruments: ['K1', 'K"2'] }))]);
  await store(client, 'order_book_metrics', [{ ...metrics(), lines: 1 }]);
}

describe('the exported tape', () => {
  it.each(['kalshi', 'polymarket'])(
    'is what the tape holds of the day on %s, every field of every row, for two readers',
    async (venue) => {
      await fill();
      for (const table of exportedTables) await exporting().export(table, DATE, venue);
      for (const source of eventTables) {
        const names = [...tapeColumns(source).map(({ name }) => name), 'lines'].filter(
          (name) => name !== 'venue',
        );
        const { rows } = await client.query<{ row: Row }>(
          `SELECT to_jsonb(t) AS row FROM ${source.name} AS t
           WHERE venue = $3 AND ${source.time} >= $1 AND ${source.time} < $2`,
          [DAY, DAY + MICROS_PER_DAY, venue],
        );
        const expected = rows.map(({ row }) => asText(names, row)).sort();
        expect(expected.length > 0).toBe(venue === 'kalshi' || source === orderBookDeltas);
        if (expected.length === 0) continue;
        if (source !== orderBookDeltas) {
          const file = path(source.name, venue);
          expect((await readParquet(file)).map((row) => asText(names, row)).sort()).toEqual(expected);
          expect(
            (await askDuckDb(`SELECT * FROM '${file}'`)).map((row) => asText(names, row)).sort(),
          ).toEqual(expected);
          continue;
        }
        const [changes, arrivals] = [path(deltas.name, venue), path('order_book_delta_arrivals', venue)];
        const key = (row: Row): string => `${row['instrument']} ${row['exchange_ts']} ${row['place']}`;
        const arrived = new Map((await readParquet(arrivals)).map((row) => [key(row), row]));
        expect(
          (await readParquet(changes))
            .map((row) => {
              const { receive_delay, hash, hash_text } = arrived.get(key(row))!;
              const bytes = hash === null ? null : Buffer.from(hash as Uint8Array).toString('hex');
              return {
                ...row,
                received_at: (row['exchange_ts'] as number) + (receive_delay as number),
                hash: bytes ?? hash_text,
              };
            })
            .map((row) =>
              asText(names, { ...row, hash_key: hashKey((row.hash as string | null) ?? undefined) }),
            )
            .sort(),
        ).toEqual(expected);
        expect(
          (
            await askDuckDb(
              `SELECT changes.*, exchange_ts + receive_delay AS received_at, coalesce(lower(hex(hash)), hash_text) AS hash
               FROM '${changes}' AS changes JOIN '${arrivals}' USING (instrument, exchange_ts, place)`,
            )
          )
            .map((row) =>
              asText(names, { ...row, hash_key: hashKey((row['hash'] as string | null) ?? undefined) }),
            )
            .sort(),
        ).toEqual(expected);
      }
    },
  );

  it('is sorted by instrument and time, changes of one instant by their place', async () => {
    await fill();
    await exportDeltas();
    const order = (await readParquet(path(deltas.name))).map((row) => [
      row['instrument'],
      row['exchange_ts'],
      row['place'],
      row['price'],
    ]);
    expect(order).toEqual([
      ['K1', DAY, 0, 400_000],
      ['K1', T0 + 1, 0, 990_000],
      ['K1', T0 + 1, 1, 10_000],
      ['K1', T0 + 2, 0, 400_000],
      ['K1', DAY + MICROS_PER_DAY - 1, 0, 400_000],
      ['K2', T0, 0, 400_000],
    ]);
  });

  it('has the columns that the Glue catalogue names, in types that it can read', async () => {
    await fill();
    const types: Record<string, string> = {
      VARCHAR: 'string',
      BIGINT: 'bigint',
      INTEGER: 'int',
      SMALLINT: 'smallint',
      BOOLEAN: 'boolean',
      'BIGINT[]': 'array<bigint>',
      'VARCHAR[]': 'array<string>',
      BLOB: 'binary',
    };
    expect(tapeTables).toHaveLength(tablesOfFiles.length);
    for (const table of exportedTables) await exporting().export(table, DATE, 'kalshi');
    for (const table of tablesOfFiles) {
      const found = await askDuckDb(
        `DESCRIBE SELECT * FROM read_parquet('${path(table.name)}', hive_partitioning = false)`,
      );
      const definition = tapeTables.find(({ name }) => name === `tape_${table.name}`)!;
      expect(found.map((row) => [row['column_name'], types[row['column_type'] as string]])).toEqual(
        definition.columns.map(({ name, type }) => [name, type]),
      );
      expect(path(table.name).startsWith(join(out, definition.prefix))).toBe(true);
    }
  });

  it('answers over days and venues by their folders', async () => {
    await fill();
    await settledUntil(DAY + 2 * MICROS_PER_DAY);
    const nextDay = formatRfc3339((DAY + MICROS_PER_DAY) as Micros).slice(0, 10);
    for (const [date, venue] of [
      [DATE, 'kalshi'],
      [nextDay, 'kalshi'],
      [DATE, 'polymarket'],
    ] as const) {
      expect((await exporting().export(deltas, date, venue)).outcome).toBe('written');
    }
    const rows = await askDuckDb(
      `SELECT date::varchar AS date, venue, count(*) AS changes FROM read_parquet('${out}/tape/${deltas.name}/**/*.parquet', hive_partitioning = true)
       GROUP BY ALL ORDER BY ALL`,
    );
    expect(rows).toEqual([
      { date: DATE, venue: 'kalshi', changes: 6 },
      { date: DATE, venue: 'polymarket', changes: 5 },
      { date: nextDay, venue: 'kalshi', changes: 1 },
    ]);
  });

  it('lets a reader skip what it does not look for: bounds of every column in every group of rows', async () => {
    const long = 'KXHIGHNY-26NOV20-B';
    await client.query(
      `INSERT INTO order_book_deltas SELECT 'kalshi', $2 || (100 + n % 10), $1::bigint + n, 'bid', 10000 * (1 + n % 99), n, false, NULL, 0, 0, 0, $1::bigint + n + 5, 0, 7
       FROM generate_series(1, 1000) AS n`,
      [T0, long],
    );
    await exportDeltas({ rowsPerGroup: 100 });
    const { row_groups } = await parquetMetadata(path(deltas.name));
    expect(row_groups).toHaveLength(10);
    for (const [index, group] of row_groups.entries()) {
      const bounds = Object.fromEntries(
        group.columns.map(({ meta_data }) => [meta_data!.path_in_schema[0], meta_data!.statistics]),
      );
      expect(bounds['instrument']).toMatchObject({
        min_value: `${long}${100 + index}`,
        max_value: `${long}${100 + index}`,
        null_count: 0n,
      });
      expect(bounds['exchange_ts']!.min_value).toBeGreaterThanOrEqual(BigInt(T0));
      expect(bounds['place']).toMatchObject({ min_value: 0, max_value: 0, null_count: 0n });
    }
    expect(manifest().files[0]!.row_groups).toBe(10);
  });
});

describe('a manifest', () => {
  it('says what the file holds and how far it can be trusted', async () => {
    await fill();
    const gap = (instrument: string, from: number, to: number | null, line = 'tape', venue = 'kalshi') =>
      client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, $2, $3, $4, $5, $6, 'x')`,
        [line, `${from}`, venue, instrument, from, to],
      );
    await gap('K1', DAY - 10, DAY);
    await gap('K1', DAY - 10, DAY + 1, 'a');
    await gap('K1', T0, T0 + 1);
    await gap('*', DAY + MICROS_PER_DAY - 1, null);
    await gap('P1', T0, T0 + 1, 'tape', 'polymarket');
    for (const [hour, condition] of [
      [DAY, 'available'],
      [DAY + 3_600_000_000, 'degraded'],
      [DAY + MICROS_PER_DAY, 'missing'],
    ]) {
      await client.query(
        `INSERT INTO coverage_hours (venue, market, hour, condition) VALUES ('kalshi', 'M', $1, $2)`,
        [hour, condition],
      );
    }
    const report = await exportDeltas();
    const file = path(deltas.name);
    const arrivals = path('order_book_delta_arrivals');
    expect(manifest()).toEqual({
      schema: 3,
      table: 'order_book_deltas',
      date: DATE,
      venue: 'kalshi',
      version: 1,
      files: [
        {
          key: `tape/order_book_deltas/date=${DATE}/venue=kalshi/tape.parquet`,
          rows: 6,
          bytes: statSync(file).size,
          sha256: sha256(file),
          row_groups: 1,
          range: { from: null, to: null },
          time: { from: DAY, to: DAY + MICROS_PER_DAY - 1 },
          arrivals: {
            key: `tape/order_book_delta_arrivals/date=${DATE}/venue=kalshi/tape.parquet`,
            bytes: statSync(arrivals).size,
            sha256: sha256(arrivals),
          },
        },
      ],
      sorted_by: ['instrument', 'exchange_ts', 'place'],
      time: { column: 'exchange_ts', from: DAY, to: DAY + MICROS_PER_DAY - 1 },
      completeness: {
        settled: true,
        settled_until: DAY + MICROS_PER_DAY,
        gaps: 2,
        gaps_of_whole_venue: 1,
        market_hours: { available: 1, degraded: 1, pending: 0, missing: 0 },
        events: { a: 0, b: 0, c: 0, tape: 0 },
        last_repair: 0,
      },
      exported_at: T0 + 5 * MICROS_PER_DAY,
      superseded: [],
    });
    expect(report).toEqual({
      table: 'order_book_deltas',
      date: DATE,
      venue: 'kalshi',
      outcome: 'written',
      version: 1,
      rows: 6,
      bytes: statSync(file).size + statSync(arrivals).size,
    });
  });

  it('that is none fails the export in one line that names it, and is not overwritten', async () => {
    await fill();
    await exportDeltas();
    await new DirectoryObjectStore(out).put(
      `manifests/order_book_deltas/date=${DATE}/venue=kalshi/manifest.json`,
      Buffer.from('{"version": 0}'),
    );
    await expect(exportDeltas()).rejects.toThrow(
      /^manifests\/order_book_deltas\/.*manifest\.json is no manifest: /,
    );
    expect(readFileSync(manifestPath(), 'utf8')).toBe('{"version": 0}');
  });
});

describe('exporting again', () => {
  it('changes nothing where nothing has changed', async () => {
    await fill();
    await exportDeltas();
    const before = [path(deltas.name), manifestPath()].map((file) => statSync(file, { bigint: true }).ino);
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 1, rows: 6 });
    expect([path(deltas.name), manifestPath()].map((file) => statSync(file, { bigint: true }).ino)).toEqual(
      before,
    );
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('makes a new version of the file for a late row, and keeps the one before', async () => {
    await fill();
    await exportDeltas();
    const first = manifest();
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 2, rows: 7 });
    const second = manifest();
    expect(second).toMatchObject({ version: 2, files: [{ rows: 7, sha256: sha256(named()) }] });
    expect(second.superseded).toEqual([
      {
        version: 1,
        key: versionKey(first, first.files[0]!.sha256),
        rows: 6,
        bytes: first.files[0]!.bytes,
        sha256: first.files[0]!.sha256,
        exported_at: first.exported_at,
        arrivals: {
          ...first.files[0]!.arrivals,
          key: versionKey({ ...first, table: 'order_book_delta_arrivals' }, first.files[0]!.arrivals!.sha256),
        },
      },
    ]);
    expect(sha256(join(out, second.superseded[0]!.key))).toBe(first.files[0]!.sha256);
    expect(sha256(join(out, second.superseded[0]!.arrivals!.key))).toBe(first.files[0]!.arrivals!.sha256);
    // A second line that saw an event late changes its row as well.
    await client.query(`UPDATE order_book_deltas SET lines = 3 WHERE exchange_ts = $1`, [T0 + 9]);
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 3, rows: 7 });
    expect(manifest().superseded.map(({ version }) => version)).toEqual([2, 1]);
  });

  it('lets who reads by a manifest read on what it named, and who goes by names alone follow an hour later', async () => {
    await fill();
    await exportDeltas();
    const first = manifest();
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    await exportDeltas();
    const second = manifest();
    const isWhole = (read: Manifest): boolean =>
      filesOf(read).every(({ key, sha256: described }) => sha256(join(out, key)) === described);
    const plain = (): readonly string[] =>
      [deltas.name, 'order_book_delta_arrivals'].map((table) => sha256(path(table)));
    now = second.exported_at + 3_599_999_999;
    expect(await followExports(exporting())).toMatchObject({ behind: [{ table: deltas.name }], failed: [] });
    expect([isWhole(first), isWhole(second)]).toEqual([true, true]);
    now = second.exported_at + 3_600_000_000;
    // However old the day is, and though what another manifest names is gone.
    await exporting().export(exportedTables[0]!, DATE, 'kalshi');
    const other = manifest(exportedTables[0]!.name);
    const lost = versionKey(other, 'f'.repeat(64));
    await writeManifest(new DirectoryObjectStore(out), {
      ...other,
      files: [{ ...other.files[0]!, key: lost, sha256: 'f'.repeat(64) }],
      exported_at: 1,
    });
    expect(await followExports(exporting())).toMatchObject({
      behind: [],
      failed: [{ partition: { table: other.table, date: DATE }, reason: expect.stringContaining(lost) }],
    });
    expect(plain()).toEqual(filesOf(second).map(({ sha256: described }) => described));
    expect(isWhole(second)).toBe(true);
    // The rows of the first version again: under the plain name there is something else by now.
    await client.query('DELETE FROM order_book_deltas WHERE exchange_ts = $1', [T0 + 9]);
    expect(await exportDeltas({ allowFewer: true })).toMatchObject({ outcome: 'replaced', version: 3 });
    expect([isWhole(second), isWhole(manifest())]).toEqual([true, true]);
    expect(manifest().files[0]!.sha256).toBe(first.files[0]!.sha256);
  });

  it.each([
    ['lost', () => rmSync(named())],
    ['spoilt', () => writeFileSync(named(), 'something else')],
  ])('replaces a file that was %s, and does not tell of it as kept', async (_, damage) => {
    await fill();
    await exportDeltas();
    damage();
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 2, rows: 7 });
    expect(manifest().superseded).toEqual([]);
    for (const { key, sha256: described } of filesOf(manifest()))
      expect(sha256(join(out, key))).toBe(described);
  });

  it('comes to days that are no longer planned, each once in 23 hourly runs', () => {
    const hours = Array.from({ length: 23 }, (_, hour) =>
      isItsTurn(DATE, (T0 + hour * 3_600_000_000) as Micros),
    );
    expect(hours.filter(Boolean)).toHaveLength(1);
  });

  it('joins each change to how it came, by the manifest, while one version takes the place of another', async () => {
    await fill();
    await exportDeltas();
    const sql = joinByManifest();
    const before = await askDuckDb(sql);
    expect(before).toHaveLength(6);
    // A late row before others of its instant moves their places.
    const late = { exchange_ts: T0 + 1, instant_index: 0, price: 5_000, received_at: T0 + 77 };
    await store(client, 'order_book_deltas', [onTape(delta(late))]);
    const inner = new DirectoryObjectStore(out);
    const seen: unknown[] = [];
    const watched: ObjectStore = {
      get: (key) => inner.get(key),
      metadata: (key) => inner.metadata(key),
      list: (prefix) => inner.list(prefix),
      put: async (key, body, metadata) => {
        await inner.put(key, body, metadata);
        seen.push(await askDuckDb(sql));
      },
    };
    await exportDeltas({ store: watched });
    const after = seen.pop();
    expect(seen).toEqual(seen.map(() => before));
    expect(seen.length).toBeGreaterThan(3);
    expect(after).toHaveLength(7);
    const received = await client.query<{ received_at: string }>(
      `SELECT received_at FROM order_book_deltas WHERE venue = 'kalshi' AND exchange_ts >= $1 AND exchange_ts < $2
       ORDER BY instrument, exchange_ts, instant_index, side, price`,
      [DAY, DAY + MICROS_PER_DAY],
    );
    expect((after as Row[]).map((row) => row['received_at']).sort()).toEqual(
      received.rows.map((row) => Number(row.received_at)).sort(),
    );
  });

  it('tells what has become known about the same rows, without a new version', async () => {
    await fill();
    await exportDeltas();
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ('tape', 'g', 'kalshi', 'K1', $1, NULL, 'x')`,
      [T0],
    );
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 1 });
    expect(manifest()).toMatchObject({ version: 1, completeness: { gaps: 1 }, superseded: [] });
    // What began later, or was over before, lacks nothing of the day.
    const gap = `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, 'e:e:1', 'kalshi', $2, $3, $4, $5)`;
    const next = DAY + MICROS_PER_DAY;
    for (const [line, instrument, from, to, cause] of [
      ['tape', 'K8', DAY, next, 'line_down'],
      ['b', 'K8', next, null, 'not_subscribed'],
      ['tape', 'K9', DAY - 9, DAY, 'x'],
      ['a', 'K9', DAY - 9, DAY, 'startup'],
    ])
      await client.query(gap, [line, instrument, from, to, cause]);
    const before = manifest();
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 1 });
    expect(manifest()).toEqual(before);
  });

  it('never puts fewer rows in the place of more, unless told to', async () => {
    await fill();
    await exportDeltas();
    await client.query(`DELETE FROM order_book_deltas WHERE instrument = 'K2'`);
    const bytes = sha256(named());
    expect(await exportDeltas()).toMatchObject({ outcome: 'refused', version: 1, rows: 6 });
    expect(sha256(named())).toBe(bytes);
    expect(await exportDeltas({ allowFewer: true })).toMatchObject({
      outcome: 'replaced',
      version: 2,
      rows: 5,
    });
    await client.query(`DELETE FROM order_book_deltas`);
    expect(await exportDeltas({ allowFewer: true })).toMatchObject({
      outcome: 'refused',
      version: 2,
      rows: 5,
    });
  });

  it('makes one version of what is finished twice, as when the answer of the first time was lost', async () => {
    await fill();
    await exportDeltas();
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    const partition = { table: deltas.name, date: DATE, venue: 'kalshi' };
    const plan = (await exporting().plan(deltas, partition))!;
    const reports = [await exporting().writeFile(deltas, plan, 0, plan.ranges[0]!)];
    const first = await exporting().finish(deltas, plan, reports);
    const written = manifest();
    expect(await exporting().finish(deltas, plan, reports)).toEqual(first);
    expect(manifest()).toEqual(written);
    expect(written).toMatchObject({ version: 2, superseded: [{ version: 1 }] });
    expect(existsSync(join(out, written.superseded[0]!.key))).toBe(true);
  });

  it('never mixes files of two exports that run at once: the one that ends first is the version', async () => {
    await fill();
    const partition = { table: deltas.name, date: DATE, venue: 'kalshi' };
    const many = (await exporting({ rowsPerFile: 1 }).plan(deltas, partition))!;
    expect(many.ranges).toHaveLength(2);
    const ofMany = [await exporting().writeFile(deltas, many, 0, many.ranges[0]!)];
    expect(await exportDeltas()).toMatchObject({ outcome: 'written', version: 1, rows: 6 });
    const told = manifest();
    const meanwhile = /^another export has written order_book_deltas, .* meanwhile$/;
    await expect(exporting().writeFile(deltas, many, 1, many.ranges[1]!)).rejects.toThrow(meanwhile);
    await expect(exporting().finish(deltas, many, [ofMany[0]!, ofMany[0]!])).rejects.toThrow(meanwhile);
    // An older reading that ends last.
    const older = (await exporting().plan(deltas, partition))!;
    const read = [await exporting().writeFile(deltas, older, 0, older.ranges[0]!)];
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    expect(manifest()).toEqual(told);
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 2, rows: 7 });
    await expect(exporting().finish(deltas, older, read)).rejects.toThrow(meanwhile);
    expect(manifest()).toMatchObject({ version: 2, files: [{ rows: 7, range: { from: null, to: null } }] });
  });

  it('leaves a day due while one of its files is refused, whatever becomes of the others', async () => {
    await fill();
    const account = (events: number) =>
      client.query(
        `INSERT INTO coverage (venue, instrument, minute, events_a, events_b, events_c, events_tape) VALUES ('kalshi', 'K1', $1, $2, $2, $2, $2)
         ON CONFLICT (venue, instrument, minute) DO UPDATE SET events_tape = excluded.events_tape`,
        [DAY, events],
      );
    await account(6);
    const partition = { table: deltas.name, date: DATE, venue: 'kalshi' };
    await exportDeltas({ rowsPerFile: 1 });
    expect(manifest().files).toHaveLength(2);
    expect(await exporting().due(deltas, partition)).toBe('done');
    await client.query(`DELETE FROM order_book_deltas WHERE exchange_ts = $1`, [T0 + 2]);
    await store(client, 'order_book_deltas', [
      onTape(delta({ instrument: 'K2', exchange_ts: T0 + 9 })),
      onTape(delta({ instrument: 'K2', exchange_ts: T0 + 10 })),
    ]);
    await account(7);
    expect(await exportDeltas()).toMatchObject({ outcome: 'refused', version: 2 });
    expect(manifest()).toMatchObject({
      files: [{ rows: 5 }, { rows: 3 }],
      completeness: { events: { tape: 6 } },
    });
    expect(await exporting().due(deltas, partition)).not.toBe('done');
    expect(await exportDeltas()).toMatchObject({ outcome: 'refused', version: 2 });
    await store(client, 'order_book_deltas', [
      onTape(delta({ instrument: 'K1', exchange_ts: T0 + 2, amount: -9_000_000_000_000 })),
    ]);
    await account(8);
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 2 });
    expect(await exporting().due(deltas, partition)).toBe('done');
  });

  it('waits for a day until every running line is merged past it', async () => {
    await fill();
    await settledUntil(DAY + MICROS_PER_DAY - 1);
    expect(await exportDeltas()).toMatchObject({ outcome: 'unsettled', version: null, rows: 0 });
    expect(existsSync(out)).toBe(false);
    expect(await exportDeltas({ unsettled: true })).toMatchObject({ outcome: 'written' });
    expect(manifest().completeness).toMatchObject({
      settled: false,
      settled_until: DAY + MICROS_PER_DAY - 1,
    });
    await settledUntil(DAY + MICROS_PER_DAY);
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 1 });
    expect(manifest().completeness.settled).toBe(true);
  });

  it('is due where the manifest does not tell how changes came, as before it told both files', async () => {
    await fill();
    await exportDeltas();
    const partition = { table: deltas.name, date: DATE, venue: 'kalshi' };
    const told = manifest();
    const files = told.files.map(({ arrivals: _, ...file }) => file);
    await writeManifest(new DirectoryObjectStore(out), { ...told, schema: 2, files });
    expect(await exporting().due(deltas, partition)).toMatchObject({ partition });
    await exportDeltas();
    expect(manifest().files).toEqual(told.files);
    expect(await exporting().due(deltas, partition)).toBe('done');
  });

  it('makes no file of a day without rows', async () => {
    expect(await exportDeltas()).toMatchObject({ outcome: 'empty', rows: 0 });
    expect(existsSync(out)).toBe(false);
  });

  it('is due where a repair has changed rows of the day, though not their number, and only until it is done', async () => {
    const repaired = (table: string, from: number, to: number, kind = 'merge') =>
      recordRepair(client, {
        ...{ kind: kind as 'merge', venue: null, line: null },
        ...{ from: from as Micros, to: to as Micros, changes: { [table]: { inserted: 1, removed: 1 } } },
      });
    const partition = { table: deltas.name, date: DATE, venue: 'kalshi' };
    const isDue = async () => (await exporting().due(deltas, partition)) !== 'done';
    const next = DAY + MICROS_PER_DAY;
    await fill();
    expect(await isDue()).toBe(true);
    await exportDeltas();
    expect(await isDue()).toBe(false);
    await client.query(`UPDATE order_book_deltas SET price = 20000 WHERE exchange_ts = $1`, [T0 + 2]);
    await repaired('trades', DAY, next);
    await repaired(deltas.source.name, next, next + 1);
    await repaired(deltas.source.name, DAY, next, 'raw');
    expect(await isDue()).toBe(false);
    await repaired(deltas.source.name, next - 1, next + 1);
    expect(await isDue()).toBe(true);
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 2, rows: 6 });
    expect(await isDue()).toBe(false);
    // The rows are the same: only that they are no others is new.
    await repaired(deltas.source.name, DAY, DAY + 1);
    expect(await isDue()).toBe(true);
    expect(await exportDeltas()).toMatchObject({ outcome: 'unchanged', version: 2 });
    expect(await isDue()).toBe(false);
  });

  it('comes to the same, wherever a run before it died, and leaves whole what the manifest named until then', async () => {
    await fill();
    await exportDeltas();
    const first = manifest();
    await store(client, 'order_book_deltas', [onTape(delta({ exchange_ts: T0 + 9 }))]);
    const inner = new DirectoryObjectStore(out);
    // A new version is five puts: two files aside, which is done once, the two new ones, the manifest.
    for (const done of [0, 1, 1, 1, 1]) {
      let puts = 0;
      const dying: ObjectStore = {
        get: (key) => inner.get(key),
        metadata: (key) => inner.metadata(key),
        list: (prefix) => inner.list(prefix),
        put: (key, body, metadata) =>
          puts++ === done ? Promise.reject(new Error('died')) : inner.put(key, body, metadata),
      };
      await expect(exportDeltas({ store: dying })).rejects.toThrow('died');
      expect(readdirSync(scratch)).toEqual([]);
      expect(manifest()).toEqual(first);
      for (const { key, sha256: described } of filesOf(first)) expect(sha256(join(out, key))).toBe(described);
    }
    expect(await exportDeltas()).toMatchObject({ outcome: 'replaced', version: 2, rows: 7 });
    for (const { key, sha256: described } of filesOf(manifest()))
      expect(sha256(join(out, key))).toBe(described);
    expect(manifest().superseded).toMatchObject([{ version: 1, sha256: first.files[0]!.sha256 }]);
    expect(sha256(join(out, manifest().superseded[0]!.key))).toBe(first.files[0]!.sha256);
  });
});

describe('tape export', () => {
  const dependencies = {
    openDatabase: async () => ({ client: await database.connect(), close: async () => {} }),
  };
  const span = ['--from', DATE, '--to', String(DAY + MICROS_PER_DAY)];

  it('exports all tables of the days of a span, says what became of each, and again finds nothing to do', async () => {
    await fill();
    const run = () => outputOf(exportCommand(dependencies), '--out', out, ...span, '--json', '--unsettled');
    const first = jsonLines(await run());
    expect(first).toHaveLength(12);
    const outcome = (venue: string) =>
      first.filter((row) => row['venue'] === venue).map((row) => row['outcome']);
    expect(outcome('kalshi')).toEqual(Array.from({ length: 6 }, () => 'written'));
    expect(outcome('polymarket').sort()).toEqual(['empty', 'empty', 'empty', 'empty', 'empty', 'written']);
    const again = jsonLines(await run());
    expect(again.filter((row) => row['outcome'] === 'unchanged')).toHaveLength(7);
  });

  it('fails where a file would lose rows, after it has done all others', async () => {
    await fill();
    const values = ['--out', out, ...span, '--unsettled', '--venue', 'kalshi'];
    await outputOf(exportCommand(dependencies), ...values);
    await client.query('DELETE FROM trades');
    await store(client, 'order_book_metrics', [{ ...metrics({ at: T0 + 9 }), lines: 1 }]);
    await expect(outputOf(exportCommand(dependencies), ...values)).rejects.toThrow(
      /^1 file\(s\) have more rows/,
    );
    expect(await readParquet(named('order_book_metrics'))).toHaveLength(2);
    expect(await readParquet(path('trades'))).toHaveLength(2);
  });

  it('says in one line what it does not take', async () => {
    await expect(outputOf(exportCommand(dependencies), '--out', 's3://bucket/path')).rejects.toThrow(
      /^--out takes a folder or s3:\/\/bucket/,
    );
    await expect(
      outputOf(exportCommand(dependencies), '--out', out, '--from', '2026-11-20', '--to', '2026-11-20'),
    ).rejects.toThrow('--from has to be before --to');
    await expect(outputOf(exportCommand(dependencies), '--out', out, '--table', 'books')).rejects.toThrow(
      /Allowed choices/,
    );
  });
});
