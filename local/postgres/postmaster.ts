import { existsSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What `postmaster.pid` of a data directory says of the server that wrote it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** Null when no server has left a word. */
export function readPostmaster(data: string): Postmaster | null {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0) };
}

/** Whether a process of that id lives, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether the process works in this data directory. Process ids are given anew after a crash or in another
 * container, so a living id alone says nothing. Null where the system does not tell.
 */
export function worksIn(pid: number, data: string): boolean | null {
  let folder: string;
  try {
    folder = readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return process.platform === 'linux' && !isAlive(pid) ? false : null;
  }
  if (folder === data) return true;
  // Another path may lead to the same folder.
  const found = statSync(folder, { throwIfNoEntry: false });
  const wanted = statSync(data, { throwIfNoEntry: false });
  return found !== undefined && found.dev === wanted?.dev && found.ino === wanted.ino;
}

/** Removes the word of a server that is gone, so that its process id, given anew, keeps nothing from starting. */
export function forgetPostmaster(data: string): void {
  rmSync(join(data, 'postmaster.pid'), { force: true });
}
