import type { ClientBase } from 'pg';
import { EVERY_INSTRUMENT } from '../storage/production/gap-merge.ts';
import { lifeOf } from '../storage/production/instrument-lives.ts';
import { type LineName, lineNames } from '../storage/production/merge-statements.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { horizonOf } from '../storage/production/tape-queries.ts';
import { endOf, type Interval, intersect, union } from '../tape/intervals.ts';
import type { Unproven } from '../tape/line-account.ts';
import type { TapeRules } from '../tape/rules.ts';
import { MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { LineAccounts } from './line-accounts.ts';

/** What a line can say of an instrument in a minute. */
export type LineState =
  /** It saw everything. */
  | 'proven'
  /** It may lack something of a part of the minute. */
  | 'partly'
  /** It ran, and proves nothing. */
  | 'unproven'
  /** It did not run. */
  | 'down';

/** What the tape says of an instrument in a minute. */
export type TapeState =
  /** At every instant, some line can prove that it saw everything. */
  | 'proven'
  | 'partly'
  /** The whole minute lies in a gap. */
  | 'gap'
  /** Not all running lines have been merged up to the end of the minute. */
  | 'pending';

export interface LineMinute {
  readonly state: LineState;
  readonly events: number;
  /** Why it is not proven. */
  readonly causes: readonly string[];
}

export interface CoverageMinute {
  readonly venue: string;
  readonly instrument: string;
  /** Begin of the minute of venue time. */
  readonly minute: Micros;
  readonly tape: TapeState;
  /** Events on the tape. */
  readonly events: number;
  /** How much of the minute lies in gaps of the tape, microseconds. */
  readonly inGap: number;
  readonly lines: Readonly<Record<LineName, LineMinute>>;
}

export interface CoverageFilter {
  readonly venue?: string;
  readonly instrument?: string;
  /** Included, cut to whole minutes. */
  readonly from: Micros;
  /** Not included. */
  readonly to: Micros;
  /** Only instruments from this one on: venue and name. */
  readonly startAt?: readonly [venue: string, instrument: string];
  /** Only so many instruments: those with the most events on the tape in the span. */
  readonly busiest?: number;
}

interface CountedMinute {
  readonly venue: string;
  readonly instrument: string;
  /** Null in the row that only says that the instrument has a gap of the tape. */
  readonly minute: string | null;
  readonly events_a: number;
  readonly events_b: number;
  readonly events_c: number;
  readonly events_tape: number;
}

/** How much of `[from, to)` ascending, disjoint intervals take. */
export function lengthWithin(intervals: readonly Interval[], from: number, to: number): number {
  let length = 0;
  for (const interval of intervals) {
    const end = Math.min(endOf(interval), to);
    if (interval.from < to && end > from) length += end - Math.max(interval.from, from);
  }
  return length;
}

const minuteOf = (time: number): number => Math.floor(time / MICROS_PER_MINUTE) * MICROS_PER_MINUTE;

/** What is known of one instrument, to be asked minute by minute. */
class InstrumentCoverage {
  readonly venue: string;
  readonly instrument: string;
  readonly tapeGaps: readonly Interval[];
  readonly #lines: readonly { line: LineName; unproven: readonly Unproven[] }[];
  readonly #horizon: Micros | null;

  constructor(
    subject: { readonly venue: string; readonly instrument: string },
    tapeGaps: readonly Interval[],
    lines: readonly { line: LineName; unproven: readonly Unproven[] }[],
    horizon: Micros | null,
  ) {
    this.venue = subject.venue;
    this.instrument = subject.instrument;
    this.tapeGaps = tapeGaps;
    this.#lines = lines;
    this.#horizon = horizon;
  }

  minute(minute: number, counted: CountedMinute | null): CoverageMinute {
    const end = minute + MICROS_PER_MINUTE;
    const lines = {} as Record<LineName, LineMinute>;
    for (const { line, unproven } of this.#lines) {
      const here = unproven.filter((item) => item.from < end && endOf(item) > minute);
      const down = union(here.filter(({ cause }) => cause === 'line_down'));
      const length = lengthWithin(union(here), minute, end);
      let state: LineState = 'partly';
      if (length === 0) state = 'proven';
      else if (lengthWithin(down, minute, end) === MICROS_PER_MINUTE) state = 'down';
      else if (length === MICROS_PER_MINUTE) state = 'unproven';
      const causes = length === 0 ? [] : [...new Set(here.map(({ cause }) => cause))].sort();
      lines[line] = { state, events: counted?.[`events_${line}`] ?? 0, causes };
    }
    const inGap = lengthWithin(this.tapeGaps, minute, end);
    let tape: TapeState = 'partly';
    if (this.#horizon === null || end > this.#horizon) tape = 'pending';
    else if (inGap === 0) tape = 'proven';
    else if (inGap === MICROS_PER_MINUTE) tape = 'gap';
    const { venue, instrument } = this;
    const events = counted?.events_tape ?? 0;
    return { venue, instrument, minute: minute as Micros, tape, events, inGap, lines };
  }
}

/** Minutes that gaps touch, ascending. */
function* minutesOf(gaps: readonly Interval[], from: number, to: number): Generator<number> {
  let next = minuteOf(from);
  for (const gap of gaps) {
    for (let minute = Math.max(next, minuteOf(gap.from)); minute < Math.min(endOf(gap), to); ) {
      yield minute;
      minute += MICROS_PER_MINUTE;
      next = minute;
    }
  }
}

/**
 * Every minute of the span in which an instrument has an event, or may have one and lies in a gap of the tape: by venue,
 * instrument and minute. Before a line expected it or its market opened, and once its market is over, it may have none. A minute that is not among them had no event, as far as the tape has been merged. Takes the
 * memory of one instrument's gaps, however long the span is. One at a time on a session.
 */
export async function* coverageMinutes(
  client: ClientBase,
  filter: CoverageFilter,
  rules: TapeRules,
): AsyncGenerator<CoverageMinute> {
  const { from, to, venue = null, instrument = null } = filter;
  // Asking each of thousands for its gaps takes seconds.
  const busiest =
    filter.busiest === undefined
      ? ''
      : `AND (venue, instrument) IN (
           SELECT venue, instrument FROM coverage
           WHERE minute >= $1 AND minute < $2 AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR instrument = $4)
           GROUP BY venue, instrument ORDER BY sum(events_tape) DESC, instrument LIMIT ${filter.busiest})`;
  const [firstVenue, firstInstrument] = filter.startAt ?? [null, null];
  const lineAccounts = new LineAccounts(client, rules, minuteOf(from) as Micros);
  const horizons = new Map<string, Micros | null>();
  const open = async (row: CountedMinute): Promise<InstrumentCoverage> => {
    const { tapeGaps: ofAll } = await lineAccounts.of(row.venue);
    const gaps = await lineAccounts.gaps(row.venue, row.instrument);
    if (!horizons.has(row.venue)) horizons.set(row.venue, await horizonOf(client, rules, row.venue));
    const lines = await lineAccounts.unproven(row.venue, gaps);
    return new InstrumentCoverage(row, union([...gaps.tape, ...ofAll]), lines, horizons.get(row.venue)!);
  };

  let coverage: InstrumentCoverage | null = null;
  let gapMinutes: Generator<number> | null = null;
  let next: number | undefined;
  const rows = rowsOf<CountedMinute>(
    client,
    `SELECT venue, instrument, minute, events_a, events_b, events_c, events_tape FROM coverage
     WHERE minute >= $1 AND minute < $2 AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR instrument = $4)
       AND ($5::text IS NULL OR (venue, instrument) >= ($5, $6::text)) ${busiest}
     UNION ALL
     SELECT DISTINCT venue, instrument, NULL::bigint, 0, 0, 0, 0 FROM gaps
     WHERE line = 'tape' AND instrument <> '${EVERY_INSTRUMENT}' AND from_ts < $2 AND (to_ts IS NULL OR to_ts > $1)
       AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR instrument = $4)
       AND ($5::text IS NULL OR (venue, instrument) >= ($5, $6::text)) ${busiest}
     ORDER BY venue, instrument, minute NULLS FIRST`,
    [minuteOf(from), to, venue, instrument, firstVenue, firstInstrument],
  );
  for await (const row of rows) {
    if (coverage === null || coverage.venue !== row.venue || coverage.instrument !== row.instrument) {
      for (; next !== undefined; next = gapMinutes!.next().value) yield coverage!.minute(next, null);
      coverage = await open(row);
      const life = await lifeOf(client, row.venue, row.instrument);
      gapMinutes = minutesOf(intersect(coverage.tapeGaps, [life]), from, to);
      next = gapMinutes.next().value;
    }
    if (row.minute === null) continue;
    const minute = Number(row.minute);
    for (; next !== undefined && next < minute; next = gapMinutes!.next().value)
      yield coverage.minute(next, null);
    if (next === minute) next = gapMinutes!.next().value;
    yield coverage.minute(minute, row);
  }
  for (; next !== undefined; next = gapMinutes!.next().value) yield coverage!.minute(next, null);
}

/** Lines of which a state holds. */
export function linesIn(minute: CoverageMinute, state: LineState): readonly LineName[] {
  return lineNames.filter((line) => minute.lines[line].state === state);
}
