import fc from 'fast-check';
import type { ClientBase } from 'pg';
import { describe, expect, it } from 'vitest';
import { Quality } from '#src/events/captured.ts';
import { type LineName, lineNames } from '#src/storage/production/merge-statements.ts';
import {
  type EventTable,
  eventTables,
  marketLifecycle,
  orderBookDeltas,
  orderBookMetrics,
  orderBookSnapshots,
  tickers,
  trades,
} from '#src/storage/tables.ts';
import { useDatabases } from '../storage/database.ts';
import {
  comparable,
  delta,
  lifecycle,
  metrics,
  plainUnion,
  type Row,
  reset,
  runUntilDone,
  snapshot,
  store,
  T0,
  tapeRows,
  ticker,
  trade,
  type World,
  world,
} from './lines.ts';

const databases = useDatabases();

async function coverageRows(client: ClientBase): Promise<Row[]> {
  const { rows } = await client.query(
    `SELECT instrument, minute::text, events_a, events_b, events_c, events_tape FROM coverage ORDER BY instrument, minute`,
  );
  return rows;
}

/** Everything that a merge writes, apart from when. */
async function everything(client: ClientBase): Promise<unknown> {
  const events: Record<string, string[]> = {};
  for (const table of eventTables) events[table.name] = comparable(await tapeRows(client, table));
  const gaps = await client.query(
    'SELECT line, gap_id, venue, instrument, from_ts, to_ts, cause, causes FROM gaps ORDER BY 1, 2, 3, 4',
  );
  const lives = await client.query(
    'SELECT line, epoch, started_at, durable_until FROM line_lives ORDER BY 1, 2',
  );
  return { events, coverage: await coverageRows(client), gaps: gaps.rows, lives: lives.rows };
}

/** Some of everything on the three lines, with copies, ones that only one line has, and a gap. */
async function fill(made: World): Promise<void> {
  for (const [index, line] of lineNames.entries()) {
    const client = made.sessions[line];
    const received = T0 + 40_000 + index;
    const some = (count: number, row: (position: number) => Row): Row[] =>
      Array.from({ length: count }, (_, position) => ({ ...row(position), received_at: received })).filter(
        (_, position) => position % 7 !== index,
      );
    await store(
      client,
      'order_book_deltas',
      some(30, (n) => delta({ exchange_ts: T0 + n * 1_000_000, occurrence: n % 2 })),
    );
    await store(
      client,
      'trades',
      some(12, (n) => trade({ trade_id: `t${n}`, exchange_ts: T0 + n * 1_000_000 })),
    );
    await store(
      client,
      'tickers',
      some(9, (n) => ticker({ content_key: n })),
    );
    await store(
      client,
      'order_book_snapshots',
      some(5, (n) => snapshot({ snapshot_ts: T0 + n })),
    );
    await store(client, 'market_lifecycle', [
      lifecycle({ at: T0 + index * 300_000, received_at: T0 + index * 300_000 }),
    ]);
    await store(client, 'order_book_metrics', [metrics({ at: T0 + index })]);
    await client.query(
      `INSERT INTO gaps (gap_id, content_key, venue, is_all, instruments, from_ts, to_ts, cause, received_at, connection, sid, seq)
       VALUES ($1, 1, 'kalshi', false, '{K1}', $2, $3, 'startup', $2, '', 0, 0)`,
      [`${line}:e1:1`, T0, T0 + 2_000_000 + index],
    );
    await client.query(
      `INSERT INTO heartbeats (gatherer, epoch, lane, lanes, started_at, durable_until) VALUES ($1, 'e1', 0, 1, $2, $3)`,
      [line, T0 - 1_000, T0 + 50_000_000],
    );
  }
}

describe('the merge', () => {
  const numbers = { min: 0, max: 3 };
  const anyRow: Record<string, { table: EventTable; row: fc.Arbitrary<Row> }> = {
    trades: {
      table: trades,
      row: fc
        .record({
          id: fc.integer(numbers),
          at: fc.integer(numbers),
          received: fc.nat(9),
          quality: fc.nat(15),
        })
        .map(({ id, at, received, quality }) =>
          trade({
            trade_id: `t${id}`,
            exchange_ts: T0 + at * 43_200_000_000,
            received_at: T0 + received,
            quality,
          }),
        ),
    },
    deltas: {
      table: orderBookDeltas,
      row: fc
        .record({
          at: fc.integer(numbers),
          occurrence: fc.nat(2),
          amount: fc.constantFrom(-5, 5),
          index: fc.nat(5),
          received: fc.nat(9),
          quality: fc.nat(15),
        })
        .map(({ at, occurrence, amount, index, received, quality }) =>
          delta({
            exchange_ts: T0 + at,
            occurrence,
            amount,
            instant_index: index,
            received_at: T0 + received,
            quality,
          }),
        ),
    },
    tickers: {
      table: tickers,
      row: fc
        .record({ at: fc.integer(numbers), content: fc.nat(2), received: fc.nat(9) })
        .map(({ at, content, received }) =>
          ticker({ exchange_ts: T0 + at, content_key: content, received_at: T0 + received }),
        ),
    },
    snapshots: {
      table: orderBookSnapshots,
      row: fc
        .record({
          at: fc.integer(numbers),
          source: fc.constantFrom('ws', 'rest', 'engine'),
          index: fc.nat(3),
          received: fc.nat(9),
        })
        .map(({ at, source, index, received }) =>
          snapshot({ snapshot_ts: T0 + at, source, instant_index: index, received_at: T0 + received }),
        ),
    },
    metrics: {
      table: orderBookMetrics,
      row: fc.integer({ min: 0, max: 6 }).map((at) => metrics({ at: T0 + at })),
    },
  };

  for (const [name, { table, row }] of Object.entries(anyRow)) {
    it(`makes of ${name} the plain union of the lines, in whatever order, delayed and repeated`, async () => {
      const made = await world(databases);
      const batches = fc.array(
        fc.record({
          line: fc.constantFrom(...lineNames),
          rows: fc.array(row, { maxLength: 6 }),
          mergeAfter: fc.boolean(),
        }),
        { maxLength: 8 },
      );
      await fc.assert(
        fc
          .asyncProperty(batches, fc.integer({ min: 1, max: 5 }), async (script, rowsPerRun) => {
            const merge = made.merge({ rowsPerRun });
            const stored: Record<LineName, Row[]> = { a: [], b: [], c: [] };
            for (const { line, rows, mergeAfter } of script) {
              const seen = new Set(
                stored[line].map((known) => table.unique.map((column) => known[column]).join('|')),
              );
              for (const item of rows) {
                const key = table.unique.map((column) => item[column]).join('|');
                if (!seen.has(key)) stored[line].push(item);
                seen.add(key);
              }
              await store(made.sessions[line], table.name, rows);
              if (mergeAfter) await merge.run();
            }
            await runUntilDone(merge);
            await runUntilDone(merge);
            expect(comparable(await tapeRows(made.production, table))).toEqual(
              comparable(plainUnion(table, stored)),
            );
          })
          .beforeEach(async () => {
            for (const line of lineNames) await made.sessions[line].query(`DELETE FROM ${table.name}`);
            await made.production.query(`DELETE FROM ${table.name}`);
          }),
        { numRuns: 15 },
      );
    });
  }

  it('counts a copy for a line only once, however often the merge runs or begins anew', async () => {
    const made = await world(databases);
    await fill(made);
    await runUntilDone(made.merge({ rowsPerRun: 3 }));
    const before = await everything(made.production);
    const { rows } = await made.production.query(
      `SELECT sum(events_a)::int AS a, sum(events_b)::int AS b, sum(events_c)::int AS c, sum(events_tape)::int AS tape FROM coverage`,
    );
    const stored = async (line: LineName): Promise<number> => {
      const counted = await made.sessions[line].query(
        `SELECT (SELECT count(*) FROM trades) + (SELECT count(*) FROM order_book_deltas) + (SELECT count(*) FROM tickers) AS n`,
      );
      return Number(counted.rows[0].n);
    };
    expect(rows[0]).toEqual({ a: await stored('a'), b: await stored('b'), c: await stored('c'), tape: 51 });
    await made.production.query('DELETE FROM sync_cursors');
    await runUntilDone(made.merge());
    expect(await everything(made.production)).toEqual(before);
  });

  it('counts each line when its copy comes, and the tape once', async () => {
    const made = await world(databases);
    const merge = made.merge();
    const copy = (received_at: number): Row[] => [delta({ received_at })];
    await store(made.sessions.b, 'order_book_deltas', copy(T0 + 9));
    await merge.run();
    await store(made.sessions.a, 'order_book_deltas', copy(T0 + 5));
    await merge.run();
    await store(made.sessions.c, 'order_book_deltas', copy(T0 + 7));
    await merge.run();
    expect(await coverageRows(made.production)).toEqual([
      {
        instrument: 'K1',
        minute: String(T0 - (T0 % 60_000_000)),
        events_a: 1,
        events_b: 1,
        events_c: 1,
        events_tape: 1,
      },
    ]);
  });

  it('changes nothing when it runs again', async () => {
    const made = await world(databases);
    await fill(made);
    const merge = made.merge();
    await merge.run();
    const before = await everything(made.production);
    const again = await merge.run();
    expect(await everything(made.production)).toEqual(before);
    expect(again.behind).toBe(false);
    expect(Object.values(again.tables).every(({ inserted, updated }) => inserted + updated === 0)).toBe(true);
  });

  it('leaves nothing half done when it is killed between any two statements', async () => {
    const reference = await world(databases);
    await fill(reference);
    await runUntilDone(reference.merge({ rowsPerRun: 8 }));
    const expected = await everything(reference.production);

    const made = await world(databases);
    await fill(made);
    let killed = 0;
    for (let allowed = 1; ; allowed++) {
      const session = await made.productionDatabase.connect();
      let left = allowed;
      let cut = false;
      const client = new Proxy(session, {
        get(target, property, receiver) {
          if (property !== 'query') return Reflect.get(target, property, receiver);
          return (...values: unknown[]) => {
            if (left-- <= 0) {
              cut = true;
              target.end().catch(() => {});
              throw new Error('killed');
            }
            return (target.query as (...values: unknown[]) => unknown).apply(target, values);
          };
        },
      });
      const merge = made.merge({ rowsPerRun: 8, production: client as ClientBase });
      await merge.run().catch(() => {});
      await session.end().catch(() => {});
      if (!cut) break;
      killed++;
      // What was done so far must be a state from which every next kill point is reached anew.
      if (allowed % 2 === 0) {
        for (const table of eventTables) await made.production.query(`DELETE FROM ${table.name}`);
        await made.production.query(
          'DELETE FROM gaps; DELETE FROM line_lives; DELETE FROM coverage; DELETE FROM sync_cursors',
        );
      }
    }
    expect(killed).toBeGreaterThan(45);
    await runUntilDone(made.merge({ rowsPerRun: 8 }));
    expect(await everything(made.production)).toEqual(expected);
  }, 200_000);

  it('does not pass a row of a transaction that takes long', async () => {
    const made = await world(databases);
    const slow = await made.databases.a.connect();
    await slow.query('BEGIN');
    await store(slow, 'trades', [trade({ trade_id: 'slow' })]);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'quick' })]);
    await store(made.sessions.b, 'trades', [trade({ trade_id: 'of b' })]);
    const merge = made.merge();
    await merge.run();
    const ids = async (): Promise<string[]> =>
      (await made.production.query('SELECT trade_id FROM trades ORDER BY 1')).rows.map((row) => row.trade_id);
    // The databases of a test share one server, and so its transactions: only this is sure.
    expect(await ids()).not.toContain('quick');
    await slow.query('COMMIT');
    await merge.run();
    expect(await ids()).toEqual(['of b', 'quick', 'slow']);
  });

  it('reads whole transactions, also one that is larger than the limit', async () => {
    const made = await world(databases);
    const many = Array.from({ length: 40 }, (_, n) => trade({ trade_id: `t${n}` }));
    await store(made.sessions.a, 'trades', many);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'later' })]);
    const reports = await runUntilDone(made.merge({ rowsPerRun: 10 }));
    expect(reports.map((report) => report.tables['trades']?.inserted)).toEqual([40, 1]);
    expect(reports.map((report) => report.behind)).toEqual([true, false]);
  });

  it('goes on without a line whose database is away, names it, and catches up', async () => {
    const made = await world(databases);
    await fill(made);
    made.away.add('b');
    const merge = made.merge();
    const report = await merge.run();
    expect(report.away).toEqual({ b: 'line b: connection refused' });
    expect(report.tables['trades']!.read).toEqual({ a: expect.any(Number), c: expect.any(Number) });
    made.away.clear();
    const caughtUp = await merge.run();
    expect(caughtUp.tables['trades']!.read).toEqual({ b: expect.any(Number) });
    expect(caughtUp.tables['trades']!.updated).toBeGreaterThan(0);
  });

  it('goes on without a line that is lost while it is read', async () => {
    const made = await world(databases);
    await fill(made);
    const killer = await made.databases.b.connect();
    const session = made.sessions.b;
    await session.query(
      `CREATE FUNCTION slow() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(30); RETURN 'K1'; END $$`,
    );
    await session.query('ALTER TABLE trades RENAME TO trades_really');
    await session.query(
      'CREATE VIEW trades AS SELECT venue, slow() AS instrument, trade_id, exchange_ts, price, size, taker_side, is_block, received_at, quality, ingest_xid FROM trades_really',
    );
    const { processID } = (await made.readers.b.client()) as unknown as { processID: number };
    const running = made.merge().run();
    for (;;) {
      const { rows } = await killer.query(
        `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep' AND query LIKE 'COPY%'`,
        [processID],
      );
      if (rows.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await killer.query('SELECT pg_terminate_backend($1)', [processID]);
    const report = await running;
    expect(Object.keys(report.away)).toEqual(['b']);
    expect(report.tables['trades']!.read).toEqual({ a: expect.any(Number), c: expect.any(Number) });
    expect(report.tables['order_book_deltas']!.inserted).toBeGreaterThan(0);
    await session.query('DROP VIEW trades');
    await session.query('ALTER TABLE trades_really RENAME TO trades');
    const caughtUp = await made.merge().run();
    expect(caughtUp.away).toEqual({});
    expect(caughtUp.tables['trades']!.read).toEqual({ b: expect.any(Number) });
  });

  it('does nothing while another merge runs', async () => {
    const made = await world(databases);
    await fill(made);
    const other = await made.productionDatabase.connect();
    await other.query('SELECT pg_advisory_lock(7203114606)');
    const report = await made.merge().run();
    expect(report.skipped).toBe('another merge is running');
    await other.query('SELECT pg_advisory_unlock(7203114606)');
    expect((await made.merge().run()).skipped).toBeNull();
  });

  it('reads a database again from its beginning when it was restored to an earlier time', async () => {
    const made = await world(databases);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'before' })]);
    const merge = made.merge();
    await merge.run();
    // The word of a later merge is not in the backup, nor is what was stored then.
    const marks = await made.sessions.a.query('SELECT * FROM merge_marks');
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'lost in the restore' })]);
    await merge.run();
    await made.sessions.a.query('DELETE FROM merge_marks');
    for (const { consumer, mark } of marks.rows) {
      await made.sessions.a.query('INSERT INTO merge_marks (consumer, mark) VALUES ($1, $2)', [
        consumer,
        mark,
      ]);
    }
    await made.sessions.a.query(`DELETE FROM trades WHERE trade_id = 'lost in the restore'`);
    await made.sessions.a.query(`UPDATE trades SET trade_id = 'behind the cursor' WHERE trade_id = 'before'`);
    const report = await merge.run();
    expect(report.reread).toContain('a.trades');
    const { rows } = await made.production.query('SELECT trade_id FROM trades ORDER BY 1');
    expect(rows.map((row) => row.trade_id)).toEqual(['before', 'behind the cursor', 'lost in the restore']);
    expect((await merge.run()).reread).toEqual([]);
  });

  it('reads a database that was built anew, whose transactions begin again', async () => {
    const made = await world(databases);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'old' })]);
    const merge = made.merge();
    await merge.run();
    await made.production.query(`UPDATE sync_cursors SET history = 'another server/1'`);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'new' })]);
    const report = await merge.run();
    expect(report.reread).toContain('a.trades');
    expect(report.tables['trades']).toMatchObject({ read: { a: 2 }, inserted: 1, updated: 0 });
  });

  it('keeps that word in each line that its cursors name, and others for ten minutes', async () => {
    const made = await world(databases);
    const merge = made.merge();
    for (let round = 0; round < 4; round++) {
      await store(made.sessions.a, 'trades', [trade({ trade_id: `t${round}` })]);
      await merge.run();
    }
    expect((await made.sessions.a.query('SELECT FROM merge_marks')).rowCount).toBe(4);
    await made.sessions.a.query('UPDATE merge_marks SET marked_at = marked_at - 601000000');
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'last' })]);
    await merge.run();
    const marks = await made.sessions.a.query('SELECT mark FROM merge_marks');
    const cursors = await made.production.query(`SELECT DISTINCT mark FROM sync_cursors WHERE line = 'a'`);
    expect(marks.rows).toEqual(cursors.rows);
    expect((await made.sessions.b.query('SELECT mark FROM merge_marks')).rows).toEqual([]);
  });

  it('takes a trade for the same with milliseconds and microseconds, whichever comes first', async () => {
    const coarse = trade({ exchange_ts: T0 + 1_000, taker_side: null });
    const fine = trade({ exchange_ts: T0 + 1_456 });
    const other = trade({ exchange_ts: T0 + 2_000 });
    const made = await world(databases);
    for (const order of [
      [[coarse], [fine]],
      [[fine], [coarse]],
      [[fine, coarse], []],
    ]) {
      await reset(made);
      const merge = made.merge();
      await store(made.sessions.a, 'trades', order[0]!);
      await merge.run();
      await store(made.sessions.b, 'trades', [...order[1]!, other]);
      await merge.run();
      await merge.run();
      const { rows } = await made.production.query(
        'SELECT exchange_ts::text, taker_side FROM trades ORDER BY exchange_ts',
      );
      expect(rows).toEqual([
        { exchange_ts: String(T0 + 1_000), taker_side: 'buy' },
        { exchange_ts: String(T0 + 2_000), taker_side: 'buy' },
      ]);
    }
  });

  it('takes a trade without venue time for the same by its id alone, with the time of a copy that has one', async () => {
    const untimed = (received: number): Row =>
      trade({ exchange_ts: T0 + received, received_at: T0 + received, quality: 17 });
    const timed = trade({ exchange_ts: T0 - 90_000_000, quality: 1 });
    const made = await world(databases);
    const onTape = async (): Promise<Row[]> =>
      (await made.production.query('SELECT exchange_ts::text, quality, lines FROM trades')).rows;
    for (const copies of [
      [untimed(10_000), untimed(7_000_000), timed],
      [timed, untimed(10_000), untimed(7_000_000)],
      [untimed(10_000), timed, untimed(7_000_000)],
    ]) {
      for (const isAtOnce of [false, true]) {
        await reset(made);
        const merge = made.merge();
        for (const [index, line] of lineNames.entries()) {
          await store(made.sessions[line], 'trades', [copies[index]!]);
          if (!isAtOnce) await merge.run();
        }
        await merge.run();
        await made.production.query('DELETE FROM sync_cursors');
        await merge.run();
        expect(await onTape()).toEqual([{ exchange_ts: String(T0 - 90_000_000), quality: 1, lines: 7 }]);
      }
    }
    await reset(made);
    const merge = made.merge();
    for (const [index, line] of lineNames.entries()) {
      await store(made.sessions[line], 'trades', [untimed(index * 5_000_000)]);
      await merge.run();
    }
    expect(await onTape()).toEqual([{ exchange_ts: String(T0), quality: 17, lines: 7 }]);
  });

  it('keeps what each line saw of changes and ticks without venue time, marked and of that line alone', async () => {
    const made = await world(databases);
    for (const [index, line] of lineNames.entries()) {
      const at = T0 + index * 40_000;
      const untimed = { exchange_ts: at, received_at: at, quality: 16 };
      // The second of two equal changes reached two of the lines only: no count over a span could tell which.
      const again = { ...untimed, exchange_ts: at + 900_000, received_at: at + 900_000 };
      const changes = line === 'b' ? [delta(untimed)] : [delta(untimed), delta(again)];
      await store(made.sessions[line], 'order_book_deltas', changes);
      await store(made.sessions[line], 'tickers', [ticker(untimed)]);
    }
    await runUntilDone(made.merge());
    const linesOf = async (table: string): Promise<unknown[]> =>
      (await made.production.query(`SELECT lines, quality FROM ${table} ORDER BY exchange_ts`)).rows;
    expect(await linesOf('tickers')).toEqual([1, 2, 4].map((lines) => ({ lines, quality: 16 })));
    expect(await linesOf('order_book_deltas')).toEqual(
      [1, 2, 4, 1, 4].map((lines) => ({ lines, quality: 16 })),
    );
  });

  it('takes announcements without venue time for one within ten seconds, whatever line and order', async () => {
    const at = (line: LineName, ...times: number[]) => ({
      line,
      rows: times.map((time) => lifecycle({ at: T0 + time, received_at: T0 + time })),
    });
    const made = await world(databases);
    const script = [at('a', 500_000, 60_000_000), at('b', 0, 60_400_000), at('c', 900_000)];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      await reset(made);
      const merge = made.merge();
      for (const index of order) {
        const { line, rows } = script[index]!;
        await store(made.sessions[line], 'market_lifecycle', rows);
        await merge.run();
      }
      await made.production.query('DELETE FROM sync_cursors');
      await merge.run();
      const { rows } = await made.production.query(
        'SELECT at::text, lines FROM market_lifecycle ORDER BY at',
      );
      expect(rows).toEqual([
        { at: String(T0), lines: 7 },
        { at: String(T0 + 60_000_000), lines: 3 },
      ]);
    }
  });

  const announced = async (made: World): Promise<readonly (readonly [number, number])[]> => {
    const { rows } = await made.production.query(
      'SELECT at::float8 AS at, lines FROM market_lifecycle ORDER BY at',
    );
    return rows.map((row) => [(row.at - T0) / 1_000_000, row.lines] as const);
  };
  const announce = async (made: World, line: LineName, ...seconds: number[]): Promise<void> => {
    const rows = seconds.map((second) => {
      const at = T0 + second * 1_000_000;
      return lifecycle({ type: 'deactivated', at, received_at: at });
    });
    await store(made.sessions[line], 'market_lifecycle', rows);
  };

  it('keeps two equal announcements of one line apart, however close, in whatever order lines come', async () => {
    const made = await world(databases);
    const seconds = { a: [1, 8], b: [1.25, 8.25], c: [0.75, 8.5] };
    for (const order of ['abc', 'cab', 'bca']) {
      await reset(made);
      const merge = made.merge();
      for (const line of order.split('') as LineName[]) {
        await announce(made, line, ...seconds[line]);
        await merge.run();
      }
      await made.production.query('DELETE FROM sync_cursors');
      await runUntilDone(made.merge({ rowsPerRun: 1 }));
      expect(await announced(made)).toEqual([
        [0.75, 7],
        [8, 7],
      ]);
    }
    await reset(made);
    for (const line of lineNames) await announce(made, line, ...seconds[line]);
    await made.merge().run();
    expect(await announced(made)).toEqual([
      [0.75, 7],
      [8, 7],
    ]);
  });

  it('takes what a line read late, after it stood still, for what the others received in time', async () => {
    const made = await world(databases);
    const late = async (...seconds: number[]): Promise<void> => {
      const rows = seconds.map((second) => {
        const at = T0 + second * 1_000_000;
        const quality = Quality.receiveTimeSuspect;
        return lifecycle({ type: 'deactivated', at, received_at: at, quality });
      });
      await store(made.sessions.a, 'market_lifecycle', rows);
    };
    for (const isLateFirst of [true, false]) {
      await reset(made);
      const merge = made.merge();
      if (isLateFirst) await late(80, 80.25);
      await merge.run();
      await announce(made, 'b', 10, 50);
      await merge.run();
      if (!isLateFirst) await late(80, 80.25);
      await announce(made, 'c', 10.5, 50.25);
      await merge.run();
      expect(await announced(made)).toEqual([
        [10, 7],
        [50, 7],
      ]);
    }
    // Nobody else had these: one received by a alone, and one so long before that it is another.
    await late(150);
    await announce(made, 'b', 400);
    await made.merge().run();
    expect((await announced(made)).slice(2)).toEqual([
      [150, 1],
      [400, 2],
    ]);
  });

  it('goes on when late copies would move two announcements to one time', async () => {
    const made = await world(databases);
    const merge = made.merge();
    for (const [line, second] of [
      ['a', 21],
      ['a', 10.5],
      ['b', 13],
      ['c', 9],
    ] as const) {
      await announce(made, line, second);
      await merge.run();
    }
    expect(await announced(made)).toEqual([
      [9, 7],
      [21, 1],
    ]);
  });

  it('moves an announcement to the time that another one leaves, and changes nothing when all is read again', async () => {
    const made = await world(databases);
    const merge = made.merge();
    const parts: readonly Partial<Record<LineName, number[]>>[] = [
      { a: [6, 16], c: [5, 6] },
      { b: [4], c: [4] },
      { a: [15] },
      { a: [0, 9] },
    ];
    for (const part of parts) {
      for (const line of lineNames) await announce(made, line, ...(part[line] ?? []));
      await merge.run();
    }
    const once = await announced(made);
    expect(once).toEqual([
      [0, 7],
      [4, 5],
      [6, 5],
      [15, 1],
      [16, 1],
    ]);
    await made.production.query('DELETE FROM sync_cursors');
    await runUntilDone(merge);
    expect(await announced(made)).toEqual(once);
  });

  it('does not take announcements with a venue time for one', async () => {
    const made = await world(databases);
    await store(made.sessions.a, 'market_lifecycle', [
      lifecycle({ at: T0, exchange_ts: T0 }),
      lifecycle({ at: T0 + 1, exchange_ts: T0 + 1 }),
    ]);
    await made.merge().run();
    expect((await tapeRows(made.production, marketLifecycle)).length).toBe(2);
  });

  it('keeps the latest word on markets and instruments', async () => {
    const made = await world(databases);
    const market = (title: string, updated: number): Row => ({
      venue: 'kalshi',
      market: 'K1',
      event: null,
      series: null,
      title,
      status: 'active',
      open_ts: null,
      close_ts: null,
      details: {},
      updated_at: updated,
    });
    const merge = made.merge();
    await store(made.sessions.a, 'markets', [market('newer', 2)]);
    await store(made.sessions.b, 'markets', [market('older', 1)]);
    await merge.run();
    await store(made.sessions.c, 'markets', [market('oldest', 0)]);
    await merge.run();
    expect((await made.production.query('SELECT title FROM markets')).rows).toEqual([{ title: 'newer' }]);
    await made.sessions.b.query(
      `UPDATE markets SET title = 'newest', updated_at = 3, ingest_xid = pg_current_xact_id()`,
    );
    await merge.run();
    expect((await made.production.query('SELECT title FROM markets')).rows).toEqual([{ title: 'newest' }]);
  });

  it('keeps a time that cannot be true, without making partitions for it', async () => {
    const made = await world(databases);
    await store(made.sessions.a, 'trades', [trade({ trade_id: 'ancient', exchange_ts: 5 }), trade()]);
    await made.merge().run();
    const { rows } = await made.production.query(
      `SELECT trade_id, tableoid::regclass::text AS part FROM trades ORDER BY exchange_ts`,
    );
    expect(rows[0]).toEqual({ trade_id: 'ancient', part: 'trades_default' });
    expect(rows[1].part).toMatch(/^trades_2026\d{4}$/);
  });
});
