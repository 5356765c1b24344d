/**
 * A PostgreSQL with TimescaleDB out of Debian's packages, unpacked into a folder of its own and started there
 * under chroot: nothing is installed on the machine. Needs root, apt with access to a Debian mirror, and Linux.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SUITE = 'trixie';
const PACKAGES = ['postgresql-17', 'postgresql-17-timescaledb', 'postgresql-17-pgvector'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const BIN = '/usr/lib/postgresql/17/bin';
const ACCOUNT = { uid: 65533, gid: 65533 };

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
}

/** Downloads the packages with all that they need and unpacks them. Done once per folder. */
function unpack(folder: string): void {
  const root = join(folder, 'root');
  if (existsSync(join(root, BIN, 'postgres'))) return;
  const apt = join(folder, 'apt');
  for (const part of ['lists/partial', 'archives/partial', 'etc/preferences.d', 'etc/apt.conf.d']) {
    mkdirSync(join(apt, part), { recursive: true });
  }
  // An empty status: every dependency is downloaded, whatever the machine itself has.
  writeFileSync(join(apt, 'status'), '');
  writeFileSync(
    join(apt, 'sources.list'),
    `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${SUITE} main\n`,
  );
  const options = [
    `Dir::State=${apt}`,
    `Dir::State::status=${apt}/status`,
    `Dir::State::lists=${apt}/lists`,
    `Dir::Cache=${apt}`,
    `Dir::Cache::archives=${apt}/archives`,
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    'Dir::Etc::sourceparts=-',
    'Dir::Etc::preferencesparts=-',
    'APT::Install-Recommends=false',
    'APT::Sandbox::User=root',
    'Debug::NoLocking=true',
    `DPkg::Post-Invoke=`,
    'APT::Update::Post-Invoke=',
  ].flatMap((option) => ['-o', option]);
  run('apt-get', [...options, '-qq', 'update']);
  // Essential packages count as installed only by the status file, which is empty: name what the server runs on.
  run('apt-get', [
    ...options,
    '-qq',
    '-y',
    '--download-only',
    'install',
    ...PACKAGES,
    'libc6',
    'dash',
    'coreutils',
  ]);
  mkdirSync(root, { recursive: true });
  // Since usrmerge these are links; unpacking would make folders of them.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    run('ln', ['-sfn', `usr/${name}`, join(root, name)]);
  }
  for (const file of readdirSync(join(apt, 'archives')).filter((name) => name.endsWith('.deb'))) {
    // Not dpkg -x, which replaces a link to a folder by a folder.
    run('sh', [
      '-c',
      `dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"`,
      'sh',
      join(apt, 'archives', file),
      root,
    ]);
  }
}

function furnish(root: string): void {
  for (const folder of ['dev/shm', 'etc', 'tmp', 'data', 'proc'])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(
    join(root, 'etc/passwd'),
    `root:x:0:0::/:/bin/sh\npostgres:x:${ACCOUNT.uid}:${ACCOUNT.gid}::/:/bin/sh\n`,
  );
  writeFileSync(join(root, 'etc/group'), `root:x:0:\npostgres:x:${ACCOUNT.gid}:\n`);
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  for (const [name, major, minor] of [
    ['null', '1', '3'],
    ['urandom', '1', '9'],
    ['random', '1', '8'],
    ['zero', '1', '5'],
  ] as const) {
    const device = join(root, 'dev', name);
    if (!existsSync(device)) run('mknod', ['-m', '666', device, 'c', major, minor]);
  }
  run('chmod', ['1777', join(root, 'dev/shm'), join(root, 'tmp')]);
  chownSync(join(root, 'data'), ACCOUNT.uid, ACCOUNT.gid);
}

function inside(root: string, program: string, args: readonly string[]): [string, string[]] {
  return ['chroot', [`--userspec=${ACCOUNT.uid}:${ACCOUNT.gid}`, root, program, ...args]];
}

export interface TimescaleServer {
  url(database: string): string;
  stop(): Promise<void>;
}

/** Starts the server on a loopback port, making its data when there is none. */
export async function startTimescale(folder: string, port: number): Promise<TimescaleServer> {
  unpack(folder);
  const root = join(folder, 'root');
  furnish(root);
  if (!existsSync(join(root, 'data', 'PG_VERSION'))) {
    run(
      ...inside(root, `${BIN}/initdb`, [
        '-D',
        '/data',
        '-U',
        'postgres',
        '--auth=trust',
        '--encoding=UTF8',
        '--locale=C',
      ]),
    );
  }
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_preload_libraries: 'timescaledb',
    dynamic_shared_memory_type: 'mmap',
    'timescaledb.telemetry_level': 'off',
  };
  const [program, args] = inside(root, `${BIN}/postgres`, [
    '-D',
    '/data',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  let said = '';
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr!.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  while (!/database system is ready to accept connections/.test(said)) {
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: (database) => `postgresql://postgres@127.0.0.1:${port}/${database}`,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}
