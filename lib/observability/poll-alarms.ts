import type { Configuration } from '#src/config/schema.ts';
import { publishedMetric } from './published-metric.ts';
import type { RunbookAlarms } from './runbook-alarms.ts';

const HOUR = 60;

/** Alarms of the snapshot poll, where it runs. */
export function addPollAlarms(alarms: RunbookAlarms, configuration: Configuration): void {
  const { environment, snapshot_poll, venues } = configuration;
  if (!snapshot_poll.enabled) return;
  for (const [venue, { enabled }] of Object.entries(venues)) {
    if (!enabled) continue;
    alarms.add(
      `snapshot-poll-${venue}-nothing`,
      publishedMetric(
        environment,
        'snapshotPoll',
        'snapshot_poll_answered',
        { venue },
        { statistic: 'Sum', minutes: HOUR },
      ),
      {
        says: `No order book of ${venue} has come by REST for two hours.`,
        runbook: 'snapshot-poll-failing',
        when: 'below',
        limit: 1,
        periods: 2,
        silenceIsFailure: true,
      },
    );
  }
}
