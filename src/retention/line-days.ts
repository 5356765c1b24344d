import type { Client, ClientBase } from 'pg';
import { readCursors } from '../storage/production/cursors.ts';
import { LineReader } from '../storage/production/line-reader.ts';
import type { LineName } from '../storage/production/merge-statements.ts';
import { eventTables } from '../storage/tables.ts';
import type { PrunedDatabase } from './prune.ts';

/**
 * The database of a line. A day of it stays while the tape has not read every row of it, by the cursors of the merge in
 * the tape's database; all of it while these are of another history, as after a restoration.
 *
 * @param consumer name under which the merge keeps its cursors.
 * @throws LineAway
 */
export async function lineDays(
  line: LineName,
  client: Client,
  tape: ClientBase,
  consumer = 'tape',
): Promise<PrunedDatabase<LineName>> {
  const cursors = (await readCursors(tape, consumer)).get(line)!;
  const reader = await LineReader.open(line, client, consumer);
  return {
    name: line,
    client,
    tables: eventTables,
    stateOf: async ({ name, time }, { from, to }) => {
      const cursor = cursors.get(name);
      if (cursor === undefined || !reader.isOfThisHistory(cursor)) {
        const { rowCount } = await client.query(
          `SELECT FROM ${name} WHERE ${time} >= $1 AND ${time} < $2 LIMIT 1`,
          [from, to],
        );
        return rowCount === 0
          ? { rows: 0, held: null }
          : { rows: null, held: 'nothing says that the tape has any of its rows' };
      }
      const { rows } = await client.query<{ rows: string; unread: string }>(
        `SELECT count(*) AS rows, count(*) FILTER (WHERE ingest_xid >= $3::xid8) AS unread
         FROM ${name} WHERE ${time} >= $1 AND ${time} < $2`,
        [from, to, String(cursor.next)],
      );
      const unread = Number(rows[0]!.unread);
      return {
        rows: Number(rows[0]!.rows),
        held: unread === 0 ? null : `${unread} rows are not on the tape yet`,
      };
    },
  };
}
