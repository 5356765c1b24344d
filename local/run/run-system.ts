import { fetchGathererStatus } from '#src/status/line-status.ts';
import type { SystemSource } from '#src/status/system-status.ts';
import { readJobRuns } from './job-ledger.ts';
import type { Layout } from './layout.ts';
import { type RunState, readRunState } from './state-file.ts';

const ANSWER_LIMIT_MILLIS = 1_000;

/** The run in a data folder as it says of itself; its lines are asked at the addresses that they have now. */
export function runSystem(layout: Layout, state: RunState): SystemSource {
  return {
    source: state.source,
    startedAt: state.startedAt,
    async lines() {
      const { lines } = readRunState(layout.stateFile) ?? state;
      const names = ['a', 'b', 'c'] as const;
      const statuses = await Promise.all(
        names.map((name) => fetchGathererStatus(lines[name].health, ANSWER_LIMIT_MILLIS)),
      );
      return Object.fromEntries(names.map((name, index) => [name, statuses[index] ?? null]));
    },
    jobs: () => readJobRuns(layout.jobsFile),
  };
}
