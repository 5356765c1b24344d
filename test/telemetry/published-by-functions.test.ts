import type { Context } from 'aws-lambda';
import { describe, expect, it, vi } from 'vitest';
import { tapeHealth } from '#src/storage/production/tape-health.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { publishedMetrics } from '#src/telemetry/published-metrics.ts';
import type { Micros } from '#src/units/time.ts';
import { useTables } from '../catalogue/table.ts';
import { heartbeat, runUntilDone, store, T0, trade, type World, world } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';
import { DAY, line, recordOf } from '../storage/stream-lines.ts';
import { type EmfLine, emfLinesOf } from './emf.ts';

const databases = useDatabases();
const tables = useTables();

type Handler = (event: unknown, context: Context) => Promise<unknown>;
const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 30_000 } as unknown as Context;

const declared = (group: keyof typeof publishedMetrics): string[] =>
  Object.keys(publishedMetrics[group].units).sort();
const namesOf = (lines: readonly EmfLine[]): string[] =>
  [...new Set(lines.flatMap(({ values }) => Object.keys(values)))].sort();

const SECOND = 1_000_000;

async function markets(made: World): Promise<void> {
  await made.production.query(
    `INSERT INTO markets (venue, market, title, status, close_ts, details, updated_at) VALUES
       ('kalshi', 'K1', 't', 'active', NULL, '{}', 1), ('kalshi', 'K2', 't', 'closed', ${T0 - 2 * SECOND}, '{}', 1);
     INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES
       ('kalshi', 'K1', 'K1', 'YES', 0, 1), ('kalshi', 'K2', 'K2', 'YES', 0, 1)`,
  );
}

describe('the functions', () => {
  it('publish every metric that is declared for them', async () => {
    const made = await world(databases);
    await markets(made);
    const table = await tables.fresh();
    Object.assign(process.env, {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint(),
      CATALOGUE_TABLE: table.name,
      PRODUCTION_DATABASE_URL: made.productionDatabase.url,
      LINE_A_DATABASE_URL: made.databases.a.url,
      LINE_B_DATABASE_URL: made.databases.b.url,
      LINE_C_DATABASE_URL: 'postgresql://127.0.0.1:1/away',
      DATABASE_URL: made.databases.a.url,
      METRICS_NAMESPACE: 'PredictionTape/demo',
      LOG_LEVEL: 'silent',
    });
    const handlerOf = async (name: string): Promise<Handler> =>
      (await import(`../../lambdas/${name}/handler.ts`)).handler;

    const now = Date.now() * 1_000;
    for (const name of ['a', 'b'] as const) {
      await store(made.sessions[name], 'trades', [
        trade({ exchange_ts: now - 30 * SECOND, received_at: now - 29 * SECOND }),
      ]);
      await heartbeat(made.sessions[name], name, 'e', now - 600 * SECOND, now);
    }
    const merge = await handlerOf('merge');
    const merged = await emfLinesOf(async () => {
      await merge({}, context);
    });
    expect(namesOf(merged)).toEqual(
      [
        ...declared('merge'),
        ...declared('tape'),
        ...declared('tapeStorage'),
        ...declared('tapeVenue'),
      ].sort(),
    );
    expect(merged.find(({ values }) => 'merge_lines_away' in values)!.values).toMatchObject({
      merge_rows_inserted: 1,
      merge_lines_away: 1,
    });
    expect(merged.find(({ values }) => 'tape_lines_alive' in values)!.values['tape_lines_alive']).toBe(2);

    // A new database has some mebibytes.
    const size = merged.find(({ values }) => 'tape_database_size' in values)!.values['tape_database_size'];
    expect(size).toBeGreaterThan(3);
    expect(size).toBeLessThan(1_000);

    // How the tape is, no more than once a minute, however often they merge.
    const again = await emfLinesOf(() => merge({}, context));
    expect(namesOf(again)).toEqual(declared('merge'));

    const writer = await handlerOf('writer');
    const record = recordOf([line.trade()]);
    const event = (...lines: object[]) => ({
      Records: [
        {
          eventID: `${record.shard}:${record.sequenceNumber}`,
          eventSourceARN: `arn:aws:kinesis:eu-west-1:1:stream/${record.stream}`,
          kinesis: {
            partitionKey: record.partitionKey,
            sequenceNumber: record.sequenceNumber,
            data: Buffer.from(
              [record.data.toString(), ...lines.map((part) => `${JSON.stringify(part)}\n`)].join(''),
            ).toString('base64'),
          },
        },
      ],
    });
    const written = await emfLinesOf(() => writer(event({ kind: 'nonsense' }), context));
    expect(namesOf(written)).toEqual(declared('writer'));
    expect(written[0]!.values).toEqual({
      writer_lines_put_aside: 1,
      writer_records_missing: 0,
      writer_deliveries_failed: 0,
    });
    const end = { kind: 'record_end', order: 5, previous: 4, gap_free_since: 0, sealed_at: DAY };
    const gone = await emfLinesOf(() => writer(event(end), context));
    expect(gone[0]!.values).toEqual({
      writer_lines_put_aside: 0,
      writer_records_missing: 1,
      writer_deliveries_failed: 0,
    });

    const report = await handlerOf('snapshot-report');
    const reported = await emfLinesOf(() =>
      report({ run: 'x', venues: [{ venue: 'kalshi', open: 4, requests: 2, instruments: 4 }] }, context),
    );
    expect(namesOf(reported)).toEqual(declared('snapshotPoll'));
    for (const { namespace } of [...merged, ...written, ...reported])
      expect(namespace).toBe('PredictionTape/demo');
  });

  it('publish what the hashes of a venue said of the books that the poll fetched', async () => {
    Object.assign(process.env, {
      AWS_REGION: 'us-east-1',
      CATALOGUE_TABLE: 'catalogue',
      STREAM_A: 'a',
      STREAM_B: 'b',
      STREAM_C: 'c',
      KALSHI_REST_URL: 'http://127.0.0.1:1',
      POLYMARKET_CLOB_URL: 'http://127.0.0.1:1',
      METRICS_NAMESPACE: 'PredictionTape/demo',
      LOG_LEVEL: 'silent',
    });
    const fetched = { venue: 'polymarket', id: '1', asked: 6, answered: 6, missing: 0, refused: {} };
    const hashes = { matched: 3, unmatched: 2, not_checkable: 1 };
    vi.doMock('../../lambdas/snapshot-poll/poll.ts', () => ({
      pollChunk: async (_: unknown, { venue }: { venue: string }) =>
        venue === 'polymarket' ? { ...fetched, hashes } : { ...fetched, venue },
    }));
    const { handler } = await import('../../lambdas/snapshot-poll/handler.ts');
    const poll = handler as unknown as Handler;
    const written = await emfLinesOf(() => poll({ venue: 'polymarket', id: '1' }, context));
    expect(namesOf(written)).toEqual(declared('bookHashes'));
    expect(written.map(({ values }) => values)).toEqual([
      { book_hashes_matched: 3, book_hashes_unmatched: 2, book_hashes_not_checkable: 1 },
    ]);
    expect(await emfLinesOf(() => poll({ venue: 'kalshi', id: '1' }, context))).toEqual([]);
    vi.doUnmock('../../lambdas/snapshot-poll/poll.ts');
  });
});

describe('the state of the tape', () => {
  const settle = async (made: World, lines: readonly ('a' | 'b' | 'c')[], until: number): Promise<void> => {
    for (const name of lines) await heartbeat(made.sessions[name], name, 'e', T0 - 600 * SECOND, until);
    made.now = until as Micros;
    await runUntilDone(made.merge());
  };

  it('is unknown before any line ran', async () => {
    const made = await world(databases);
    expect(await tapeHealth(made.production, T0 as Micros, defaultRules)).toEqual({
      settledUntil: null,
      linesAlive: 0,
      venues: [],
    });
  });

  it('counts the instruments of open markets that nobody vouches for at the settled time', async () => {
    const made = await world(databases);
    await markets(made);
    await settle(made, ['a', 'b', 'c'], T0);
    await made.production.query(
      `DELETE FROM gaps;
       INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES
         ('tape', '1', 'kalshi', 'K1', ${T0 - 90 * SECOND}, ${T0 - 60 * SECOND}, 'over'),
         ('tape', '2', 'kalshi', 'K1', ${T0 - 30 * SECOND}, NULL, 'lasting'),
         ('tape', '3', 'kalshi', 'K2', ${T0 - 30 * SECOND}, NULL, 'of a market that is closed'),
         ('a', '4', 'kalshi', 'K1', ${T0 - 30 * SECOND}, NULL, 'of one line only')`,
    );
    const [kalshi] = (await tapeHealth(made.production, T0 as Micros, defaultRules)).venues;
    expect(kalshi).toMatchObject({ venue: 'kalshi', instrumentsInGap: 1, isInGap: false });
    await made.production.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause)
       VALUES ('tape', '5', 'kalshi', '*', ${T0 - 30 * SECOND}, NULL, 'line_down')`,
    );
    const [whole] = (await tapeHealth(made.production, T0 as Micros, defaultRules)).venues;
    expect(whole!.isInGap).toBe(true);
  });

  it('says which share of trades every running line saw, and how late they came', async () => {
    const made = await world(databases);
    await markets(made);
    const seen = { a: ['t1', 't2', 't3', 't4'], b: ['t1', 't2', 't3', 't4'], c: ['t1', 't2', 't3'] } as const;
    for (const name of ['a', 'b', 'c'] as const) {
      await store(
        made.sessions[name],
        'trades',
        seen[name].map((trade_id) => trade({ trade_id, exchange_ts: T0 - 20 * SECOND })),
      );
    }
    await settle(made, ['a', 'b', 'c'], T0);
    const health = await tapeHealth(made.production, T0 as Micros, defaultRules);
    expect(health.linesAlive).toBe(3);
    expect(health.venues[0]!.trades!.agreeing).toBe(75);
    expect(health.venues[0]!.trades!.delayP50).toBeGreaterThan(0);
    // A line that is down is missed by its own alarm: the others still agree.
    const later = (T0 + 40 * SECOND) as Micros;
    for (const name of ['a', 'b'] as const)
      await heartbeat(made.sessions[name], name, 'e', T0 - 600 * SECOND, later);
    made.now = later;
    await runUntilDone(made.merge());
    const without = await tapeHealth(made.production, later, defaultRules);
    expect(without.linesAlive).toBe(2);
    expect(without.venues[0]!.trades!.agreeing).toBe(100);
  });

  it('is settled no further than the slowest running line', async () => {
    const made = await world(databases);
    await settle(made, ['a', 'b'], T0);
    await heartbeat(made.sessions.c, 'c', 'e', T0 - 600 * SECOND, T0 - 10 * SECOND);
    await runUntilDone(made.merge());
    const { settledUntil } = await tapeHealth(made.production, T0 as Micros, defaultRules);
    expect(settledUntil).toBe(T0 - 10 * SECOND - defaultRules.settleAllowance);
  });
});
