import fc from 'fast-check';
import type { Client } from 'pg';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { dropDay, storedDays } from '#src/retention/stored-days.ts';
import { type CandleRequest, candlesOf } from '#src/storage/production/candle-query.ts';
import { refreshRollups } from '#src/storage/production/rollups.ts';
import { candleWidths, type JudgedCandle } from '#src/tape/candles.ts';
import type { TapeRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { metrics, type Row, store, T0, trade } from '../merge/lines.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const rules: TapeRules = { silence: 30_000_000, arrivalAllowance: 0, settleAllowance: 0 };
const MINUTE = 60_000_000;
/** Begin of a minute. */
const M0 = T0 - (T0 % MINUTE);
const us = (value: number): Micros => value as Micros;

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await databases.fresh('production');
  client = await database.connect();
});

function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

async function candles(request: Partial<CandleRequest> = {}): Promise<JudgedCandle[]> {
  const found: JudgedCandle[] = [];
  for await (const candle of candlesOf(
    client,
    { width: '1m', of: 'trades', empty: 'skip', ...request },
    rules,
  )) {
    found.push(candle);
  }
  return found;
}

/** Instrument, minute since M0, then open, high, low, close, volume, trades. */
const brief = ({ instrument, bucket, open, high, low, close, volume, trades }: JudgedCandle) =>
  [instrument, (bucket - M0) / MINUTE, open, high, low, close, volume, trades] as const;

interface PlainTrade {
  readonly instrument: string;
  readonly exchange_ts: number;
  readonly trade_id: string;
  readonly price: number;
  readonly size: number;
}

/** Reckoned row by row, without the database. */
function plainly(trades: readonly PlainTrade[], width: number): unknown[] {
  const sorted = [...trades].sort(
    (a, b) => a.exchange_ts - b.exchange_ts || (a.trade_id < b.trade_id ? -1 : 1),
  );
  const buckets = new Map<string, { instrument: string; bucket: number; prices: number[]; volume: number }>();
  for (const { instrument, exchange_ts, price, size } of sorted) {
    const bucket = exchange_ts - (exchange_ts % width);
    const key = `${instrument} ${bucket}`;
    const held = buckets.get(key) ?? { instrument, bucket, prices: [], volume: 0 };
    held.prices.push(price);
    held.volume += size;
    buckets.set(key, held);
  }
  return [...buckets.values()]
    .sort((a, b) =>
      a.instrument === b.instrument ? a.bucket - b.bucket : a.instrument < b.instrument ? -1 : 1,
    )
    .map(({ instrument, bucket, prices, volume }) => ({
      venue: 'kalshi',
      instrument,
      bucket,
      open: prices[0],
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1),
      volume,
      trades: prices.length,
      complete: false,
    }));
}

const trades = fc.uniqueArray(
  fc.record({
    instrument: fc.constantFrom('K1', 'K2'),
    exchange_ts: fc.integer({ min: 0, max: 200 }).map((step) => M0 + step * 17_000_003),
    trade_id: fc.integer({ min: 0, max: 10_000 }).map((number) => `t${number}`),
    price: fc.integer({ min: 1, max: 99 }).map((cents) => cents * 10_000),
    size: fc.integer({ min: 1, max: 5_000_000 }),
  }),
  { selector: ({ trade_id }) => trade_id, minLength: 1, maxLength: 60 },
);

/** Of all minutes, also such as still go on. */
const EVER = Number.MAX_SAFE_INTEGER as Micros;

describe('candles', () => {
  it('equal a plain computation over the raw rows in every width, before, while and after roll-ups catch up with late rows', async () => {
    await fc.assert(
      fc.asyncProperty(trades, trades, async (first, late) => {
        await client.query('DELETE FROM trades; DELETE FROM trade_rollups; DELETE FROM rollups_pending');
        const known = new Set(first.map(({ trade_id }) => trade_id));
        const second = late.filter(({ trade_id }) => !known.has(trade_id));
        const all: PlainTrade[] = [];
        const areEqual = async (): Promise<void> => {
          for (const width of ['1m', '5m', '1h', '1d'] as const) {
            expect(await candles({ width })).toEqual(plainly(all, candleWidths[width]));
          }
        };
        for (const part of [first, second]) {
          all.push(...part);
          await store(
            client,
            'trades',
            part.map((row) => onTape(trade({ ...row }))),
          );
          await areEqual();
          await refreshRollups(client, EVER, 5);
          await areEqual();
          while (await refreshRollups(client, EVER, 20));
          await areEqual();
        }
        expect(await marked()).toEqual([]);
      }),
      { numRuns: 4 },
    );
  });

  const marked = async (): Promise<unknown[]> =>
    (
      await client.query<{ source: string; instrument: string; minute: string }>(
        'SELECT source, instrument, minute FROM rollups_pending ORDER BY source, instrument, minute',
      )
    ).rows.map(({ source, instrument, minute }) => [source, instrument, (Number(minute) - M0) / MINUTE]);

  it('are read from roll-ups, which outlive the rows that they were made of', async () => {
    await threeMinutes();
    await refreshRollups(client, EVER);
    const before = await candles({ width: '5m' });
    for (const day of await storedDays(client, 'trades')) await dropDay(client, day);
    expect(await marked()).toEqual([]);
    expect(before).not.toEqual([]);
    expect(await candles({ width: '5m' })).toEqual(before);
    const { rows } = await client.query(
      'SELECT instrument, volume FROM candles_1m ORDER BY instrument, bucket',
    );
    expect(rows).toEqual([
      { instrument: 'K1', volume: '1' },
      { instrument: 'K1', volume: '2' },
      { instrument: 'K2', volume: '4' },
    ]);
  });

  it('are reckoned anew where a row is new, other than it was or gone, not where a line has confirmed it', async () => {
    await threeMinutes();
    expect(await marked()).toEqual([
      ['trades', 'K1', 0],
      ['trades', 'K1', 3],
      ['trades', 'K2', 1],
    ]);
    await refreshRollups(client, EVER);
    await client.query('UPDATE trades SET lines = 1, received_at = received_at - 1');
    expect(await marked()).toEqual([]);
    await client.query(`UPDATE trades SET exchange_ts = $1 WHERE trade_id = 'a'`, [M0 + 4 * MINUTE]);
    expect(await marked()).toEqual([
      ['trades', 'K1', 0],
      ['trades', 'K1', 4],
    ]);
    await refreshRollups(client, EVER);
    expect((await candles({ instrument: 'K1' })).map(({ bucket }) => (bucket - M0) / MINUTE)).toEqual([3, 4]);
    await client.query(`DELETE FROM trades WHERE trade_id = 'a'`);
    expect(await marked()).toEqual([['trades', 'K1', 4]]);
    await refreshRollups(client, EVER);
    expect((await candles({ instrument: 'K1' })).map(({ bucket }) => (bucket - M0) / MINUTE)).toEqual([3]);
  });

  async function threeMinutes(): Promise<void> {
    await store(client, 'trades', [
      onTape(trade({ trade_id: 'a', exchange_ts: M0 + 1, price: 400_000, size: 1 })),
      onTape(trade({ trade_id: 'b', exchange_ts: M0 + 3 * MINUTE, price: 500_000, size: 2 })),
      onTape(trade({ trade_id: 'c', instrument: 'K2', exchange_ts: M0 + MINUTE, price: 300_000, size: 4 })),
    ]);
  }

  it('give buckets without a trade as asked: not at all, with nulls, with the last price', async () => {
    await threeMinutes();
    const [first, second] = [
      ['K1', 0, 400_000, 400_000, 400_000, 400_000, 1, 1],
      ['K1', 3, 500_000, 500_000, 500_000, 500_000, 2, 1],
    ];
    const K1 = { instrument: 'K1' };
    expect((await candles(K1)).map(brief)).toEqual([first, second]);
    const nulls = (minute: number) => ['K1', minute, null, null, null, null, 0, 0];
    expect((await candles({ ...K1, empty: 'null' })).map(brief)).toEqual([first, nulls(1), nulls(2), second]);
    const carried = (minute: number, price: number) => ['K1', minute, price, price, price, price, 0, 0];
    expect((await candles({ ...K1, empty: 'carry' })).map(brief)).toEqual([
      first,
      carried(1, 400_000),
      carried(2, 400_000),
      second,
    ]);
    const span = { from: us(M0 + MINUTE + 5), to: us(M0 + 4 * MINUTE + 5) };
    expect((await candles({ ...K1, ...span, empty: 'carry' })).map(brief)).toEqual([
      carried(1, 400_000),
      carried(2, 400_000),
      second,
      carried(4, 500_000),
    ]);
    expect((await candles({ ...K1, ...span, empty: 'null' })).map(brief)).toEqual([
      nulls(1),
      nulls(2),
      second,
      nulls(4),
    ]);
    const before = { from: us(M0 - MINUTE), to: us(M0 + 2 * MINUTE) };
    expect((await candles({ ...K1, ...before, empty: 'carry' })).map(brief)).toEqual([
      nulls(-1),
      first,
      carried(1, 400_000),
    ]);
  });

  it('never cut a bucket: a span means the buckets that it touches', async () => {
    await threeMinutes();
    const span = { from: us(M0 + 30_000_000), to: us(M0 + 3 * MINUTE + 1) };
    expect((await candles({ instrument: 'K1', ...span })).map(brief)).toEqual([
      ['K1', 0, 400_000, 400_000, 400_000, 400_000, 1, 1],
      ['K1', 3, 500_000, 500_000, 500_000, 500_000, 2, 1],
    ]);
    const until = { from: us(M0), to: us(M0 + 3 * MINUTE) };
    expect(await candles({ instrument: 'K1', ...until })).toHaveLength(1);
  });

  it('fill each instrument by itself, and end after as many as asked for', async () => {
    await threeMinutes();
    const span = { from: us(M0), to: us(M0 + 2 * MINUTE), empty: 'null' as const };
    expect((await candles(span)).map((candle) => brief(candle).slice(0, 3))).toEqual([
      ['K1', 0, 400_000],
      ['K1', 1, null],
      ['K2', 0, null],
      ['K2', 1, 300_000],
    ]);
    expect(await candles({ ...span, limit: 3 })).toHaveLength(3);
    expect((await candles({ limit: 1 })).map(({ instrument }) => instrument)).toEqual(['K1']);
  });

  it('are complete only without a gap of the tape in the bucket, and as far as the tape is settled', async () => {
    await threeMinutes();
    await client.query(
      `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)`,
      [M0 - MINUTE, M0 + 3 * MINUTE + 5],
    );
    const complete = async () =>
      (await candles({ instrument: 'K1', empty: 'null' })).map((row) => row.complete);
    expect(await complete()).toEqual([true, true, true, false]);
    const gap = (instrument: string, from: number, to: number, line = 'tape') =>
      client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, $2, 'kalshi', $3, $4, $5, 'x')`,
        [line, `${line}${instrument}${from}`, instrument, from, to],
      );
    await gap('K2', M0, M0 + MINUTE);
    await gap('K1', M0, M0 + MINUTE, 'b');
    expect(await complete()).toEqual([true, true, true, false]);
    await gap('K1', M0 + MINUTE - 1, M0 + MINUTE);
    expect(await complete()).toEqual([false, true, true, false]);
    await gap('*', M0 + 2 * MINUTE, M0 + 2 * MINUTE + 1);
    expect(await complete()).toEqual([false, true, false, false]);
  });

  it('take the gaps of their span alone, and those of a whole venue once for all its instruments', async () => {
    await threeMinutes();
    await client.query(
      `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)`,
      [M0 - MINUTE, M0 + 10 * MINUTE],
    );
    // Forty over before the span and as many after it, and one that reaches into its first minute.
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause)
       SELECT 'tape', instrument || at, 'kalshi', instrument, at, at + 10, 'x'
       FROM unnest(ARRAY['K1', 'K2', '*']) AS instrument, (
         SELECT $1::bigint - n * 20 AS at FROM generate_series(1, 40) AS n
         UNION ALL SELECT $2::bigint + n * 20 FROM generate_series(0, 39) AS n) AS times
       UNION ALL SELECT 'tape', 'into', 'kalshi', '*', $1::bigint - 5, $1::bigint + 1, 'x'`,
      [M0, M0 + 5 * MINUTE],
    );
    const ask = client.query.bind(client) as (...values: unknown[]) => Promise<{ rows: unknown[] }>;
    const given: unknown[][] = [];
    vi.spyOn(client, 'query').mockImplementation(async (...values: unknown[]) => {
      const result = await ask(...values);
      if (/FROM gaps/.test(String(values[0]))) given.push(result.rows);
      return result;
    });
    const found = await candles({ from: us(M0), to: us(M0 + 5 * MINUTE), empty: 'null' });
    expect(found.map(({ complete }) => complete)).toEqual(
      [...[0, 1, 1, 1, 1], ...[0, 1, 1, 1, 1]].map(Boolean),
    );
    expect(given.flat()).toHaveLength(1);
  });

  it('are complete only as of the moment of their rows, whatever a merge commits while they are read', async () => {
    const life = `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)
      ON CONFLICT (line, epoch) DO UPDATE SET durable_until = EXCLUDED.durable_until`;
    await client.query(life, [M0 - MINUTE, M0 + 5]);
    await store(client, 'trades', [onTape(trade({ trade_id: 'a', exchange_ts: M0 + 1 }))]);
    const merge = await database.connect();
    const ask = client.query.bind(client) as (...values: unknown[]) => unknown;
    let merged = false;
    vi.spyOn(client, 'query').mockImplementation(async (...values: unknown[]) => {
      if (!merged && String(values[0]).includes('FROM line_lives')) {
        merged = true;
        await store(merge, 'trades', [onTape(trade({ trade_id: 'b', exchange_ts: M0 + 2 }))]);
        await merge.query(life, [M0 - MINUTE, M0 + 5 * MINUTE]);
      }
      return await ask(...values);
    });
    expect(await candles()).toMatchObject([{ trades: 1, complete: false }]);
    expect(merged).toBe(true);
    expect(await candles()).toMatchObject([{ trades: 2, complete: true }]);
  });

  it('are made of the mids of books as well, with the volume of the trades', async () => {
    await threeMinutes();
    const reading = (at: number, bid: number, ask: number, more: Row = {}): Row => ({
      ...metrics({ at: M0 + at, bid, ask, mid_twice: bid + ask, spread: ask - bid, ...more }),
      lines: 1,
    });
    await store(client, 'order_book_metrics', [
      reading(1, 400_000, 420_000),
      reading(2, 440_000, 450_000),
      reading(3, 400_000, 410_000),
      reading(4, 900_000, 100_000, { crossed: true }),
      reading(5, 0, 0, { bid: null, mid_twice: null, spread: null }),
      reading(MINUTE, 100_000, 120_000, { instrument: 'K9' }),
    ]);
    const shown = (await candles({ of: 'mids' })).map(brief);
    await refreshRollups(client, EVER);
    expect((await candles({ of: 'mids' })).map(brief)).toEqual(shown);
    const figures = await client.query(
      'SELECT instrument, bid, ask, least_spread, greatest_spread, mean_spread, readings FROM book_figures_1d ORDER BY instrument',
    );
    expect(figures.rows).toEqual([
      {
        ...{ instrument: 'K1', bid: null, ask: '0', least_spread: '-800000', greatest_spread: '20000' },
        ...{ mean_spread: '-190000', readings: 5 },
      },
      {
        ...{
          instrument: 'K9',
          bid: '100000',
          ask: '120000',
          least_spread: '20000',
          greatest_spread: '20000',
        },
        ...{ mean_spread: '20000', readings: 1 },
      },
    ]);
    expect(shown).toEqual([
      ['K1', 0, 410_000, 445_000, 405_000, 405_000, 1, 1],
      ['K1', 3, null, null, null, null, 2, 1],
      ['K2', 1, null, null, null, null, 4, 1],
      ['K9', 1, 110_000, 110_000, 110_000, 110_000, 0, 0],
    ]);
    const carried = await candles({ of: 'mids', instrument: 'K1', empty: 'carry' });
    expect(carried.map((candle) => brief(candle).slice(1))).toEqual([
      [0, 410_000, 445_000, 405_000, 405_000, 1, 1],
      [1, 405_000, 405_000, 405_000, 405_000, 0, 0],
      [2, 405_000, 405_000, 405_000, 405_000, 0, 0],
      [3, 405_000, 405_000, 405_000, 405_000, 2, 1],
    ]);
  });
});
