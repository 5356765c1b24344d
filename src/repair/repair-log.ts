import type { ClientBase } from 'pg';
import type { Venue } from '../events/event.ts';
import type { LineName } from '../storage/production/merge-statements.ts';
import type { Micros } from '../units/time.ts';

/** What a repair changed. */
export interface RepairEntry {
  readonly kind: 'trades' | 'raw' | 'merge';
  /** Null for all. */
  readonly venue: Venue | null;
  /** Into whose database rows went; null where the tape itself was put right. */
  readonly line: LineName | null;
  readonly from: Micros;
  readonly to: Micros;
  /** By table and what was done, how many rows. */
  readonly changes: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Enters a repair in the tape's own account of them; one that changed nothing leaves no entry. */
export async function recordRepair(tape: ClientBase, entry: RepairEntry): Promise<void> {
  const { kind, venue, line, from, to, changes } = entry;
  if (Object.keys(changes).length === 0) return;
  await tape.query(
    'INSERT INTO repairs (kind, venue, line, from_ts, to_ts, changes) VALUES ($1, $2, $3, $4, $5, $6)',
    [kind, venue, line, from, to, JSON.stringify(changes)],
  );
}

/** A repair as it was entered. */
export interface RecordedRepair {
  readonly repair: string;
  readonly kind: RepairEntry['kind'];
  readonly venue: string | null;
  readonly line: string | null;
  readonly from_ts: string;
  readonly to_ts: string;
  readonly changes: RepairEntry['changes'];
  readonly repaired_at: string;
}

/** The latest repairs, newest first. */
export async function latestRepairs(tape: ClientBase, limit: number): Promise<RecordedRepair[]> {
  const { rows } = await tape.query<RecordedRepair>(
    `SELECT repair::text, kind, venue, line, from_ts::text, to_ts::text, changes, repaired_at::text
     FROM repairs ORDER BY repair DESC LIMIT $1`,
    [limit],
  );
  return rows;
}
