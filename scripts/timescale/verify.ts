/**
 * Runs both migration sets and a writer's round trip on a real TimescaleDB, and prints what was seen.
 *
 *   node scripts/timescale/verify.ts [folder]
 *
 * Needs root, Linux and a Debian mirror; the folder (a new temporary one by default) takes about 600 MB and is
 * kept when it is named, so that a second run downloads nothing.
 */
import { ok, strictEqual } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { copyIn } from '#src/storage/copy-in.ts';
import { LineBatch } from '#src/storage/line-batch.ts';
import { LineStore } from '#src/storage/line-store.ts';
import { migrate } from '#src/storage/migrate.ts';
import type { DeliveredRecord } from '#src/storage/stream-records.ts';
import { orderBookDeltas } from '#src/storage/tables.ts';
import { startTimescale } from './server-root.ts';

const DAY_MICROS = 86_400_000_000;
const today = Math.floor((Date.now() * 1_000) / DAY_MICROS) * DAY_MICROS;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

let made = 0;

function delta(time: number): object {
  const number = ++made;
  return {
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: `KXVERIFY-26-T${number % 400}`,
    side: number % 2 === 0 ? 'bid' : 'ask',
    price: (1 + (number % 99)) * 10_000,
    change: (1 + (number % 7)) * 1_000_000,
    exchange_ts: time,
    received_at: time + 20_000,
    occurrence: 0,
    instant_index: 0,
    gatherer: 'a',
    connection: 'kalshi-book-1#1',
    sid: 1,
    seq: number,
    quality: 0,
  };
}

function recordsOf(lines: readonly object[]): DeliveredRecord[] {
  const records: DeliveredRecord[] = [];
  for (let at = 0; at < lines.length; at += 500) {
    const data = Buffer.from(
      lines
        .slice(at, at + 500)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    records.push({
      stream: 'verify',
      shard: '0',
      sequenceNumber: `${made}-${at}`,
      partitionKey: 'lane-0',
      data,
    });
  }
  return records;
}

async function one<Row extends object>(client: pg.Client, sql: string): Promise<Row> {
  return (await client.query<Row>(sql)).rows[0]!;
}

async function verifyGatherer(client: pg.Client): Promise<void> {
  const { version, license } = await one<{ version: string; license: string }>(
    client,
    `SELECT extversion AS version, current_setting('timescaledb.license') AS license FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  say(`timescaledb ${version}, license ${license}`);
  const hypertables = await client.query(
    'SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1',
  );
  say(`hypertables: ${hypertables.rows.map((row) => row.hypertable_name).join(', ')}`);
  strictEqual(hypertables.rows.length, 6);
  const features = await client.query('SELECT feature, is_applied, reason FROM optional_features ORDER BY 1');
  for (const row of features.rows)
    say(`optional: ${row.feature}: ${row.is_applied ? 'applied' : row.reason}`);

  const store = new LineStore(client);
  const lines = Array.from({ length: 5_000 }, (_, index) => delta(today - (index % 3) * DAY_MICROS + index));
  const records = recordsOf(lines);
  const first = await store.store(records);
  strictEqual(first.failed, null);
  strictEqual(first.tables['order_book_deltas']?.stored, 5_000);
  const again = await store.store([...records].reverse());
  strictEqual(again.tables['order_book_deltas']?.stored, 0);
  strictEqual(again.tables['order_book_deltas']?.known, 5_000);
  const poison = await store.store([
    {
      ...records[0]!,
      sequenceNumber: 'poison',
      data: Buffer.from(
        [delta(today + 1), { ...delta(today + 2), price: 'x' }, delta(today + 3)]
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(''),
      ),
    },
  ]);
  strictEqual(poison.tables['order_book_deltas']?.stored, 2);
  strictEqual(poison.refused.length, 1);
  const { chunks } = await one<{ chunks: number }>(
    client,
    `SELECT count(*)::int AS chunks FROM show_chunks('order_book_deltas')`,
  );
  say(
    `stored 5002 deltas in ${chunks} chunks; a second delivery found all 5000 known; one poison line put aside`,
  );
  strictEqual(chunks, 3);
  const { readable } = await one<{ readable: number }>(
    client,
    `SELECT count(*)::int AS readable FROM order_book_deltas WHERE ingest_xid >= '0' AND ingest_xid < pg_snapshot_xmin(pg_current_snapshot())`,
  );
  strictEqual(readable, 5_002);
  await client.query('SELECT * FROM candles_1m UNION ALL SELECT * FROM candles_1d');
  const { gone } = await one<{ gone: number }>(
    client,
    `SELECT drop_days_before('order_book_deltas', ${today}) AS gone`,
  );
  say(`drop_days_before dropped ${gone} chunks`);
  strictEqual(gone, 2);
  ok(
    (
      await one<{ made: boolean }>(
        client,
        `SELECT ensure_day_partitions('trades', ${today}, ${today}) AS made`,
      )
    ).made,
  );
}

/** Rows a second of the writer and of a bare COPY of bytes encoded before, batches of 5,000, taken in turns. */
async function measure(client: pg.Client): Promise<void> {
  const store = new LineStore(client);
  const names = orderBookDeltas.columns.map(({ name }) => name).join(', ');
  const rates: { writer: number[]; copy: number[] } = { writer: [], copy: [] };
  for (let round = 0; round < 30; round++) {
    const lines = () => Array.from({ length: 5_000 }, () => delta(today + made));
    const records = recordsOf(lines());
    let begun = performance.now();
    strictEqual((await store.store(records)).failed, null);
    rates.writer.push(5_000_000 / (performance.now() - begun));
    const batch = new LineBatch();
    for (const line of lines()) batch.add(line);
    batch.close();
    const bytes = batch.buffer(orderBookDeltas.name).take();
    begun = performance.now();
    const copy = copyIn(client, `COPY ${orderBookDeltas.name} (${names}) FROM STDIN (FORMAT binary)`);
    copy.data(bytes);
    copy.done();
    await copy.completed;
    rates.copy.push(5_000_000 / (performance.now() - begun));
  }
  const median = (values: number[]): number => Math.round(values.sort((a, b) => a - b)[values.length >> 1]!);
  const [writer, copy] = [median(rates.writer), median(rates.copy)];
  say(`rows a second: writer ${writer}, bare COPY ${copy}, ratio ${(writer / copy).toFixed(2)}`);
}

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'timescale-'));
const server = await startTimescale(folder, await freePort());
try {
  const admin = new pg.Client({ connectionString: server.url('postgres') });
  await admin.connect();
  for (const set of ['gatherer', 'production'] as const) {
    await admin.query(`DROP DATABASE IF EXISTS verify_${set}`);
    await admin.query(`CREATE DATABASE verify_${set}`);
    const client = new pg.Client({ connectionString: server.url(`verify_${set}`) });
    await client.connect();
    const applied = await migrate(client, set);
    say(`${set}: ${applied.length} migrations applied`);
    strictEqual((await migrate(client, set)).length, 0);
    if (set === 'gatherer') {
      await verifyGatherer(client);
      await measure(client);
    } else {
      const { type } = await one<{ type: string }>(
        client,
        `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'market_embeddings'::regclass AND attname = 'embedding'`,
      );
      say(`market_embeddings.embedding is ${type}`);
    }
    await client.end();
  }
  await admin.end();
} finally {
  await server.stop();
  if (process.argv[2] === undefined) rmSync(folder, { recursive: true, force: true });
}
