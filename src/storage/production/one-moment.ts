import type { ClientBase } from 'pg';

/** Whether the session is in a transaction that somebody else began and will end. */
export function isInTransaction(client: ClientBase): boolean {
  return client.getTransactionStatus() === 'T';
}

/** Begins a transaction that only reads, and whose reads all see the tape as it is at the first of them. */
export const BEGIN_ONE_MOMENT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/**
 * Runs reads that belong together against the tape as it is at one moment, whatever a merge commits meanwhile.
 * Within a transaction of the caller the reads join it: what they see together is then for its isolation to say.
 * One at a time on a session.
 */
export async function atOneMoment<Result>(client: ClientBase, read: () => Promise<Result>): Promise<Result> {
  if (isInTransaction(client)) return await read();
  await client.query(BEGIN_ONE_MOMENT);
  try {
    return await read();
  } finally {
    await client.query('ROLLBACK').catch(() => {});
  }
}
