import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSession, sessionConfig } from '#src/storage/connection.ts';
import { Session } from '#src/storage/production/session.ts';
import { useDatabases } from './database.ts';
import { type WayToServer, wayTo } from './silent-server.ts';

const databases = useDatabases();
/** Long enough for a server that is there. */
const ANSWER_MILLIS = 1_500;
let way: WayToServer;

beforeEach(async () => {
  way = await wayTo((await databases.fresh('empty')).url);
});
afterEach(() => way.close());

const open = async (statementTimeoutMillis: number) =>
  openSession(
    await sessionConfig(
      { url: way.url },
      { applicationName: 'test', statementTimeoutMillis, connectTimeoutMillis: ANSWER_MILLIS },
      async () => '',
    ),
  );

describe('a session whose server is gone without having closed it', () => {
  it('is replaced where the server is there again, and what was kept is given up', async () => {
    const session = new Session(() => open(60_000), ANSWER_MILLIS);
    const first = await session.client();
    expect(await session.client()).toBe(first);
    way.fallSilent();
    const second = await session.client();
    expect(second).not.toBe(first);
    expect((await second.query('SELECT 7 AS seven')).rows).toEqual([{ seven: 7 }]);
    await expect(first.query('SELECT 7')).rejects.toThrow();
    await session.end();
  });

  it('is an error where the server stays away', async () => {
    const session = new Session(() => open(60_000), ANSWER_MILLIS);
    await session.client();
    way.fallSilent('new ones too');
    await expect(session.client()).rejects.toThrow(/timeout/);
  });

  it('ends although nobody says good-bye to it', async () => {
    const session = new Session(() => open(60_000), ANSWER_MILLIS);
    await session.client();
    way.fallSilent('new ones too');
    await session.end();
  });

  it('fails the statement that waits for it, and all behind it, once it has been silent for longer than a statement may take', async () => {
    const client = await open(1_000);
    const waiting = [client.query('SELECT pg_sleep(0.2)'), client.query('ROLLBACK')];
    way.fallSilent('new ones too');
    for (const { status } of await Promise.allSettled(waiting)) expect(status).toBe('rejected');
  });
});

it('a session that is idle for longer than a statement may take stays', async () => {
  const client = await open(250);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  // Asked for a sign of life: by then the server has seen another statement.
  const other = await open(60_000);
  for (;;) {
    const seen = await other.query('SELECT query FROM pg_stat_activity WHERE pid = $1', [rows[0]!.pid]);
    if (seen.rows[0].query === 'SELECT') break;
  }
  expect((await client.query('SELECT pg_backend_pid() AS pid')).rows).toEqual(rows);
  await client.end();
  await other.end();
});
