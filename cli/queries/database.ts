import { existsSync } from 'node:fs';
import pg from 'pg';
import { type Layout, layoutOf } from '../../local/run/layout.ts';
import { takeLock } from '../../local/run/lock.ts';
import { type RunState, readRunState } from '../../local/run/state-file.ts';
import { CommandFailure } from '../terminal/failure.ts';

export interface DatabaseOptions {
  readonly database?: string;
  readonly data: string;
}

/** A database that answers, and how to leave it. */
export interface OpenDatabase {
  readonly client: pg.Client;
  close(): Promise<void>;
}

/** Opens the tape that the options mean. */
export type DatabaseOpener = (options: DatabaseOptions) => Promise<OpenDatabase>;

async function connect(url: string, what: string): Promise<pg.Client> {
  let client: pg.Client;
  try {
    client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 10_000,
      application_name: 'tape',
    });
    client.on('error', () => {});
    await client.connect();
  } catch (error) {
    throw new CommandFailure(
      `${what}: cannot connect (${(error as Error).message || (error as { code?: string }).code})`,
    );
  }
  return client;
}

/** Where a tape is, and how to leave it. */
export interface TapePlace {
  readonly url: string;
  /** Says in messages which one it is. */
  readonly what: string;
  /** The run on this machine that writes it, where one does. */
  readonly run: { readonly layout: Layout; readonly state: RunState } | null;
  close(): Promise<void>;
}

/** Starts the server of a run that has ended, for as long as it is needed. */
async function startStopped(layout: Layout): Promise<TapePlace> {
  const directory = layout.postgres;
  // Whoever starts the server owns the folder: a run that begins meanwhile must not find it taken away.
  const releaseLock = takeLock(layout.lockFile);
  const { startPostgres } = await import('../../local/postgres/server.ts');
  try {
    const server = await startPostgres({ dir: directory, databases: [] });
    return {
      url: server.url('production'),
      what: 'the tape of the last run',
      run: null,
      close: async () => {
        await server.stop();
        releaseLock();
      },
    };
  } catch (error) {
    releaseLock();
    throw new CommandFailure(`the databases in ${directory} cannot be started: ${(error as Error).message}`);
  }
}

/**
 * `--database`, else `TAPE_DATABASE_URL`, else the run on this machine, else the data that the last run left.
 *
 * @throws CommandFailure in one line when there is none.
 */
export async function placeOfTape({ database, data }: DatabaseOptions): Promise<TapePlace> {
  const close = async (): Promise<void> => {};
  const named = database ?? process.env['TAPE_DATABASE_URL'];
  if (named !== undefined && named !== '')
    return { url: named, what: 'the named database', run: null, close };
  const layout = layoutOf(data);
  const state = readRunState(layout.stateFile);
  if (state !== null) {
    const what = 'the tape of the run on this machine';
    return { url: state.production.url, what, run: { layout, state }, close };
  }
  if (existsSync(layout.postgres)) return await startStopped(layout);
  throw new CommandFailure(
    `there is no tape in ${data}: start one with \`tape up\`, or name a database with --database URL`,
  );
}

/** Opens the tape that the options mean. @throws CommandFailure in one line when there is none. */
export const openTape: DatabaseOpener = async (options) => {
  const place = await placeOfTape(options);
  try {
    const client = await connect(place.url, place.what);
    return {
      client,
      close: async () => {
        await client.end();
        await place.close();
      },
    };
  } catch (error) {
    await place.close();
    throw error;
  }
};

/** Runs a query on the tape and leaves the database, whatever happens. */
export async function withTape<T>(
  open: DatabaseOpener,
  options: DatabaseOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { client, close } = await open(options);
  try {
    return await work(client);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === '42P01' || code === '42703') {
      throw new CommandFailure(
        `this database does not hold a tape of this version: ${(error as Error).message}`,
      );
    }
    throw error;
  } finally {
    await close().catch(() => {});
  }
}
