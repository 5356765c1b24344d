import { openSession } from '#src/storage/connection.ts';
import { type MigrationSet, migrate } from '#src/storage/migrate.ts';

/** Brings one database to the newest version of its set. @throws MigrationError */
export async function migrateDatabase(url: string, set: MigrationSet): Promise<void> {
  const client = await openSession({ connectionString: url });
  try {
    await migrate(client, set);
  } finally {
    await client.end();
  }
}
