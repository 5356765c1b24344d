import type { Micros } from '../units/time.ts';
import type { LineAccount } from './line-account.ts';

/**
 * Up to which venue time the tape is settled: every line that is running has been merged up to there. A line
 * whose last heartbeat is older than the newest by more than `silence` is not running, and is waited for no
 * longer. Null when no line ever ran.
 */
export function mergeHorizon(
  accounts: readonly Pick<LineAccount, 'lives'>[],
  rules: { readonly silence: number; readonly arrivalAllowance: number },
): Micros | null {
  const durable = accounts.flatMap(({ lives }) => {
    const latest = lives.at(-1);
    return latest === undefined ? [] : [latest.durableUntil];
  });
  if (durable.length === 0) return null;
  const newest = Math.max(...durable);
  const running = durable.filter((time) => time >= newest - rules.silence);
  return (Math.min(...running) - rules.arrivalAllowance) as Micros;
}
