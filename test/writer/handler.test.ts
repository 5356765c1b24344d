import type { KinesisStreamEvent } from 'aws-lambda';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DatabaseLocation, openSession, sessionConfig } from '#src/storage/connection.ts';
import type { DeliveredRecord } from '#src/storage/stream-records.ts';
import type { KinesisEvent } from '../../lambdas/writer/contract.ts';
import { Writer } from '../../lambdas/writer/writer.ts';
import { useDatabases } from '../storage/database.ts';
import { line, recordOf } from '../storage/stream-lines.ts';

const databases = useDatabases();
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** As an event source mapping delivers it. */
function kinesisEvent(records: readonly DeliveredRecord[]): KinesisStreamEvent {
  return {
    Records: records.map((record) => ({
      eventID: `${record.shard}:${record.sequenceNumber}`,
      eventName: 'aws:kinesis:record',
      eventSource: 'aws:kinesis',
      eventSourceARN: `arn:aws:kinesis:eu-west-1:1:stream/${record.stream}`,
      eventVersion: '1.0',
      awsRegion: 'eu-west-1',
      invokeIdentityArn: 'arn:aws:iam::1:role/x',
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: record.partitionKey,
        sequenceNumber: record.sequenceNumber,
        data: record.data.toString('base64'),
        approximateArrivalTimestamp: 0,
      },
    })),
  };
}

async function writerFor(url: string): Promise<{ writer: Writer; opened: () => number }> {
  let opened = 0;
  const connect = async () => {
    opened++;
    return await openSession(
      await sessionConfig(
        { url },
        { applicationName: 'test', statementTimeoutMillis: 1_000 },
        async () => '',
      ),
    );
  };
  return { writer: new Writer({ connect, log: silent as never }), opened: () => opened };
}

describe('the deployed handler', () => {
  const kept = { ...process.env };
  beforeEach(() => {
    vi.resetModules();
    process.env['LOG_LEVEL'] = 'silent';
  });
  afterEach(() => {
    process.env = { ...kept };
  });

  const load = async () => (await import('../../lambdas/writer/handler.ts')).handler;
  const invoke = async (event: unknown) => await (await load())(event as never, {} as never);

  test('stores what an event source mapping delivers', async () => {
    const database = await databases.fresh('gatherer');
    process.env['DATABASE_URL'] = database.url;
    const result = await invoke(
      kinesisEvent([recordOf([line.trade(), line.delta()]), recordOf([line.heartbeat()])]),
    );
    expect(result).toEqual({ batchItemFailures: [] });
    const { rows } = await (await database.connect()).query(
      'SELECT (SELECT count(*) FROM trades)::int AS trades, (SELECT count(*) FROM heartbeats)::int AS heartbeats',
    );
    expect(rows).toEqual([{ trades: 1, heartbeats: 1 }]);
  });

  test('refuses an environment that names no database or two, before it takes an event', async () => {
    delete process.env['DATABASE_URL'];
    await expect(invoke(kinesisEvent([]))).rejects.toThrow(/exactly one of DATABASE_URL and DATABASE_SECRET/);
    vi.resetModules();
    process.env['DATABASE_URL'] = 'postgresql://x';
    process.env['DATABASE_SECRET'] = 'y';
    await expect(invoke(kinesisEvent([]))).rejects.toThrow(/exactly one of/);
  });

  test('refuses an event that no stream sends, naming the part', async () => {
    await expect(invoke({ Records: [{ eventID: 'x' }] })).rejects.toThrow(/Records\.0\.kinesis/);
  });

  test('with the database away every record comes again, and nothing is thrown', async () => {
    process.env['DATABASE_URL'] = 'postgresql://nobody:secret@127.0.0.1:1/none';
    const records = [recordOf([line.trade()]), recordOf([line.trade()])];
    expect(await invoke(kinesisEvent(records))).toEqual({
      batchItemFailures: [{ itemIdentifier: records[0]!.sequenceNumber }],
    });
  });
});

describe('sessions', () => {
  test('one session serves invocation after invocation', async () => {
    const database = await databases.fresh('gatherer');
    const { writer, opened } = await writerFor(database.url);
    for (let index = 0; index < 5; index++) {
      await writer.write(kinesisEvent([recordOf([line.trade({ trade_id: String(index) })])]) as KinesisEvent);
    }
    expect(opened()).toBe(1);
    await writer.close();
  });

  test('a session that the server ended is replaced, and no record is lost', async () => {
    const database = await databases.fresh('gatherer');
    const { writer, opened } = await writerFor(database.url);
    const admin = await database.connect();
    for (let index = 0; index < 4; index++) {
      const event = kinesisEvent([recordOf([line.trade({ trade_id: String(index) })])]) as KinesisEvent;
      let result = await writer.write(event);
      // As the event source does: what failed comes again.
      while (result.batchItemFailures.length > 0) result = await writer.write(event);
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test' AND datname = current_database()`,
      );
      if (index === 1) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(opened()).toBeGreaterThan(1);
    expect((await admin.query('SELECT count(*)::int FROM trades')).rows[0].count).toBe(4);
    await writer.close();
  });

  test('a statement that takes too long fails the delivery, and the next one is stored', async () => {
    const database = await databases.fresh('gatherer');
    const { writer } = await writerFor(database.url);
    const blocker = await database.connect();
    const event = kinesisEvent([recordOf([line.trade()])]) as KinesisEvent;
    await writer.write(kinesisEvent([recordOf([line.trade({ trade_id: 'first' })])]) as KinesisEvent);
    await blocker.query('BEGIN; LOCK TABLE trades IN ACCESS EXCLUSIVE MODE');
    const result = await writer.write(event);
    expect(result.batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]!.kinesis.sequenceNumber }]);
    await blocker.query('ROLLBACK');
    expect(await writer.write(event)).toEqual({ batchItemFailures: [] });
    expect((await blocker.query('SELECT count(*)::int FROM trades')).rows[0].count).toBe(2);
    await writer.close();
  });

  test('two shards deliver to one writer at once: each delivery is one transaction of its own', async () => {
    const database = await databases.fresh('gatherer');
    const { writer } = await writerFor(database.url);
    const delivery = (number: number) =>
      kinesisEvent([
        recordOf(
          Array.from({ length: 50 }, (_, row) => line.delta({ instrument: `I${number}`, price: row })),
        ),
        recordOf([line.trade({ instrument: `I${number}`, trade_id: `t-${number}` })]),
      ]) as KinesisEvent;
    await writer.write(delivery(0));
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => writer.write(delivery(index + 1))),
    );
    expect(results.flatMap((result) => result.batchItemFailures)).toEqual([]);
    const { rows } = await (await database.connect()).query(
      `SELECT instrument, count(*)::int, count(DISTINCT ingest_xid)::int AS transactions,
         count(*) FILTER (WHERE others > 1)::int AS shared
       FROM (SELECT e.*, (SELECT count(DISTINCT o.instrument) FROM order_book_deltas o WHERE o.ingest_xid = e.ingest_xid) AS others
             FROM (SELECT instrument, ingest_xid FROM order_book_deltas UNION ALL SELECT instrument, ingest_xid FROM trades) e) e
       GROUP BY instrument`,
    );
    expect(rows).toHaveLength(11);
    for (const row of rows) expect(row).toMatchObject({ count: 51, transactions: 1, shared: 0 });
    await writer.close();
  });
});

describe('failures in the middle of a delivery', () => {
  test('records before the failed one are stored and do not come again; one poison record holds nothing up', async () => {
    const database = await databases.fresh('gatherer');
    const admin = await database.connect();
    const { writer } = await writerFor(database.url);
    // The server cuts the session when it meets this trade, as a crash would.
    await admin.query(`
      CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.trade_id = 'crash' THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF; RETURN NEW; END $$;
      CREATE TRIGGER crash BEFORE INSERT ON trades_default FOR EACH ROW EXECUTE FUNCTION crash()`);
    const records = [
      recordOf([line.trade({ trade_id: 'good' })]),
      recordOf([line.lifecycle({ details: { nul: '\0' } })]),
      recordOf([line.trade({ trade_id: 'crash', exchange_ts: 1 })]),
      recordOf([line.trade({ trade_id: 'behind' })]),
    ];
    const first = await writer.write(kinesisEvent(records) as KinesisEvent);
    const failed = records.findIndex(
      (record) => record.sequenceNumber === first.batchItemFailures[0]!.itemIdentifier,
    );
    expect(failed).toBeLessThanOrEqual(2);
    await admin.query('DROP TRIGGER crash ON trades_default');
    expect(await writer.write(kinesisEvent(records.slice(failed)) as KinesisEvent)).toEqual({
      batchItemFailures: [],
    });
    const { rows } = await admin.query('SELECT trade_id FROM trades ORDER BY 1');
    expect(rows.map((row) => row.trade_id)).toEqual(['behind', 'crash', 'good']);
    expect((await admin.query('SELECT count(*)::int FROM poison_records')).rows[0].count).toBe(1);
    await writer.close();
  });
});

describe('a database named by a secret', () => {
  const settings = { applicationName: 'test', statementTimeoutMillis: 1_000 };
  const location: DatabaseLocation = { secret: 'line-a' };

  test('is spoken to over TLS with its certificate checked', async () => {
    const config = await sessionConfig(location, settings, async () =>
      JSON.stringify({
        host: 'db.internal',
        port: '5432',
        username: 'u',
        password: 'p',
        dbname: 'tape',
        ca: 'PEM',
      }),
    );
    expect(config).toMatchObject({ host: 'db.internal', port: 5432, user: 'u', database: 'tape' });
    expect(config.ssl).toEqual({ rejectUnauthorized: true, ca: 'PEM' });
    expect(new pg.Client(config).ssl).toBeTruthy();
  });

  test('whose secret is wrong is named by key, and the secret is never shown', async () => {
    const read = (text: string) => sessionConfig(location, settings, async () => text);
    await expect(read('not json hunter2')).rejects.toThrow(/^secret line-a is not JSON$/);
    const error = await read(JSON.stringify({ host: 'h', password: 'hunter2' })).catch(
      (fault: Error) => fault,
    );
    expect((error as Error).message).toMatch(/username/);
    expect((error as Error).message).not.toMatch(/hunter2/);
    await expect(
      sessionConfig(location, settings, async () => {
        throw new Error('access denied');
      }),
    ).rejects.toThrow('secret line-a cannot be read: access denied');
  });
});
