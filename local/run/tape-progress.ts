import type pg from 'pg';
import { eventTables } from '#src/storage/tables.ts';

export interface TapeProgress {
  /** Rows that the server has inserted into the tape's tables, in all its life. */
  readonly inserted: number;
  /** How long what the line that is furthest behind received waits to be merged; null before any line is known. */
  readonly lagSeconds: number | null;
}

/**
 * How the merge goes along, at a cost that does not grow with the tape: the server's own counters, and one row for
 * each life of a line.
 *
 * @param since microseconds: nothing was received between the runs, so that nothing waits from before this one.
 */
export async function tapeProgress(pool: pg.Pool, since: number): Promise<TapeProgress> {
  const { rows } = await pool.query<{ inserted: string; lag: string | null }>(
    `SELECT (SELECT coalesce(sum(counters.n_tup_ins), 0)
               FROM pg_stat_user_tables AS counters JOIN pg_inherits ON inhrelid = counters.relid
              WHERE inhparent::regclass::text = ANY ($1))::text AS inserted,
            (SELECT extract(epoch FROM clock_timestamp()) - greatest(min(durable), $2) / 1e6
               FROM (SELECT max(durable_until) AS durable FROM line_lives GROUP BY line) AS lines)::text AS lag`,
    [eventTables.map(({ name }) => name), since],
  );
  const { inserted, lag } = rows[0]!;
  return { inserted: Number(inserted), lagSeconds: lag === null ? null : Math.max(0, Number(lag)) };
}
