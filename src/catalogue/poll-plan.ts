import type { OpenMarket } from './open-markets.ts';
import type { PollRecord } from './poll-ledger.ts';

export interface PlanRules {
  readonly nowMillis: number;
  /** Instruments of one request. */
  readonly chunkSize: number;
  /** Requests that the rate budget allows in one run. */
  readonly maxChunks: number;
  /** A planned chunk that was not polled within this time will not be any more. */
  readonly abandonedAfterMillis: number;
}

export interface PollPlan {
  /** Instruments per request, most urgent first. */
  readonly chunks: readonly (readonly string[])[];
  /** Ids of ledger records that say nothing any more. */
  readonly obsolete: readonly string[];
  /** Open instruments. */
  readonly open: number;
  /** Age of the stalest instrument's last poll in milliseconds, null when some was never polled. */
  readonly oldestMillis: number | null;
}

interface Candidate {
  readonly instrument: string;
  readonly urgency: number;
}

/**
 * Chooses what to poll: what was never polled first, then by the time since the last poll, weighted by how
 * active the market is, so that a busy market comes round more often and a quiet one still comes round.
 */
export function planPoll(
  markets: Iterable<OpenMarket>,
  records: Iterable<PollRecord>,
  rules: PlanRules,
): PollPlan {
  const { nowMillis, chunkSize, maxChunks, abandonedAfterMillis } = rules;
  const lastPolled = new Map<string, { readonly millis: number; readonly id: string }>();
  const kept: PollRecord[] = [];
  const obsolete: string[] = [];
  for (const record of records) {
    kept.push(record);
    if (record.polledMillis === null) continue;
    for (const instrument of record.instruments) {
      const known = lastPolled.get(instrument);
      if (known === undefined || known.millis < record.polledMillis) {
        lastPolled.set(instrument, { millis: record.polledMillis, id: record.id });
      }
    }
  }

  const candidates: Candidate[] = [];
  const latestWord = new Set<string>();
  let oldest: number | null = 0;
  for (const { instruments, activity } of markets) {
    for (const instrument of instruments) {
      const last = lastPolled.get(instrument);
      // Never polled is as old as time itself, which no weight outdoes.
      const age = Math.max(0, nowMillis - (last?.millis ?? 0));
      candidates.push({ instrument, urgency: age * (1 + activity / 4) });
      if (last === undefined) oldest = null;
      else {
        latestWord.add(last.id);
        if (oldest !== null) oldest = Math.max(oldest, age);
      }
    }
  }
  for (const { id, polledMillis, plannedMillis } of kept) {
    const pending = polledMillis === null && nowMillis - plannedMillis < abandonedAfterMillis;
    if (!pending && !latestWord.has(id)) obsolete.push(id);
  }

  candidates.sort(
    (left, right) => right.urgency - left.urgency || (left.instrument < right.instrument ? -1 : 1),
  );
  const chunks: string[][] = [];
  for (let start = 0; start < candidates.length && chunks.length < maxChunks; start += chunkSize) {
    chunks.push(candidates.slice(start, start + chunkSize).map(({ instrument }) => instrument));
  }
  return { chunks, obsolete, open: candidates.length, oldestMillis: candidates.length === 0 ? null : oldest };
}
