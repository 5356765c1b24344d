import type { ClientBase } from 'pg';
import { eventTables } from '../storage/tables.ts';
import { BEGINNINGS } from '../tape/line-account.ts';

/** Gaps of one line, or of the tape, that began in the span looked at, by cause. */
export interface GapCauses {
  readonly line: string;
  readonly cause: string;
  readonly gaps: number;
  readonly open: number;
}

/** An instrument that the lines lost more often than others. */
export interface Offender {
  readonly venue: string;
  readonly instrument: string;
  readonly gaps: number;
  /** Time in these gaps, of all lines together. */
  readonly seconds: number;
  readonly causes: readonly string[];
}

export interface TapeStatus {
  /** About: the server's own count. */
  readonly rows: number;
  readonly open_gaps: number;
  /** Seconds that what each line received waits for the tape; null for a line that was never merged. */
  readonly lag_seconds: Readonly<Record<string, number | null>>;
  readonly worst_line: { readonly line: string; readonly lag_seconds: number } | null;
  /** Minutes that gaps and offenders are of. */
  readonly minutes: number;
  readonly gaps: readonly GapCauses[];
  readonly offenders: readonly Offender[];
}

const LINES = ['a', 'b', 'c'] as const;
const OFFENDERS = 5;

/** @param minutes how far back gaps and offenders are counted. @throws the client's error when the database does not answer. */
export async function tapeStatus(client: ClientBase, minutes: number): Promise<TapeStatus> {
  const counts = await client.query<{ rows: string; open_gaps: string }>(
    `SELECT (SELECT coalesce(sum(n_live_tup), 0)
                 FROM pg_stat_user_tables AS counters JOIN pg_inherits ON inhrelid = counters.relid
                WHERE inhparent::regclass::text = ANY ($1))::text AS rows,
              (SELECT count(*) FROM gaps WHERE line = 'tape' AND to_ts IS NULL)::text AS open_gaps`,
    [eventTables.map(({ name }) => name)],
  );
  const lags = await client.query<{ line: string; lag: string }>(
    `SELECT line, greatest(0, extract(epoch FROM clock_timestamp()) - max(durable_until) / 1e6)::text AS lag
         FROM line_lives GROUP BY line`,
  );
  const since = `(extract(epoch FROM clock_timestamp()) * 1e6)::bigint - $1::bigint`;
  const gaps = await client.query<{ line: string; cause: string; gaps: string; open: string }>(
    `SELECT line, cause, count(*)::text AS gaps, (count(*) FILTER (WHERE to_ts IS NULL))::text AS open
         FROM gaps WHERE line = ANY ('{tape,a,b,c}') AND from_ts >= ${since}
        GROUP BY line, cause ORDER BY line, count(*) DESC, cause`,
    [minutes * 60e6],
  );
  const offenders = await client.query<{
    venue: string;
    instrument: string;
    gaps: string;
    seconds: string;
    causes: string[];
  }>(
    `SELECT venue, instrument, count(*)::text AS gaps,
              round(sum(coalesce(to_ts, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint) - from_ts) / 1e6, 1)::text
                AS seconds,
              array_agg(DISTINCT cause ORDER BY cause) AS causes
         FROM gaps
        WHERE line = ANY ('{a,b,c}') AND instrument <> '*' AND cause <> ALL ($2) AND from_ts >= ${since}
        GROUP BY venue, instrument ORDER BY count(*) DESC, sum(coalesce(to_ts, from_ts) - from_ts) DESC, instrument
        LIMIT ${OFFENDERS}`,
    [minutes * 60e6, [...BEGINNINGS]],
  );
  const lagOf = new Map(lags.rows.map(({ line, lag }) => [line, Math.round(Number(lag) * 10) / 10]));
  const worst = [...lagOf].sort(([, left], [, right]) => right - left)[0];
  return {
    rows: Number(counts.rows[0]!.rows),
    open_gaps: Number(counts.rows[0]!.open_gaps),
    lag_seconds: Object.fromEntries(LINES.map((line) => [line, lagOf.get(line) ?? null])),
    worst_line: worst === undefined ? null : { line: worst[0], lag_seconds: worst[1] },
    minutes,
    gaps: gaps.rows.map((row) => ({ ...row, gaps: Number(row.gaps), open: Number(row.open) })),
    offenders: offenders.rows.map((row) => ({
      ...row,
      gaps: Number(row.gaps),
      seconds: Number(row.seconds),
    })),
  };
}
