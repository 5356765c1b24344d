import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FindingLog } from '#src/audit/finding.ts';
import { auditTapeGaps } from '#src/audit/gap-audit.ts';
import { heatMap } from '#src/coverage/heat-map.ts';
import { LineAccounts } from '#src/coverage/line-accounts.ts';
import { type CoverageMinute, coverageMinutes } from '#src/coverage/minutes.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { coverageCommand } from '../../cli/commands/coverage.ts';
import type { DatabaseOpener } from '../../cli/queries/database.ts';
import { readParquet } from '../export/readers.ts';
import { delta, gapRow, heartbeat, runUntilDone, store, trade, type World, world } from '../merge/lines.ts';
import { jsonLines, outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const MINUTE = 60_000_000;
/** Begin of a minute of 2026. */
const M0 = Math.floor(1_795_187_045_000_000 / MINUTE) * MINUTE;
const us = (value: number): Micros => value as Micros;

let made: World;
let folder: string;

/**
 * Lines a and b run from M0 − 2 min, c from M0 + 1 min; all prove K1 at once. Events in minutes 0 and 3, of which c
 * misses the first. K1 is in a gap of all lines from 4 min to 4 min 30 s, and from 6 min on for two minutes.
 */
beforeEach(async () => {
  made = await world(databases);
  folder = mkdtempSync(join(tmpdir(), 'coverage-'));
  for (const line of lineNames) {
    const client = made.sessions[line];
    const started = line === 'c' ? M0 + MINUTE : M0 - 2 * MINUTE;
    await heartbeat(client, line, 'e1', started, M0 + 9 * MINUTE + 5_000_000);
    await store(client, 'gaps', [
      gapRow(`${line}:e1:1`, started, started),
      gapRow(`${line}:e1:2`, M0 + 4 * MINUTE + 1_000_000, M0 + 4 * MINUTE + 30_000_000, {
        cause: 'disconnected',
      }),
      gapRow(`${line}:e1:3`, M0 + 6 * MINUTE + 1_000_000, M0 + 8 * MINUTE, { cause: 'disconnected' }),
    ]);
    const seen = [delta({ exchange_ts: M0 + 3 * MINUTE + 5 }), trade({ exchange_ts: M0 + 3 * MINUTE + 6 })];
    await store(client, 'order_book_deltas', seen.slice(0, 1));
    await store(client, 'trades', seen.slice(1));
    if (line !== 'c') await store(client, 'order_book_deltas', [delta({ exchange_ts: M0 + 5 })]);
  }
  await store(made.sessions.a, 'gaps', [
    gapRow('a:e1:4', M0 + 3 * MINUTE + 2_000_000, M0 + 3 * MINUTE + 9_000_000, { cause: 'sequence_gap' }),
  ]);
  made.now = us(M0 + 9 * MINUTE + 5_000_000);
  await runUntilDone(made.merge());
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function minutes(from = M0, to = M0 + 20 * MINUTE): Promise<CoverageMinute[]> {
  const found: CoverageMinute[] = [];
  for await (const minute of coverageMinutes(made.production, { from: us(from), to: us(to) }, defaultRules))
    found.push(minute);
  return found;
}

describe('coverage by minute', () => {
  it('tells of each line whether it ran and what it can prove, and its events', async () => {
    const [first, third] = await minutes(M0, M0 + 4 * MINUTE);
    expect(first).toMatchObject({
      instrument: 'K1',
      minute: M0,
      tape: 'proven',
      events: 1,
      inGap: 0,
      lines: {
        a: { state: 'proven', events: 1, causes: [] },
        b: { state: 'proven', events: 1, causes: [] },
        c: { state: 'down', events: 0, causes: ['line_down'] },
      },
    });
    expect(third).toMatchObject({
      minute: M0 + 3 * MINUTE,
      tape: 'proven',
      events: 2,
      lines: {
        a: { state: 'partly', events: 2, causes: ['sequence_gap'] },
        b: { state: 'proven', events: 2 },
        c: { state: 'proven', events: 2 },
      },
    });
  });

  it('has the minutes in gaps of the tape also where nothing happened, and no other quiet ones', async () => {
    const found = await minutes();
    expect(found.map(({ minute, tape, inGap }) => [(minute - M0) / MINUTE, tape, inGap])).toEqual([
      [0, 'proven', 0],
      [3, 'proven', 0],
      [4, 'partly', 30_000_000],
      [6, 'gap', MINUTE],
      [7, 'gap', MINUTE],
    ]);
    expect(found[3]!.lines.b).toEqual({ state: 'unproven', events: 0, causes: ['disconnected'] });
  });

  it('calls a minute pending that not all running lines are merged past', async () => {
    for (const line of lineNames)
      await store(made.sessions[line], 'order_book_deltas', [delta({ exchange_ts: M0 + 9 * MINUTE + 1 })]);
    await runUntilDone(made.merge());
    expect((await minutes()).at(-1)).toMatchObject({ minute: M0 + 9 * MINUTE, tape: 'pending', events: 1 });
  });

  it('keeps instruments apart and in order', async () => {
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:9`, M0 - 2 * MINUTE, M0 + 2 * MINUTE, { instruments: ['K0'] }),
      ]);
      await store(made.sessions[line], 'order_book_deltas', [
        delta({ instrument: 'K2', exchange_ts: M0 + MINUTE }),
      ]);
    }
    await runUntilDone(made.merge());
    const found = await minutes(M0, M0 + 4 * MINUTE);
    expect(found.map(({ instrument, minute, tape }) => [instrument, (minute - M0) / MINUTE, tape])).toEqual([
      ['K0', 0, 'gap'],
      ['K0', 1, 'gap'],
      ['K1', 0, 'proven'],
      ['K1', 3, 'proven'],
      ['K2', 1, 'proven'],
    ]);
    // No line ever said that it expects K2, so none proves anything of it.
    expect(found[4]!.lines.b).toMatchObject({ state: 'unproven', causes: ['not_subscribed'] });
  });
});

describe('an instrument that began late and is over', () => {
  const figures = async (from: number, to: number) =>
    await auditTapeGaps(
      made.production,
      new LineAccounts(made.production, defaultRules, us(M0 + from * MINUTE)),
      'kalshi',
      { from: us(M0 + from * MINUTE), to: us(M0 + to * MINUTE) },
      new FindingLog(9),
    );

  beforeEach(async () => {
    for (const line of lineNames)
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:20`, M0 + 5 * MINUTE, M0 + 5.5 * MINUTE, { instruments: ['B1'] }),
        gapRow(`${line}:e1:21`, M0 + 7 * MINUTE, null, { instruments: ['B1'], cause: 'market_over' }),
      ]);
    await runUntilDone(made.merge());
  });

  it('lacks nothing before and after, although the tape has a gap of it from the first start on', async () => {
    const { rows } = await made.production.query(
      `SELECT from_ts::bigint < $1 AS early FROM gaps WHERE line = 'tape' AND instrument = 'B1'`,
      [M0],
    );
    expect(rows).toEqual([{ early: true }]);
    const own = (await minutes()).filter(({ instrument }) => instrument === 'B1');
    expect(own.map(({ minute, tape }) => [(minute - M0) / MINUTE, tape])).toEqual([[5, 'partly']]);
  });

  it('counts for the time in which it may have events, or from when its market opened', async () => {
    expect(await figures(0, 3)).toEqual({ instruments: 1, time: 3 * MINUTE, in_gap: 0 });
    // Of K1 thirty seconds and two minutes, of B1 thirty seconds.
    expect(await figures(0, 8)).toEqual({ instruments: 2, time: 10 * MINUTE, in_gap: 3 * MINUTE });
    await made.production.query(
      `INSERT INTO markets (venue, market, title, status, open_ts, details, updated_at) VALUES ('kalshi', 'B', 'x', 'open', $1, '{}', 1)`,
      [M0 + 4 * MINUTE],
    );
    await made.production.query(
      `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES ('kalshi', 'B1', 'B', 'YES', 0, 1)`,
    );
    expect(await figures(0, 8)).toEqual({ instruments: 2, time: 11 * MINUTE, in_gap: 4 * MINUTE });
    const own = (await minutes()).filter(({ instrument }) => instrument === 'B1');
    expect(own.map(({ minute }) => (minute - M0) / MINUTE)).toEqual([4, 5]);
  });

  it('is not looked at in spans that none of its gaps reaches into', async () => {
    class Asked extends LineAccounts {
      readonly asked: string[] = [];
      override async gaps(venue: string, instrument: string) {
        this.asked.push(instrument);
        return await super.gaps(venue, instrument);
      }
    }
    const asked = async (from: number, to: number): Promise<string[]> => {
      const span = { from: us(M0 + from * MINUTE), to: us(M0 + to * MINUTE) };
      const accounts = new Asked(made.production, defaultRules, span.from);
      await auditTapeGaps(made.production, accounts, 'kalshi', span, new FindingLog(9));
      return accounts.asked.filter((instrument) => instrument !== '*');
    };
    expect(await asked(5.1, 5.2)).toEqual(['B1']);
    expect(await asked(5.6, 5.9)).toEqual([]);
    expect(await asked(7.1, 7.9)).toEqual(['K1']);
  });

  it('counts while nothing of the venue is proven, though it has no gap of its own then', async () => {
    await made.production.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ('tape', 'all', 'kalshi', '*', $1, $2, 'x')`,
      [M0 + 6 * MINUTE, M0 + 6.5 * MINUTE],
    );
    // K1 lies in a gap of its own as well.
    expect(await figures(5.5, 7)).toEqual({ instruments: 2, time: 3 * MINUTE, in_gap: 1.5 * MINUTE });
  });
});

describe('the heat map', () => {
  it('puts several minutes into a column and keeps the worst of them', async () => {
    const span = { from: us(M0), to: us(M0 + 10 * MINUTE) };
    const map = await heatMap(coverageMinutes(made.production, span, defaultRules), span, {
      columns: 5,
      rows: 3,
    });
    expect(map).toMatchObject({ step: 2 * MINUTE, columns: 5, leftOut: 0 });
    expect(map.rows[0]!.cells).toEqual([
      { proving: 2, inGap: 0, isPending: false, events: 1 },
      { proving: 2, inGap: 0, isPending: false, events: 2 },
      { proving: 0, inGap: 0.5, isPending: false, events: 0 },
      { proving: 0, inGap: 1, isPending: false, events: 0 },
      null,
    ]);
  });

  it('keeps the busiest instruments and says how many it left out', async () => {
    async function* many(): AsyncGenerator<CoverageMinute> {
      const [first] = await minutes();
      for (let index = 0; index < 50; index++)
        yield { ...first!, instrument: `I${String(index).padStart(2, '0')}`, events: index };
    }
    const span = { from: us(M0), to: us(M0 + MINUTE) };
    const map = await heatMap(many(), span, { columns: 5, rows: 2 });
    expect(map.rows.map(({ instrument }) => instrument)).toEqual(['I49', 'I48']);
    expect(map.leftOut).toBe(48);
  });
});

describe('tape coverage', () => {
  const openDatabase: DatabaseOpener = async () => ({
    client: await made.productionDatabase.connect(),
    close: async () => {},
  });
  const run = async (...values: string[]): Promise<string> =>
    await outputOf(
      coverageCommand({ openDatabase }),
      ...['--from', String(M0), '--to', String(M0 + 10 * MINUTE), ...values],
    );

  it('prints minutes for people and for programs', async () => {
    const table = (await run()).split('\n');
    expect(table[0]).toMatch(/^venue +instrument +minute +tape +events +in_gap +a +b +c$/);
    expect(table[1]).toMatch(
      /kalshi +K1 +2026-11-20 \d\d:\d\d +proven +1 +- +proven 1 +proven 1 +down 0 \(line_down\)/,
    );
    const json = (await run('--json', '--limit', '1')).trim();
    expect(JSON.parse(json)).toMatchObject({ minute: M0, c: 'down', events_c: 0, causes_c: ['line_down'] });
  });

  it('writes the same columns as Parquet that it prints for programs', async () => {
    const file = join(folder, 'minutes.parquet');
    await run('--parquet', file);
    expect(await readParquet(file)).toEqual(jsonLines(await run('--json')));
  });

  it('prints the condition of hours', async () => {
    const rows = (await run('--hours', '--json')).trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).condition)).toContain('pending');
  });

  it('draws the map in the terminal, and as an image in which no name becomes markup', async () => {
    const map = await run('--map');
    expect(map).toMatch(/^K1 +▒ {2}▒! ×× +3$/m);
    await store(made.sessions.a, 'order_book_deltas', [delta({ instrument: '<b>&"', exchange_ts: M0 + 7 })]);
    await runUntilDone(made.merge());
    const file = join(folder, 'map.svg');
    expect(await run('--image', file)).toBe('');
    const image = readFileSync(file, 'utf8');
    expect(image).toContain('kalshi &lt;b&gt;&amp;&quot;');
    expect(image).not.toContain('<b>');
    expect(image.match(/<rect /g)!.length).toBeGreaterThan(10);
  });

  it('fails in one line for a span that ends before it begins, and an image that cannot be written', async () => {
    await expect(run('--to', String(M0))).rejects.toThrow('--to must be later than --from');
    await expect(run('--image', join(folder, 'none', 'x.svg'))).rejects.toThrow(/--image .*ENOENT/);
  });
});
