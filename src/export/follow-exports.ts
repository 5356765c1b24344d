import { MICROS_PER_DAY, MICROS_PER_HOUR, type Micros } from '../units/time.ts';
import { dayOf } from './exported-rows.ts';
import type { Partition } from './manifest.ts';
import type { TapeExport } from './tape-export.ts';

/** What became of plain names that were to follow their manifests. */
export interface Followed {
  /** Those whose manifest is not an hour old yet. */
  readonly behind: readonly Partition[];
  readonly failed: readonly { readonly partition: Partition; readonly reason: string }[];
}

/** A prime, so that runs at whatever even distance come to every day. */
const TURNS = 23;

/** Whether a run at `now` looks at a day that is older than those it plans: a day has its turn every 23rd hour. */
export const isItsTurn = (date: string, now: Micros): boolean =>
  (Math.floor(dayOf(date).from / MICROS_PER_DAY) + Math.floor(now / MICROS_PER_HOUR)) % TURNS === 0;

/**
 * Brings plain names to what manifests have named for an hour, of all that was ever exported to a place. A table, day and
 * venue of which that fails holds up no other.
 *
 * @param isLookedAt days that are looked at
 */
export async function followExports(
  exporting: TapeExport,
  isLookedAt: (date: string) => boolean = () => true,
): Promise<Followed> {
  const behind: Partition[] = [];
  const failed: { partition: Partition; reason: string }[] = [];
  for await (const { table, partition } of exporting.exported()) {
    if (!isLookedAt(partition.date)) continue;
    try {
      if (!(await exporting.follow(table, partition))) behind.push(partition);
    } catch (error) {
      failed.push({ partition, reason: (error as Error).message });
    }
  }
  return { behind, failed };
}
