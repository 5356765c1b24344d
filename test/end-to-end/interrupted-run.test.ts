import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { startPostgres } from '../../local/postgres/server.ts';
import type { RunSummary } from '../../local/run/summary.ts';
import { WatchedRun } from './runs.ts';
import { startTape, tape } from './tape.ts';

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'tape-interrupted-'));
  folders.push(made);
  return made;
};
const runs: WatchedRun[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) {
    await run.kill();
    for (const ends = Date.now() + 60_000; run.alive().length > 0 && Date.now() < ends; ) await sleep(100);
  }
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});

function start(data: string, ...parameters: string[]): WatchedRun {
  const run = new WatchedRun(startTape('up', '--json', '--data', data, '--rate', '100', ...parameters), data);
  runs.push(run);
  return run;
}

const sumOfRows = ({ tape: { rows } }: RunSummary): number =>
  Object.values(rows).reduce((total, count) => total + count, 0);

/** Rows of events in each of the run's databases. */
async function rowsKept(data: string): Promise<Record<string, number>> {
  const server = await startPostgres({ dir: join(data, 'postgres'), databases: [] });
  const kept: Record<string, number> = {};
  try {
    for (const database of ['line_a', 'line_b', 'line_c', 'production']) {
      const client = new pg.Client({ connectionString: server.url(database) });
      await client.connect();
      const { rows } = await client.query<{ count: string }>(
        `SELECT (SELECT count(*) FROM trades) + (SELECT count(*) FROM order_book_deltas)
           + (SELECT count(*) FROM order_book_snapshots) + (SELECT count(*) FROM tickers)
           + (SELECT count(*) FROM market_lifecycle) AS count`,
      );
      kept[database] = Number(rows[0]!.count);
      await client.end();
    }
  } finally {
    await server.stop();
  }
  return kept;
}

async function allGone(run: WatchedRun, limitMillis: number): Promise<void> {
  for (const ends = Date.now() + limitMillis; run.alive().length > 0 && Date.now() < ends; ) await sleep(100);
  expect(run.alive()).toEqual([]);
}

describe('a run that is interrupted', () => {
  it('drains at Ctrl-C, and a second start goes on with the data and speaks of itself alone', async () => {
    const data = folder();
    const first = start(data);
    await first.capturing();
    await sleep(9_000);
    process.kill(first.command.pid, 'SIGINT');
    const interrupted = await first.command.finished;
    const before = JSON.parse(interrupted.stdout) as RunSummary;
    expect(before.truth).toMatchObject({ missing: 0, extra: 0, undeclared: 0, books_wrong: 0 });
    expect(before.truth!.on_tape).toBeGreaterThan(100);
    expect(interrupted.code).toBe(0);
    expect(first.alive()).toEqual([]);

    const second = start(data, '--seconds', '6');
    await second.capturing();
    const { code, stdout } = await second.command.finished;
    const after = JSON.parse(stdout) as RunSummary;
    expect(after.truth).toMatchObject({ missing: 0, extra: 0, undeclared: 0, books_wrong: 0 });
    expect(code).toBe(0);
    // What both runs say together is what is there: neither counts the other's rows, nor does any come after it.
    const kept = await rowsKept(data);
    for (const [name, { stored }] of Object.entries(after.lines)) {
      expect(stored, name).toBeGreaterThan(0);
      expect(stored + before.lines[name]!.stored, name).toBe(kept[`line_${name}`]);
    }
    expect(sumOfRows(after)).toBeGreaterThan(0);
    expect(sumOfRows(after) + sumOfRows(before)).toBe(kept['production']);
    const stored = Object.values(after.lines).reduce((total, line) => total + line.stored, 0);
    expect(after.tape.duplicates).toBe(stored - sumOfRows(after));
  }, 400_000);

  it('ends at once at the second Ctrl-C, with no process left and the folder free', async () => {
    const data = folder();
    const run = start(data);
    await run.capturing();
    process.kill(run.command.pid, 'SIGINT');
    await run.until('the drain', () => (run.command.stderr().includes('stopping: draining') ? true : null));
    await sleep(400);
    process.kill(run.command.pid, 'SIGINT');
    const { code, stdout } = await run.command.finished;
    expect(code).toBe(130);
    expect(stdout).toBe('');
    await allGone(run, 10_000);
    expect((await tape('status', '--data', data)).stderr).toMatch(/^tape: nothing is running in /);
    expect((await tape('markets', '--data', data, '--limit', '1')).code).toBe(0);
  }, 300_000);

  it('ends before it begins at Ctrl-C during the start, in one line and with no process left', async () => {
    const data = folder();
    const run = start(data);
    await run.until('the databases', () => run.state());
    process.kill(run.command.pid, 'SIGINT');
    const { code, stderr } = await run.command.finished;
    expect(code).toBe(130);
    expect(stderr.trim().split('\n').at(-1)).toBe('tape: stopped before the capture began');
    expect(stderr).not.toContain('lines are capturing');
    expect(run.alive()).toEqual([]);
  }, 300_000);

  it.each(['postgres', 'stand-ins'])(
    'says in one line that a part ended without which it is nothing, and leaves no process: %s',
    async (part) => {
      const data = folder();
      const run = start(data);
      const { processes } = await run.capturing();
      process.kill(processes[part]!, 'SIGKILL');
      const { code, stdout, stderr } = await run.command.finished;
      expect(code).toBe(1);
      expect(stdout).toBe('');
      const last = stderr.trim().split('\n').at(-1)!;
      expect(last).toMatch(
        part === 'postgres' ? /^tape: the PostgreSQL server ended/ : /^tape: stand-ins ended \(SIGKILL\)/,
      );
      expect(run.alive()).toEqual([]);
    },
    300_000,
  );

  it('leaves no process when it is itself killed', async () => {
    const data = folder();
    const run = start(data);
    await run.capturing();
    process.kill(run.command.pid, 'SIGKILL');
    await run.command.finished;
    await allGone(run, 60_000);
  }, 300_000);
});

describe('a simulated run whose configuration names the real venues', () => {
  it('is refused in one line before anything connects, and leaves no process', async () => {
    const data = folder();
    const text = readFileSync('config/local.yaml', 'utf8');
    const file = join(data, 'real.yaml');
    writeFileSync(file, text.replace('rest_url: ${KALSHI_REST_URL:-', 'rest_url: ${NOTHING:-'));
    const run = start(join(data, 'data'), '--config', file);
    await run.until('the databases', () => run.state());
    const { code, stderr } = await run.command.finished;
    expect(code).toBe(1);
    expect(stderr).not.toContain('lines are capturing');
    expect(stderr.trim().split('\n').at(-1)).toContain(
      `tape: ${file}: venues.kalshi.rest_url: names https://external-api.kalshi.com`,
    );
    expect(run.alive()).toEqual([]);
  }, 200_000);
});
