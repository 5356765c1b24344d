import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type DataDirectory, openDataDirectory, SUPERUSER } from './data-directory.ts';
import { causeOf, fileError, PostgresError } from './failure.ts';
import { guardServer } from './guard.ts';
import { forgetPostmaster, isAlive, readPostmaster, worksIn } from './postmaster.ts';
import { serverEnvironment, under } from './program.ts';

export { PostgresError } from './failure.ts';

export interface PostgresOptions {
  /** Folder of the server's files; made when missing, continued with when not. */
  readonly dir: string;
  /** Loopback port; a free one when absent. */
  readonly port?: number;
  /** Made when missing. */
  readonly databases: readonly string[];
  /** False where a crash of the operating system may cost the data: tests. */
  readonly durable?: boolean;
  /** Server settings over those chosen here. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  /** Connection URL of one database, with the password. */
  url(database: string): string;
  /** Ends the server and waits until it has ended: sessions are cut, nothing committed is lost. */
  stop(): Promise<void>;
  readonly pid: number;
  readonly port: number;
  /** Resolves with the reason when the server has ended, whether or not it was told to. */
  readonly ended: Promise<string>;
}

const HOST = '127.0.0.1';
const START_LIMIT_MILLIS = 60_000;
const STOP_LIMIT_MILLIS = 30_000;
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
/** What passes by itself: a port lost to somebody quicker, processes of a killed server that are still ending. */
const PASSING = /Address already in use|pre-existing shared memory block|is still in use/;
const ATTEMPTS = 20;

const settingsFor = (durable: boolean): Record<string, string> => ({
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  // Parallel workers would want shared memory that containers are often short of.
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  io_method: 'sync',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // The password is 24 random bytes: iterating its hash only makes connecting slow.
  scram_iterations: '1',
  ...(durable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
});

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, HOST, () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function portIsTaken(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.on('error', () => resolve(true));
    probe.listen(port, HOST, () => probe.close(() => resolve(false)));
  });
}

type Answer = 'ready' | 'not_yet' | 'not_ours';

/** Asks whoever listens on the port whether it is the server of this data directory and takes sessions. */
async function ask(directory: DataDirectory, port: number): Promise<Answer> {
  const client = new pg.Client({
    host: HOST,
    port,
    user: SUPERUSER,
    password: directory.password,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return 'ready';
  } catch (error) {
    const code = (error as { code?: string }).code;
    // 57P03: starting up or shutting down; 53300: too many sessions, so it is up.
    if (code === '53300') return 'ready';
    return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03' ? 'not_yet' : 'not_ours';
  } finally {
    await client.end().catch(() => {});
  }
}

class RunningServer implements PostgresServer {
  readonly pid: number;
  readonly port: number;
  readonly ended: Promise<string>;
  readonly #directory: DataDirectory;
  readonly #guard: ChildProcess;
  #stopped: Promise<void> | null = null;

  constructor(directory: DataDirectory, pid: number, port: number, ended: Promise<string>) {
    this.#directory = directory;
    this.pid = pid;
    this.port = port;
    this.ended = ended;
    this.#guard = guardServer(pid, directory.account);
    void ended.then(() => this.#guard.kill('SIGKILL'));
  }

  url(database: string): string {
    return `postgresql://${SUPERUSER}:${this.#directory.password}@${HOST}:${this.port}/${encodeURIComponent(database)}`;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      try {
        process.kill(this.pid, signal);
      } catch {
        break;
      }
      const waiting = new AbortController();
      const over = await Promise.race([
        this.ended.then(() => true),
        sleep(STOP_LIMIT_MILLIS, false, { signal: waiting.signal }).catch(() => false),
      ]);
      waiting.abort();
      if (over) break;
    }
    await this.ended;
  }
}

/** The end of a server that another process started: there is no child to wait for. */
async function endOf(pid: number, data: string): Promise<string> {
  while (isAlive(pid) && worksIn(pid, data) !== false) await sleep(50, undefined, { ref: false });
  return 'the server has ended';
}

/** Takes over a server that an earlier process left running on this data, or clears away what a dead one left. */
async function takeOver(directory: DataDirectory, port: number | undefined): Promise<RunningServer | null> {
  const found = readPostmaster(directory.data);
  if (found === null) return null;
  const deadline = Date.now() + START_LIMIT_MILLIS;
  while (isAlive(found.pid) && worksIn(found.pid, directory.data) !== false) {
    const answer = await ask(directory, found.port);
    if (answer === 'ready') {
      const server = new RunningServer(directory, found.pid, found.port, endOf(found.pid, directory.data));
      if (port === undefined || port === found.port) return server;
      await server.stop();
      return null;
    }
    // Where the system does not tell what a process works on, one that does not know our password is not ours.
    if (answer === 'not_ours' || worksIn(found.pid, directory.data) === null) break;
    if (Date.now() > deadline) {
      throw new PostgresError(
        `a server (process ${found.pid}) holds data directory ${directory.directory} and does not answer; end it first`,
      );
    }
    await sleep(50);
  }
  // The server removes its word itself when it ends in good order.
  if (readPostmaster(directory.data)?.pid === found.pid) forgetPostmaster(directory.data);
  return null;
}

function openLog(path: string): number {
  try {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) truncateSync(path);
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw fileError('write the server log', path, error);
  }
}

/** Starts the server on one port. Null when what keeps it from starting will pass. */
async function launch(
  directory: DataDirectory,
  port: number,
  options: PostgresOptions,
): Promise<RunningServer | null> {
  const log = openLog(directory.log);
  const before = statSync(directory.log).size;
  const said = (): string => readFileSync(directory.log).subarray(before).toString();
  const settings = { ...settingsFor(options.durable ?? true), ...options.settings, port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(directory.binaries.postgres, ['-D', directory.argument, ...args], {
    cwd: directory.data,
    env: serverEnvironment,
    stdio: ['ignore', log, log],
    detached: true,
    ...under(directory.account),
  });
  closeSync(log);
  let over = false;
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) =>
      resolve(
        code === 0 ? 'the server has ended' : `${causeOf(said())}${signal === null ? '' : ` (${signal})`}`,
      ),
    );
  });
  void ended.then(() => {
    over = true;
  });
  child.unref();
  const deadline = Date.now() + START_LIMIT_MILLIS;
  for (;;) {
    await sleep(15);
    if (over) {
      if (PASSING.test(said())) return null;
      throw new PostgresError(`the database server in ${directory.directory} did not start: ${await ended}`);
    }
    const answer = await ask(directory, port);
    if (answer === 'ready') return new RunningServer(directory, child.pid!, port, ended);
    if (Date.now() > deadline) {
      child.kill('SIGQUIT');
      throw new PostgresError(
        `the database server in ${directory.directory} took no sessions within ${START_LIMIT_MILLIS / 1_000} s: ${causeOf(said())}`,
      );
    }
  }
}

async function createDatabases(server: PostgresServer, databases: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    const existing = new Set(rows.map((row) => row.datname));
    for (const database of databases) {
      if (!existing.has(database)) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
    }
  } finally {
    await client.end();
  }
}

/**
 * Starts a real PostgreSQL server on loopback, with its data in `dir`, and makes the databases. Continues on
 * existing data, after a crash too; takes over a server of the same data that an earlier process left. Works as
 * root (the server then runs under another account) and as anybody else. When this process dies, the server ends.
 *
 * @throws PostgresError with one line that names the cause: port in use, directory not writable, disk full, …
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const directory = await openDataDirectory(options.dir, options.durable ?? true);
  let server = await takeOver(directory, options.port);
  if (server === null && options.port !== undefined && (await portIsTaken(options.port))) {
    throw new PostgresError(`port ${options.port} is in use by another program`);
  }
  for (let attempt = 1; server === null; attempt++) {
    server = await launch(directory, options.port ?? (await freePort()), options);
    if (server !== null) break;
    if (attempt === ATTEMPTS) {
      throw new PostgresError(
        `the database server in ${directory.directory} did not start: ${causeOf(readFileSync(directory.log, 'utf8'))}`,
      );
    }
    await sleep(250);
  }
  try {
    await createDatabases(server, options.databases);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
