import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gatherer } from '#src/events/event.ts';
import { gapsOfAll, gapsOfInstrument, replaceFrom, type TapeGap } from '#src/tape/gaps.ts';
import { mergeHorizon } from '#src/tape/horizon.ts';
import { type AccountRules, type LineAccount, type LineGap, latestProven } from '#src/tape/line-account.ts';
import type { Micros } from '#src/units/time.ts';

const us = (value: number): Micros => value as Micros;
const rules: AccountRules = { now: us(1_000), silence: 100, arrivalAllowance: 0 };

/** A line with one life from 0 that is still running, and the instrument proven from `proven` on. */
const line = (
  name: Gatherer,
  lives: readonly (readonly [start: number, durable: number])[],
): LineAccount => ({
  line: name,
  venue: 'kalshi',
  lives: lives.map(([start, durable], index) => ({
    epoch: `e${index}`,
    startedAt: us(start),
    durableUntil: us(durable),
  })),
  allGaps: [],
});
const gap = (
  name: Gatherer,
  life: number,
  from: number,
  to: number | null,
  cause = 'disconnected',
): LineGap => ({
  gapId: `${name}:e${life}:${from}`,
  from: us(from),
  to: to === null ? null : us(to),
  cause,
});
const bounds = (gaps: readonly TapeGap[]): (readonly [number, number | null])[] =>
  gaps.map(({ from, to }) => [from, to]);
const of = (
  ...entries: readonly (readonly [Gatherer, readonly LineGap[]])[]
): Map<Gatherer, readonly LineGap[]> => new Map(entries);

describe('gaps of the tape', () => {
  const running = (name: Gatherer): LineAccount => line(name, [[0, 1_000]]);

  it('do not come of a gap that its line took back, nor name it as a cause', () => {
    const accounts = [running('a'), running('b'), running('c')];
    const expected = (name: Gatherer) => gap(name, 0, 0, 10, 'startup');
    const gaps = of(
      ['a', [expected('a'), gap('a', 0, 150, 150, 'book_mismatch'), gap('a', 0, 100, 200)]],
      ['b', [expected('b'), gap('b', 0, 100, 200)]],
      ['c', [expected('c'), gap('c', 0, 100, 200), gap('c', 0, 300, 300, 'stalled')]],
    );
    const result = gapsOfInstrument(accounts, gaps, rules);
    expect(bounds(result)).toEqual([
      [0, 10],
      [100, 200],
    ]);
    expect(result[1]!.causes).toEqual(['a:disconnected', 'b:disconnected', 'c:disconnected']);
  });

  it('exist only where every line lost sight', () => {
    const accounts = [running('a'), running('b'), running('c')];
    const gaps = of(
      ['a', [gap('a', 0, 0, 10, 'startup'), gap('a', 0, 100, 200)]],
      ['b', [gap('b', 0, 0, 20, 'startup'), gap('b', 0, 150, 300, 'sequence_gap')]],
      ['c', [gap('c', 0, 0, 15, 'startup'), gap('c', 0, 50, 170), gap('c', 0, 180, 190)]],
    );
    const result = gapsOfInstrument(accounts, gaps, rules);
    expect(bounds(result)).toEqual([
      [0, 10],
      [150, 170],
      [180, 190],
    ]);
    expect(result[1]).toMatchObject({
      cause: 'sequence_gap',
      causes: ['a:disconnected', 'b:sequence_gap', 'c:disconnected'],
    });
  });

  it('count a line that never ran as one that proves nothing', () => {
    const accounts = [running('a'), running('b'), line('c', [])];
    const gaps = of(
      ['a', [gap('a', 0, 0, 10, 'startup'), gap('a', 0, 100, 200)]],
      ['b', [gap('b', 0, 0, 10, 'startup'), gap('b', 0, 120, 130)]],
    );
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 10],
      [120, 130],
    ]);
    expect(bounds(gapsOfAll(accounts, rules))).toEqual([]);
  });

  it('do not take a line that has not begun to expect an instrument for one that saw it', () => {
    const accounts = [running('a'), running('b')];
    const gaps = of(
      ['a', [gap('a', 0, 500, 510, 'not_subscribed')]],
      ['b', [gap('b', 0, 50, 60, 'startup'), gap('b', 0, 200, 210)]],
    );
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 60],
      [200, 210],
    ]);
  });

  it('run from the last heartbeat of a life to the start of the next, then until the book is proven again', () => {
    const dead = (name: Gatherer): LineAccount =>
      line(name, [
        [0, 300],
        [400, 1_000],
      ]);
    const accounts = [dead('a'), dead('b'), dead('c')];
    expect(gapsOfAll(accounts, rules)).toEqual([
      { from: 300, to: 400, cause: 'line_down', causes: ['a:line_down', 'b:line_down', 'c:line_down'] },
    ]);
    const lives = (name: Gatherer): LineGap[] => [
      gap(name, 0, 0, 10, 'startup'),
      gap(name, 1, 405, 420, 'startup'),
    ];
    const gaps = of(['a', lives('a')], ['b', lives('b')], ['c', lives('c')]);
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 10],
      [300, 420],
    ]);
  });

  it('end what a dead life left open where the next life has proven the book', () => {
    const accounts = [
      line('a', [
        [0, 300],
        [400, 1_000],
      ]),
    ];
    const gaps = of([
      'a',
      [gap('a', 0, 0, 10, 'startup'), gap('a', 0, 250, null), gap('a', 1, 400, 450, 'startup')],
    ]);
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 10],
      [250, 450],
    ]);
  });

  it('end what a life without any heartbeat left open where the next life begins', () => {
    const accounts = [
      line('a', [
        [0, 300],
        [400, 1_000],
      ]),
    ];
    const unheard: LineGap = { gapId: 'a:unheard:0', from: us(320), to: null, cause: 'startup' };
    const gaps = of(['a', [gap('a', 0, 0, 10, 'startup'), unheard, gap('a', 1, 400, 450, 'startup')]]);
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 10],
      [300, 450],
    ]);
  });

  it('run on while every line is silent, and only then', () => {
    const silent = [line('a', [[0, 500]]), line('b', [[0, 520]])];
    expect(bounds(gapsOfAll(silent, rules))).toEqual([[520, null]]);
    expect(bounds(gapsOfAll([...silent, line('c', [[0, 950]])], rules))).toEqual([]);
  });

  it('say that nothing is known before the first line began', () => {
    expect(bounds(gapsOfAll([line('a', [[70, 1_000]]), line('b', [[50, 1_000]])], rules))).toEqual([[0, 50]]);
  });

  it('begin earlier by the time that an event may take to arrive', () => {
    const accounts = [running('a')];
    const gaps = of(['a', [gap('a', 0, 0, 10, 'startup'), gap('a', 0, 100, 200)]]);
    expect(bounds(gapsOfInstrument(accounts, gaps, { ...rules, arrivalAllowance: 30 }))).toEqual([
      [0, 10],
      [70, 200],
    ]);
  });

  it('are not ended by what a line says of an instrument that it never expected', () => {
    const accounts = [running('a'), running('b')];
    const gaps = of(
      ['a', [gap('a', 0, 100, 110, 'undecodable_frame')]],
      ['b', [gap('b', 0, 0, 10, 'startup'), gap('b', 0, 90, 300)]],
    );
    expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
      [0, 10],
      [90, 300],
    ]);
  });

  describe('of an instrument that is left', () => {
    const accounts = [running('a'), running('b')];
    const captured = (name: Gatherer, until: number, cause: string, to: number | null = null): LineGap[] => [
      gap(name, 0, 0, 10, 'startup'),
      gap(name, 0, until, to, cause),
    ];

    it('run on from where the last line left it', () => {
      const gaps = of(['a', captured('a', 500, 'released')], ['b', captured('b', 520, 'released')]);
      expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
        [0, 10],
        [520, null],
      ]);
    });

    it('do not run on where its market is over, whatever becomes of the lines', () => {
      const over = of(
        ['a', [...captured('a', 500, 'released', 500), gap('a', 0, 500, null, 'market_over')]],
        ['b', captured('b', 520, 'market_over')],
      );
      const allowing = { ...rules, arrivalAllowance: 30 };
      expect(bounds(gapsOfInstrument(accounts, over, allowing))).toEqual([[0, 10]]);
      const restarted = (['a', 'b'] as const).map((name) =>
        line(name, [
          [0, 700],
          [710, 1_000],
        ]),
      );
      expect(bounds(gapsOfInstrument(restarted, over, allowing))).toEqual([[0, 10]]);
    });

    it('count the line that left it before it was over as one that proves nothing until then', () => {
      const gaps = of(
        ['a', [...captured('a', 500, 'released', 560), gap('a', 0, 560, null, 'market_over')]],
        ['b', captured('b', 520, 'sequence_gap')],
      );
      expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
        [0, 10],
        [520, 560],
      ]);
    });

    it('are there after all when a line expects it again: it was not over', () => {
      const again = [gap('a', 0, 600, 610, 'not_subscribed')];
      const gaps = of(
        ['a', [...captured('a', 500, 'market_over'), ...again]],
        ['b', captured('b', 520, 'market_over')],
      );
      expect(bounds(gapsOfInstrument(accounts, gaps, rules))).toEqual([
        [0, 10],
        [520, 610],
      ]);
      // The word of another line, from before that, counts as little.
      const elsewhere = of(
        ['a', captured('a', 500, 'market_over')],
        ['b', [gap('b', 0, 600, 610, 'startup')]],
      );
      expect(bounds(gapsOfInstrument(accounts, elsewhere, rules))).toEqual([
        [0, 10],
        [500, 610],
      ]);
    });
  });

  const END = 60;
  const gapsOfLine = (name: Gatherer) =>
    fc
      .array(
        fc.record({
          life: fc.integer({ min: 0, max: 1 }),
          from: fc.integer({ min: 0, max: END }),
          length: fc.option(fc.integer({ min: 1, max: 15 }), { nil: null }),
          cause: fc.constantFrom(
            'startup',
            'startup',
            'not_subscribed',
            'disconnected',
            'released',
            'market_over',
          ),
        }),
        { maxLength: 5 },
      )
      .map((items) =>
        items.map((item) =>
          item.cause === 'market_over'
            ? gap(name, item.life, item.from, null, item.cause)
            : gap(
                name,
                item.life,
                item.from,
                item.length === null ? null : item.from + item.length,
                item.cause,
              ),
        ),
      );
  const lineOf = (name: Gatherer) =>
    fc
      .tuple(
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 10 }),
        fc.boolean(),
      )
      .map(([start, length, pause, twice]) =>
        twice
          ? line(name, [
              [start, start + length],
              [start + length + pause, END],
            ])
          : line(name, [[start, END]]),
      );

  it('are the instants at which no line has proof, by a plain reckoning of each instant', () => {
    const names = ['a', 'b', 'c'] as const;
    fc.assert(
      fc.property(
        fc.tuple(lineOf('a'), lineOf('b'), lineOf('c')),
        fc.tuple(gapsOfLine('a'), gapsOfLine('b'), gapsOfLine('c')),
        (accounts, lists) => {
          const begins = ({ cause }: LineGap): boolean => cause === 'startup' || cause === 'not_subscribed';
          const isOver = (instant: number): boolean =>
            lists
              .flat()
              .some(
                (end) =>
                  end.cause === 'market_over' &&
                  end.from <= instant &&
                  !lists.flat().some((other) => begins(other) && other.from > end.from),
              );
          const proves = (index: number, instant: number): boolean => {
            const { lives } = accounts[index]!;
            const own = lists[index]!;
            const position = lives.findLastIndex((life) => life.startedAt <= instant);
            const life = lives[position];
            if (life === undefined) return false;
            const isLast = position === lives.length - 1;
            if (!isLast && instant >= life.durableUntil) return false;
            const inLife = own.filter((item) => item.gapId.split(':')[1] === life.epoch);
            if (!inLife.some((item) => begins(item) && item.from <= instant)) return false;
            const covers = (item: LineGap): boolean => {
              if (item.from > instant || (item.to !== null && instant >= item.to)) return false;
              if (item.cause !== 'market_over') return true;
              return !own.some((other) => begins(other) && other.from >= item.from && other.from <= instant);
            };
            if (inLife.some(covers)) return false;
            // A gap of another life reaches no further than that life does.
            return !own.some((item) => {
              const of = lives.findIndex((other) => other.epoch === item.gapId.split(':')[1]);
              const next =
                of < 0
                  ? lives.find((other) => item.to === null && other.startedAt > item.from)
                  : lives[of + 1];
              return covers(item) && of !== position && (next === undefined || instant < next.startedAt);
            });
          };
          const result = gapsOfInstrument(
            accounts,
            new Map(names.map((name, index) => [name, lists[index]!])),
            {
              ...rules,
              now: us(END),
            },
          );
          const start = Math.min(...accounts.map((account) => account.lives[0]!.startedAt));
          for (let instant = start; instant < END + 20; instant++) {
            const expected = !isOver(instant) && !names.some((_, index) => proves(index, instant));
            const said = result.some(({ from, to }) => instant >= from && (to === null || instant < to));
            expect(said, `instant ${instant}`).toBe(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('recomputed from any time on are the gaps computed as a whole', () => {
    fc.assert(
      fc.property(
        fc.tuple(lineOf('a'), lineOf('b')),
        fc.tuple(gapsOfLine('a'), gapsOfLine('b')),
        fc.integer({ min: 0, max: END }),
        (accounts, [a, b], since) => {
          const gaps = of(['a', a], ['b', b]);
          const whole = gapsOfInstrument(accounts, gaps, rules);
          const tail = gapsOfInstrument(accounts, gaps, rules, us(since));
          expect(bounds(replaceFrom(whole, tail, us(since)))).toEqual(bounds(whole));
          expect(bounds(replaceFrom(replaceFrom(whole, [], us(since)), tail, us(since)))).toEqual(
            bounds(whole),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('lines whose clocks are not the venue’s', () => {
  /** A life that speaks of a venue's time beside its own. */
  const skewed = (name: Gatherer, lives: readonly (readonly [number, number, number])[]): LineAccount => ({
    line: name,
    venue: 'kalshi',
    lives: lives.map(([start, durable, proven], index) => ({
      epoch: `e${index}`,
      startedAt: us(start),
      durableUntil: us(durable),
      provenUntil: { kalshi: us(proven), other: us(7) },
    })),
    allGaps: [],
  });

  it('are down from the venue time up to which they had everything', () => {
    // 30 ahead of the venue; its second life begins at 240 of the venue.
    const ahead = skewed('a', [
      [0, 230, 200],
      [270, 1_030, 1_000],
    ]);
    const gaps = of(['a', [gap('a', 0, 0, 10, 'startup'), gap('a', 1, 270, 275, 'startup')]]);
    expect(bounds(gapsOfInstrument([ahead], gaps, rules))).toEqual([
      [0, 10],
      [200, 275],
    ]);
    expect(bounds(gapsOfAll([skewed('a', [[0, 830, 800]])], { ...rules, now: us(905) }))).toEqual([
      [800, null],
    ]);
  });

  it('begin no life before the venue time that the life before had reached, however far back the clock was set', () => {
    const back = skewed('a', [
      [500, 630, 600],
      [100, 400, 900],
    ]);
    const at = { ...rules, now: us(900) };
    // Expected by the first life alone: it proved it while it lasted.
    const gaps = of(['a', [gap('a', 0, 500, 510, 'startup')]]);
    expect(bounds(gapsOfInstrument([back], gaps, at))).toEqual([
      [100, 510],
      [600, null],
    ]);
    // Left open by the first life, it lasts until that one's end.
    const left = { ...back, allGaps: [gap('a', 0, 550, null, 'not_stored')] };
    expect(bounds(gapsOfAll([left], at))).toEqual([
      [0, 500],
      [550, 600],
    ]);
  });

  it('prove nothing that they did not see, whatever their clocks said at each start', () => {
    const life = fc.record({
      down: fc.nat(20),
      proof: fc.nat(10),
      proven: fc.nat(40),
      clock: fc.integer({ min: -300, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(life, { minLength: 1, maxLength: 5 }), (script) => {
        const lives: [number, number, number][] = [];
        const gaps: LineGap[] = [];
        const seen: (readonly [number, number])[] = [];
        let now = 500;
        script.forEach(({ down, proof, proven, clock }, index) => {
          const start = now + down;
          now = start + proof + proven;
          lives.push([start + clock, now + clock, now]);
          // Opened by the clock of the line, closed by the venue's.
          gaps.push(gap('a', index, start + clock, Math.max(start + clock, start + proof), 'startup'));
          seen.push([start + proof, now]);
        });
        const lacks = gapsOfInstrument([skewed('a', lives)], of(['a', gaps]), {
          ...rules,
          silence: 0,
          now: us(now),
        });
        const first = Math.min(...lives.map(([start]) => start));
        for (let instant = first; instant < now; instant++) {
          const isProven = !lacks.some(({ from, to }) => instant >= from && (to === null || instant < to));
          if (isProven) expect(seen.some(([from, to]) => instant >= from && instant < to)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are compared with each other by that time, too', () => {
    const lines = [skewed('a', [[0, 1_200, 1_000]]), skewed('b', [[0, 800, 990]])];
    const limits = { silence: 100, settleAllowance: 5 };
    expect(mergeHorizon(lines, limits, 'kalshi')).toBe(985);
    // Of a venue that they do not speak of, their own clocks are all there is.
    expect(mergeHorizon(lines, limits, 'a third')).toBe(1_195);
  });

  it('believe no clock alone that is ahead of what others have of the venue', () => {
    const limits = { silence: 100, settleAllowance: 5 };
    // Far ahead, and without an event of the venue yet.
    const ahead = line('c', [[5_000, 5_200]]);
    const lines = [skewed('a', [[0, 1_200, 1_000]]), skewed('b', [[0, 800, 990]])];
    expect(mergeHorizon([...lines, ahead], limits, 'kalshi')).toBe(985);
    expect(mergeHorizon([lines[0]!, line('c', [[0, 700]])], limits, 'kalshi')).toBe(995);
    expect(
      latestProven(
        [...lines, ahead].flatMap(({ lives }) => lives),
        'kalshi',
      ),
    ).toBe(1_000);
    expect(latestProven(ahead.lives, 'kalshi')).toBe(5_200);
  });
});

describe('the merge horizon', () => {
  const limits = { silence: 100, settleAllowance: 5 };
  it('is the least of what running lines have, less the time an event may take', () => {
    expect(
      mergeHorizon([line('a', [[0, 950]]), line('b', [[0, 900]]), line('c', [[0, 1_000]])], limits, 'kalshi'),
    ).toBe(895);
  });
  it('does not wait for a line that is down, or that never ran', () => {
    expect(
      mergeHorizon([line('a', [[0, 100]]), line('b', [[0, 900]]), line('c', [])], limits, 'kalshi'),
    ).toBe(895);
  });
  it('is unknown while no line ever ran', () => {
    expect(mergeHorizon([line('a', [])], limits, 'kalshi')).toBeNull();
  });
});
