import pg from 'pg';
import { type ApiServer, type ApiServerSettings, startApiServer } from '#src/api/server.ts';
import { tapeAlone } from '#src/status/system-status.ts';
import { migrate } from '#src/storage/migrate.ts';
import type { TestDatabases } from '../storage/database.ts';

/** A tape that stays for a whole test file. */
export interface ServedTape {
  readonly url: string;
  readonly client: pg.Client;
  end(): Promise<void>;
}

/** Makes an empty tape on the file's server. */
export async function servedTape(databases: TestDatabases): Promise<ServedTape> {
  const server = await databases.server();
  const admin = new pg.Client({ connectionString: server.url('postgres') });
  await admin.connect();
  await admin.query('CREATE DATABASE served_tape');
  await admin.end();
  const url = server.url('served_tape');
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await migrate(client, 'production');
  return { url, client, end: () => client.end() };
}

/** Serves a tape over HTTP to one test: without a key, a console, or a limit that it would meet. */
export async function servedApi(
  url: string,
  onFault: ApiServerSettings['onFault'],
  more: Partial<ApiServerSettings> = {},
): Promise<ApiServer> {
  return await startApiServer({
    host: '127.0.0.1',
    port: 0,
    database: { connectionString: url },
    system: tapeAlone,
    key: null,
    hasConsole: false,
    version: '1.2.3',
    onFault,
    allowance: { refillPerSecond: 10_000, capacity: 10_000 },
    ...more,
  });
}
