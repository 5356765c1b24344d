import type { Micros } from '../units/time.ts';
import { LEAST_SUSPICIOUS } from './data-watch.ts';
import type { Carriage, Life } from './life.ts';

export interface StallVerdict {
  readonly stalled: readonly Stalled[];
  /** No connection of the venue has data: perhaps the venue itself rests. */
  readonly isVenueSilent: boolean;
}

export interface Stalled {
  readonly life: Life;
  /** Last data of the subscription that is silent. */
  readonly since: Micros;
  /** Its silent subscriptions; the others of the same socket were in order to the end. */
  readonly silent: ReadonlySet<Carriage>;
}

/**
 * Finds the connections with a subscription that is silent beyond what is usual for it. While others have
 * data, each of these is at fault; when nothing has data, one alone is tried anew at a time.
 *
 * @param isLost whether something of a silent connection may be lost that no number would show: such a one is not left
 *   alone for as long as `stallAfter` while others have data.
 */
export function findStalled(
  lives: readonly Life[],
  stallAfter: number,
  now: Micros,
  isLost: (life: Life) => boolean,
): StallVerdict {
  const stalled: Stalled[] = [];
  const isAnyBusy = lives.some(
    ({ state, watch }) => state === 'open' && watch.flowAt !== null && now - watch.flowAt <= LEAST_SUSPICIOUS,
  );
  let isAnyAlive = false;
  let isRetrying = false;
  for (const life of lives) {
    if (life.state !== 'open') continue;
    // First books do not count: a venue at rest sends them, too.
    if (life.watch.flowAt !== null && now - life.watch.flowAt <= stallAfter) isAnyAlive = true;
    if (now - life.startedAt <= stallAfter) isRetrying = true;
    // What was usual for the whole socket is known from its earlier lives, too.
    const isWhole = life.watch.isStalled(now, stallAfter) || (isAnyBusy && isLost(life));
    const silent = new Set<Carriage>();
    let since = life.watch.lastAt;
    for (const carriage of life.carriages.values()) {
      if (!isWhole && !carriage.watch.isStalled(now, stallAfter)) continue;
      silent.add(carriage);
      if (carriage.watch.lastAt < since) since = carriage.watch.lastAt;
    }
    if (isWhole || silent.size > 0) stalled.push({ life, since, silent });
  }
  if (isAnyAlive || stalled.length === 0) return { stalled, isVenueSilent: false };
  // A socket opened lately is the trial that still runs.
  if (isRetrying) return { stalled: [], isVenueSilent: false };
  const longest = stalled.reduce((a, b) => (b.since < a.since ? b : a));
  return { stalled: [longest], isVenueSilent: true };
}
