import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { serverAccount } from '../../local/postgres/account.ts';
import { findBinaries, packageFolder } from '../../local/postgres/binaries.ts';
import { causeOf } from '../../local/postgres/failure.ts';
import { isAlive } from '../../local/postgres/postmaster.ts';
import { runProgram } from '../../local/postgres/program.ts';
import { type PostgresServer, startPostgres } from '../../local/postgres/server.ts';

const isRoot = process.getuid?.() === 0;
let template: string;
let root: string;
let dir: string;
let running: PostgresServer[] = [];

// Making a database takes most of a second: tests that are not about that begin with a copy of this one.
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'embedded-postgres-template-'));
  await (await startPostgres({ dir: template, databases: [], durable: false })).stop();
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
  dir = join(root, 'pg');
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  running = [];
  rmSync(root, { recursive: true, force: true });
});

/** A data directory that has been used before. */
function used(): void {
  expect(spawnSync('cp', ['-a', template, dir]).status).toBe(0);
}

async function start(over: Partial<Parameters<typeof startPostgres>[0]> = {}): Promise<PostgresServer> {
  const server = await startPostgres({ dir, databases: ['tape'], durable: false, ...over });
  running.push(server);
  return server;
}

async function query(server: PostgresServer, sql: string, database = 'tape'): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: server.url(database) });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 200 && isAlive(pid); waited++) await sleep(50);
  return !isAlive(pid);
}

test('makes the databases asked for, keeps the data, and goes on with it after a stop', async () => {
  const first = await start({ databases: ['tape', 'line-"a"'] });
  await query(first, 'CREATE TABLE kept (a int); INSERT INTO kept VALUES (7)');
  await query(first, 'SELECT 1', 'line-"a"');
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  expect(await first.ended).toBe('the server has ended');
  const second = await start({ databases: ['tape', 'another'] });
  expect((await query(second, 'SELECT a FROM kept')).rows).toEqual([{ a: 7 }]);
  await query(second, 'SELECT 1', 'another');
});

test('lets nobody in without the password, which only the owner can read', async () => {
  used();
  const server = await start();
  const url = new URL(server.url('tape'));
  expect(url.hostname).toBe('127.0.0.1');
  url.password = 'guess';
  await expect(new pg.Client({ connectionString: url.href }).connect()).rejects.toThrow(/password/);
  expect(statSync(join(dir, 'password')).mode & 0o077).toBe(0);
});

test('comes back with everything committed after the server was killed', async () => {
  used();
  const first = await start({ durable: true });
  await query(first, 'CREATE TABLE kept (a int); INSERT INTO kept VALUES (7)');
  process.kill(first.pid, 'SIGKILL');
  expect(await first.ended).toMatch(/SIGKILL/);
  expect(existsSync(join(dir, 'data', 'postmaster.pid'))).toBe(true);
  const second = await start({ durable: true });
  expect((await query(second, 'SELECT a FROM kept')).rows).toEqual([{ a: 7 }]);
});

test('is not kept from starting by a process id that was given anew', async () => {
  used();
  const first = await start();
  await first.stop();
  const innocent = spawn('/bin/sleep', ['60']);
  try {
    writeFileSync(
      join(dir, 'data', 'postmaster.pid'),
      `${innocent.pid}\n${dir}/data\n1\n1\n\n127.0.0.1\n\nready\n`,
    );
    const second = await start();
    expect((await query(second, 'SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(isAlive(innocent.pid!)).toBe(true);
  } finally {
    innocent.kill();
  }
});

test('takes over a server of the same data that is still running, and can stop it', async () => {
  used();
  const first = await start();
  const second = await start();
  expect(second.pid).toBe(first.pid);
  expect(second.url('tape')).toBe(first.url('tape'));
  await second.stop();
  expect(isAlive(first.pid)).toBe(false);
  await first.ended;
});

test('ends with the process that started it, even when that is killed', async () => {
  used();
  const module = fileURLToPath(new URL('../../local/postgres/server.ts', import.meta.url));
  const script = `
    import { startPostgres } from ${JSON.stringify(module)};
    const server = await startPostgres({ dir: ${JSON.stringify(dir)}, databases: [], durable: false });
    console.log(server.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text) => resolve(Number(text))),
  );
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  expect(await gone(pid)).toBe(true);
});

describe('says in one line', () => {
  test('that the port is in use', async () => {
    used();
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(`port ${port} is in use by another program`);
    holder.close();
  });

  test('that a file is in the way of the data directory', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(start({ dir: join(root, 'file', 'pg') })).rejects.toThrow(
      /^cannot make the data directory .*in the way$/,
    );
  });

  test.skipIf(isRoot)('that the data directory may not be written', async () => {
    chmodSync(root, 0o500);
    await expect(start()).rejects.toThrow(/^cannot make the data directory .*permission denied$/);
    chmodSync(root, 0o700);
  });

  test('that a setting is wrong, as the server puts it', async () => {
    used();
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      /did not start: .*shared_buffers/,
    );
  });

  test('that the data is of another version', async () => {
    used();
    await (await start()).stop();
    writeFileSync(join(dir, 'data', 'PG_VERSION'), '9\n');
    await expect(start()).rejects.toThrow(/was made by PostgreSQL 9, and this is 18/);
  });

  test('what a full disk and a missing library look like', () => {
    expect(causeOf('x\nFATAL:  could not write lock file: No space left on device\n')).toMatch(
      /^the disk is full \(/,
    );
    expect(
      causeOf("postgres: /lib/libc.so.6: version `GLIBC_2.38' not found (required by postgres)"),
    ).toMatch(/^a system library is missing or too old/);
  });
});

test('makes anew what an interrupted first start left', async () => {
  mkdirSync(join(dir, 'initialising-x', 'data'), { recursive: true });
  writeFileSync(join(dir, 'password'), 'of the interrupted start\n');
  const server = await start();
  expect((await query(server, 'SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('runs from a copy when the installed programs lack their links or are out of reach', async () => {
  const installed = join(root, 'closed', 'package');
  mkdirSync(installed, { recursive: true });
  cpSync(packageFolder(), installed, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(readFileSync(join(installed, 'native', 'pg-symlinks.json'), 'utf8')) as {
    target: string;
  }[];
  for (const { target } of links) rmSync(join(installed, target), { force: true });
  chmodSync(root, 0o700);
  const account = serverAccount();
  const found = await findBinaries(account, installed);
  const ended = await runProgram(found.postgres, ['--version'], { account, cwd: '/' });
  expect(ended.output).toMatch(/^postgres \(PostgreSQL\) 18/);
  if (isRoot) expect(found.postgres.startsWith(root)).toBe(false);
});

test.skipIf(!isRoot)('as root it serves data below a folder that only root may enter', async () => {
  chmodSync(root, 0o700);
  const server = await start();
  expect(statSync(join(dir, 'data')).uid).not.toBe(0);
  expect((await query(server, 'SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});
