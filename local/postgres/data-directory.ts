import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Account, serverAccount } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { causeOf, fileError, PostgresError } from './failure.ts';
import { refuseWithoutSetuid, runProgram } from './program.ts';

export const SUPERUSER = 'tape';

/** A server's files: `data` is PostgreSQL's own, the rest lies beside it in `directory`. */
export interface DataDirectory {
  readonly directory: string;
  readonly data: string;
  /** The path by which the server is told where its data is; its working directory has to be `data`. */
  readonly argument: string;
  readonly log: string;
  readonly password: string;
  readonly account: Account;
  readonly binaries: Binaries;
}

/**
 * As root the server runs under another account, which may be unable to traverse the folders above its data
 * (a home of mode 0700). A process keeps the working directory that it was given, and on Linux this path leads
 * there without traversing anything.
 */
const WORKING_DIRECTORY = '/proc/self/cwd';

/**
 * Opens the data directory, and makes it when it is not there. Making is atomic: it is made under another name
 * and renamed, so what an interrupted start leaves is made anew.
 *
 * @param durable whether a crash of the operating system must not hurt it.
 * @throws PostgresError naming the directory and the cause.
 */
export async function openDataDirectory(directory: string, durable: boolean): Promise<DataDirectory> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw fileError('make the data directory', directory, error);
  }
  const root = realpathSync(directory);
  const data = join(root, 'data');
  const existing = statSync(data, { throwIfNoEntry: false });
  const account = serverAccount(existing);
  if (existing !== undefined && account === null && existing.uid !== process.getuid?.()) {
    throw new PostgresError(
      `data directory ${root} belongs to another account (uid ${existing.uid}); start as that account or as root, or begin with a fresh directory`,
    );
  }
  const binaries = await findBinaries(account);
  const passwordFile = join(root, 'password');
  if (existing === undefined) await initialise(root, data, passwordFile, account, binaries, durable);
  checkVersion(data, root, binaries);
  let password: string;
  try {
    password = readFileSync(passwordFile, 'utf8').trim();
  } catch (error) {
    throw fileError('read the password of the data directory in', passwordFile, error);
  }
  return {
    directory: root,
    data,
    argument: pathFor(account, data),
    log: join(root, 'server.log'),
    password,
    account,
    binaries,
  };
}

function pathFor(account: Account, data: string): string {
  return account !== null && existsSync(WORKING_DIRECTORY) ? WORKING_DIRECTORY : data;
}

function checkVersion(data: string, root: string, binaries: Binaries): void {
  let made: string;
  try {
    made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    throw fileError('read', join(data, 'PG_VERSION'), error);
  }
  if (made !== binaries.version.split('.')[0]) {
    throw new PostgresError(
      `data directory ${root} was made by PostgreSQL ${made}, and this is ${binaries.version}; begin with a fresh directory`,
    );
  }
}

async function initialise(
  root: string,
  data: string,
  passwordFile: string,
  account: Account,
  binaries: Binaries,
  durable: boolean,
): Promise<void> {
  const password = randomBytes(24).toString('base64url');
  let made: string;
  try {
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    made = mkdtempSync(join(root, 'initialising-'));
    if (account !== null) chownSync(made, account.uid, account.gid);
  } catch (error) {
    throw fileError('write to the data directory', root, error);
  }
  // initdb reads the password from a file under its own account.
  const handover = join(made, 'password');
  const cluster = join(made, 'data');
  try {
    mkdirSync(cluster, { mode: 0o700 });
    writeFileSync(handover, `${password}\n`, { mode: 0o600 });
    if (account !== null) {
      chownSync(cluster, account.uid, account.gid);
      chownSync(handover, account.uid, account.gid);
    }
    const cluster_ = pathFor(account, cluster);
    const ended = await runProgram(
      binaries.initdb,
      [
        `--pgdata=${cluster_}`,
        `--username=${SUPERUSER}`,
        '--auth=scram-sha-256',
        `--pwfile=${cluster_ === cluster ? handover : `${cluster_}/../password`}`,
        '--encoding=UTF8',
        // Neither depends on what locales the machine has.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(durable ? [] : ['--no-sync']),
      ],
      { account, cwd: cluster },
    );
    refuseWithoutSetuid(ended, account);
    if (ended.code !== 0) {
      throw new PostgresError(`cannot make a database in ${root}: ${causeOf(ended.output)}`);
    }
    renameSync(cluster, data);
  } catch (error) {
    throw error instanceof PostgresError ? error : fileError('write to the data directory', root, error);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
