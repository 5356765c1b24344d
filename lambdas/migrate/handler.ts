import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import type { Client } from 'pg';
import { pino } from 'pino';
import { openSession, sessionConfig } from '#src/storage/connection.ts';
import { migrate } from '#src/storage/migrate.ts';
import { secretsManagerReader } from '#src/storage/secrets.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { type MigrateEvent, type MigrateResult, migrateEnvironment, migrateEvent } from './contract.ts';

type Environment = ReturnType<typeof environment>;

const PAUSE_MILLIS = 2_000;

const log = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'migrate' } });
const environment = () => check('environment', migrateEnvironment, process.env);

/**
 * Opens a session, again and again until the server answers: its name, its secret's authority and the server itself
 * may all be minutes away.
 */
async function session(settings: Environment): Promise<Client> {
  const location =
    settings.DATABASE_URL === undefined
      ? { secret: settings.DATABASE_SECRET! }
      : { url: settings.DATABASE_URL };
  const readSecret = secretsManagerReader(new SecretsManagerClient({}));
  const deadline = Date.now() + settings.WAIT_SECONDS * 1_000;
  for (;;) {
    try {
      return await openSession(
        await sessionConfig(
          location,
          {
            applicationName: 'prediction-tape migrate',
            statementTimeoutMillis: settings.STATEMENT_TIMEOUT_SECONDS * 1_000,
          },
          readSecret,
        ),
      );
    } catch (error) {
      const left = deadline - Date.now();
      if (left <= 0) throw error;
      log.info({ error: (error as Error).message }, 'the database does not answer yet');
      await sleep(Math.min(PAUSE_MILLIS, left));
    }
  }
}

/**
 * Brings the function's database up to date; doing it again changes nothing. A database that is newer than these
 * files stays as it is: what came before works on it too. When the deployment takes a schema version away, nothing
 * is done, and the database need not be there.
 */
export const handler = middy<MigrateEvent, MigrateResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(migrateEvent))
  .handler(async ({ RequestType }) => {
    const settings = environment();
    const set = settings.MIGRATION_SET;
    if (RequestType === 'Delete') return { set, applied: [] };
    const client = await session(settings);
    try {
      const applied = await migrate(client, set, {
        acceptNewer: true,
        ...(settings.MIGRATIONS_DIRECTORY === undefined ? {} : { directory: settings.MIGRATIONS_DIRECTORY }),
      });
      log.info({ set, applied: applied.map(({ version }) => version) }, 'migrated');
      return { set, applied: applied.map(({ version, name }) => ({ version, name })) };
    } finally {
      await client.end();
    }
  });
