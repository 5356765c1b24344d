import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Micros } from '#src/units/time.ts';
import { SlidingWindow, TokenBuckets } from '../../sim/http/rate-limits.ts';
import { GRIDS } from '../../sim/kalshi/market.ts';
import { cutTime, fixed } from '../../sim/kalshi/notation.ts';
import { Activity } from '../../sim/market/activity.ts';
import { SimulatedBook } from '../../sim/market/book.ts';
import { nextAction, openingOrders } from '../../sim/market/order-flow.ts';
import { Random } from '../../sim/market/random.ts';
import { Schedule } from '../../sim/market/schedule.ts';
import { Timeline } from '../../sim/timeline.ts';

describe('traders of a simulated market', () => {
  it('never cross the book, never take what is not there, and stay on the grid, in every market', () => {
    for (const [structure, grid] of Object.entries(GRIDS)) {
      for (let seed = 0; seed < 12; seed++) {
        const random = new Random(seed, structure);
        const book = new SimulatedBook();
        const fair = random.between(40, 960) * 1_000;
        const changes = openingOrders(grid, fair, random);
        let fills = 0;
        for (let step = 0; step < 1_500; step++) {
          const action = step === 0 ? { changes, fills: [] } : nextAction(book, grid, fair, random, true);
          fills += action.fills.length;
          for (const { side, price, change } of action.changes) {
            expect(grid.contains(price)).toBe(true);
            expect(Math.abs(change % 10_000)).toBe(0);
            expect(change).not.toBe(0);
            book.change(side, price, change);
          }
          const [bid, ask] = [book.best('bid'), book.best('ask')];
          if (bid !== null && ask !== null) expect(bid).toBeLessThan(ask);
          const taken = action.fills.reduce((sum, { size }) => sum + size, 0);
          if (taken > 0) expect(action.changes.reduce((sum, { change }) => sum - change, 0)).toBe(taken);
        }
        expect(fills).toBeGreaterThan(20);
        expect(book.count('bid') + book.count('ask')).toBeLessThan(60);
      }
    }
  });
});

describe('the grid', () => {
  it('steps to the next price up and down and back, over the borders of its bands', () => {
    for (const grid of Object.values(GRIDS)) {
      for (let price = grid.lowest; price < grid.highest; price = grid.above(price)) {
        expect(grid.contains(price)).toBe(true);
        expect(grid.above(price)).toBeGreaterThan(price);
        expect(grid.below(grid.above(price))).toBe(price);
        expect(grid.floor(price)).toBe(price);
      }
    }
    expect(GRIDS['tapered_deci_cent']!.above(99_000)).toBe(100_000);
    expect(GRIDS['tapered_deci_cent']!.above(100_000)).toBe(110_000);
    expect(GRIDS['linear_cent']!.below(123_456)).toBe(120_000);
  });
});

describe('the schedule', () => {
  it('runs in the order of time, the first scheduled first among equals, and what is scheduled on the way', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const schedule = new Schedule();
        const ran: [number, number][] = [];
        times.forEach((time, order) => {
          schedule.at(time, (at) => {
            ran.push([at, order]);
            if (order === 0) schedule.at(time, () => ran.push([at, times.length]));
          });
        });
        while (schedule.next <= 20) schedule.runNext();
        expect(schedule.next).toBe(Number.POSITIVE_INFINITY);
        expect(ran).toEqual(ran.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
        expect(ran.length).toBe(times.length + (times.length > 0 ? 1 : 0));
      }),
    );
  });
});

describe('the timeline', () => {
  it('keeps appointments by the clock and distances by its own time, whatever pauses lie between', () => {
    let clock = 10_000_000;
    const timeline = new Timeline(() => clock as Micros);
    const ran: [string, number][] = [];
    const note = (name: string) => () => void ran.push([name, timeline.stamp]);
    timeline.at(13_000_000 as Micros, note('in the pause'));
    timeline.at(17_000_000 as Micros, note('after it'));
    timeline.after(2_500_000, note('2.5 s later'));
    timeline.after(7_500_000, note('7.5 s later'));
    const until = (moment: number): void => {
      for (; clock < moment; clock += 100_000) timeline.run();
    };
    until(12_000_000);
    timeline.pause();
    until(15_000_000);
    expect(ran).toEqual([]);
    timeline.resume();
    until(21_000_000);
    expect(ran).toEqual([
      ['in the pause', 15_000_000],
      ['2.5 s later', 15_500_000],
      ['after it', 17_000_000],
      ['7.5 s later', 20_500_000],
    ]);
  });
});

describe('activity', () => {
  it('makes few markets busy and leaves none out, and forgets the retired', () => {
    const activity = new Activity<number>();
    for (let rank = 0; rank < 500; rank++) activity.add(rank, rank);
    const random = new Random(3);
    const counts = new Array<number>(500).fill(0);
    for (let pick = 0; pick < 200_000; pick++) counts[activity.pick(random)!]!++;
    const busiest = counts.slice(0, 50).reduce((sum, count) => sum + count, 0);
    expect(busiest).toBeGreaterThan(0.45 * 200_000);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    activity.retire(0);
    for (let pick = 0; pick < 1_000; pick++) expect(activity.pick(random)).not.toBe(0);
    expect(new Activity<number>().pick(random)).toBeNull();
  });
});

describe('random numbers', () => {
  it('are the same for the same seed and label, others for others, and even', () => {
    const draw = (seed: number, label: string): number[] => {
      const random = new Random(seed, label);
      return Array.from({ length: 50 }, () => random.word());
    };
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
    expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
    const random = new Random(9);
    const sums = Array.from({ length: 20_000 }, () => random.unit());
    expect(sums.reduce((sum, value) => sum + value, 0) / 20_000).toBeCloseTo(0.5, 1);
    const waits = Array.from({ length: 20_000 }, () => random.exponential(4));
    expect(waits.reduce((sum, value) => sum + value, 0) / 20_000).toBeCloseTo(0.25, 1);
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('notation', () => {
  it('writes millionths with as many decimals as asked for, exactly, or not at all', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.constantFrom(2, 4, 6), (units, decimals) => {
        const unit = 10 ** (6 - decimals);
        const text = fixed(units * unit, decimals);
        expect(text).toMatch(new RegExp(`^-?\\d+\\.\\d{${decimals}}$`));
        expect(BigInt(text.replace('.', ''))).toBe(BigInt(units));
      }),
    );
    expect(() => fixed(1, 2)).toThrow(RangeError);
    expect(cutTime(1_795_187_045_120_000 as Micros)).toMatch(/\.12Z$/);
    expect(cutTime(1_795_187_050_000_000 as Micros)).toMatch(/T\d\d:\d\d:\d0Z$/);
  });
});

describe('rate limits', () => {
  it('refill steadily for each caller by itself', () => {
    let now = 0;
    const buckets = new TokenBuckets(10, 20, () => now as Micros);
    expect([buckets.take('a', 15), buckets.take('a', 15), buckets.take('b', 15)]).toEqual([
      true,
      false,
      true,
    ]);
    now = 1_000_000;
    expect([buckets.take('a', 15), buckets.take('a', 1)]).toEqual([true, false]);
  });

  it('let no window of ten seconds hold more than its limit', () => {
    let now = 0;
    const window = new SlidingWindow(3, () => now as Micros);
    expect([window.take(), window.take(), window.take()]).toEqual([0, 0, 0]);
    now = 4_000_000;
    expect([window.take(), window.take()]).toEqual([6_000_000, 6_000_000]);
    now = 30_000_000;
    expect(window.take()).toBe(0);
  });
});
