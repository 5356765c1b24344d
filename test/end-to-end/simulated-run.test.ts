import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '#src/status/report.ts';
import type { SystemReport } from '#src/status/system-status.ts';
import type { TapeStatus } from '#src/status/tape-status.ts';
import { gathererCalls } from '../../containers/gatherer/contract.ts';
import { mergeCalls } from '../../lambdas/merge/contract.ts';
import { writerCalls } from '../../lambdas/writer/contract.ts';
import type { RunState } from '../../local/run/state-file.ts';
import type { RunSummary } from '../../local/run/summary.ts';
import { WatchedRun } from './runs.ts';
import { type CommandResult, jsonLines, startTape, tape } from './tape.ts';

const data = mkdtempSync(join(tmpdir(), 'tape-run-'));
let run: WatchedRun;
let state: RunState;
let result: CommandResult;
let summary: RunSummary;
let toldByConsole: SystemReport;
let page: Response;
const RUN_MILLIS = 50_000;
const while_running: Record<string, CommandResult> = {};
let simulatorBook: { bids: number[][]; asks: number[][] };
let tapeBook: { complete: boolean; bids: number[][]; asks: number[][] };

interface Asked {
  readonly instrument: string;
  readonly at: string;
  readonly book: typeof simulatorBook;
}

/** The simulator's own books of some instruments at an instant, asked while it runs. */
async function simulatorBooks(): Promise<Asked[]> {
  const recent = await tape('trades', '--data', data, '--venue', 'kalshi', '--limit', '200', '--json');
  const traded = new Set(jsonLines<{ instrument: string }>(recent.stdout).map((trade) => trade.instrument));
  const at = String((Date.now() - 6_000) * 1_000);
  return await Promise.all(
    [...traded].slice(-6).map(async (instrument) => {
      const url = `${state.simulator!.control}/control/book?venue=kalshi&instrument=${instrument}&at=${at}`;
      return { instrument, at, book: (await (await fetch(url)).json()) as typeof simulatorBook };
    }),
  );
}

/** The tape's book of the first of them that is complete: what a fault put into a gap never becomes so. */
async function compareOneBook(books: readonly Asked[]): Promise<void> {
  for (const { instrument, at, book } of books) {
    simulatorBook = book;
    const asked = ['--venue', 'kalshi', '--instrument', instrument, '--at', at, '--json'];
    const answer = await tape('book', '--data', data, ...asked);
    if (answer.code === 0) tapeBook = JSON.parse(answer.stdout) as typeof tapeBook;
    if (tapeBook?.complete) return;
  }
}

beforeAll(async () => {
  const command = startTape(
    ...['up', '--source', 'sim', '--fresh', '--json', '--data', data],
    ...['--kill', 'a@8', '--kill', 'b@14', '--faults', 'usual', '--seed', '7'],
  );
  run = new WatchedRun(command, data);
  state = await run.capturing();
  const captures = Date.now();
  while_running['second start'] = await tape('up', '--data', data, '--seconds', '1');
  await sleep(16_000);
  run.state();
  const books = await simulatorBooks();
  const console = await run.until('the console', () => run.state()?.console);
  toldByConsole = (await (await fetch(`${console}/v1/status`)).json()) as SystemReport;
  page = await fetch(console);
  while_running['status'] = await tape('status', '--data', data, '--json');
  while_running['markets'] = await tape('markets', '--data', data, '--limit', '5', '--json');
  while_running['gaps'] = await tape('gaps', '--data', data, '--json');
  while_running['migrate'] = await tape('migrate', '--data', data, '--json');
  await compareOneBook(books);
  // On a busy machine all of that takes longer than the run is to last.
  await sleep(captures + RUN_MILLIS - Date.now());
  process.kill(command.pid, 'SIGINT');
  result = await command.finished;
  summary = JSON.parse(result.stdout) as RunSummary;
}, 400_000);

afterAll(() => rmSync(data, { recursive: true, force: true }));

describe('a run on simulated venues, with two gatherers killed and the usual faults', () => {
  it('ends when it is told to, with nothing missing, nothing extra and no wrong book', () => {
    expect(result.stderr).not.toMatch(/^(missing|extra|wrong book):/m);
    expect(summary.truth).toMatchObject({ missing: 0, extra: 0, undeclared: 0, books_wrong: 0 });
    expect(result.code).toBe(0);
  });

  it('compared as many events and books as the exchange made in that time', () => {
    expect(summary.truth!.on_tape).toBeGreaterThan(15_000);
    expect(summary.truth!.after_horizon).toBe(0);
    expect(summary.truth!.in_gaps).toBeLessThan(summary.truth!.events / 5);
    expect(summary.truth!.books_incomplete).toBeLessThan(summary.truth!.books_compared);
    expect(summary.truth!.on_tape + summary.truth!.in_gaps + summary.truth!.after_horizon).toBe(
      summary.truth!.events,
    );
    expect(summary.truth!.books_compared).toBeGreaterThan(100);
  });

  it('stored every line on its own, and the tape dropped the copies', () => {
    for (const line of ['a', 'b', 'c']) expect(summary.lines[line]!.stored).toBeGreaterThan(5_000);
    expect(summary.tape.duplicates).toBeGreaterThan(summary.truth!.on_tape);
  });

  it('measures latency and memory', () => {
    expect(summary.latency_ms.frame_to_stream.p99).toBeGreaterThan(0);
    expect(summary.latency_ms.frame_to_tape.p50).toBeGreaterThan(0);
    expect(summary.peak_rss_mb['gatherer-a']).toBeGreaterThan(0);
  });

  it('shows its lines while it runs', () => {
    const status = JSON.parse(while_running['status']!.stdout) as StatusReport;
    expect(status.tape).toMatchObject({ worst_line: { lag_seconds: expect.any(Number) } });
    expect(Object.keys((status.tape as TapeStatus).lag_seconds)).toEqual(['a', 'b', 'c']);
    expect((status.tape as TapeStatus).offenders.length).toBeGreaterThan(0);
    for (const line of ['a', 'b', 'c']) {
      const { venues, rates, health } = status.lines[line]!;
      expect(health).toEqual({ ok: true, reasons: [] });
      expect(rates!.events_per_second).toBeGreaterThan(10);
      expect(venues['kalshi']!.expected + venues['polymarket']!.expected).toBeGreaterThan(2_000);
    }
  });

  it('shows lines, tape and jobs in its console, too', () => {
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(toldByConsole.source).toBe('sim');
    for (const line of ['a', 'b', 'c']) expect(toldByConsole.lines[line]!.events).toBeGreaterThan(1_000);
    const merge = toldByConsole.jobs.find(({ name }) => name.includes('Merge'))!;
    expect(merge.runs).toBeGreaterThan(1);
    expect(merge.took_ms).toBeGreaterThan(0);
    expect(merge.output).toMatchObject({ inserted: expect.any(Number) });
    expect([...run.seen.values()]).toContain('console');
  });

  it('answers for the book at an instant what the exchange had then', () => {
    expect(tapeBook.complete).toBe(true);
    expect({ bids: tapeBook.bids, asks: tapeBook.asks }).toEqual({
      bids: simulatorBook.bids,
      asks: simulatorBook.asks,
    });
  });

  it('lists markets and the gaps before the first book was proven', () => {
    expect(jsonLines(while_running['markets']!.stdout)).toHaveLength(5);
    expect(jsonLines<{ line: string }>(while_running['gaps']!.stdout).length).toBeGreaterThan(0);
  });

  it('has the newest schema already', () => {
    const databases = jsonLines<{ applied: string[] }>(while_running['migrate']!.stdout);
    expect(databases).toHaveLength(4);
    for (const { applied } of databases) expect(applied).toEqual([]);
  });

  it('refuses a second run on the same folder in one line', () => {
    expect(while_running['second start']!.code).toBe(1);
    expect(while_running['second start']!.stderr.trim()).toMatch(
      /^tape: another run \(process \d+\) already uses [^\n]+$/,
    );
  });

  it('asked of AWS what its programs declare, and nothing that their roles do not allow', () => {
    const { made, denied } = JSON.parse(readFileSync(join(data, 'aws-calls.json'), 'utf8')) as {
      made: { role: string; action: string }[];
      denied: string[];
    };
    expect(denied).toEqual([]);
    const actions = (role: RegExp): string[] =>
      [...new Set(made.filter((call) => role.test(call.role)).map(({ action }) => action))].sort();
    const reading = ['kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'];
    for (const line of ['a', 'b', 'c']) {
      expect(actions(new RegExp(`gatherer-${line}-GathererTask`))).toEqual(
        gathererCalls.flatMap(({ action, on }) => (on === 'kalshiKey' ? [] : [action])).sort(),
      );
      expect(actions(new RegExp(`gatherer-${line}-Writer`))).toEqual(
        [...reading, ...writerCalls.map(({ action }) => action)].sort(),
      );
    }
    expect(actions(/jobs-MergeFunction/)).toEqual(mergeCalls.map(({ action }) => action).sort());
    expect(actions(/jobs-MergeScheduleMachine/)).toEqual(['lambda:InvokeFunction']);
    expect(actions(/jobs-SnapshotPollScheduleMachine/)).toEqual(['lambda:InvokeFunction']);
    expect(actions(/jobs-SchedulerRole/)).toEqual(['states:StartExecution']);
  });

  it('recorded the raw frames of all lines and leaves no process', () => {
    const bucket = join(data, 'aws', 's3');
    expect(
      readdirSync(bucket, { recursive: true }).filter((name) => String(name).includes('jsonl')).length,
    ).toBeGreaterThan(3);
    // Two gatherers had two lives.
    expect(run.seen.size).toBeGreaterThan(8);
    expect(run.alive()).toEqual([]);
  });
});
