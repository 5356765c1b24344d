import type { Micros } from '../units/time.ts';

/** Half-open stretch of time `[from, to)`; `to` null runs on. Empty when `to <= from`. */
export interface Interval {
  readonly from: Micros;
  readonly to: Micros | null;
}

/** The end as a number that compares: an interval that runs on ends at infinity. */
export function endOf(interval: Interval): number {
  return interval.to ?? Number.POSITIVE_INFINITY;
}

function toMicros(end: number): Micros | null {
  return end === Number.POSITIVE_INFINITY ? null : (end as Micros);
}

/** The same stretches as few, ascending and disjoint intervals; touching ones become one. */
export function union(intervals: Iterable<Interval>): Interval[] {
  const sorted = [...intervals].filter((item) => endOf(item) > item.from).sort((a, b) => a.from - b.from);
  const result: { from: Micros; to: Micros | null }[] = [];
  for (const { from, to } of sorted) {
    const last = result.at(-1);
    if (last !== undefined && from <= endOf(last)) {
      if (endOf({ from, to }) > endOf(last)) last.to = to;
    } else {
      result.push({ from, to });
    }
  }
  return result;
}

/** What lies in both. Each argument ascending and disjoint, as `union` returns it; so is the result. */
export function intersect(left: readonly Interval[], right: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const a = left[i]!;
    const b = right[j]!;
    const from = Math.max(a.from, b.from) as Micros;
    const to = Math.min(endOf(a), endOf(b));
    if (to > from) result.push({ from, to: toMicros(to) });
    if (endOf(a) < endOf(b)) i++;
    else j++;
  }
  return result;
}

/** What lies at or after `since`. */
export function clipBefore(intervals: readonly Interval[], since: Micros): Interval[] {
  return intersect(intervals, [{ from: since, to: null }]);
}

/** Whether there is an instant in both: an empty one has none. */
export function overlaps(left: Interval, right: Interval): boolean {
  return Math.max(left.from, right.from) < Math.min(endOf(left), endOf(right));
}

/** Whether any of the intervals contains an instant of `(after, upTo]`. */
export function touchesSpan(intervals: Iterable<Interval>, after: Micros, upTo: Micros): boolean {
  const span: Interval = { from: (after + 1) as Micros, to: (upTo + 1) as Micros };
  for (const interval of intervals) if (overlaps(interval, span)) return true;
  return false;
}
