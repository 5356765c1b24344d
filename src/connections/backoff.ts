import { MICROS_PER_SECOND } from '../units/time.ts';

export interface BackoffSettings {
  /** Upper bound of the first delay, microseconds. */
  readonly first: number;
  /** Upper bound of every delay, microseconds. */
  readonly cap: number;
}

export const DEFAULT_BACKOFF: BackoffSettings = { first: MICROS_PER_SECOND / 2, cap: 30 * MICROS_PER_SECOND };

/**
 * Delay before attempt `failures + 1`, in microseconds: doubles with each failure up to the cap, and lies
 * between half of that and all of it, so that many connections cut off together do not return together.
 * `random` gives 0 inclusive to 1 exclusive.
 */
export function backoffDelay(failures: number, random: () => number, settings: BackoffSettings): number {
  const full = Math.min(settings.cap, settings.first * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(full / 2 + random() * (full / 2));
}
