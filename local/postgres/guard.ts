import { type ChildProcess, spawn } from 'node:child_process';
import type { Account } from './account.ts';
import { serverEnvironment, under } from './program.ts';

/**
 * Ends the server should this process die without doing so. The guard is a shell that waits for the other end of
 * its standard input to close, which happens however this process ends.
 */
export function guardServer(pid: number, account: Account): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', `cat >/dev/null; kill -INT ${pid}`], {
    cwd: '/',
    env: serverEnvironment,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ctrl-C in a terminal reaches the whole group; the server has to outlive whoever still drains into it.
    detached: true,
    ...under(account),
  });
  guard.on('error', () => {});
  guard.stdin!.on('error', () => {});
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}
