import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latestTime, readLives } from '#src/storage/production/gap-merge.ts';
import { type LineName, lineNames } from '#src/storage/production/merge-statements.ts';
import { tapeHealth } from '#src/storage/production/tape-health.ts';
import { horizonOf } from '#src/storage/production/tape-queries.ts';
import { gapsOfInstrument } from '#src/tape/gaps.ts';
import type { LineGap } from '#src/tape/line-account.ts';
import { BEGINNINGS, marketOver } from '#src/tape/line-account.ts';
import type { TapeRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { useDatabases } from '../storage/database.ts';
import { gapRow, heartbeat, type Row, reset, store, T0, trade, type World, world } from './lines.ts';

const databases = useDatabases();
const rules: TapeRules = { silence: 30_000_000, arrivalAllowance: 0, settleAllowance: 0 };
const SECOND = 1_000_000;

/** Gaps of the tape with bounds in seconds after T0; the beginning of time as it is. */
async function tapeGaps(made: World): Promise<(readonly [string, number, number | null, string])[]> {
  const { rows } = await made.production.query(
    `SELECT instrument, from_ts::float8 AS from, to_ts::float8 AS to, cause FROM gaps WHERE line = 'tape' ORDER BY from_ts, instrument`,
  );
  const seconds = (value: number | null): number | null =>
    value === null || value === 0 ? value : (value - T0) / SECOND;
  return rows.map((row) => [row.instrument, seconds(row.from)!, seconds(row.to), row.cause] as const);
}

async function running(made: World, until: number): Promise<void> {
  for (const line of lineNames) await heartbeat(made.sessions[line], line, 'e1', T0, T0 + until * SECOND);
  made.now = (T0 + until * SECOND) as Micros;
}
const at = (seconds: number): number => T0 + seconds * SECOND;

describe('gaps of the tape, kept by the merge', () => {
  it('follow the lines: opened, closed, and only where all of them lost sight', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), null)]);
    }
    await merge.run();
    expect(await tapeGaps(made)).toEqual([
      ['*', 0, 0, 'line_down'],
      ['K1', 0, null, 'startup'],
    ]);

    await store(made.sessions.a, 'gaps', [gapRow('a:e1:1', at(0), at(3))]);
    await store(made.sessions.b, 'gaps', [gapRow('b:e1:1', at(0), at(2))]);
    await merge.run();
    expect((await tapeGaps(made)).at(-1)).toEqual(['K1', 0, 2, 'startup']);

    await store(made.sessions.c, 'gaps', [gapRow('c:e1:1', at(0), at(4))]);
    await store(made.sessions.a, 'gaps', [gapRow('a:e1:2', at(20), at(30), { cause: 'disconnected' })]);
    await store(made.sessions.b, 'gaps', [gapRow('b:e1:2', at(25), at(35), { cause: 'sequence_gap' })]);
    await running(made, 40);
    await merge.run();
    expect(await tapeGaps(made)).toHaveLength(2);

    await store(made.sessions.c, 'gaps', [gapRow('c:e1:2', at(10), at(28), { cause: 'stalled' })]);
    await merge.run();
    expect(await tapeGaps(made)).toEqual([
      ['*', 0, 0, 'line_down'],
      ['K1', 0, 2, 'startup'],
      ['K1', 25, 28, 'sequence_gap'],
    ]);
  });

  it('appear when the lines that had been proof fall silent, and go when they speak again', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    }
    await store(made.sessions.a, 'gaps', [gapRow('a:e1:2', at(5), at(8), { cause: 'disconnected' })]);
    await merge.run();
    expect(await tapeGaps(made)).toHaveLength(2);

    // b and c have said nothing since second 6, a is well.
    const silent = await world(databases);
    const second = silent.merge({ rules });
    for (const line of lineNames) {
      await heartbeat(silent.sessions[line], line, 'e1', T0, at(line === 'a' ? 100 : 6));
      await store(silent.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    }
    await store(silent.sessions.a, 'gaps', [gapRow('a:e1:2', at(5), at(8), { cause: 'disconnected' })]);
    silent.now = at(100) as Micros;
    await second.run();
    expect((await tapeGaps(silent)).at(-1)).toEqual(['K1', 6, 8, 'line_down']);

    for (const line of ['b', 'c'] as const) await heartbeat(silent.sessions[line], line, 'e1', T0, at(100));
    await second.run();
    expect(await tapeGaps(silent)).toHaveLength(2);
  });

  it('cover the time in which no line ran, until an instrument is proven again', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    for (const line of lineNames) {
      await heartbeat(made.sessions[line], line, 'e1', at(0), at(50));
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    }
    made.now = at(200) as Micros;
    await merge.run();
    expect(await tapeGaps(made)).toContainEqual(['*', 50, null, 'line_down']);

    for (const line of lineNames) {
      await heartbeat(made.sessions[line], line, 'e2', at(201), at(220));
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e2:1`, at(202), at(line === 'b' ? 205 : 210)),
      ]);
    }
    made.now = at(220) as Micros;
    await merge.run();
    expect(await tapeGaps(made)).toEqual([
      ['*', 0, 0, 'line_down'],
      ['K1', 0, 1, 'startup'],
      ['*', 50, 201, 'line_down'],
      ['K1', 50, 205, expect.any(String)],
    ]);
  });

  it('are the same whether the merge ran often or once', async () => {
    const often = await world(databases);
    const once = await world(databases);
    const merge = often.merge({ rules });
    for (let step = 0; step < 8; step++) {
      for (const made of [often, once]) {
        await running(made, 10 + step * 10);
        const line = lineNames[step % 3]!;
        const other = lineNames[(step + 1) % 3]!;
        const from = at(step * 8);
        await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:${step}`, from, null)]);
        await store(made.sessions[other], 'gaps', [
          gapRow(`${other}:e1:x${step}`, from + SECOND, from + 20 * SECOND, { instruments: ['K1', 'K2'] }),
        ]);
        if (step % 2 === 1) {
          await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:${step}`, from, from + 15 * SECOND)]);
        }
      }
      await merge.run();
    }
    await once.merge({ rules }).run();
    expect(await tapeGaps(often)).toEqual(await tapeGaps(once));
    expect((await tapeGaps(once)).length).toBeGreaterThan(3);
  });

  it('say of a line whose database was restored that it proves nothing of the time in between', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    for (const line of lineNames)
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    await merge.run();
    for (const line of lineNames) await made.sessions[line].query('DELETE FROM merge_marks');
    await running(made, 30);
    await merge.run();
    expect(await tapeGaps(made)).toContainEqual(['*', 10, 30, 'database_restored']);
  });

  it('vouch for a line no further than its slowest lane, and not at all for one that was never heard of', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    made.now = at(60) as Micros;
    for (const line of ['b', 'c'] as const) await heartbeat(made.sessions[line], line, 'e1', T0, at(50));
    await heartbeat(made.sessions.a, 'a', 'e1', T0, at(50), 0, 2);
    await merge.run();
    expect(await horizonOf(made.production, { ...rules, silence: 100 * SECOND })).toBe(T0);

    await heartbeat(made.sessions.a, 'a', 'e1', T0, at(20), 1, 2);
    await merge.run();
    expect(await horizonOf(made.production, { ...rules, silence: 100 * SECOND })).toBe(at(20));
  });

  it('trust a heartbeat only when every event below it has been read', async () => {
    const made = await world(databases);
    for (const line of ['b', 'c'] as const) await heartbeat(made.sessions[line], line, 'e1', T0, at(50));
    for (let index = 0; index < 30; index++)
      await store(made.sessions.a, 'trades', [trade({ trade_id: `t${index}` })]);
    await heartbeat(made.sessions.a, 'a', 'e1', T0, at(50));
    const merge = made.merge({ rules, rowsPerRun: 10 });
    await merge.run();
    const known = async (): Promise<string[]> =>
      (await made.production.query('SELECT line FROM line_lives ORDER BY 1')).rows.map((row) => row.line);
    expect(await known()).toEqual(['b', 'c']);
    await merge.run();
    expect(await known()).toEqual(['b', 'c']);
    await merge.run();
    expect(await known()).toEqual(['a', 'b', 'c']);
    expect(await horizonOf(made.production, rules)).toBe(at(50));
  });

  it('let no heartbeat count before the gaps that were recorded below it have been read', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules, rowsPerRun: 1 });
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:2`, at(5), at(8))]);
    }
    await running(made, 10);
    expect((await merge.run()).behind).toBe(true);
    expect(await horizonOf(made.production, rules)).toBeNull();
    await merge.run();
    expect(await horizonOf(made.production, rules)).toBe(at(10));
    expect(await tapeGaps(made)).toContainEqual(['K1', 5, 8, 'startup']);
  });

  it('find a silent line down by the other lines, however far behind the clock of the merge is', async () => {
    const made = await world(databases);
    for (const line of lineNames) {
      await heartbeat(made.sessions[line], line, 'e1', T0, at(line === 'c' ? 10 : 100));
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    }
    for (const line of ['a', 'b'] as const)
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:2`, at(50), at(60))]);
    made.now = at(20) as Micros;
    await made.merge({ rules }).run();
    // The horizon does not wait for line c; so c proves nothing either.
    expect(await horizonOf(made.production, rules)).toBe(at(100));
    expect(await tapeGaps(made)).toContainEqual(['K1', 50, 60, 'startup']);
  });

  it('follow the lives of a line as its database heard of them, though its clock was set back in between', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    const proven = (until: number) => ({ kalshi: at(until) });
    for (const line of lineNames) {
      await heartbeat(made.sessions[line], line, 'e1', T0, at(100), 0, 1, proven(100));
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:1`, at(0), at(1)),
        // Left open by a life that was killed.
        gapRow(`${line}:e1:2`, at(90), null, { instruments: ['K2'] }),
      ]);
    }
    made.now = at(100) as Micros;
    await merge.run();

    // The clock of a is an hour behind from its second life on, and right again in its third.
    const a = made.sessions.a;
    await heartbeat(a, 'a', 'e2', at(-3_490), at(-3_400), 0, 1, proven(200));
    await store(a, 'gaps', [gapRow('a:e2:1', at(-3_490), at(120))]);
    for (const line of ['b', 'c'] as const) {
      await heartbeat(made.sessions[line], line, 'e1', T0, at(200), 0, 1, proven(200));
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:3`, at(115), at(190))]);
    }
    made.now = at(200) as Micros;
    await merge.run();
    expect(await horizonOf(made.production, rules, 'kalshi')).toBe(at(200));
    const health = await tapeHealth(made.production, at(200) as Micros, rules);
    expect(health.linesAlive).toBe(3);
    const own = async (instrument: string) =>
      (await tapeGaps(made))
        .filter(([name, , to]) => name === instrument && to !== 0)
        .map((gap) => gap.slice(0, 3));
    // The second life of a proves what b and c lack, from when it had its book.
    expect((await own('K1')).at(-1)).toEqual(['K1', 115, 120]);

    await heartbeat(a, 'a', 'e3', at(210), at(300), 0, 1, proven(300));
    await store(a, 'gaps', [gapRow('a:e3:1', at(210), at(211))]);
    for (const line of ['b', 'c'] as const) {
      await heartbeat(made.sessions[line], line, 'e1', T0, at(300), 0, 1, proven(300));
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:4`, at(195), at(290))]);
    }
    made.now = at(300) as Micros;
    await merge.run();
    expect((await own('K1')).at(-1)).toEqual(['K1', 200, 211]);
    const { rows } = await made.production.query(
      `SELECT epoch FROM line_lives WHERE line = 'a' ORDER BY heard`,
    );
    expect(rows.map(({ epoch }) => epoch)).toEqual(['e1', 'e2', 'e3']);

    // The same where the merge hears of all of them at once.
    await made.production.query('DELETE FROM line_lives');
    await made.merge({ rules }).run();
    expect((await readLives(made.production)).get('a')!.map(({ epoch }) => epoch)).toEqual([
      'e1',
      'e2',
      'e3',
    ]);
  });

  it('go by the venue’s time where the clocks of lines are not the venue’s', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    // The clock of a is 40 s ahead of the venue's, that of b 40 s behind; c does not say.
    const beat = async (line: LineName, epoch: string, from: number, until: number): Promise<void> => {
      const ahead = { a: 40, b: -40, c: 0 }[line];
      const proven: Record<string, number> =
        line === 'c' ? {} : { kalshi: at(until), polymarket: at(until - 3) };
      const own = made.sessions[line];
      await heartbeat(own, line, epoch, at(from + ahead), at(until + ahead), 0, 2, proven);
      await heartbeat(own, line, epoch, at(from + ahead), at(until + ahead + 5), 1, 2, {});
    };
    for (const line of lineNames) {
      await beat(line, 'e1', 50, 100);
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(50), at(60))]);
    }
    made.now = at(104) as Micros;
    await merge.run();
    expect(await horizonOf(made.production, rules, 'kalshi')).toBe(at(100));
    expect(await horizonOf(made.production, rules, 'polymarket')).toBe(at(97));
    expect(await horizonOf(made.production, rules)).toBe(at(97));
    const started = await tapeGaps(made);
    expect(started.filter(([, , to]) => to === null)).toEqual([]);

    // All are down from 100 to 110, by the venue's clock.
    for (const line of lineNames) {
      await beat(line, 'e2', 110, 150);
      const expected = line === 'a' ? [150, 151] : [111, 120];
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e2:1`, at(expected[0]!), at(expected[1]!))]);
    }
    made.now = at(151) as Micros;
    await merge.run();
    expect((await tapeGaps(made)).at(-1)).toEqual(['K1', 100, 120, expect.any(String)]);
  });

  it('cover what a restored line cannot prove as far as any line has come, also by a clock that is behind', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    for (const line of lineNames)
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    await merge.run();
    for (const line of lineNames) await made.sessions[line].query('DELETE FROM merge_marks');
    await running(made, 30);
    made.now = at(5) as Micros;
    await merge.run();
    expect(await tapeGaps(made)).toContainEqual(['*', 10, 30, 'database_restored']);
  });

  it('cover an instrument from a rolling restart until it is expected again, or for good when it never is', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    const starts = { a: 100, b: 160, c: 220 };
    for (const line of lineNames) {
      await heartbeat(made.sessions[line], line, 'e1', at(0), at(starts[line] - 1));
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:1`, at(0), at(1), { instruments: ['K1', 'K2'] }),
      ]);
    }
    made.now = at(99) as Micros;
    await merge.run();
    const advance = async (seconds: number): Promise<void> => {
      for (const line of lineNames) {
        const isNew = seconds > starts[line];
        if (isNew) await heartbeat(made.sessions[line], line, 'e2', at(starts[line]), at(seconds));
      }
      made.now = at(seconds) as Micros;
      await merge.run();
    };
    for (const seconds of [110, 170, 230, 300]) await advance(seconds);
    const expected = [
      ['*', 0, 0, 'line_down'],
      ['K1', 0, 1, 'startup'],
      ['K2', 0, 1, 'startup'],
    ];
    expect(await tapeGaps(made)).toEqual([
      ...expected,
      ['K1', 219, null, 'line_down'],
      ['K2', 219, null, 'line_down'],
    ]);
    for (const [line, from] of [
      ['a', 400],
      ['b', 405],
      ['c', 410],
    ] as const)
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e2:1`, at(from), at(from + 2))]);
    await advance(420);
    expect(await tapeGaps(made)).toEqual([
      ...expected,
      ['K1', 219, 402, 'line_down'],
      ['K2', 219, null, 'line_down'],
    ]);
  });

  it('cover an instrument that is first heard of late from the first life on', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    for (const line of lineNames)
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1))]);
    await merge.run();
    await store(made.sessions.b, 'gaps', [gapRow('b:e1:2', at(7), at(9), { instruments: ['K9'] })]);
    await merge.run();
    expect(await tapeGaps(made)).toContainEqual(['K9', 0, 9, expect.any(String)]);
  });

  it('of an instrument that every line left run on, until its market is over or it is proven again', async () => {
    const made = await world(databases);
    const merge = made.merge({ rules });
    await running(made, 10);
    const both = { instruments: ['K1', 'K2'] };
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [gapRow(`${line}:e1:1`, at(0), at(1), both)]);
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:2`, at(5), null, { ...both, cause: 'released' }),
      ]);
    }
    await merge.run();
    const before = [
      ['*', 0, 0, 'line_down'],
      ['K1', 0, 1, 'startup'],
      ['K2', 0, 1, 'startup'],
    ];
    expect(await tapeGaps(made)).toEqual([
      ...before,
      ['K1', 5, null, 'released'],
      ['K2', 5, null, 'released'],
    ]);

    // One line's word is enough; K9 was never captured.
    const over = { instruments: ['K1', 'K2', 'K9'], cause: 'market_over' };
    await store(made.sessions.b, 'gaps', [gapRow('b:e1:3', at(5), null, over)]);
    await merge.run();
    expect(await tapeGaps(made)).toEqual(before);

    // All lines are restarted, and know nothing of either; then one expects K2 again.
    for (const line of lineNames) await heartbeat(made.sessions[line], line, 'e2', at(21), at(30));
    await merge.run();
    const down = ['*', 10, 21, 'line_down'];
    expect(await tapeGaps(made)).toEqual([...before, down]);
    await store(made.sessions.c, 'gaps', [
      gapRow('c:e2:1', at(25), at(28), { instruments: ['K2'], cause: 'not_subscribed' }),
    ]);
    await merge.run();
    expect(await tapeGaps(made)).toEqual([...before, ['K2', 5, 28, expect.any(String)], down]);
  });

  it('are what all gaps and lives together make of them, however the merge comes upon them and clocks are set', async () => {
    const made = await world(databases);
    const instruments = ['K1', 'K2'];
    const step = fc.record({
      line: fc.constantFrom(...lineNames),
      pass: fc.integer({ min: 1, max: 40 }),
      what: fc.constantFrom('open', 'close', 'restart', 'all', 'over', 'nothing'),
      cause: fc.constantFrom('startup', 'not_subscribed', 'disconnected', 'released'),
      of: fc.subarray(instruments, { minLength: 1 }),
      mergeAfter: fc.boolean(),
      // By how much the clock of the line is ahead of the venue's from its next life on.
      ahead: fc.constantFrom(0, 0, -1_000, -60, -20, 15),
      // Nothing has shown yet how the venue's clock stands to that of the line.
      says: fc.boolean(),
    });
    await fc.assert(
      fc
        .asyncProperty(
          fc.array(step, { minLength: 4, maxLength: 25 }),
          fc.constantFrom(0, 3),
          async (script, allowance) => {
            const allowing = { ...rules, arrivalAllowance: allowance * SECOND };
            const merge = made.merge({ rules: allowing });
            let now = 1;
            let counter = 0;
            const life = { a: 0, b: 0, c: 0 };
            const startedAt = { a: 0, b: 0, c: 0 };
            const skew = { a: 0, b: 0, c: 0 };
            const saying = { a: true, b: true, c: true };
            const beat = (line: LineName, until: number): Promise<void> => {
              const [start, end] = [at(startedAt[line] + skew[line]), at(until + skew[line])];
              const proven: Record<string, number> = saying[line] ? { kalshi: at(until) } : {};
              return heartbeat(made.sessions[line], line, `e${life[line]}`, start, end, 0, 1, proven);
            };
            const open: Record<LineName, { id: string; from: number; more: Row }[]> = { a: [], b: [], c: [] };
            for (const { line, pass, what, cause, of, mergeAfter, ahead, says } of script) {
              now += pass;
              const client = made.sessions[line];
              if (what === 'restart') {
                await beat(line, now - 1);
                life[line]++;
                startedAt[line] = now;
                skew[line] = ahead;
                saying[line] = says;
                open[line] = [];
              } else if (what === 'close') {
                for (const { id, from, more } of open[line].splice(0))
                  await store(client, 'gaps', [gapRow(id, at(from), at(now), more)]);
              } else if (what === 'over') {
                await store(client, 'gaps', [
                  gapRow(`${line}:e${life[line]}:${counter++}`, at(now), null, {
                    instruments: of,
                    cause: 'market_over',
                  }),
                ]);
              } else if (what !== 'nothing') {
                const more =
                  what === 'all' ? { is_all: true, instruments: [], cause } : { instruments: of, cause };
                // With its first gaps a life goes by its own clock: no event has shown how the venue's stands to it.
                const from = cause === 'startup' ? now + skew[line] : now;
                const gap = { id: `${line}:e${life[line]}:${counter++}`, from, more };
                open[line].push(gap);
                await store(client, 'gaps', [gapRow(gap.id, at(from), null, more)]);
              }
              for (const other of lineNames) await beat(other, now);
              made.now = at(now) as Micros;
              if (mergeAfter) await merge.run();
            }
            await merge.run();
            const lives = await readLives(made.production);
            if (saying.a && saying.b && saying.c)
              expect(await horizonOf(made.production, rules, 'kalshi')).toBe(at(now));
            for (const line of lineNames) {
              const told = lives.get(line)!.map(({ epoch }) => epoch);
              expect(told).toEqual(Array.from({ length: life[line] + 1 }, (_, index) => `e${index}`));
            }
            const { rows } = await made.production.query(
              `SELECT line, instrument, gap_id AS "gapId", from_ts::float8 AS from, to_ts::float8 AS to, cause FROM gaps
             WHERE line <> 'tape' AND gap_id NOT LIKE 'down:%'`,
            );
            const gapsOf = (line: LineName, instrument: string): LineGap[] =>
              rows.filter((row) => row.line === line && row.instrument === instrument);
            const accounts = lineNames.map((line) => ({
              line,
              venue: 'kalshi',
              lives: lives.get(line)!,
              allGaps: gapsOf(line, '*'),
            }));
            const latest = latestTime(made.now, lives.values(), 'kalshi');
            const all = { now: latest, silence: rules.silence, arrivalAllowance: allowing.arrivalAllowance };
            for (const instrument of new Set(rows.map((row) => row.instrument))) {
              if (instrument === '*') continue;
              const own = new Map(lineNames.map((line) => [line, gapsOf(line, instrument)]));
              const isCaptured = [...own.values()].flat().some(({ cause: why }) => why !== 'market_over');
              const plain = isCaptured ? gapsOfInstrument(accounts, own, all) : [];
              const onTape = (await tapeGaps(made)).filter(([name]) => name === instrument);
              expect(onTape.map(([, from, to]) => [from, to])).toEqual(
                plain.map(({ from, to }) => [(from - T0) / SECOND, to === null ? null : (to - T0) / SECOND]),
              );
              const told = [...own.values()];
              const beginnings = told.flat().filter(({ cause }) => BEGINNINGS.has(cause));
              const begins =
                beginnings.length === 0 ? undefined : Math.min(...beginnings.map(({ from }) => from));
              const known = await made.production.query(
                'SELECT begins::float8, ends::float8 FROM instrument_lives WHERE instrument = $1',
                [instrument],
              );
              expect(known.rows).toEqual(begins === undefined ? [] : [{ begins, ends: marketOver(told) }]);
            }
          },
        )
        .beforeEach(() => reset(made)),
      { numRuns: 20 },
    );
  });
});
