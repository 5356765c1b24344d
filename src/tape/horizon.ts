import type { Micros } from '../units/time.ts';
import { type LineLife, latestProven, provenUntil } from './line-account.ts';
import type { TapeRules } from './rules.ts';

/**
 * Up to which venue time the tape of a venue is settled: every line that is running has been merged up to there, less
 * the time that an event may be on its way through a line's stream. A line whose last heartbeat is older than the newest
 * by more than `silence` is not running, and is waited for no longer. Null when no line ever ran.
 */
export function mergeHorizon(
  lines: readonly { readonly lives: readonly LineLife[] }[],
  rules: Pick<TapeRules, 'silence' | 'settleAllowance'>,
  venue: string,
): Micros | null {
  const present = lines.flatMap(({ lives }) => lives.slice(-1));
  if (present.length === 0) return null;
  const newest = latestProven(present, venue);
  const proven = present.map((life) => provenUntil(life, venue));
  const running = proven.filter((time) => time >= newest - rules.silence);
  return (Math.min(...running) - rules.settleAllowance) as Micros;
}
