import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { openSession, type SessionSettings, sessionConfig } from '#src/storage/connection.ts';
import { Session } from '#src/storage/production/session.ts';
import { secretsManagerReader } from '#src/storage/secrets.ts';
import type { DatabaseEnvironment, DatabaseVariable } from './database-contract.ts';

/** Makes sessions of the databases that an environment names, opened when they are first asked for. */
export function databaseSessions<Name extends DatabaseVariable>(
  environment: DatabaseEnvironment<Name>,
  settings: SessionSettings,
): (name: Name) => Session {
  const readSecret = secretsManagerReader(new SecretsManagerClient({}));
  return (name) => {
    const url = environment[`${name}_DATABASE_URL`];
    const location = url === undefined ? { secret: environment[`${name}_DATABASE_SECRET`]! } : { url };
    return new Session(
      async () => openSession(await sessionConfig(location, settings, readSecret)),
      settings.connectTimeoutMillis,
    );
  };
}
