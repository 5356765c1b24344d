import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { JobLedger, readJobRuns } from '../../local/run/job-ledger.ts';
import { layoutOf } from '../../local/run/layout.ts';
import { runSystem } from '../../local/run/run-system.ts';
import type { RunState } from '../../local/run/state-file.ts';

let folder = '';
const dataFolder = (): string => {
  folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
  return folder;
};
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('knows the last run of every job, and how many there were and failed', () => {
  const file = join(dataFolder(), 'jobs.json');
  const ledger = new JobLedger(file);
  expect(readJobRuns(file)).toEqual([]);
  ledger.record({ name: 'Merge', tookMillis: 5, output: { inserted: 1 } }, 1_000);
  ledger.record({ name: 'Poll', tookMillis: 9, output: { all: 'x'.repeat(3_000) } }, 1_500);
  ledger.record({ name: 'Merge', tookMillis: 7, error: 'Timeout: too slow' }, 2_000);
  const merge = { name: 'Merge', ended_at: 2_000, took_ms: 7, runs: 2, failures: 1, output: null };
  expect(readJobRuns(file)).toEqual([
    { ...merge, error: 'Timeout: too slow' },
    // What would fill the page is left out.
    { name: 'Poll', ended_at: 1_500, took_ms: 9, runs: 1, failures: 0, error: null, output: null },
  ]);
  writeFileSync(file, '[{"name"');
  expect(readJobRuns(file)).toEqual([]);
});

it('says of a line that does not answer that it does not', async () => {
  const line = { url: 'postgresql://127.0.0.1:1/x', health: 'http://127.0.0.1:1' };
  const state: RunState = {
    pid: process.pid,
    processes: {},
    startedAt: '2026-11-21T10:00:00.000Z',
    source: 'sim',
    production: { url: 'postgresql://127.0.0.1:1/x' },
    lines: { a: line, b: line, c: { ...line, health: null } },
    console: null,
    simulator: null,
  };
  const system = runSystem(layoutOf(dataFolder()), state);
  expect([system.source, system.startedAt, system.jobs()]).toEqual(['sim', state.startedAt, []]);
  expect(await system.lines()).toEqual({ a: null, b: null, c: null });
});
