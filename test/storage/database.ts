/**
 * Databases for tests: one real server per test file, started when the first test asks, and a new database per
 * test, cloned from a migrated template. Works as root and as an ordinary user, offline.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, inject } from 'vitest';
import type { MigrationSet } from '#src/storage/migrate.ts';
import { type PostgresServer, startPostgres } from '../../local/postgres/server.ts';
import { copyCluster, TEST_SETTINGS, templateOf } from './prepared-cluster.ts';

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  /** A new session; ended by itself after the test. */
  connect(): Promise<pg.Client>;
}

export interface TestDatabases {
  /** A new database with the tables of a set, or an empty one; dropped after the test. */
  fresh(set: MigrationSet | 'empty'): Promise<TestDatabase>;
  server(): Promise<PostgresServer>;
}

/** Call at the top of a test file. */
export function useDatabases(): TestDatabases {
  const directory = mkdtempSync(join(inject('preparedCluster'), 'copy-'));
  let server: Promise<PostgresServer> | null = null;
  let admin: Promise<pg.Client> | null = null;
  let sessions: pg.Client[] = [];
  let made: string[] = [];
  let count = 0;

  const started = async (): Promise<PostgresServer> => {
    server ??= copyCluster(inject('preparedCluster'), directory).then(
      async () =>
        await startPostgres({ dir: directory, databases: [], durable: false, settings: TEST_SETTINGS }),
    );
    return await server;
  };

  const open = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: (await started()).url(database) });
    // A session that a test cuts on purpose must not end the process.
    client.on('error', () => {});
    await client.connect();
    return client;
  };

  const administer = async (sql: string): Promise<void> => {
    admin ??= open('postgres');
    await (await admin).query(sql);
  };

  const endSessions = async (): Promise<void> => {
    const ending = sessions;
    sessions = [];
    await Promise.all(ending.map((client) => client.end().catch(() => {})));
  };

  afterEach(async () => {
    await endSessions();
    const dropping = made;
    made = [];
    for (const name of dropping) await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });

  afterAll(async () => {
    await endSessions();
    await (await admin)?.end();
    await (await server)?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  return {
    server: started,
    async fresh(set) {
      const name = `test_${++count}`;
      // Copying files costs a third of writing each page of the template to the log.
      const template = set === 'empty' ? '' : `TEMPLATE ${templateOf(set)} STRATEGY FILE_COPY`;
      await administer(`CREATE DATABASE ${name} ${template}`);
      made.push(name);
      const url = (await started()).url(name);
      return {
        name,
        url,
        async connect() {
          const client = await open(name);
          sessions.push(client);
          return client;
        },
      };
    },
  };
}
