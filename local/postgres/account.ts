import { readFileSync } from 'node:fs';
import { PostgresError } from './failure.ts';

/** The operating system account under which the server runs; null is the account of this process. */
export type Account = { readonly uid: number; readonly gid: number } | null;

const PREFERRED = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root and wants an account with a name. As root this gives one that exists on the
 * machine already (none is made); as anybody else null.
 *
 * @param owner uid and gid that own existing data, which then has to be served under that account.
 */
export function serverAccount(owner?: { readonly uid: number; readonly gid: number }): Account {
  if (process.getuid?.() !== 0) return null;
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = new Map<string, { uid: number; gid: number }>();
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name !== undefined && Number(uid) > 0) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  const name = PREFERRED.find((candidate) => accounts.has(candidate)) ?? accounts.keys().next().value;
  if (name === undefined) {
    throw new PostgresError(
      'PostgreSQL refuses to run as root, and /etc/passwd names no other account to run it as',
    );
  }
  return accounts.get(name)!;
}
