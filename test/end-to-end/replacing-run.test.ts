import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../local/run/summary.ts';
import { WatchedRun } from './runs.ts';
import { type CommandResult, jsonLines, startTape, tape } from './tape.ts';

const MAX_AGE_SECONDS = 10;
/** Every venue has had the time to replace sockets of every line by then. */
const KILLED_AT_SECONDS = 30;
const SECONDS = 42;

const folder = mkdtempSync(join(tmpdir(), 'tape-replacing-'));
const data = join(folder, 'data');
let ended: CommandResult;
let truth: NonNullable<RunSummary['truth']>;
/** When the three gatherers were killed, microseconds, at most a second early. */
let killedAt: number;

interface Gap {
  readonly venue: string;
  readonly instrument: string;
  readonly from: number;
  readonly to: number | null;
  readonly causes: readonly string[];
}
let gaps: Gap[];

/** Names of all sockets, with their epochs, whose frames one line recorded. */
function recordedConnections(line: string): Set<string> {
  const names = new Set<string>();
  const bucket = join(data, 'aws', 's3');
  for (const file of readdirSync(bucket, { recursive: true }).map(String)) {
    if (!file.includes(`gatherer=${line}/`)) continue;
    if (!file.endsWith('.jsonl.zst._S3rver_object')) continue;
    const lines = zstdDecompressSync(readFileSync(join(bucket, file))).toString('utf8');
    for (const { conn } of jsonLines<{ conn: string }>(lines)) names.add(conn);
  }
  return names;
}

beforeAll(async () => {
  const configuration = join(folder, 'replacing.yaml');
  const text = readFileSync('config/local.yaml', 'utf8');
  writeFileSync(
    configuration,
    text.replace(/^capture:$/m, `$&\n  connection_max_age_seconds: ${MAX_AGE_SECONDS}`),
  );
  const command = startTape(
    ...['up', '--seconds', String(SECONDS), '--json', '--data', data, '--config', configuration],
    ...['a', 'b', 'c'].flatMap((line) => ['--kill', `${line}@${KILLED_AT_SECONDS}`]),
  );
  const run = new WatchedRun(command, data);
  await run.until(
    'the kill',
    () => (command.stderr().includes('killing the gatherer') ? true : null),
    300_000,
  );
  killedAt = Date.now() * 1_000;
  ended = await command.finished;
  truth = (JSON.parse(ended.stdout) as RunSummary).truth!;
  gaps = jsonLines<Gap>((await tape('gaps', '--data', data, '--json')).stdout);
}, 500_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run that replaces its connections and loses all three lines at once', () => {
  it.each(['a', 'b', 'c'])('had sockets of both venues replaced on line %s', (line) => {
    const successors = [...recordedConnections(line)].filter((name) => !name.endsWith('#1'));
    expect(successors.filter((name) => name.startsWith('kalshi-')).length).toBeGreaterThan(0);
    expect(successors.filter((name) => name.startsWith('polymarket-')).length).toBeGreaterThan(0);
  });

  it('has every event of its sockets once and every book right', () => {
    expect(ended.stderr).not.toMatch(/^(missing|extra|wrong book):/m);
    expect(truth).toMatchObject({ missing: 0, extra: 0, books_wrong: 0 });
    expect(truth.on_tape).toBeGreaterThan(10_000);
    expect(truth.books_compared).toBeGreaterThan(100);
  });

  it('declares as a gap all of the time in which nobody was connected', () => {
    expect(truth.unsent).toBeGreaterThan(0);
    expect(ended.stderr).not.toMatch(/^undeclared:/m);
    expect(truth.undeclared).toBe(0);
    expect(ended.code).toBe(0);
  });

  it('declares it of both venues, from no earlier than the lines can prove', () => {
    // On an overloaded machine all lines may stand still at other times, too, which is declared as well.
    const lost = gaps.filter(
      ({ instrument, from, to }) =>
        instrument === '*' && from < killedAt + 1_000_000 && to !== null && to > killedAt - 1_000_000,
    );
    expect(lost.map(({ venue }) => venue).sort()).toEqual(['kalshi', 'polymarket']);
    for (const { from, causes } of lost) {
      expect(causes).toEqual(expect.arrayContaining(['a:line_down', 'b:line_down', 'c:line_down']));
      expect(from).toBeGreaterThan(0);
      // A heartbeat goes out every second, and vouches for what the stream has.
      expect(killedAt - from).toBeLessThan(15_000_000);
    }
  });

  it('excuses little besides: few of the events that were sent lie in its gaps', () => {
    expect(truth.in_gaps).toBeLessThan(truth.events * 0.25);
    expect(truth.after_horizon).toBe(0);
  });
});
