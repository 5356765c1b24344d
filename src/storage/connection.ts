import { Socket } from 'node:net';
import pg from 'pg';
import { z } from 'zod';

/** What a database secret holds: the form that RDS makes, with an own authority where the server is our own. */
const secretSchema = z.object({
  host: z.string().min(1),
  port: z.coerce.number().int().positive().default(5432),
  username: z.string().min(1),
  password: z.string().min(1),
  dbname: z.string().min(1).default('postgres'),
  /** Certificate authority of the server (PEM), where it is none that Node knows. */
  ca: z.string().optional(),
});
export type DatabaseSecret = z.infer<typeof secretSchema>;

/** Where a database is: an URL (a laptop), or the name or ARN of a secret (everywhere else). */
export const databaseLocation = z.union(
  [
    z.object({ url: z.url({ protocol: /^postgres(ql)?$/ }) }).strict(),
    z.object({ secret: z.string().min(1) }).strict(),
  ],
  { error: 'expected either {"url": "postgresql://…"} or {"secret": name or ARN}' },
);
export type DatabaseLocation = z.infer<typeof databaseLocation>;

/** Gives the text of a secret. */
export type ReadSecret = (name: string) => Promise<string>;

export interface SessionSettings {
  /** Shown in the server's list of sessions. */
  readonly applicationName: string;
  /** The server ends a statement that takes longer. */
  readonly statementTimeoutMillis: number;
  /** For opening it, and for a sign of life of one that is open. */
  readonly connectTimeoutMillis?: number;
}

/** Wherever nothing else is said: for opening a session, and for a sign of life of one that is open. */
export const CONNECT_TIMEOUT_MILLIS = 10_000;
/** The system asks a server that is silent for so long whether it is still there, and knows within seconds. */
const KEEP_ALIVE_MILLIS = 10_000;

/** A database that cannot be found: its secret is not readable or not a database secret. Never holds the secret. */
export class DatabaseLocationError extends Error {
  override readonly name = 'DatabaseLocationError';
}

/** @throws DatabaseLocationError naming the keys that are wrong, without their values. */
export function parseDatabaseSecret(name: string, text: string): DatabaseSecret {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DatabaseLocationError(`secret ${name} is not JSON`);
  }
  const parsed = secretSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const keys = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
  throw new DatabaseLocationError(
    `secret ${name} is not a database secret: ${keys} missing or of the wrong type`,
  );
}

/**
 * Configuration of a session. A server found by secret is always spoken to over TLS with its certificate checked.
 * @throws DatabaseLocationError when the secret cannot be had.
 */
export async function sessionConfig(
  location: DatabaseLocation,
  settings: SessionSettings,
  readSecret: ReadSecret,
): Promise<pg.ClientConfig> {
  const common: pg.ClientConfig = {
    application_name: settings.applicationName,
    statement_timeout: settings.statementTimeoutMillis,
    connectionTimeoutMillis: settings.connectTimeoutMillis ?? CONNECT_TIMEOUT_MILLIS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLIS,
  };
  if ('url' in location) return { ...common, connectionString: location.url };
  let text: string;
  try {
    text = await readSecret(location.secret);
  } catch (error) {
    throw new DatabaseLocationError(`secret ${location.secret} cannot be read: ${(error as Error).message}`);
  }
  const secret = parseDatabaseSecret(location.secret, text);
  return {
    ...common,
    host: secret.host,
    port: secret.port,
    user: secret.username,
    password: secret.password,
    database: secret.dbname,
    ssl: { rejectUnauthorized: true, ...(secret.ca === undefined ? {} : { ca: secret.ca }) },
  };
}

/**
 * Opens a session. An error of an idle session is left to the next query, which then fails. A server that vanished without
 * closing its sockets answers nothing, not even that a statement took too long: a session on which nothing moves for longer than
 * its statements may take has to give a sign of life, or it is broken off, and what waits for it fails.
 */
export async function openSession(config: pg.ClientConfig): Promise<pg.Client> {
  const socket = new Socket();
  const client = new pg.Client({ ...config, stream: () => socket });
  client.on('error', () => {});
  await client.connect();
  const statementMillis = config.statement_timeout;
  if (typeof statementMillis === 'number' && statementMillis > 0) {
    const answerMillis = config.connectionTimeoutMillis ?? CONNECT_TIMEOUT_MILLIS;
    socket.setTimeout(statementMillis + answerMillis, () => void isAnswering(client, answerMillis));
  }
  return client;
}

/** Whether a session still answers. One that does not within the time is ended, with all that waits for it. */
export async function isAnswering(client: pg.Client, withinMillis: number): Promise<boolean> {
  // With a statement under way, to end is to break the connection off.
  const giveUp = setTimeout(() => void client.end().catch(() => {}), withinMillis);
  try {
    await client.query('SELECT');
    return true;
  } catch {
    await endSession(client, withinMillis);
    return false;
  } finally {
    clearTimeout(giveUp);
  }
}

/** Ends a session, and does not wait longer than that for a server that says nothing to it. */
export async function endSession(client: pg.Client, withinMillis: number): Promise<void> {
  let giveUp: NodeJS.Timeout | undefined;
  await Promise.race([
    client.end().catch(() => {}),
    new Promise<void>((resolve) => {
      giveUp = setTimeout(resolve, withinMillis);
    }),
  ]);
  clearTimeout(giveUp);
}
