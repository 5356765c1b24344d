import { formatDate, MICROS_PER_DAY, type Micros } from '../units/time.ts';
import { dayOf } from './exported-rows.ts';
import { exportedTables } from './exported-tables.ts';
import type { PartitionPlan, TapeExport } from './tape-export.ts';

/** What is to be exported now, and what cannot be. */
export interface DueExports {
  readonly partitions: readonly PartitionPlan[];
  /** Those that want more files than one run may hold, so that no run can make them. */
  readonly tooLarge: readonly PartitionPlan[];
  /** Whether there is more than one run may hold. */
  readonly more: boolean;
  /** Microseconds since the end of the first day that this leaves for later, as not settled; 0 where there is none. */
  readonly behind: number;
}

/** The days (UTC) that a span touches. */
export function daysOf(from: Micros, to: Micros): string[] {
  const days: string[] = [];
  for (let at = from - (from % MICROS_PER_DAY); at < to; at += MICROS_PER_DAY) {
    days.push(formatDate(at as Micros));
  }
  return days;
}

/**
 * Files that the last days want: those that were never made, and those whose rows are others by now. Of what is already
 * there, only counts are looked at.
 *
 * @param days before today that are looked at. @param mostFiles of one run.
 */
export async function dueExports(
  exporting: TapeExport,
  options: {
    readonly now: Micros;
    readonly days: number;
    readonly venues: readonly string[];
    readonly mostFiles: number;
  },
): Promise<DueExports> {
  const { now, days, venues, mostFiles } = options;
  const today = now - (now % MICROS_PER_DAY);
  const partitions: PartitionPlan[] = [];
  const tooLarge: PartitionPlan[] = [];
  let files = 0;
  let behind = 0;
  for (const date of daysOf((today - days * MICROS_PER_DAY) as Micros, today as Micros)) {
    for (const venue of venues) {
      for (const table of exportedTables) {
        const partition = { table: table.name, date, venue };
        const due = await exporting.due(table, partition);
        if (due === 'done') continue;
        if (due === 'unsettled') {
          behind = Math.max(behind, now - dayOf(date).to);
          continue;
        }
        if (due.ranges.length > mostFiles) {
          tooLarge.push(due);
          behind = Math.max(behind, now - dayOf(date).to);
          continue;
        }
        if (files + due.ranges.length > mostFiles) return { partitions, tooLarge, more: true, behind };
        partitions.push(due);
        files += due.ranges.length;
      }
    }
  }
  return { partitions, tooLarge, more: false, behind };
}
