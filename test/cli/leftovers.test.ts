import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { T0 } from '../merge/lines.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tape-leftovers-'));
let number = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program whose temporary folder is one of its own. */
function started(...parameters: string[]) {
  const scratch = join(folder, String(++number));
  mkdirSync(scratch);
  const child = spawn(process.execPath, parameters, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: scratch },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stderr })),
  );
  return { child, scratch, ended, isEmpty: () => readdirSync(scratch).length === 0 };
}

describe('a command that is told to end', () => {
  it.each([
    ['export', 'SIGINT', 130, ['export', '--out', join(folder, 'out')]],
    ['replay', 'SIGTERM', 143, ['replay']],
    ['replay into a file', 'SIGINT', 130, ['replay', '--save', join(folder, 'parquet', 'tape.jsonl.zst')]],
    ['trades as Parquet', 'SIGINT', 130, ['trades', '--parquet', join(folder, 'parquet', 'trades.parquet')]],
  ] as const)('leaves nothing behind: %s', async (_, signal, code, parameters) => {
    const database: TestDatabase = await databases.fresh('production');
    mkdirSync(join(folder, 'parquet'), { recursive: true });
    // Whoever reads trades waits.
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE trades, order_book_deltas IN ACCESS EXCLUSIVE MODE');
    const span = ['--from', String(T0), '--to', String(T0 + 86_400_000_000)];
    const { child, ended, scratch } = started(
      'cli/tape.ts',
      ...parameters,
      '--database',
      database.url,
      ...span,
    );
    const left = (): string[] => [...readdirSync(scratch), ...readdirSync(join(folder, 'parquet'))];
    await expect.poll(() => left().length, { timeout: 150_000 }).toBeGreaterThan(0);
    child.kill(signal);
    expect(await ended).toEqual({ code, stderr: '' });
    expect(left()).toEqual([]);
  });
});

describe('the simulated exchange', () => {
  it('leaves no key behind where it cannot start, or is told to end before it is ready', async () => {
    const failed = started('sim/main.ts', '--truth', join(folder, 'none', 'truth'));
    expect(await failed.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^tape sim: ENOENT/) });
    expect(failed.isEmpty()).toBe(true);
    const early = started('sim/main.ts', '--kalshi-markets', '20000');
    await expect.poll(early.isEmpty, { timeout: 60_000, interval: 1 }).toBe(false);
    early.child.kill('SIGTERM');
    expect(await early.ended).toEqual({ code: 0, stderr: '' });
    expect(early.isEmpty()).toBe(true);
  });
});
