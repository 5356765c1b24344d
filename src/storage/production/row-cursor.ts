import type { ClientBase, QueryResultRow } from 'pg';
import { BEGIN_ONE_MOMENT, isInTransaction } from './one-moment.ts';

const ROWS_AT_ONCE = 5_000;

/**
 * Rows of a query of any length in the memory of a few thousand: a server-side cursor in a transaction that
 * only reads, or in the one that the session is in. What else is asked within the loop is answered as of the moment
 * of the rows: a gap or a horizon that a merge commits meanwhile says nothing of them. Ending the loop early ends the
 * query. One at a time on a session, or several within a transaction of the caller where each has a name of its own.
 */
export async function* rowsOf<Row extends QueryResultRow>(
  ...query: Parameters<typeof portionsOf>
): AsyncGenerator<Row> {
  for await (const rows of portionsOf<Row>(...query)) yield* rows;
}

/** As `rowsOf`, with the rows that are read at once together; none is empty. */
export async function* portionsOf<Row extends QueryResultRow>(
  client: ClientBase,
  statement: string,
  values: readonly unknown[],
  rowsAtOnce = ROWS_AT_ONCE,
  name = 'rows_ahead',
): AsyncGenerator<readonly Row[]> {
  const isJoining = isInTransaction(client);
  if (!isJoining) await client.query(BEGIN_ONE_MOMENT);
  try {
    await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${statement}`, [...values]);
    for (;;) {
      const { rows } = await client.query<Row>(`FETCH ${rowsAtOnce} FROM ${name}`);
      if (rows.length > 0) yield rows;
      if (rows.length < rowsAtOnce) return;
    }
  } finally {
    await client.query(isJoining ? `CLOSE ${name}` : 'ROLLBACK').catch(() => {});
  }
}
