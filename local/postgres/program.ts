import { spawn } from 'node:child_process';
import type { Account } from './account.ts';
import { PostgresError } from './failure.ts';

/** A neutral environment: neither the caller's locale nor its `PG…` variables may change what the server does. */
export const serverEnvironment: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Spawn options that make a child run under the account. */
export function under(account: Account): { uid?: number; gid?: number } {
  return account === null ? {} : { uid: account.uid, gid: account.gid };
}

export interface Ended {
  /** Exit code, or null when the program could not even be started. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; never rejects. A program that cannot be started says why in `output`. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly account: Account; readonly cwd: string },
): Promise<Ended> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: serverEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...under(options.account),
    });
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/** @throws PostgresError when spawning under another account is not allowed here (no CAP_SETUID). */
export function refuseWithoutSetuid(ended: Ended, account: Account): void {
  if (account !== null && ended.code === null && /EPERM/.test(ended.output)) {
    throw new PostgresError(
      `PostgreSQL refuses to run as root, and this process may not start programs as uid ${account.uid}; run as an ordinary user`,
    );
  }
}
