import pg from 'pg';
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
