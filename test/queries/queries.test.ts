import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { rowsOf } from '#src/storage/production/row-cursor.ts';
import { bookAt, gapsOf, marketsOf, tradesOf } from '#src/storage/production/tape-queries.ts';
import type { TapeRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { bookCommand } from '../../cli/commands/book.ts';
import { gapsCommand } from '../../cli/commands/gaps.ts';
import { marketsCommand } from '../../cli/commands/markets.ts';
import { tradesCommand } from '../../cli/commands/trades.ts';
import type { DatabaseOpener } from '../../cli/queries/database.ts';
import { readParquet } from '../export/readers.ts';
import { delta, type Row, snapshot, store, T0, trade } from '../merge/lines.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';
import { outputOf } from './run-command.ts';

const databases = useDatabases();
const rules: TapeRules = { silence: 30_000_000, arrivalAllowance: 0, settleAllowance: 0 };
const us = (value: number): Micros => value as Micros;
const SECOND = 1_000_000;

/** A row of a line as the tape has it. */
function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await databases.fresh('production');
  client = await database.connect();
  await client.query(
    `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)`,
    [T0 - 100 * SECOND, T0 + 100 * SECOND],
  );
});

async function fillBook(): Promise<void> {
  await store(client, 'order_book_snapshots', [
    onTape(
      snapshot({
        snapshot_ts: T0,
        bids: [400_000, 5_000_000, 390_000, 1_000_000],
        asks: [450_000, 2_000_000],
      }),
    ),
    // Neither has an exact place in venue time, nor is the third whole.
    onTape(snapshot({ snapshot_ts: T0 + 4 * SECOND, source: 'ws', bids: [], asks: [] })),
    onTape(snapshot({ snapshot_ts: T0 + 4 * SECOND, source: 'rest', bids: [], asks: [] })),
    onTape(snapshot({ snapshot_ts: T0 + 4 * SECOND, depth: 1, hash_key: 6, bids: [1, 1], asks: [] })),
  ]);
  await store(client, 'order_book_deltas', [
    onTape(delta({ exchange_ts: T0, price: 400_000, amount: 9_000_000 })),
    onTape(delta({ exchange_ts: T0 + SECOND, price: 400_000, amount: -2_000_000 })),
    onTape(delta({ exchange_ts: T0 + 2 * SECOND, price: 390_000, amount: -1_000_000 })),
    onTape(delta({ exchange_ts: T0 + 3 * SECOND, price: 440_000, side: 'ask', amount: 4_000_000 })),
    onTape(delta({ exchange_ts: T0 + SECOND, instrument: 'K2', price: 400_000, amount: 77 })),
  ]);
}

describe('queries of the tape', () => {
  it('rebuild the book from the latest exact anchor and the changes after it', async () => {
    await fillBook();
    const book = await bookAt(client, 'kalshi', 'K1', us(T0 + 5 * SECOND), rules);
    expect(book).toMatchObject({
      bids: [[400_000, 3_000_000]],
      asks: [
        [440_000, 4_000_000],
        [450_000, 2_000_000],
      ],
      complete: true,
      anchor: { at: T0, source: 'engine' },
      changes: 3,
    });
    const earlier = await bookAt(client, 'kalshi', 'K1', us(T0 + SECOND), rules);
    expect(earlier.bids).toEqual([
      [400_000, 3_000_000],
      [390_000, 1_000_000],
    ]);
  });

  it('call a book complete only without a gap since the anchor, and as far as the tape is settled', async () => {
    await fillBook();
    const complete = async (seconds: number): Promise<boolean> =>
      (await bookAt(client, 'kalshi', 'K1', us(T0 + seconds * SECOND), rules)).complete;
    expect(await complete(50)).toBe(true);
    expect(await complete(101)).toBe(false);
    expect(await complete(-1)).toBe(false);
    const gap = (instrument: string, from: number, line = 'tape') =>
      client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, $2, 'kalshi', $3, $4, $5, 'x')`,
        [line, `${line}${instrument}${from}`, instrument, T0 + from * SECOND, T0 + (from + 1) * SECOND],
      );
    await gap('K1', 20, 'a');
    await gap('K2', 20);
    await gap('K1', -1);
    expect(await complete(50)).toBe(true);
    await gap('K1', 40);
    expect(await complete(50)).toBe(false);
    expect(await complete(39)).toBe(true);
    await gap('*', 30);
    expect(await complete(39)).toBe(false);
  });

  it('start from no engine book that all lines that made it took back', async () => {
    await fillBook();
    await store(client, 'order_book_snapshots', [
      onTape(snapshot({ snapshot_ts: T0 + 6 * SECOND, hash_key: 8, bids: [1, 1], asks: [], lines: 3 })),
    ]);
    const anchor = async () => (await bookAt(client, 'kalshi', 'K1', us(T0 + 8 * SECOND), rules)).anchor?.at;
    const gapOf = (line: string, from: number, to: number) =>
      client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, $1, 'kalshi', 'K1', $2, $3, 'x')`,
        [line, T0 + from * SECOND, T0 + to * SECOND],
      );
    expect(await anchor()).toBe(T0 + 6 * SECOND);
    await gapOf('a', 5, 7);
    expect(await anchor()).toBe(T0 + 6 * SECOND);
    await gapOf('c', 5, 7);
    expect(await anchor()).toBe(T0 + 6 * SECOND);
    // A gap that ends with the anchor is closed by it.
    await gapOf('b', 5, 6);
    expect(await anchor()).toBe(T0 + 6 * SECOND);
    await client.query(`UPDATE gaps SET to_ts = to_ts + 1 WHERE line = 'b'`);
    expect(await anchor()).toBe(T0);
  });

  it('start from the venue’s own book where a line cannot know that it missed something', async () => {
    const polymarket = { venue: 'polymarket', instrument: 'P1' };
    await store(client, 'order_book_snapshots', [
      onTape(
        snapshot({ ...polymarket, snapshot_ts: T0, exchange_ts: T0, source: 'ws', bids: [1, 5], asks: [] }),
      ),
      onTape(snapshot({ ...polymarket, snapshot_ts: T0 + SECOND, source: 'engine', bids: [1, 9], asks: [] })),
    ]);
    const book = await bookAt(client, 'polymarket', 'P1', us(T0 + 2 * SECOND), rules);
    expect(book).toMatchObject({ bids: [[1, 5]], anchor: { at: T0, source: 'ws' }, complete: true });
  });

  it('start from the last of several books of one instant, and count the changes after it alone', async () => {
    const polymarket = { venue: 'polymarket', instrument: 'P1' };
    const book = { ...polymarket, snapshot_ts: T0, exchange_ts: T0, source: 'ws', asks: [] };
    await store(client, 'order_book_snapshots', [
      onTape(snapshot({ ...book, bids: [400_000, 5], hash_key: 1, instant_index: 2 })),
      onTape(snapshot({ ...book, bids: [400_000, 3], hash_key: 2, instant_index: 1 })),
    ]);
    const set = { ...polymarket, exchange_ts: T0, is_absolute: true };
    await store(client, 'order_book_deltas', [
      onTape(delta({ ...set, price: 400_000, amount: 9, instant_index: 0 })),
      onTape(delta({ ...set, price: 390_000, amount: 9, instant_index: 1 })),
      onTape(delta({ ...set, price: 380_000, amount: 7, instant_index: 2 })),
    ]);
    const rebuilt = await bookAt(client, 'polymarket', 'P1', us(T0), rules);
    expect(rebuilt).toMatchObject({
      bids: [
        [400_000, 5],
        [380_000, 7],
      ],
      changes: 1,
    });
  });

  it('rebuild a book from none that the venue stamped with a time out of reason, when that time has come', async () => {
    const polymarket = { venue: 'polymarket', instrument: 'P1', source: 'ws' };
    const stamped = (seconds: number, bids: number[], quality = 4) => {
      const time = T0 + seconds * SECOND;
      return onTape(
        snapshot({ ...polymarket, snapshot_ts: time, exchange_ts: time, bids, asks: [], quality }),
      );
    };
    await store(client, 'order_book_snapshots', [stamped(0, [400_000, 5]), stamped(5, [310_000, 1], 4 | 16)]);
    const rebuilt = await bookAt(client, 'polymarket', 'P1', us(T0 + 6 * SECOND), rules);
    expect(rebuilt.bids).toEqual([[400_000, 5]]);
  });

  it('rebuild a book from what the tape held at one moment, whatever is merged meanwhile', async () => {
    await fillBook();
    await client.query('DELETE FROM line_lives');
    const ask = (asking: Client) => bookAt(asking, 'kalshi', 'K1', us(T0 + 5 * SECOND), rules);
    const before = await ask(client);
    expect(before).toMatchObject({ complete: false, changes: 3 });
    const merging = await database.connect();
    let statements = 0;
    const reading = new Proxy(client, {
      get(target, property, receiver) {
        const value = Reflect.get(target, property, receiver);
        if (property !== 'query') return typeof value === 'function' ? value.bind(target) : value;
        return async (text: string, values?: unknown[]) => {
          const result = await target.query(text, values);
          if (!text.includes('order_book_snapshots')) return result;
          // A merge commits right after the anchor was read: one more change, and then the word that vouches.
          await store(merging, 'order_book_deltas', [
            onTape(delta({ exchange_ts: T0 + 4 * SECOND, price: 380_000, amount: 1_000_000 })),
          ]);
          await merging.query(
            `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)`,
            [T0 - 100 * SECOND, T0 + 100 * SECOND],
          );
          statements++;
          return result;
        };
      },
    });
    expect(await ask(reading)).toEqual(before);
    expect(statements).toBe(1);
    expect(client.getTransactionStatus()).toBe('I');
    expect(await ask(client)).toMatchObject({ complete: true, changes: 4 });
  });

  it('count no copy of a change without venue time, and vouch for no book that may hold it', async () => {
    await fillBook();
    const untimed = (seconds: number, lines: number): Row => ({
      ...onTape(delta({ exchange_ts: T0 + seconds * SECOND, amount: 7_000_000, quality: 16 })),
      lines,
    });
    await store(client, 'order_book_deltas', [untimed(4, 1), untimed(4.25, 2), untimed(5.5, 4)]);
    const ask = (seconds: number, arrivalAllowance = 0) =>
      bookAt(client, 'kalshi', 'K1', us(T0 + seconds * SECOND), { ...rules, arrivalAllowance });
    expect(await ask(5)).toMatchObject({
      bids: [[400_000, 3_000_000]],
      changes: 3,
      complete: false,
      reasons: ['a change came without the time of the venue'],
    });
    // It may have happened before it was received.
    expect((await ask(3.5)).complete).toBe(true);
    expect((await ask(3.5, SECOND)).complete).toBe(false);
  });

  it('join a transaction that the session is in, and leave it to whoever began it', async () => {
    await fillBook();
    await client.query('BEGIN');
    await client.query(`DELETE FROM order_book_deltas WHERE exchange_ts > $1`, [T0 + 2 * SECOND]);
    const book = await bookAt(client, 'kalshi', 'K1', us(T0 + 5 * SECOND), rules);
    expect(book).toMatchObject({ complete: true, changes: 2 });
    const trades: string[] = [];
    for await (const row of tradesOf(client, {})) trades.push(row.trade_id);
    expect(client.getTransactionStatus()).toBe('T');
    await client.query('ROLLBACK');
    expect(await bookAt(client, 'kalshi', 'K1', us(T0 + 5 * SECOND), rules)).toMatchObject({ changes: 3 });
  });

  it('give trades in order, by instrument and time', async () => {
    await store(client, 'trades', [
      onTape(trade({ trade_id: 'late', exchange_ts: T0 + 2 })),
      onTape(trade({ trade_id: 'early', exchange_ts: T0 + 1 })),
      onTape(trade({ trade_id: 'other', exchange_ts: T0 + 1, instrument: 'K2' })),
    ]);
    const ids = async (filter: Parameters<typeof tradesOf>[1]): Promise<string[]> => {
      const found: string[] = [];
      for await (const row of tradesOf(client, filter)) found.push(row.trade_id);
      return found;
    };
    expect(await ids({})).toEqual(['early', 'other', 'late']);
    expect(await ids({ instrument: 'K1', from: us(T0 + 2) })).toEqual(['late']);
    expect(await ids({ instrument: 'K1', to: us(T0 + 2) })).toEqual(['early']);
    expect(await ids({ limit: 1 })).toEqual(['early']);
    expect(await ids({ venue: 'polymarket' })).toEqual([]);
  });

  it('find markets by words, with their instruments', async () => {
    for (const [market, title] of [
      ['M1', "Will it rain in Ann's garden?"],
      ['M2', 'Who wins the garden contest?'],
    ]) {
      await client.query(
        `INSERT INTO markets (venue, market, title, status, details, updated_at) VALUES ('polymarket', $1, $2, 'active', '{}', 1)`,
        [market, title],
      );
    }
    await client.query(
      `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at)
       VALUES ('polymarket', '2', 'M1', 'No', 1, 1), ('polymarket', '1', 'M1', 'Yes', 0, 1)`,
    );
    const names = async (filter: Parameters<typeof marketsOf>[1]): Promise<string[]> => {
      const found: string[] = [];
      for await (const row of marketsOf(client, filter)) found.push(row.market);
      return found;
    };
    expect(await names({ words: ['GARD'] })).toEqual(['M1', 'M2']);
    expect(await names({ words: ['garden', 'rain'] })).toEqual(['M1']);
    expect(await names({ words: ["ann's", "');--", '&!|'] })).toEqual(['M1']);
    expect(await names({ words: ["');--"] })).toEqual([]);
    expect(await names({ words: ["ann's"] })).toEqual(['M1']);
    expect(await names({ instrument: '2' })).toEqual(['M1']);
    for await (const row of marketsOf(client, { market: 'M1' })) {
      expect(row.instruments).toEqual([
        { instrument: '1', outcome: 'Yes' },
        { instrument: '2', outcome: 'No' },
      ]);
    }
  });

  it('give many rows in parts, and end early when nobody reads on', async () => {
    let rows = 0;
    for await (const _ of rowsOf(client, 'SELECT generate_series(1, 20001)', [])) rows++;
    expect(rows).toBe(20_001);
    for await (const _ of rowsOf(client, 'SELECT generate_series(1, 20001)', [])) break;
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('read by index, not through whole tables', async () => {
    await client.query(
      `SELECT ensure_day_partitions('order_book_deltas', $1, $1), ensure_day_partitions('order_book_snapshots', $1, $1)`,
      [T0],
    );
    await client.query(
      `INSERT INTO order_book_deltas SELECT 'kalshi', 'K' || n % 500, $1::bigint + n, 'bid', 1, 1, false, NULL, 0, 0, 0, $1::bigint, 0, 7 FROM generate_series(1, 50000) AS n`,
      [T0],
    );
    await client.query(
      `INSERT INTO order_book_snapshots SELECT 'kalshi', 'K' || n % 500, $1::bigint + n, 'engine', NULL, '{}', '{}', NULL, NULL, n, $1::bigint, 0, 7 FROM generate_series(1, 20000) AS n`,
      [T0],
    );
    await client.query('ANALYZE');
    const statements: { text: string; values: unknown[] }[] = [];
    const spied = new Proxy(client, {
      get(target, property, receiver) {
        if (property !== 'query') return Reflect.get(target, property, receiver);
        return (text: string, values?: unknown[]) => {
          if (/order_book_(deltas|snapshots)/.test(text)) statements.push({ text, values: values ?? [] });
          return target.query(text, values);
        };
      },
    });
    await bookAt(spied, 'kalshi', 'K7', us(T0 + 30_000), rules);
    expect(statements).toHaveLength(2);
    for (const { text, values } of statements) {
      const select = text.replace(/^DECLARE .* CURSOR FOR/, '');
      const { rows } = await client.query(`EXPLAIN ${select}`, values);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/identity|_idx|Index/);
      expect(plan).not.toMatch(/Seq Scan on order_book_(deltas|snapshots)_2026/);
    }
  });

  it('give gaps of an instrument together with those of its whole venue', async () => {
    for (const [instrument, line] of [
      ['K1', 'tape'],
      ['*', 'tape'],
      ['K2', 'tape'],
      ['K1', 'a'],
    ]) {
      await client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, 'g', 'kalshi', $2, $3, NULL, 'x')`,
        [line, instrument, T0],
      );
    }
    const found: string[] = [];
    for await (const gap of gapsOf(client, { line: 'tape', instrument: 'K1' })) found.push(gap.instrument);
    expect(found.sort()).toEqual(['*', 'K1']);
  });
});

describe('tape book, trades, markets and gaps', () => {
  const openDatabase: DatabaseOpener = async () => ({
    client: await database.connect(),
    close: async () => {},
  });

  const run = (command: ReturnType<typeof bookCommand>, ...values: string[]): Promise<string> =>
    outputOf(command, ...values);

  it('print a book for programs in integers, for people in decimals', async () => {
    await fillBook();
    const values = ['--venue', 'kalshi', '--instrument', 'K1', '--at', String(T0 + 5 * SECOND)];
    const json = JSON.parse(await run(bookCommand({ openDatabase }), ...values, '--json', '--depth', '1'));
    expect(json).toMatchObject({
      venue: 'kalshi',
      instrument: 'K1',
      at: T0 + 5 * SECOND,
      complete: true,
      bids: [[400_000, 3_000_000]],
      asks: [[440_000, 4_000_000]],
    });
    const text = await run(bookCommand({ openDatabase }), ...values);
    expect(text).toContain('complete');
    expect(text).toMatch(/3\s+0\.4 \| 0\.44\s+4/);
  });

  it('print books every so often, each as it is alone, in every form', async () => {
    await fillBook();
    const of = ['--venue', 'kalshi', '--instrument', 'K1'];
    const series = [...of, '--from', String(T0), '--to', String(T0 + 4 * SECOND), '--every', '1500ms'];
    const rows = (await run(bookCommand({ openDatabase }), ...series, '--json')).trim().split('\n');
    expect(rows).toHaveLength(3);
    for (const [index, row] of rows.entries()) {
      const at = T0 + index * 1.5 * SECOND;
      const alone = JSON.parse(await run(bookCommand({ openDatabase }), ...of, '--at', String(at), '--json'));
      const { venue, instrument, complete, bids, asks } = alone;
      expect(JSON.parse(row)).toEqual({ at, venue, instrument, complete, bids, asks });
    }
    expect(JSON.parse(rows[0]!).bids).not.toEqual(JSON.parse(rows[1]!).bids);
    const csv = await run(bookCommand({ openDatabase }), ...series, '--csv', '--depth', '1');
    expect(csv.split('\n')[1]).toBe(`${T0},kalshi,K1,true,"400000,5000000","450000,2000000"`);
    const folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
    const file = join(folder, 'books.parquet');
    await run(bookCommand({ openDatabase }), ...series, '--parquet', file);
    expect((await readParquet(file))[0]).toMatchObject({
      at: T0,
      complete: true,
      bids: [400_000, 5_000_000, 390_000, 1_000_000],
      asks: [450_000, 2_000_000],
    });
    rmSync(folder, { recursive: true });
    for (const wrong of [
      [],
      ['--at', 'now', '--every', '1s'],
      ['--from', '1h ago'],
      ['--at', 'now', '--csv'],
    ]) {
      await expect(run(bookCommand({ openDatabase }), ...of, ...wrong)).rejects.toThrow(
        /^(say either|--csv and)/,
      );
    }
    await expect(run(bookCommand({ openDatabase }), ...of, '--every', '10')).rejects.toThrow(/such as 500ms/);
  });

  it('fail in one line for an instrument or a time that nobody knows', async () => {
    await expect(
      run(bookCommand({ openDatabase }), '--venue', 'kalshi', '--instrument', 'nope', '--at', 'now'),
    ).rejects.toThrow('the tape knows no instrument "nope" on kalshi');
    await expect(
      run(bookCommand({ openDatabase }), '--venue', 'kalshi', '--instrument', 'K1', '--at', 'noonish'),
    ).rejects.toThrow('not a time: "noonish"');
  });

  it('fail in one line where there is no tape', async () => {
    const nowhere = ['--data', '/nonexistent/tape'];
    await expect(run(tradesCommand(), ...nowhere)).rejects.toThrow(
      /^there is no tape in \/nonexistent\/tape/,
    );
    const empty = await databases.fresh('empty');
    await expect(run(tradesCommand(), '--database', empty.url)).rejects.toThrow(
      'does not hold a tape of this version',
    );
    await expect(run(tradesCommand(), '--database', 'postgresql://127.0.0.1:1/x')).rejects.toThrow(
      'cannot connect',
    );
  });

  it('print rows as JSON lines, as CSV and as a table', async () => {
    await store(client, 'trades', [onTape(trade({ trade_id: 'a,"b"' }))]);
    const json = JSON.parse(await run(tradesCommand({ openDatabase }), '--json'));
    expect(json).toMatchObject({
      exchange_ts: T0,
      price: 400_000,
      size: 1_000_000,
      trade_id: 'a,"b"',
      lines: 7,
    });
    const csv = (await run(tradesCommand({ openDatabase }), '--csv')).split('\n');
    expect(csv[0]).toMatch(/^exchange_ts,venue,instrument,price,size/);
    expect(csv[1]).toContain(`${T0},kalshi,K1,400000,1000000,buy,false,"a,""b"""`);
    const table = (await run(tradesCommand({ openDatabase }))).split('\n');
    expect(table[0]).toMatch(/^exchange_ts +venue +instrument +price/);
    expect(table[1]).toMatch(/^2026-11-20T\S+Z +kalshi +K1 +0\.4 +1 +buy/);
    expect(await run(gapsCommand({ openDatabase }))).toBe('');
    expect(await run(marketsCommand({ openDatabase }), 'anything', '--json')).toBe('');
  });
});
