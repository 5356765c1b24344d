import type { ClientBase } from 'pg';
import { type LineAccounts, lineGapsOfTape } from '../coverage/line-accounts.ts';
import { venueNames } from '../events/event.ts';
import { EVERY_INSTRUMENT } from '../storage/production/gap-merge.ts';
import { gapsReaching } from '../storage/production/gaps-in-time.ts';
import { lifeOf, livingTime } from '../storage/production/instrument-lives.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { gapsOfAll, gapsOfInstrument } from '../tape/gaps.ts';
import { endOf, type Interval, intersect, union } from '../tape/intervals.ts';
import { MARKET_OVER } from '../tape/line-account.ts';
import type { Micros } from '../units/time.ts';
import type { FindingLog } from './finding.ts';
import { joinedRows } from './joined-rows.ts';
import type { ReachableLine } from './line-comparison.ts';

export interface GapFigures {
  /** Those that may have events in the span: expected by some line, or their market open, and not over. */
  readonly instruments: number;
  /** How long they may have, all together, microseconds. */
  readonly time: number;
  /** How much of that lies in gaps of the tape, microseconds. */
  in_gap: number;
}

/** What lies in the first and not in the second; both ascending and disjoint. */
function without(intervals: readonly Interval[], others: readonly Interval[]): Interval[] {
  const between: { from: Micros; to: Micros | null }[] = [];
  let from: Micros | null = 0 as Micros;
  for (const other of others) {
    if (from !== null && other.from > from) between.push({ from, to: other.from });
    from = other.to;
  }
  if (from !== null) between.push({ from, to: null });
  return intersect(intervals, between);
}

const spanText = ({ from, to }: Interval): string => `from ${from} to ${to ?? 'now'}`;

/**
 * Whether the gaps of the tape are what the lives and gaps of the lines make of them: reckons them anew for every
 * instrument of which the tape or a line has one that reaches into the span. One instrument in memory at a time.
 *
 * @param client in a transaction of the caller.
 * @param span up to the horizon: later, the gaps of the tape still depend on what the lines are going to say
 */
export async function auditTapeGaps(
  client: ClientBase,
  accountsOf: LineAccounts,
  venue: string,
  span: { readonly from: Micros; readonly to: Micros },
  findings: FindingLog,
): Promise<GapFigures> {
  const { accounts, rules, tapeGaps } = await accountsOf.of(venue);
  const figures: GapFigures = { ...(await livingTime(client, venue, span)), in_gap: 0 };
  const compare = (subject: string, stored: readonly Interval[], reckoned: readonly Interval[]): void => {
    const note = (kind: 'gap_undeclared' | 'gap_unfounded', interval: Interval): void => {
      const what =
        kind === 'gap_undeclared' ? 'no line proves it, and the tape says nothing' : 'a line proves it';
      const detail = `${spanText(interval)}: ${what}`;
      findings.add({ kind, table: 'gaps', venue, subject, time: interval.from, detail });
    };
    const within = [{ from: span.from, to: span.to }];
    const [declared, due] = [intersect(union(stored), within), intersect(union(reckoned), within)];
    for (const interval of without(due, declared)) note('gap_undeclared', interval);
    for (const interval of without(declared, due)) note('gap_unfounded', interval);
  };
  compare(EVERY_INSTRUMENT, tapeGaps, gapsOfAll(accounts, rules, accountsOf.since));
  const gapsOfVenue = intersect(union(tapeGaps), [span]);
  for (const { from, to } of gapsOfVenue)
    figures.in_gap += (await livingTime(client, venue, { from, to: to ?? span.to })).time;
  const named = rowsOf<{ instrument: string }>(
    client,
    `SELECT DISTINCT instrument
     FROM (${gapsReaching('instrument', '$2', '$3', 'venue = $1')}) AS reaching
     WHERE instrument <> '${EVERY_INSTRUMENT}' ORDER BY instrument`,
    [venue, span.from, span.to],
  );
  for await (const { instrument } of named) {
    const { tape, lines, isCaptured } = await accountsOf.gaps(venue, instrument);
    // Nobody asks for what is known of only by its market's end.
    if (!isCaptured) continue;
    const own = intersect(intersect(union(tape), [span]), [await lifeOf(client, venue, instrument)]);
    for (const { from, to } of without(own, gapsOfVenue)) figures.in_gap += endOf({ from, to }) - from;
    compare(instrument, tape, gapsOfInstrument(accounts, lines, rules, accountsOf.since));
  }
  return figures;
}

interface GapRow {
  readonly venue: string;
  readonly instrument: string;
  readonly gap_id: string;
  readonly from_ts: string;
  readonly to_ts: string | null;
  readonly cause: string;
}

const ORDER = 'ORDER BY venue COLLATE "C", instrument COLLATE "C", gap_id COLLATE "C"';
/** Instruments that a record of a line names: each once when its gap opens and once when it closes. */
const NAMED = 'CASE WHEN is_all THEN 1 ELSE cardinality(instruments) END';
/** As in `gapsReaching`: what is told of a market that is over is looked at where it was told. */
const REACHING = `from_ts < $2 AND (to_ts > $1 OR to_ts IS NULL AND (cause <> '${MARKET_OVER}' OR from_ts >= $1))`;
const COMPARED = 'venue, instrument, gap_id, from_ts, to_ts, cause';

function compareGaps(left: GapRow, right: GapRow): number {
  for (const name of ['venue', 'instrument', 'gap_id'] as const) {
    if (left[name] !== right[name]) return Buffer.compare(Buffer.from(left[name]), Buffer.from(right[name]));
  }
  return 0;
}

/** Whether the tape's database knows the gaps of a line as the line recorded them, of those that reach into the span. */
export async function auditLineGaps(
  tape: ClientBase,
  { line, client, cursors }: ReachableLine,
  span: { readonly from: Micros; readonly to: Micros },
  findings: FindingLog,
): Promise<void> {
  const recorded = rowsOf<GapRow>(
    client,
    `WITH reaching AS (
       SELECT gap_id FROM gaps WHERE ingest_xid < $3::xid8 GROUP BY gap_id
       HAVING min(from_ts) < $2 AND (max(to_ts) > $1 OR (min(cause) <> '${MARKET_OVER}' OR min(from_ts) >= $1)
         AND sum(CASE WHEN to_ts IS NULL THEN 1 ELSE -1 END * ${NAMED}) > 0)
     )
     SELECT * FROM (
       SELECT venue, instrument, gap_id, min(from_ts) AS from_ts, max(to_ts) AS to_ts, min(cause) AS cause
       FROM gaps, unnest(CASE WHEN is_all THEN ARRAY['${EVERY_INSTRUMENT}'] ELSE instruments END) AS instrument
       WHERE ingest_xid < $3::xid8 AND gap_id IN (TABLE reaching) GROUP BY 1, 2, 3) AS own
     WHERE ${REACHING} ${ORDER}`,
    [span.from, span.to, String(cursors.get('gaps')?.next ?? 0n)],
  );
  const known = rowsOf<GapRow>(
    tape,
    `SELECT ${COMPARED} FROM (
       ${gapsReaching(COMPARED, '$1', '$2', `venue = ANY ($4) AND line = $3 AND ${lineGapsOfTape}`)}
     ) AS reaching ${ORDER}`,
    [span.from, span.to, line, venueNames],
  );
  for await (const pair of joinedRows(known, recorded, compareGaps)) {
    const row = (pair.line ?? pair.tape)!;
    const { venue, instrument: subject, gap_id } = row;
    const note = (kind: 'line_gap_lost' | 'line_gap_extra' | 'line_gap_changed', what: string): void => {
      const detail = `${gap_id} (${row.cause}): ${what}`;
      findings.add({ kind, table: 'gaps', venue, subject, time: Number(row.from_ts) as Micros, detail });
    };
    const told = ({ from_ts, to_ts }: GapRow): string => `from ${from_ts} to ${to_ts ?? 'now'}`;
    if (pair.tape === null) note('line_gap_lost', `line ${line} recorded it ${told(row)}`);
    else if (pair.line === null) note('line_gap_extra', `line ${line} did not record it ${told(row)}`);
    else if (told(pair.tape) !== told(pair.line))
      note('line_gap_changed', `${told(pair.tape)} on the tape, ${told(pair.line)} by line ${line}`);
  }
}
