import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { Lease } from '#src/catalogue/lease.ts';
import { openSession, sessionConfig } from '#src/storage/connection.ts';
import { Session } from '#src/storage/production/session.ts';
import { mergeEnvironment } from '../../lambdas/merge/contract.ts';
import { useTables } from '../catalogue/table.ts';
import { useDatabases } from '../storage/database.ts';
import { wayTo } from '../storage/silent-server.ts';
import { store, trade, world } from './lines.ts';

const databases = useDatabases();
const tables = useTables();

describe('the merge function', () => {
  it('merges by its environment alone, reports what it did, and leaves lines that are away for later', async () => {
    const made = await world(databases);
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
      ROWS_PER_RUN: '2',
      LOG_LEVEL: 'silent',
    });
    const { handler } = await import('../../lambdas/merge/handler.ts');
    let request = 0;
    const invoke = async (event: unknown): Promise<Record<string, unknown>> => {
      const context = {
        awsRequestId: `r${request++}`,
        getRemainingTimeInMillis: () => 30_000,
      } as unknown as Context;
      return (await (handler as unknown as (event: unknown, context: Context) => Promise<unknown>)(
        event,
        context,
      )) as Record<string, unknown>;
    };
    for (const id of ['t1', 't2', 't3']) await store(made.sessions.a, 'trades', [trade({ trade_id: id })]);
    await store(made.sessions.b, 'trades', [trade({ trade_id: 't1' })]);

    expect(await invoke({})).toMatchObject({
      round: 1,
      behind: true,
      skipped: null,
      inserted: 2,
      read: { a: 2, b: 1 },
      away: { c: expect.stringContaining('line c') },
    });
    expect(await invoke({ round: 1 })).toMatchObject({ round: 2, behind: false, inserted: 1 });

    const other = new Lease(table, 'merge', 'another');
    expect(await other.acquire(Date.now(), 60_000)).toBe(true);
    expect(await invoke({})).toMatchObject({ skipped: 'another merge holds the lease', behind: false });
    await other.release();
    expect(await invoke({})).toMatchObject({ skipped: null });
    await expect(invoke({ round: 'three' })).rejects.toThrow(/^event: round/);

    // A session that was cut is made anew.
    await made.production.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prediction-tape merge'`,
    );
    await invoke({}).catch(() => {});
    expect(await invoke({})).toMatchObject({ skipped: null });
  });

  it('goes on without a line whose server is gone without having closed its sockets', async () => {
    const made = await world(databases);
    const way = await wayTo(made.databases.c.url);
    try {
      const settings = {
        applicationName: 'test',
        statementTimeoutMillis: 60_000,
        connectTimeoutMillis: 1_500,
      };
      made.readers.c = new Session(
        async () => openSession(await sessionConfig({ url: way.url }, settings, async () => '')),
        settings.connectTimeoutMillis,
      );
      const merge = made.merge();
      await store(made.sessions.c, 'trades', [trade({ trade_id: 't1' })]);
      expect((await merge.run()).away).toEqual({});
      way.fallSilent('new ones too');
      await store(made.sessions.a, 'trades', [trade({ trade_id: 't2' })]);
      const { away, tables } = await merge.run();
      expect(away).toEqual({ c: expect.stringMatching(/^line c: .*time/) });
      expect(tables['trades']).toMatchObject({ read: { a: 1 }, inserted: 1 });
    } finally {
      await way.close();
    }
  });

  it('refuses an environment that names a database twice or not at all', () => {
    const url = 'postgresql://127.0.0.1/x';
    const rest = { LINE_A_DATABASE_URL: url, LINE_B_DATABASE_URL: url, LINE_C_DATABASE_URL: url };
    expect(mergeEnvironment.safeParse({ ...rest, PRODUCTION_DATABASE_URL: url }).success).toBe(true);
    expect(mergeEnvironment.safeParse({ ...rest, PRODUCTION_DATABASE_SECRET: 'name' }).success).toBe(true);
    expect(mergeEnvironment.safeParse(rest).success).toBe(false);
    expect(
      mergeEnvironment.safeParse({ ...rest, PRODUCTION_DATABASE_URL: url, PRODUCTION_DATABASE_SECRET: 'x' })
        .success,
    ).toBe(false);
  });
});
