import { MICROS_PER_DAY } from '../../units/time.ts';

/** The first is almost always enough; the last holds everything. */
const SPANS = [MICROS_PER_DAY, 31 * MICROS_PER_DAY, Number.MAX_SAFE_INTEGER] as const;

/**
 * Looks for the latest of something, near a time first and then further back: a search without a lower bound opens every
 * day that the tape has.
 *
 * @param within what there is from a time on, in microseconds; null where there is nothing.
 */
export async function lookBack<Found>(
  at: number,
  within: (from: number) => Promise<Found | null>,
): Promise<Found | null> {
  for (const span of SPANS) {
    const found = await within(at - span);
    if (found !== null) return found;
  }
  return null;
}
