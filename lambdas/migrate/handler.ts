import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { pino } from 'pino';
import { openSession, sessionConfig } from '#src/storage/connection.ts';
import { migrate } from '#src/storage/migrate.ts';
import { secretsManagerReader } from '#src/storage/secrets.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { type MigrateEvent, type MigrateResult, migrateEnvironment, migrateEvent } from './contract.ts';

const log = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'migrate' } });

/** Brings one database up to date; doing it again changes nothing. */
export const handler = middy<MigrateEvent, MigrateResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(migrateEvent))
  .handler(async ({ set, database, target }) => {
    const environment = check('environment', migrateEnvironment, process.env);
    const client = await openSession(
      await sessionConfig(
        database,
        {
          applicationName: 'prediction-tape migrate',
          statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
        },
        secretsManagerReader(new SecretsManagerClient({})),
      ),
    );
    try {
      const applied = await migrate(client, set, {
        ...(target === undefined ? {} : { target }),
        ...(environment.MIGRATIONS_DIRECTORY === undefined
          ? {}
          : { directory: environment.MIGRATIONS_DIRECTORY }),
      });
      log.info({ set, applied: applied.map(({ version }) => version) }, 'migrated');
      return { set, applied: applied.map(({ version, name }) => ({ version, name })) };
    } finally {
      await client.end();
    }
  });
