/**
 * One migrated database cluster per run of the tests, which each test file copies: making it anew for each of
 * them took longer than many tests. Made when the first test asks for a database, so that a run without any
 * does not wait for it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate, migrationSets } from '#src/storage/migrate.ts';
import { startPostgres } from '../../local/postgres/server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of this run for the cluster and for its copies, which go with the run, however a test file ends. */
    preparedCluster: string;
  }
}

const MEMORY = '/dev/shm';
const ENOUGH_MEMORY = 2 * 2 ** 30;

/**
 * Where databases of tests lie: in memory, where there is room. Each is some four hundred files, and a disk takes three
 * times as long to make and remove them as a test takes for all the rest.
 */
function databaseFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize >= ENOUGH_MEMORY) return MEMORY;
  } catch {
    // Not every system has it.
  }
  return tmpdir();
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(databaseFolder(), 'prediction-tape-cluster-'));
  project.provide('preparedCluster', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Quick at the cost of all durability. */
export const TEST_SETTINGS = { shared_buffers: '64MB', autovacuum: 'off' };

export const templateOf = (set: string): string => `template_${set}`;

async function makeCluster(dir: string): Promise<void> {
  const server = await startPostgres({
    dir,
    databases: migrationSets.map(templateOf),
    durable: false,
    settings: TEST_SETTINGS,
  });
  try {
    for (const set of migrationSets) {
      const client = new pg.Client({ connectionString: server.url(templateOf(set)) });
      await client.connect();
      await migrate(client, set);
      await client.end();
    }
  } finally {
    await server.stop();
  }
}

/**
 * Copies the cluster of this run into an empty folder, and makes it before where nobody has yet.
 *
 * @param folder of this run, as `setup` provides it.
 * @throws when it could not be made here or by the test file that began to.
 */
export async function copyCluster(folder: string, target: string): Promise<void> {
  const cluster = join(folder, 'cluster');
  const made = join(folder, 'made');
  const failed = join(folder, 'failed');
  let mine = true;
  try {
    mkdirSync(join(folder, 'making'));
  } catch {
    mine = false;
  }
  if (mine) {
    try {
      await makeCluster(cluster);
      writeFileSync(made, '');
    } catch (error) {
      writeFileSync(failed, String(error));
      throw error;
    }
  }
  while (!existsSync(made)) {
    if (existsSync(failed))
      throw new Error('another test file could not make the databases; see its failure');
    await sleep(50);
  }
  // The files belong to the server's account, which copying with the file system's own call would forget.
  execFileSync('cp', ['-Rp', `${cluster}/.`, target]);
}
