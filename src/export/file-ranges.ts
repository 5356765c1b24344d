import type { ClientBase } from 'pg';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { dayOf } from './exported-rows.ts';
import type { ExportedTable } from './exported-tables.ts';
import type { Partition, SubjectRange } from './manifest.ts';

/** What one file holds at most, but for an instrument that has more rows of its own: a few minutes of one process. */
export const ROWS_PER_FILE = 4_000_000;

/**
 * Cuts a day and venue into files of about equal size, by instrument. In the order of the database's own language, so
 * that a file's rows are read by index.
 */
export async function rangesOf(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
  rowsPerFile: number,
): Promise<readonly SubjectRange[]> {
  const { from, to } = dayOf(date);
  const [subject] = table.orderedBy;
  const counted = rowsOf<{ subject: string; rows: string }>(
    client,
    `SELECT ${subject} AS subject, count(*) AS rows FROM ${table.source.name}
     WHERE venue = $1 AND ${table.time} >= $2 AND ${table.time} < $3 GROUP BY 1 ORDER BY 1`,
    [venue, from, to],
  );
  const bounds: string[] = [];
  let rows = 0;
  let hasRows = false;
  for await (const next of counted) {
    hasRows = true;
    if (rows > 0 && rows + Number(next.rows) > rowsPerFile) {
      bounds.push(next.subject);
      rows = 0;
    }
    rows += Number(next.rows);
  }
  if (!hasRows) return [];
  return [null, ...bounds].map((start, index) => ({ from: start, to: bounds[index] ?? null }));
}
