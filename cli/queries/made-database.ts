import { existsSync, mkdirSync } from 'node:fs';
import { layoutOf } from '../../local/run/layout.ts';
import { takeLock } from '../../local/run/lock.ts';
import { type DatabaseOpener, openTape } from './database.ts';

/** As `openTape`; a data folder without any tape is given an empty one first. */
export const openOrMakeTape: DatabaseOpener = async (options) => {
  const { database, data } = options;
  const layout = layoutOf(data);
  const isNamed = (database ?? process.env['TAPE_DATABASE_URL'] ?? '') !== '';
  if (!isNamed && !existsSync(layout.stateFile) && !existsSync(layout.postgres)) await makeTape(data);
  return await openTape(options);
};

async function makeTape(data: string): Promise<void> {
  const layout = layoutOf(data);
  mkdirSync(layout.directory, { recursive: true });
  const releaseLock = takeLock(layout.lockFile);
  try {
    const { startPostgres } = await import('../../local/postgres/server.ts');
    const { migrateDatabase } = await import('../../local/postgres/migrate-database.ts');
    const server = await startPostgres({ dir: layout.postgres, databases: ['production'] });
    try {
      await migrateDatabase(server.url('production'), 'production');
    } finally {
      await server.stop();
    }
  } finally {
    releaseLock();
  }
}
