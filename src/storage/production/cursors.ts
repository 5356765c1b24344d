import type { ClientBase } from 'pg';
import type { Cursor } from './line-reader.ts';
import { type LineName, lineNames } from './merge-statements.ts';

/** Every cursor of each line, by table. */
export async function readCursors(
  client: ClientBase,
  consumer: string,
): Promise<Map<LineName, Map<string, Cursor>>> {
  const { rows } = await client.query<{
    line: LineName;
    table_name: string;
    history: string;
    next: string;
    mark: string;
  }>(
    `SELECT line, table_name, history, next_xid::text AS next, mark::text AS mark
     FROM sync_cursors WHERE consumer = $1`,
    [consumer],
  );
  const cursors = new Map<LineName, Map<string, Cursor>>(lineNames.map((line) => [line, new Map()]));
  for (const { line, table_name: table, history, next, mark } of rows) {
    cursors.get(line)?.set(table, { table, history, next: BigInt(next), mark });
  }
  return cursors;
}

/** Moves a cursor; to be called in the transaction that stores the rows. */
export async function moveCursor(
  client: ClientBase,
  consumer: string,
  line: LineName,
  cursor: Cursor,
): Promise<void> {
  await client.query(
    `INSERT INTO sync_cursors (consumer, line, table_name, history, next_xid, mark)
     VALUES ($1, $2, $3, $4, $5::xid8, $6)
     ON CONFLICT (consumer, line, table_name) DO UPDATE
     SET history = excluded.history, next_xid = excluded.next_xid, mark = excluded.mark, updated_at = clock_micros()`,
    [consumer, line, cursor.table, cursor.history, String(cursor.next), cursor.mark],
  );
}
