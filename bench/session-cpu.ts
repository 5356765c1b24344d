import { readFileSync } from 'node:fs';
import type { ClientBase } from 'pg';

const NANOS_PER_MICRO = 1_000;

/**
 * Tells how much CPU time, in microseconds, a database server has taken for some sessions up to now. Always 0 where the
 * system does not tell: then only this process counts.
 */
export async function sessionCpu(clients: readonly ClientBase[]): Promise<() => number> {
  const paths: string[] = [];
  for (const client of clients) {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    paths.push(`/proc/${rows[0]!.pid}/schedstat`);
  }
  return () => paths.reduce((sum, path) => sum + nanosOf(path), 0) / NANOS_PER_MICRO;
}

function nanosOf(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
}
