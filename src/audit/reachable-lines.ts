import type { ClientBase } from 'pg';
import { readCursors } from '../storage/production/cursors.ts';
import { LineReader } from '../storage/production/line-reader.ts';
import { type LineName, lineNames } from '../storage/production/merge-statements.ts';
import { eventTables } from '../storage/tables.ts';
import { MICROS_PER_DAY, type Micros } from '../units/time.ts';
import type { ReachableLine } from './line-comparison.ts';

/** Databases of the lines as far as they can be had; a text says why not. */
export type AuditedLines = Readonly<Record<LineName, ClientBase | string>>;

/**
 * The lines whose databases answer, each with how far the tape has read it.
 *
 * @param consumer name under which the merge keeps its cursors
 */
export async function reachableLines(
  tape: ClientBase,
  lines: AuditedLines,
  consumer: string,
): Promise<ReachableLine[]> {
  const cursors = await readCursors(tape, consumer);
  const reachable: ReachableLine[] = [];
  for (const line of lineNames) {
    const client = lines[line];
    if (typeof client === 'string') continue;
    const own = cursors.get(line)!;
    const completeFrom = await completeSince(tape, line, client);
    const reader = await LineReader.open(line, client as never, consumer);
    // Not read since it was restored: the cursors are of what there was before, and say nothing of what is here.
    const isRestored = [...own.values()].some((cursor) => !reader.isOfThisHistory(cursor));
    if (!isRestored) reachable.push({ line, client, cursors: own, completeFrom });
    else
      reachable.push({ line, client, cursors: new Map(), completeFrom: Number.MAX_SAFE_INTEGER as Micros });
  }
  return reachable;
}

/** From when on a line's database has everything that the tape has of it: whole days may be pruned, and a backup restored. */
async function completeSince(tape: ClientBase, line: LineName, client: ClientBase): Promise<Micros | null> {
  const restored = await tape.query<{ until: string | null }>(
    `SELECT max(to_ts)::text AS until FROM gaps WHERE line = $1 AND cause = 'database_restored'`,
    [line],
  );
  let since = Number(restored.rows[0]!.until ?? 0);
  const earliest = eventTables.map(({ name, time }) => `SELECT min(${time}) AS time FROM ${name}`);
  const kept = await client.query<{ time: string | null }>(
    `SELECT min(time)::text AS time FROM (${earliest.join(' UNION ALL ')}) AS first`,
  );
  const first = kept.rows[0]!.time;
  if (first !== null) since = Math.max(since, Math.floor(Number(first) / MICROS_PER_DAY) * MICROS_PER_DAY);
  return since === 0 ? null : (since as Micros);
}
