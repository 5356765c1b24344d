import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { hashKey } from '#src/events/identity.ts';
import { exportedParts, ImportError, rowsOfPart } from '#src/import/exported-files.ts';
import { TapeImport } from '#src/import/tape-import.ts';
import { eventTables } from '#src/storage/tables.ts';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { importCommand } from '../../cli/commands/import.ts';
import {
  delta,
  lifecycle,
  metrics,
  type Row,
  snapshot,
  store,
  T0,
  tapeRows,
  ticker,
  trade,
} from '../merge/lines.ts';
import { jsonLines, outputOf } from '../queries/run-command.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const folder = mkdtempSync(join(tmpdir(), 'tape-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const DATE = formatRfc3339(T0 as Micros).slice(0, 10);

const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 5 });
const opened = (database: TestDatabase) => async () => ({
  client: await database.connect(),
  close: async () => {},
});

/** Every kind on both venues, over two days. */
async function fill(client: Client): Promise<void> {
  const p = { venue: 'polymarket', instrument: 'P1' };
  const hashed = (hash: string | null, more: Row = {}) => ({
    ...{ ...p, is_absolute: true, hash, hash_key: hashKey(hash ?? undefined), ...more },
  });
  const rows: Record<string, Row[]> = {
    order_book_deltas: [
      delta(),
      delta({ exchange_ts: T0 + 1, amount: -9_000_000_000_000, received_at: T0 - 5, quality: 17 }),
      delta({ exchange_ts: T0 + MICROS_PER_DAY }),
      delta(hashed('ff01')),
      delta(hashed('ff02', { instant_index: 1, occurrence: 2 })),
      delta(hashed('not hexadecimal', { instant_index: 2 })),
      delta(hashed(null, { instant_index: 3 })),
    ],
    trades: [trade(), trade({ ...p, trade_id: 'é', taker_side: null, is_block: true })],
    tickers: [ticker(), ticker({ ...p, last: null })],
    order_book_snapshots: [
      snapshot(),
      snapshot({ ...p, snapshot_ts: T0 + 1, bids: [], asks: [1, 2, 3, 4], depth: 2 }),
    ],
    market_lifecycle: [lifecycle({ instruments: ['K1', 'K"2'], details: { a: [1, null, 'ü'] } })],
  };
  for (const [table, found] of Object.entries(rows)) await store(client, table, found.map(onTape));
  await store(client, 'order_book_metrics', [{ ...metrics(), lines: 1 }]);
}

const contents = (client: Client): Promise<string[][]> =>
  Promise.all(eventTables.map((table) => tapeRows(client, table)));

/** @param late whether rows come after a first export, so that files of two versions lie there. */
async function exported(late = false): Promise<{ out: string; original: Client }> {
  const database = await databases.fresh('production');
  const original = await database.connect();
  await fill(original);
  const out = mkdtempSync(join(folder, 'out-'));
  const run = () =>
    outputOf(
      exportCommand({ openDatabase: opened(database) }),
      ...['--out', out, '--unsettled', '--from', DATE, '--to', String(T0 + 2 * MICROS_PER_DAY)],
    );
  await run();
  if (late) {
    await store(original, 'order_book_deltas', [onTape(delta({ instrument: 'A1', received_at: T0 + 44 }))]);
    await store(original, 'trades', [onTape(trade({ trade_id: 'late' }))]);
    await run();
  }
  return { out, original };
}

/** The export in an empty tape, which is then the original. */
async function imported(out: string, original: Client) {
  const target = await databases.fresh('production');
  const client = await target.connect();
  const run = (...more: string[]) =>
    outputOf(importCommand('test', { openDatabase: opened(target) }), out, '--json', ...more);
  const reports = jsonLines(await run());
  expect(reports.every(({ rows, inserted, refused }) => rows === inserted && refused === null)).toBe(true);
  expect(await contents(client)).toEqual(await contents(original));
  return { client, run };
}

describe('an export that is imported', () => {
  it('is the same tape again, and stays it when it is imported again; counts what it has by minute', async () => {
    const { out, original } = await exported();
    const { client, run } = await imported(out, original);
    const { rows } = await client.query(
      `SELECT instrument, sum(events_tape)::integer AS events FROM coverage GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { instrument: 'K1', events: 5 },
      { instrument: 'P1', events: 6 },
    ]);
    await expect(run()).rejects.toThrow(/^this tape is not empty: --into adds to it/);
    const again = jsonLines(await run('--into'));
    expect(again.every(({ inserted, updated }) => inserted === 0 && updated === 0)).toBe(true);
    expect(await contents(client)).toEqual(await contents(original));
  });

  it('is the tape as its manifests tell it where files of versions before lie beside, and as one of schema 2 told it', async () => {
    const { out, original } = await exported(true);
    const { run } = await imported(out, original);

    // As exports told it whose two files of changes each had a manifest.
    const manifests = (table: string): string =>
      join(out, 'manifests', table, `date=${DATE}`, 'venue=polymarket', 'manifest.json');
    const told = JSON.parse(readFileSync(manifests('order_book_deltas'), 'utf8'));
    const [{ arrivals, ...file }] = told.files;
    writeFileSync(manifests('order_book_deltas'), JSON.stringify({ ...told, schema: 2, files: [file] }));
    mkdirSync(dirname(manifests('order_book_delta_arrivals')), { recursive: true });
    writeFileSync(manifests('order_book_delta_arrivals'), JSON.stringify({ ...told, files: [arrivals] }));
    expect(jsonLines(await run('--into')).every(({ refused }) => refused === null)).toBe(true);
    writeFileSync(manifests('order_book_delta_arrivals'), JSON.stringify({ ...told, files: [file] }));
    await expect(run('--into')).rejects.toThrow(/^1 of \d+ file/);

    // A manifest that would have files of elsewhere read is none.
    const elsewhere = { ...file, key: `../${basename(out)}/${file.key}` };
    writeFileSync(manifests('order_book_deltas'), JSON.stringify({ ...told, files: [elsewhere] }));
    const [part] = exportedParts(out).filter(
      ({ table, venue }) => table === 'order_book_deltas' && venue === 'polymarket',
    );
    await expect(rowsOfPart(out, part!).next()).rejects.toThrow(/manifest\.json is no manifest$/);
  });

  it('loses only the file that is not what it should be, and says which', async () => {
    const { out, original } = await exported();
    const target = await databases.fresh('production');
    const client = await target.connect();
    const file = (table: string, venue: string) =>
      join(out, 'tape', table, `date=${DATE}`, `venue=${venue}`, 'tape.parquet');
    const bytes = readFileSync(file('trades', 'kalshi'));
    bytes[10]! ^= 1;
    writeFileSync(file('trades', 'kalshi'), bytes);
    rmSync(file('order_book_delta_arrivals', 'polymarket'));
    writeFileSync(file('tickers', 'kalshi'), 'no Parquet');
    rmSync(join(out, 'manifests', 'tickers'), { recursive: true });
    await expect(
      outputOf(importCommand('test', { openDatabase: opened(target) }), out, '--json'),
    ).rejects.toThrow(/^3 of \d+ file\(s\) were refused; the others are in$/);
    const importing = new TapeImport(client, out, undefined, 64);
    const reports = [];
    for (const part of exportedParts(out)) reports.push(await importing.part(part));
    expect(
      reports.flatMap(({ table, venue, refused }) => (refused === null ? [] : [[table, venue, refused]])),
    ).toEqual([
      [
        'trades',
        'kalshi',
        expect.stringMatching(/trades.*tape\.parquet is not the file that its manifest describes$/),
      ],
      [
        'order_book_deltas',
        'polymarket',
        expect.stringMatching(/^.*order_book_delta_arrivals.* is missing, which tells/),
      ],
      ['tickers', 'kalshi', expect.stringMatching(/tickers.*cannot be read as Parquet: /)],
    ]);
    // What went in before came in pieces now, and is the same.
    expect(reports.every(({ inserted, updated }) => inserted === 0 && updated === 0)).toBe(true);
    const [mine, theirs] = [await contents(client), await contents(original)];
    const names = eventTables.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      const lost = theirs[index]!.filter((row) => !mine[index]!.includes(row));
      const expected = { trades: 1, tickers: 1, order_book_deltas: 4 }[name] ?? 0;
      expect([name, lost.length]).toEqual([name, expected]);
    }
  });

  it('names the files that its manifests tell of and that are not there, as after a copy that broke off', async () => {
    const { out } = await exported();
    const target = await databases.fresh('production');
    const lost = join(out, 'tape', 'trades', `date=${DATE}`, 'venue=kalshi', 'tape.parquet');
    rmSync(lost);
    rmSync(join(out, 'tape', 'market_lifecycle'), { recursive: true });
    const parts = exportedParts(out);
    const importing = new TapeImport(await target.connect(), out);
    const refused: string[] = [];
    for (const part of parts) {
      const report = await importing.part(part);
      if (report.refused !== null) refused.push(`${report.table} ${report.venue}: ${report.refused}`);
    }
    expect(refused).toEqual([
      `trades kalshi: ${lost} is missing, which its manifest describes`,
      expect.stringMatching(
        /^market_lifecycle kalshi: .*tape.parquet is missing, which its manifest describes$/,
      ),
    ]);
    const [part] = parts.filter(({ path }) => path === lost);
    await expect(rowsOfPart(out, part!).next()).rejects.toThrow(ImportError);
    await expect(
      outputOf(importCommand('test', { openDatabase: opened(target) }), out, '--into', '--json'),
    ).rejects.toThrow(new RegExp(`^2 of ${parts.length} file`));
    // Without anything but manifests it is an export all the same.
    rmSync(join(out, 'tape'), { recursive: true });
    writeFileSync(join(out, 'manifests', 'trades', `date=${DATE}`, 'venue=kalshi', 'manifest.json'), '{');
    expect(exportedParts(out)).toHaveLength(parts.length);
  });

  it('is of one version, though another manifest comes between finding its files and reading them', async () => {
    const { out } = await exported();
    const parts = exportedParts(out);
    for (const { table, date, venue } of parts) {
      const path = join(out, 'manifests', table, `date=${date}`, `venue=${venue}`, 'manifest.json');
      const told = JSON.parse(readFileSync(path, 'utf8'));
      for (const file of told.files) {
        file.key = `versions/${table}/date=${date}/venue=${venue}/later.parquet`;
        file.sha256 = '0'.repeat(64);
      }
      writeFileSync(path, JSON.stringify(told));
    }
    for (const part of parts) expect((await rowsOfPart(out, part).next()).done).toBe(false);
  });

  it('says in one line what it does not take', async () => {
    const target = await databases.fresh('production');
    const run = (path: string) => outputOf(importCommand('test', { openDatabase: opened(target) }), path);
    await expect(run(join(folder, 'nowhere'))).rejects.toThrow(/^there is no file or folder /);
    const empty = mkdtempSync(join(folder, 'empty-'));
    await expect(run(empty)).rejects.toThrow(
      /holds neither an export \(tape\/TABLE\/date=…\) nor recordings/,
    );
    expect(existsSync(empty)).toBe(true);
  });
});
