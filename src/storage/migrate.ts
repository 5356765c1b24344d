import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientBase } from 'pg';

/** A gatherer's database and the production database have different tables. */
export const migrationSets = ['gatherer', 'production'] as const;
export type MigrationSet = (typeof migrationSets)[number];

/** One file of a set: `0001_event_tables.sql` is version 1. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text with Unix line ends. */
  readonly checksum: string;
}

/** The schema is not what the files say, or a file does not run. Nothing of the failed file remains. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export interface MigrateOptions {
  /** Applies up to and with this version; all when absent. */
  readonly target?: number;
  /** Folder that holds one folder per set; `migrations` of this project when absent. */
  readonly directory?: string;
  /** Leaves a database as it is that is newer than the files, as after a way back to an older program. */
  readonly acceptNewer?: boolean;
  /** How long to wait for another migration of the same database to end. */
  readonly lockTimeoutMillis?: number;
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** Key of the advisory lock: one migration of a database at a time. */
const LOCK_KEY = 7_203_114_605;
const LOCK_TIMEOUT_MILLIS = 60_000;

const HISTORY = `
CREATE TABLE IF NOT EXISTS schema_migrations (
  set_name text NOT NULL,
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE schema_migrations IS 'Migrations that this database has had, with the checksum of each file.'`;

function defaultDirectory(): string {
  return fileURLToPath(new URL('../../migrations', import.meta.url));
}

/**
 * The files of a set in order.
 * @throws MigrationError when a name is not of the form, or a number is missing or given twice.
 */
export function readMigrations(
  set: MigrationSet,
  directory: string = defaultDirectory(),
): readonly Migration[] {
  const folder = join(directory, set);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    throw new MigrationError(`no migrations are in ${folder}`);
  }
  return names.map((file, index) => {
    const match = FILE_NAME.exec(file);
    if (match === null) throw new MigrationError(`${set}/${file} is not named like 0001_what_it_does.sql`);
    const version = Number(match[1]);
    if (version !== index + 1) {
      throw new MigrationError(`${set}/${file} has number ${version}, and the next in order is ${index + 1}`);
    }
    const sql = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n');
    return { version, name: match[2]!, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

interface HistoryRow {
  readonly set_name: string;
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** Refuses whatever would make the schema other than the files say. */
function checkHistory(
  set: MigrationSet,
  migrations: readonly Migration[],
  history: readonly HistoryRow[],
  acceptNewer: boolean,
): void {
  for (const row of history) {
    if (row.set_name !== set) {
      throw new MigrationError(
        `this database holds the ${row.set_name} tables; it cannot take those of ${set}`,
      );
    }
    const known = migrations[row.version - 1];
    if (known === undefined) {
      if (acceptNewer) return;
      throw new MigrationError(
        `this database is at version ${history.at(-1)!.version} of ${set} and this program knows ${migrations.length}: it is older than the database`,
      );
    }
    if (known.checksum !== row.checksum) {
      throw new MigrationError(
        `${set} migration ${row.version} (${row.name}) was changed after this database had it: restore the file and add a new migration`,
      );
    }
  }
}

/** Line of a 1-based character position, as PostgreSQL reports where a statement fails. */
function lineOf(sql: string, position: string | undefined): string {
  if (position === undefined) return '';
  return ` at line ${sql.slice(0, Number(position)).split('\n').length}`;
}

async function apply(client: ClientBase, set: MigrationSet, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await client.query(
      'INSERT INTO schema_migrations (set_name, version, name, checksum) VALUES ($1, $2, $3, $4)',
      [set, migration.version, migration.name, migration.checksum],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    const fault = error as Error & { position?: string };
    throw new MigrationError(
      `${set} migration ${migration.version} (${migration.name}) failed${lineOf(migration.sql, fault.position)}: ${fault.message}`,
      { cause: error },
    );
  }
}

/**
 * Brings a database up to date: every migration that it has not had, each in a transaction of its own, under an
 * advisory lock. Running it again, from several places at once or after a kill changes nothing.
 *
 * @returns the migrations that this call applied.
 * @throws MigrationError when a file fails, a file changed after it was applied, the database is newer than the
 *   files (unless that is accepted), or it holds the other set.
 */
export async function migrate(
  client: ClientBase,
  set: MigrationSet,
  options: MigrateOptions = {},
): Promise<readonly Migration[]> {
  const migrations = readMigrations(set, options.directory);
  const target = options.target ?? migrations.length;
  if (!Number.isInteger(target) || target < 0 || target > migrations.length) {
    throw new MigrationError(`${set} has versions 1 to ${migrations.length}; ${target} is none of them`);
  }
  await lock(client, options.lockTimeoutMillis ?? LOCK_TIMEOUT_MILLIS);
  try {
    await client.query("SET client_min_messages = 'warning'");
    await client.query(HISTORY);
    const { rows } = await client.query<HistoryRow>(
      'SELECT set_name, version, name, checksum FROM schema_migrations ORDER BY version',
    );
    checkHistory(set, migrations, rows, options.acceptNewer === true);
    const pending = migrations.slice(rows.length, Math.max(target, rows.length));
    for (const migration of pending) await apply(client, set, migration);
    return pending;
  } finally {
    await client.query('RESET client_min_messages').catch(() => {});
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK_KEY]).catch(() => {});
  }
}

async function lock(client: ClientBase, timeoutMillis: number): Promise<void> {
  const deadline = Date.now() + timeoutMillis;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      LOCK_KEY,
    ]);
    if (rows[0]!.taken) return;
    if (Date.now() > deadline) {
      throw new MigrationError(
        `another migration of this database has run for more than ${timeoutMillis / 1_000} s`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
