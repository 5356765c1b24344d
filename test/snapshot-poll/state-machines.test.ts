import { readFileSync } from 'node:fs';
import type { Context } from 'aws-lambda';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { OpenMarkets } from '#src/catalogue/open-markets.ts';
import { PollLedger } from '#src/catalogue/poll-ledger.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import { LocalStateMachine } from '../../local/state-machines/state-machine.ts';
import { useTables } from '../catalogue/table.ts';

const tables = useTables();

function machine(
  name: string,
  invoke: (functionName: string, payload: unknown) => Promise<unknown>,
): LocalStateMachine {
  const text = readFileSync(new URL(`../../lib/state-machines/${name}.asl.json`, import.meta.url), 'utf8');
  return new LocalStateMachine(name, JSON.parse(text.replace(/\$\{(\w+)\}/g, '$1')), invoke);
}

describe('the state machine of the merge', () => {
  it('runs again at once while the merge is behind, and ends when it is not', async () => {
    const rounds: number[] = [];
    const output = await machine('merge', async (name, payload) => {
      expect(name).toBe('MergeFunctionArn');
      const { round } = payload as { round: number };
      rounds.push(round);
      return { round: round + 1, behind: rounds.length < 4, skipped: null };
    }).run({});
    expect(rounds).toEqual([0, 1, 2, 3]);
    expect(output).toMatchObject({ behind: false, round: 4 });
  });

  it('ends when another merge is running', async () => {
    let calls = 0;
    await machine('merge', async () => {
      calls++;
      return { round: 1, behind: false, skipped: 'another merge is running' };
    }).run({});
    expect(calls).toBe(1);
  });

  it('fails when the merge fails, so that its alarm sees it', async () => {
    const failing = machine('merge', async () => {
      throw new Error('the tape is away');
    });
    await expect(failing.run({})).rejects.toThrow();
  });
});

describe('the state machine of the snapshot poll', () => {
  let table: CatalogueTable;
  type Handler = (event: unknown, context: Context) => Promise<unknown>;
  let plan: Handler;
  let report: Handler;
  let requests = 0;
  const context = () =>
    ({ awsRequestId: `request-${requests++}`, getRemainingTimeInMillis: () => 30_000 }) as Context;

  beforeAll(async () => {
    table = await tables.fresh();
    Object.assign(process.env, {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint(),
      CATALOGUE_TABLE: table.name,
      VENUES: 'kalshi,polymarket',
      LOG_LEVEL: 'silent',
    });
    plan = (await import('../../lambdas/snapshot-plan/handler.ts')).handler as unknown as Handler;
    report = (await import('../../lambdas/snapshot-report/handler.ts')).handler as unknown as Handler;
    await new OpenMarkets(table).update(
      Array.from({ length: 250 }, (_, index) => ({
        venue: 'kalshi' as const,
        market: `K${index}`,
        event: null,
        series: null,
        title: 'title',
        status: 'active',
        is_open: true,
        open_ts: null,
        close_ts: null,
        instruments: [{ instrument: `K${index}`, outcome: 'YES' }],
        details: {},
      })),
    );
  });

  it('polls every planned request, survives those that fail, and reports the coverage it reached', async () => {
    const ledger = new PollLedger(table);
    const polled: string[] = [];
    const poll = machine('snapshot-poll', async (name, payload) => {
      if (name === 'SnapshotPlanFunctionArn') return await plan(payload, context());
      if (name === 'SnapshotReportFunctionArn') return await report(payload, context());
      const { venue, id } = payload as { venue: 'kalshi'; id: string };
      polled.push(id);
      if (polled.length === 2) throw new Error('the venue is away');
      const record = await ledger.record(venue, id);
      await ledger.done(venue, id, Date.now(), record!.instruments.length - 1);
      return { answered: record!.instruments.length - 1 };
    });
    const output = (await poll.run({})) as { venues: Record<string, unknown>[] };
    expect(polled).toHaveLength(3);
    const [kalshi, polymarket] = output.venues;
    expect(kalshi).toMatchObject({
      venue: 'kalshi',
      open: 250,
      planned: 250,
      requests: 3,
      failed_requests: 1,
    });
    expect(polymarket).toMatchObject({ open: 0, coverage_percent: 100 });
    expect(kalshi!['asked'] as number).toBeLessThan(250);

    // What failed comes first the next time, and a run that is over does not hold up the next.
    const failed = (await ledger.record('kalshi', polled[1]!))!.instruments;
    const next = (await plan({ execution: 'next' }, context())) as {
      run: string;
      skipped: boolean;
      chunks: { id: string }[];
    };
    expect(next.skipped).toBe(false);
    const first = await ledger.record('kalshi', next.chunks[0]!.id);
    const retried = failed.filter((instrument) => first!.instruments.includes(instrument));
    expect(retried.length).toBe(failed.length);
  });

  it('lets the next run begin when its plan fails', async () => {
    const other = await tables.fresh();
    process.env['CATALOGUE_TABLE'] = other.name;
    vi.resetModules();
    const module = await import('../../lambdas/snapshot-plan/handler.ts');
    const failing = vi.spyOn((await import('#src/catalogue/open-markets.ts')).OpenMarkets.prototype, 'list');
    failing.mockImplementationOnce(() => {
      throw new Error('the catalogue is away');
    });
    const handler = module.handler as unknown as Handler;
    await expect(handler({ execution: 'failing' }, context())).rejects.toThrow('the catalogue is away');
    expect(await handler({ execution: 'after' }, context())).toMatchObject({ skipped: false });
    failing.mockRestore();
    process.env['CATALOGUE_TABLE'] = table.name;
  });

  it('lets the next run begin once a plan that was cut off could run no longer, and never two at once', async () => {
    const other = await tables.fresh();
    process.env['CATALOGUE_TABLE'] = other.name;
    vi.resetModules();
    const module = await import('../../lambdas/snapshot-plan/handler.ts');
    const handler = module.handler as unknown as Handler;
    const [begun, wait] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const list = vi.spyOn((await import('#src/catalogue/open-markets.ts')).OpenMarkets.prototype, 'list');
    const open = new OpenMarkets(other).list('kalshi');
    list.mockImplementationOnce(async function* () {
      begun.resolve();
      await wait.promise;
      yield* open;
    });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    try {
      const cutOff = handler({ execution: 'cut off' }, context());
      await begun.promise;
      vi.setSystemTime(Date.now() + 30_000);
      expect(await handler({ execution: 'early' }, context())).toMatchObject({ skipped: true });
      vi.setSystemTime(Date.now() + 1_000);
      expect(await handler({ execution: 'after' }, context())).toMatchObject({ skipped: false });
      // Where it was not cut off after all, it has come too late.
      wait.resolve();
      expect(await cutOff).toMatchObject({ skipped: true, chunks: [] });
      // A plan that is there holds until its report.
      vi.setSystemTime(Date.now() + 900_000);
      expect(await handler({ execution: 'next' }, context())).toMatchObject({ skipped: true });
    } finally {
      vi.useRealTimers();
      list.mockRestore();
      process.env['CATALOGUE_TABLE'] = table.name;
    }
  });

  it('plans again when the answer of its own plan was lost, for the lease is that of the execution', async () => {
    const other = await tables.fresh();
    process.env['CATALOGUE_TABLE'] = other.name;
    vi.resetModules();
    const handler = (await import('../../lambdas/snapshot-plan/handler.ts')).handler as unknown as Handler;
    let attempts = 0;
    const poll = machine('snapshot-poll', async (name, payload) => {
      if (name !== 'SnapshotPlanFunctionArn') return await report(payload, context());
      const planned = await handler(payload, context());
      if (++attempts > 1) return planned;
      throw Object.assign(new Error('the connection broke'), { name: 'Lambda.SdkClientException' });
    });
    expect(await poll.run({})).toMatchObject({ venues: [{ venue: 'kalshi' }, { venue: 'polymarket' }] });
    expect(attempts).toBe(2);
    process.env['CATALOGUE_TABLE'] = table.name;
  });

  it('plans nothing while an earlier run is still going', async () => {
    const poll = machine('snapshot-poll', async (name, payload) => {
      expect(name).toBe('SnapshotPlanFunctionArn');
      return await plan(payload, context());
    });
    expect(await poll.run({})).toMatchObject({ skipped: true, chunks: [] });
  });
});
