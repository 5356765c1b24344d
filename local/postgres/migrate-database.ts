import pg from 'pg';
import { type MigrationSet, migrate } from '#src/storage/migrate.ts';

/** Brings one database to the newest version of its set. @throws MigrationError */
export async function migrateDatabase(url: string, set: MigrationSet): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await migrate(client, set);
  } finally {
    await client.end();
  }
}
