/** How long to wait between attempts. */
export interface BackoffSettings {
  /** Upper bound of the first wait, in milliseconds. */
  readonly baseMillis: number;
  /** Upper bound of every wait, in milliseconds. */
  readonly capMillis: number;
}

/**
 * Exponential backoff with full jitter: uniform in [0, min(cap, base · 2^retry)). `retry` counts from 0. The
 * whole range is random so that clients which failed together do not come back together.
 */
export function backoffMillis(settings: BackoffSettings, retry: number, random: () => number): number {
  const bound = Math.min(settings.capMillis, settings.baseMillis * 2 ** Math.min(retry, 30));
  return random() * bound;
}
