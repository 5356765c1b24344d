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
      reachable.push({
        line,
        client,
        cursors: new Map(),
        completeFrom: () => Number.MAX_SAFE_INTEGER as Micros,
      });
  }
  return reachable;
}

/**
 * From when on a table of a line's database has everything that the tape has of it: a backup may have been restored, and
 * whole days be pruned, of each table after a time of its own.
 */
async function completeSince(
  tape: ClientBase,
  line: LineName,
  client: ClientBase,
): Promise<ReachableLine['completeFrom']> {
  const restored = await tape.query<{ until: string | null }>(
    `SELECT max(to_ts)::text AS until FROM gaps WHERE line = $1 AND cause = 'database_restored'`,
    [line],
  );
  const since = Number(restored.rows[0]!.until ?? 0);
  const earliest = eventTables.map(
    ({ name, time }) => `SELECT '${name}' AS name, min(${time})::text AS time FROM ${name}`,
  );
  const { rows } = await client.query<{ name: string; time: string | null }>(earliest.join(' UNION ALL '));
  const kept = new Map(rows.map(({ name, time }) => [name, time === null ? null : Number(time)]));
  const first = Math.min(...[...kept.values()].map((time) => time ?? Number.POSITIVE_INFINITY));
  return (table) => {
    // A table without rows says nothing of its own.
    const time = kept.get(table) ?? (Number.isFinite(first) ? first : 0);
    const from = Math.max(since, Math.floor(time / MICROS_PER_DAY) * MICROS_PER_DAY);
    return from === 0 ? null : (from as Micros);
  };
}
