import fc from 'fast-check';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { LineStore, type StoreOutcome } from '#src/storage/line-store.ts';
import { eventTables } from '#src/storage/tables.ts';
import { useDatabases } from './database.ts';
import { DAY, line, recordOf } from './stream-lines.ts';

const databases = useDatabases();

async function freshStore(): Promise<{
  client: pg.Client;
  store: LineStore;
  url: string;
  another(): Promise<pg.Client>;
}> {
  const database = await databases.fresh('gatherer');
  const client = await database.connect();
  return { client, store: new LineStore(client), url: database.url, another: () => database.connect() };
}

function stored(outcome: StoreOutcome): Record<string, number> {
  expect(outcome.failed).toBeNull();
  return Object.fromEntries(Object.entries(outcome.tables).map(([table, count]) => [table, count.stored]));
}

const count = async (client: pg.Client, table: string): Promise<number> =>
  Number((await client.query(`SELECT count(*) FROM ${table}`)).rows[0].count);

describe('what a stream line becomes', () => {
  test('every kind of line is stored in its table with every column as it came', async () => {
    const { client, store } = await freshStore();
    const outcome = await store.store([
      recordOf([
        line.trade(),
        line.delta(),
        line.delta({
          change: undefined,
          size: 0,
          hash: '0xff',
          venue: 'polymarket',
          instrument: '7132',
          occurrence: 2,
        }),
        line.snapshot(),
        line.ticker(),
        line.lifecycle(),
        line.metrics(),
        line.gap(),
        line.heartbeat(),
        line.market(),
      ]),
    ]);
    expect(stored(outcome)).toEqual({
      trades: 1,
      order_book_deltas: 2,
      order_book_snapshots: 1,
      tickers: 1,
      market_lifecycle: 1,
      order_book_metrics: 1,
      gaps: 1,
      heartbeats: 1,
      markets: 1,
      instruments: 2,
    });
    const one = async (sql: string) => (await client.query(sql)).rows[0];
    const provenance = {
      connection: 'kalshi-book-1#1',
      sid: 1,
      seq: '7',
      quality: 0,
      received_at: String(DAY + 50),
    };
    expect(await one('SELECT * FROM trades')).toMatchObject({
      ...provenance,
      venue: 'kalshi',
      instrument: 'KXTEST-1',
      trade_id: 't-1',
      exchange_ts: String(DAY),
      price: '480000',
      size: '3000000',
      taker_side: 'buy',
      is_block: false,
    });
    expect(await one('SELECT * FROM order_book_deltas WHERE NOT is_absolute')).toMatchObject({
      ...provenance,
      side: 'bid',
      amount: '-2000000',
      hash: null,
      hash_key: 0,
      occurrence: 0,
      instant_index: 0,
    });
    expect(await one('SELECT * FROM order_book_deltas WHERE is_absolute')).toMatchObject({
      amount: '0',
      hash: '0xff',
      occurrence: 2,
    });
    expect(await one('SELECT * FROM order_book_snapshots')).toMatchObject({
      ...provenance,
      snapshot_ts: String(DAY),
      source: 'ws',
      bids: ['480000', '1000000', '470000', '2000000'],
      asks: [],
      depth: null,
      hash: '0xabc',
    });
    expect(await one('SELECT * FROM tickers')).toMatchObject({
      ...provenance,
      bid: '480000',
      ask: null,
      ask_size: null,
      open_interest: '0',
    });
    expect(await one('SELECT * FROM market_lifecycle')).toMatchObject({
      ...provenance,
      subject: 'KXTEST-1',
      is_event: false,
      instruments: ['KXTEST-1'],
      details: { a: [1, 'zwei', null], ü: true },
      at: String(DAY + 50),
      exchange_ts: null,
    });
    expect(await one('SELECT * FROM gaps')).toMatchObject({
      gap_id: 'a:1:1',
      is_all: false,
      instruments: ['KXTEST-1'],
      to_ts: null,
      cause: 'startup',
    });
    expect(await one('SELECT * FROM instruments WHERE position = 1')).toMatchObject({
      instrument: '9981',
      outcome: 'No',
      market: '0xcond',
    });
    const row = await one('SELECT ingested_at, clock_micros() AS now FROM trades');
    expect(Math.abs(Number(row.now) - Number(row.ingested_at))).toBeLessThan(60_000_000);
  });

  test('a missing venue time is replaced by the receive time, and the row says so', async () => {
    const { client, store } = await freshStore();
    const untimed = { exchange_ts: null, quality: 1 };
    await store.store([recordOf([line.trade(untimed), line.delta(untimed), line.ticker(untimed)])]);
    const { rows } = await client.query(
      `SELECT exchange_ts, quality FROM trades UNION ALL SELECT exchange_ts, quality FROM order_book_deltas
       UNION ALL SELECT exchange_ts, quality FROM tickers`,
    );
    expect(rows).toEqual(Array(3).fill({ exchange_ts: String(DAY + 50), quality: 17 }));
  });

  test('integers to the edge of exactness and any text survive the way into the database', async () => {
    const { client, store } = await freshStore();
    const safe = fc.oneof(
      fc.maxSafeInteger(),
      fc.constantFrom(
        0,
        -1,
        2 ** 31,
        -(2 ** 31),
        2 ** 32,
        -(2 ** 32),
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
      ),
    );
    const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0'));
    const nullable = fc.option(safe, { nil: null });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, nullable, nullable, fc.array(fc.tuple(safe, safe), { maxLength: 5 }), text), {
          minLength: 1,
          maxLength: 20,
        }),
        async (values) => {
          const batch = `${++run}`;
          const outcome = await store.store([
            recordOf(
              values.flatMap(([instrument, bid, ask, levels, connection], index) => [
                line.ticker({ instrument: `${batch} ${index} ${instrument}`, bid, ask, connection }),
                line.snapshot({ instrument: `${batch} ${index} ${instrument}`, bids: levels, connection }),
              ]),
            ),
          ]);
          expect(outcome.refused).toEqual([]);
          const { rows } = await client.query(
            `SELECT t.instrument, t.bid, t.ask, s.bids, t.connection FROM tickers t JOIN order_book_snapshots s USING (instrument)
             WHERE instrument LIKE $1 ORDER BY split_part(instrument, ' ', 2)::int`,
            [`${batch} %`],
          );
          expect(rows).toEqual(
            values.map(([instrument, bid, ask, levels, connection], index) => ({
              instrument: `${batch} ${index} ${instrument}`,
              bid: bid === null ? null : String(bid),
              ask: ask === null ? null : String(ask),
              bids: levels.flat().map(String),
              connection,
            })),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('deliveries', () => {
  const batch = () => [
    recordOf([line.trade(), line.delta(), line.ticker()]),
    recordOf([line.delta({ price: 1 }), line.snapshot(), line.lifecycle(), line.metrics(), line.gap()]),
    recordOf([line.heartbeat(), line.market()]),
  ];

  test('a delivery that comes again changes nothing and says so', async () => {
    const { client, store } = await freshStore();
    const records = batch();
    const first = await store.store(records);
    const before = await client.query('SELECT * FROM order_book_deltas ORDER BY price');
    for (let again = 0; again < 3; again++) {
      const outcome = await store.store(records);
      expect(Object.values(stored(outcome)).every((value) => value === 0)).toBe(true);
      expect(outcome.tables['order_book_deltas']).toEqual({ stored: 0, known: 2 });
    }
    expect(first.tables['order_book_deltas']).toEqual({ stored: 2, known: 0 });
    expect((await client.query('SELECT * FROM order_book_deltas ORDER BY price')).rows).toEqual(before.rows);
  });

  test('new rows among known ones are stored, and an event twice in one delivery is stored once', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.delta({ price: 1 }), line.delta({ price: 1 }), line.trade()])]);
    const outcome = await store.store([
      recordOf([line.delta({ price: 1 }), line.delta({ price: 2 }), line.trade({ trade_id: 't-2' })]),
    ]);
    expect(outcome.tables).toEqual({
      order_book_deltas: { stored: 1, known: 1 },
      trades: { stored: 1, known: 0 },
    });
    expect(await count(client, 'order_book_deltas')).toBe(2);
  });

  test('any order and repetition of deliveries ends in the same rows', async () => {
    const all = Array.from({ length: 12 }, (_, index) =>
      recordOf([
        line.trade({ trade_id: `t-${index % 9}` }),
        line.delta({ price: index % 7, exchange_ts: DAY + index * 43_200_000_000 }),
        line.heartbeat({ durable_until: DAY + index }),
        line.market({ updated_at: DAY + index, title: `title ${index}` }),
      ]),
    );
    const contents = async (client: pg.Client) =>
      (
        await client.query(`SELECT trade_id AS what FROM trades UNION ALL SELECT price || '@' || exchange_ts FROM order_book_deltas
          UNION ALL SELECT durable_until::text FROM heartbeats UNION ALL SELECT title FROM markets ORDER BY 1`)
      ).rows;
    const reference = await freshStore();
    await reference.store.store(all);
    const expected = await contents(reference.client);
    expect(expected).toContainEqual({ what: 'title 11' });
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
        fc.integer({ min: 1, max: 7 }),
        async (deliveries, size) => {
          const { client, store } = await freshStore();
          const rest = [...deliveries];
          while (rest.length > 0) expect((await store.store(rest.splice(0, size))).failed).toBeNull();
          expect(await contents(client)).toEqual(expected);
        },
      ),
      { numRuns: 5 },
    );
  });

  test('two writers with the same rows in opposite order lose none and end', async () => {
    const { client, store, another } = await freshStore();
    const other = new LineStore(await another());
    const rows = Array.from({ length: 3_000 }, (_, index) => line.delta({ price: index }));
    const [left, right] = await Promise.all([
      store.store([recordOf(rows), recordOf([line.market(), line.heartbeat()])]),
      other.store([recordOf([line.market(), line.heartbeat()]), recordOf([...rows].reverse())]),
    ]);
    expect(left.failed).toBeNull();
    expect(right.failed).toBeNull();
    expect(left.tables['order_book_deltas']!.stored + right.tables['order_book_deltas']!.stored).toBe(3_000);
    expect(await count(client, 'order_book_deltas')).toBe(3_000);
  });

  test('every row of a delivery is of one transaction', async () => {
    const { client, store } = await freshStore();
    await store.store(batch());
    const union = ['gaps', 'heartbeats', 'markets', 'instruments', ...eventTables.map(({ name }) => name)]
      .map((table) => `SELECT ingest_xid FROM ${table}`)
      .join(' UNION ');
    expect((await client.query(union)).rows).toHaveLength(1);
  });

  test('a reader that stays below the snapshot horizon never passes a row of an open transaction', async () => {
    const { client, store, another } = await freshStore();
    const reader = await another();
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO order_book_metrics (venue, instrument, at, bid_depth, ask_depth, bid_depth_near, ask_depth_near, bid_levels, ask_levels, crossed)
       VALUES ('kalshi', 'SLOW', 1, 0, 0, 0, 0, 0, 0, false)`,
    );
    const quick = new LineStore(await another());
    await quick.store([recordOf([line.metrics({ instrument: 'QUICK' })])]);
    const read = async (from: string) =>
      (
        await reader.query(
          `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS bound,
             (SELECT array_agg(instrument ORDER BY instrument) FROM order_book_metrics
              WHERE ingest_xid >= $1::xid8 AND ingest_xid < pg_snapshot_xmin(pg_current_snapshot())) AS seen`,
          [from],
        )
      ).rows[0] as { bound: string; seen: string[] | null };
    const first = await read('0');
    expect(first.seen).toBeNull();
    await client.query('COMMIT');
    expect((await read(first.bound)).seen).toEqual(['QUICK', 'SLOW']);
    expect(store).toBeDefined();
  });

  test('a heartbeat, market or gap that changes is seen anew by a reader', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.heartbeat(), line.market(), line.gap()])]);
    const proven = async (): Promise<unknown> =>
      (await client.query('SELECT proven_until FROM heartbeats')).rows[0].proven_until;
    expect(await proven()).toEqual({});
    const { rows } = await client.query('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS bound');
    await store.store([
      recordOf([
        line.heartbeat({ durable_until: DAY + 9, proven_until: { kalshi: DAY + 7 } }),
        line.market({ updated_at: DAY + 9, status: 'closed' }),
        line.gap({ to: DAY + 9 }),
        line.heartbeat({ durable_until: DAY + 5, proven_until: { kalshi: DAY + 3 } }),
        line.market({ updated_at: DAY - 1, status: 'stale' }),
      ]),
    ]);
    const seen = await client.query(
      `SELECT durable_until::text AS what FROM heartbeats WHERE ingest_xid >= $1::xid8
       UNION ALL SELECT status FROM markets WHERE ingest_xid >= $1::xid8
       UNION ALL SELECT to_ts::text FROM gaps WHERE ingest_xid >= $1::xid8`,
      [rows[0].bound],
    );
    expect(seen.rows.map((row) => row.what)).toEqual([String(DAY + 9), 'closed', String(DAY + 9)]);
    expect(await count(client, 'gaps')).toBe(2);
    expect(await proven()).toEqual({ kalshi: DAY + 7 });
  });

  test.each([[{ kalshi: 'soon' }], [{ kalshi: 1.5 }], [7], [null]])(
    'a heartbeat that says %j of the venue’s time is put aside',
    async (proven_until) => {
      const { client, store } = await freshStore();
      await store.store([recordOf([line.heartbeat({ proven_until }), line.market()])]);
      expect(await count(client, 'heartbeats')).toBe(0);
      expect(await count(client, 'markets')).toBe(1);
      expect((await client.query('SELECT reason FROM poison_records')).rows[0].reason).toMatch(
        /proven_until/,
      );
    },
  );
});

describe('bad input', () => {
  test('a bad line is put aside with its reason and bytes, and the rest of its record is stored', async () => {
    const { client, store } = await freshStore();
    const bad = [
      '{"kind":"trade"',
      JSON.stringify(line.delta({ price: 'cheap' })),
      JSON.stringify(line.delta({ side: 'middle' })),
      JSON.stringify(line.delta({ change: 1, size: 1 })),
      JSON.stringify(line.trade({ size: 1.5 })),
      JSON.stringify(line.trade({ sid: 2 ** 31 })),
      JSON.stringify(line.trade({ price: 2 ** 53 })),
      JSON.stringify({ kind: 'weather' }),
      'null',
      '[]',
      JSON.stringify(line.market({ instruments: [null] })),
      JSON.stringify(line.trade({ trade_id: 'a\0b' })),
    ];
    const outcome = await store.store([
      recordOf([line.delta({ price: 1 }), ...bad, line.delta({ price: 2 })]),
    ]);
    expect(stored(outcome)).toMatchObject({ order_book_deltas: 2, poison_records: bad.length });
    const { rows } = await client.query('SELECT * FROM poison_records ORDER BY line_number');
    expect(rows.map((row) => row.bytes.toString())).toEqual(bad);
    expect(rows.map((row) => row.line_number)).toEqual(bad.map((_, index) => index + 2));
    expect(rows[1]!.reason).toBe('price: expected an integer, got "cheap"');
    expect(rows[0]!.reason).toMatch(/^not JSON/);
    expect(rows[7]!.reason).toMatch(/weather/);
    expect(rows[0]).toMatchObject({ stream: 'line-a', shard: 'shardId-0', partition_key: 'lane-1' });
  });

  test('a line that is not UTF-8 is put aside byte for byte', async () => {
    const { client, store } = await freshStore();
    const bytes = Buffer.concat([
      Buffer.from('{"kind":"trade","x":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    const good = Buffer.from(`${JSON.stringify(line.trade({ instrument: 'Größe' }))}\n`);
    await store.store([recordOf([], { data: Buffer.concat([good, bytes, Buffer.from('\n'), good]) })]);
    const { rows } = await client.query('SELECT reason, bytes, line_number FROM poison_records');
    expect(rows).toEqual([{ reason: 'not UTF-8', bytes, line_number: 2 }]);
    expect((await client.query('SELECT instrument FROM trades')).rows).toEqual([{ instrument: 'Größe' }]);
  });

  test('what only the database refuses is found among thousands and put aside alone', async () => {
    const { client, store } = await freshStore();
    const rows: object[] = Array.from({ length: 2_000 }, (_, index) => line.delta({ price: index }));
    const nul = line.lifecycle({ details: { text: 'nul \0 in JSON' } });
    const surrogate = line.market({ details: { text: '\ud800' } });
    let state = 1;
    const incompressible = Array.from({ length: 6_000 }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return String.fromCharCode(35 + (state % 55));
    });
    const longKey = line.trade({ trade_id: incompressible.join('') });
    rows.splice(1_500, 0, nul);
    rows.splice(700, 0, surrogate);
    rows.splice(3, 0, longKey);
    const outcome = await store.store([
      recordOf(rows.slice(0, 900)),
      recordOf(rows.slice(900)),
      recordOf([line.trade()]),
    ]);
    expect(outcome.failed).toBeNull();
    expect(outcome.refused.map(({ reason }) => reason.startsWith('the database: '))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await count(client, 'order_book_deltas')).toBe(2_000);
    expect(await count(client, 'trades')).toBe(1);
    const poison = await client.query('SELECT bytes FROM poison_records');
    const kept = poison.rows.map((row) => row.bytes.toString()).sort();
    expect(kept).toEqual([nul, surrogate, longKey].map((item) => JSON.stringify(item)).sort());
    // The session goes on as if nothing had been.
    expect(stored(await store.store([recordOf([line.trade({ trade_id: 'after' })])]))).toEqual({ trades: 1 });
  });

  test('times that cannot be true are kept in the default partition and make no partition', async () => {
    const { client, store } = await freshStore();
    const outcome = await store.store([
      recordOf([
        line.trade({ trade_id: 'zero', exchange_ts: 0 }),
        line.trade({ trade_id: 'negative', exchange_ts: -5 }),
        line.trade({ trade_id: 'far', exchange_ts: Number.MAX_SAFE_INTEGER }),
        line.trade({ trade_id: 'right' }),
      ]),
    ]);
    expect(stored(outcome)).toEqual({ trades: 4 });
    const { rows } = await client.query(
      'SELECT tableoid::regclass::text AS place, trade_id FROM trades ORDER BY 1, 2',
    );
    expect(rows).toEqual([
      { place: 'trades_20260301', trade_id: 'right' },
      { place: 'trades_default', trade_id: 'far' },
      { place: 'trades_default', trade_id: 'negative' },
      { place: 'trades_default', trade_id: 'zero' },
    ]);
  });

  test('an empty record and empty lines are nothing at all', async () => {
    const { store } = await freshStore();
    const outcome = await store.store([recordOf([]), recordOf(['', line.trade(), ''])]);
    expect(outcome).toEqual({
      tables: { trades: { stored: 1, known: 0 } },
      refused: [],
      missing: [],
      failed: null,
    });
  });
});

describe('trouble on the way', () => {
  test('a new day in the middle of a delivery gets its partition', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.delta()])]);
    const days = [0, 0, 1, 2, 0].map((day, index) =>
      recordOf([line.delta({ price: index + 10, exchange_ts: DAY + day * 86_400_000_000 })]),
    );
    expect(stored(await store.store(days))).toEqual({ order_book_deltas: 5 });
    const { rows } = await client.query(
      'SELECT tableoid::regclass::text AS place, count(*)::int FROM order_book_deltas GROUP BY 1 ORDER BY 1',
    );
    expect(rows).toEqual([
      { place: 'order_book_deltas_20260301', count: 4 },
      { place: 'order_book_deltas_20260302', count: 1 },
      { place: 'order_book_deltas_20260303', count: 1 },
    ]);
  });

  test('rows are stored although their partition cannot be made now, and move into it later', async () => {
    const { client, store, another } = await freshStore();
    const holder = await another();
    await holder.query('BEGIN; LOCK TABLE trades_default IN ROW EXCLUSIVE MODE');
    expect(stored(await store.store([recordOf([line.trade()])]))).toEqual({ trades: 1 });
    const place = async () =>
      (await client.query('SELECT tableoid::regclass::text AS place, ingest_xid FROM trades')).rows;
    const before = await place();
    expect(before[0].place).toBe('trades_default');
    await holder.query('ROLLBACK');
    expect(
      stored(await new LineStore(await another()).store([recordOf([line.trade({ trade_id: 't-2' })])])),
    ).toEqual({
      trades: 1,
    });
    const after = await place();
    expect(after.map((row) => row.place)).toEqual(['trades_20260301', 'trades_20260301']);
    // A reader that had it does not get it again.
    expect(after.map((row) => row.ingest_xid)).toContain(before[0].ingest_xid);
  });

  test('a session cut in the middle leaves nothing half stored and says which record comes again', async () => {
    const { client, store, another } = await freshStore();
    await store.store([recordOf([line.trade({ trade_id: 'before' })])]);
    const killer = await another();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await killer.query('BEGIN; LOCK TABLE tickers IN ACCESS EXCLUSIVE MODE');
    const storing = store.store([recordOf([line.delta(), line.ticker()])]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await killer.query(`SELECT pg_terminate_backend(${rows[0].pid})`);
    const outcome = await storing;
    expect(outcome.failed?.index).toBe(0);
    await killer.query('ROLLBACK');
    expect(await count(killer, 'order_book_deltas')).toBe(0);
    expect(await count(killer, 'trades')).toBe(1);
  });

  test('a database without tables fails the delivery rather than putting it aside', async () => {
    const database = await databases.fresh('empty');
    const outcome = await new LineStore(await database.connect()).store([recordOf([line.trade()])]);
    expect(outcome.failed?.error.message).toMatch(/does not exist/);
  });
});
