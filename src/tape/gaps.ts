import type { Gatherer } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { clipBefore, endOf, type Interval, intersect, overlaps, union } from './intervals.ts';
import {
  type AccountRules,
  type LineAccount,
  type LineGap,
  marketOver,
  type Unproven,
  unprovenForAll,
  unprovenForInstrument,
} from './line-account.ts';

/** An interval in which no line can prove that it saw everything. */
export interface TapeGap extends Interval {
  /** Cause of the line that was the last to lose sight: what made it a gap of the tape. */
  readonly cause: string;
  /** Every line's causes within the interval, as `line:cause`, ascending. */
  readonly causes: readonly string[];
}

interface LineUnproven {
  readonly line: Gatherer;
  readonly unproven: readonly Unproven[];
}

function explain(interval: Interval, lines: readonly LineUnproven[]): TapeGap {
  const causes = new Set<string>();
  let latest: { from: number; cause: string } = { from: Number.NEGATIVE_INFINITY, cause: 'line_down' };
  for (const { line, unproven } of lines) {
    for (const item of unproven) {
      if (!overlaps(item, interval)) continue;
      causes.add(`${line}:${item.cause}`);
      if (item.from <= interval.from && item.from > latest.from) latest = item;
    }
  }
  return { from: interval.from, to: interval.to, cause: latest.cause, causes: [...causes].sort() };
}

function intersection(lines: readonly LineUnproven[], since: Micros, until: Micros | null = null): TapeGap[] {
  let common: Interval[] = union([{ from: since, to: until }]);
  for (const { unproven } of lines) common = intersect(common, union(unproven));
  return common.map((interval) => explain(interval, lines));
}

/** When the first of the lines began, or null when none ever ran. */
export function firstStart(accounts: readonly LineAccount[]): Micros | null {
  const starts = accounts.flatMap((account) => account.lives.map((life) => life.startedAt));
  return starts.length === 0 ? null : (Math.min(...starts) as Micros);
}

/**
 * Gaps of the tape that concern every instrument of a venue: no line was running, or all had lost everything.
 *
 * @param accounts all lines there are; a line that is missing would be taken for one that never fails.
 * @param since gaps are given from here on, cut at this time.
 */
export function gapsOfAll(
  accounts: readonly LineAccount[],
  rules: AccountRules,
  since = 0 as Micros,
): TapeGap[] {
  return intersection(
    accounts.map((account) => ({ line: account.line, unproven: unprovenForAll(account, rules, since) })),
    since,
  );
}

/**
 * Gaps of the tape of one instrument, those of every instrument included, from the first life of any line on and
 * until its market is over: nothing is missed of what no longer happens.
 *
 * @param gaps the gaps that each line recorded of this instrument.
 * @param since gaps are given from here on, cut at this time. All gaps that end then or later must be in
 *   `gaps`, and of those before it the ones that say when it was expected (`EXPECTATIONS`).
 */
export function gapsOfInstrument(
  accounts: readonly LineAccount[],
  gaps: ReadonlyMap<Gatherer, readonly LineGap[]>,
  rules: AccountRules,
  since = 0 as Micros,
): TapeGap[] {
  const start = firstStart(accounts) ?? (0 as Micros);
  return intersection(
    accounts.map((account) => ({
      line: account.line,
      unproven: unprovenForInstrument(account, gaps.get(account.line) ?? [], rules, since),
    })),
    Math.max(start, since) as Micros,
    marketOver(gaps.values()),
  );
}

/**
 * Replaces the gaps from `since` on by recomputed ones; what an earlier computation found before that stays,
 * and the two parts of a gap that spans `since` stay one.
 */
export function replaceFrom(
  existing: readonly TapeGap[],
  recomputed: readonly TapeGap[],
  since: Micros,
): TapeGap[] {
  const kept = existing
    .filter((gap) => gap.from < since)
    .map((gap) => (endOf(gap) > since ? { ...gap, to: since } : gap));
  const fresh = recomputed.flatMap((gap) =>
    clipBefore([gap], since).map((interval) => ({ ...gap, from: interval.from })),
  );
  const last = kept.at(-1);
  const next = fresh[0];
  if (last === undefined || next === undefined || last.to !== since || next.from !== since) {
    return [...kept, ...fresh];
  }
  const causes = [...new Set([...last.causes, ...next.causes])].sort();
  return [...kept.slice(0, -1), { ...last, to: next.to, causes }, ...fresh.slice(1)];
}
