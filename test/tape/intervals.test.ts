import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipBefore, type Interval, intersect, touchesSpan, union } from '#src/tape/intervals.ts';
import type { Micros } from '#src/units/time.ts';

const END = 40;
const interval: fc.Arbitrary<Interval> = fc
  .tuple(fc.integer({ min: 0, max: END - 1 }), fc.integer({ min: -2, max: 12 }), fc.boolean())
  .map(([from, length, open]) => ({
    from: from as Micros,
    to: open && length > 9 ? null : ((from + length) as Micros),
  }));
const intervals = fc.array(interval, { maxLength: 8 });

const contains = (items: readonly Interval[], instant: number): boolean =>
  items.some(({ from, to }) => instant >= from && (to === null || instant < to));
const instants = Array.from({ length: END + 20 }, (_, index) => index);

describe('intervals', () => {
  it('a union holds exactly the instants of its parts, ascending, disjoint and not touching', () => {
    fc.assert(
      fc.property(intervals, (items) => {
        const result = union(items);
        for (const instant of instants) expect(contains(result, instant)).toBe(contains(items, instant));
        for (let index = 1; index < result.length; index++) {
          expect(result[index]!.from).toBeGreaterThan(result[index - 1]!.to!);
        }
      }),
    );
  });

  it('an intersection holds exactly the instants of both', () => {
    fc.assert(
      fc.property(intervals, intervals, (left, right) => {
        const result = intersect(union(left), union(right));
        for (const instant of instants) {
          expect(contains(result, instant)).toBe(contains(left, instant) && contains(right, instant));
        }
      }),
    );
  });

  it('clipping keeps what lies at or after the time', () => {
    fc.assert(
      fc.property(intervals, fc.integer({ min: 0, max: END }), (items, since) => {
        const result = clipBefore(union(items), since as Micros);
        for (const instant of instants) {
          expect(contains(result, instant)).toBe(instant >= since && contains(items, instant));
        }
      }),
    );
  });

  it('a span excludes its beginning and includes its end', () => {
    const gap = [{ from: 10 as Micros, to: 20 as Micros }];
    expect(touchesSpan(gap, 5 as Micros, 9 as Micros)).toBe(false);
    expect(touchesSpan(gap, 5 as Micros, 10 as Micros)).toBe(true);
    expect(touchesSpan(gap, 18 as Micros, 30 as Micros)).toBe(true);
    expect(touchesSpan(gap, 19 as Micros, 30 as Micros)).toBe(false);
    expect(touchesSpan([{ from: 10 as Micros, to: null }], 1_000 as Micros, 1_001 as Micros)).toBe(true);
  });
});
