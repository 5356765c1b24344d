import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Configuration } from '#src/config/schema.ts';
import { gatherers } from './gatherers.ts';
import { publishedMetric } from './published-metric.ts';
import { anyOf, type RunbookAlarms, reckoned } from './runbook-alarms.ts';

/** Of the instruments that lines capture: more of them in gaps at once is not the tape's everyday life. */
const IN_GAP_PERCENT = 1;
const SETTLED_SECONDS = 600;
const AGREEING_PERCENT = 99;
/** Of what the database's storage may grow to: at an even load, what is left are weeks. */
const STORAGE_PERCENT = 80;
const MEBIBYTES_PER_GIBIBYTE = 1_024;

/** Alarms of the tape: is it complete, is it fresh, do the lines say the same? */
export function addTapeAlarms(alarms: RunbookAlarms, configuration: Configuration): void {
  const { environment, venues, deployment } = configuration;
  const behind = alarms.add(
    'tape-behind',
    publishedMetric(environment, 'tape', 'tape_settled_age', {}, { statistic: 'Minimum', minutes: 5 }),
    {
      says: `The tape is more than ${SETTLED_SECONDS / 60} minutes behind, or nothing merges.`,
      runbook: 'tape-behind',
      when: 'above',
      limit: SETTLED_SECONDS,
      periods: 2,
      silenceIsFailure: true,
    },
  );
  const incomplete = Object.entries(venues)
    .filter(([, { enabled }]) => enabled)
    .flatMap(([venue]) => venueAlarms(alarms, environment, venue));
  alarms.combine('tape-incomplete', anyOf([behind, ...incomplete]), {
    says: 'The tape cannot vouch for what it should, now.',
    runbook: 'tape-incomplete',
  });
  const { storage_limit_gibibytes } = deployment.production;
  alarms.add(
    'tape-storage-limit',
    publishedMetric(
      environment,
      'tapeStorage',
      'tape_database_size',
      {},
      { statistic: 'Maximum', minutes: 60 },
    ),
    {
      says: `The database of the tape takes ${STORAGE_PERCENT} % of the storage that it may grow to.`,
      runbook: 'database-storage-low',
      when: 'above',
      limit: (storage_limit_gibibytes * MEBIBYTES_PER_GIBIBYTE * STORAGE_PERCENT) / 100,
      periods: 1,
    },
  );
  alarms.add(
    'line-database-away',
    publishedMetric(environment, 'merge', 'merge_lines_away', {}, { statistic: 'Minimum', minutes: 5 }),
    {
      says: 'The merge cannot read the database of a line.',
      runbook: 'line-database-away',
      when: 'above',
      limit: 0,
      periods: 2,
    },
  );
  alarms.add(
    'merge-behind',
    publishedMetric(environment, 'merge', 'merge_behind', {}, { statistic: 'Minimum', minutes: 5 }),
    {
      says: 'For an hour the merge has had more to read than it could.',
      runbook: 'merge-behind',
      when: 'above',
      limit: 0,
      periods: 12,
    },
  );
  alarms.add(
    'lines-put-aside',
    publishedMetric(environment, 'writer', 'writer_lines_put_aside', {}, { statistic: 'Sum', minutes: 5 }),
    {
      says: 'A writer put lines aside that its database does not take.',
      runbook: 'lines-put-aside',
      when: 'above',
      limit: 0,
      periods: 1,
    },
  );
  alarms.add(
    'records-missing',
    publishedMetric(environment, 'writer', 'writer_records_missing', {}, { statistic: 'Sum', minutes: 5 }),
    {
      says: 'Records that a gatherer sent never came out of its stream.',
      runbook: 'records-missing',
      when: 'above',
      limit: 0,
      periods: 1,
    },
  );
  alarms.add(
    'writer-failing',
    publishedMetric(environment, 'writer', 'writer_deliveries_failed', {}, { statistic: 'Sum', minutes: 5 }),
    {
      says: 'A writer has not been able to store its deliveries for fifteen minutes.',
      runbook: 'writer-behind',
      when: 'above',
      limit: 5,
      periods: 3,
    },
  );
}

function venueAlarms(alarms: RunbookAlarms, environment: string, venue: string): Alarm[] {
  const expected = Object.fromEntries(
    gatherers.map((gatherer) => [
      `expected_${gatherer}`,
      publishedMetric(
        environment,
        'lineVenue',
        'venue_instruments_expected',
        { gatherer, venue },
        { statistic: 'Maximum', minutes: 5 },
      ),
    ]),
  );
  const figure = (
    name: 'tape_instruments_in_gap' | 'tape_venue_in_gap' | 'tape_lines_agreeing',
  ): ReturnType<typeof publishedMetric> =>
    publishedMetric(environment, 'tapeVenue', name, { venue }, { statistic: 'Minimum', minutes: 5 });
  alarms.add(`tape-${venue}-lines-disagree`, figure('tape_lines_agreeing'), {
    says: `Not every running line sees all trades of ${venue}.`,
    runbook: 'lines-disagree',
    when: 'below',
    limit: AGREEING_PERCENT,
    periods: 3,
  });
  return [
    alarms.add(
      `tape-${venue}-instruments-in-gap`,
      reckoned(
        `100 * gaps / MAX([${Object.keys(expected).join(', ')}])`,
        { gaps: figure('tape_instruments_in_gap'), ...expected },
        { minutes: 5, label: 'instruments in a gap, %' },
      ),
      {
        says: `No line vouches for more than ${IN_GAP_PERCENT} % of the instruments of ${venue}.`,
        runbook: 'tape-incomplete',
        when: 'above',
        limit: IN_GAP_PERCENT,
        periods: 2,
      },
    ),
    alarms.add(`tape-${venue}-in-gap`, figure('tape_venue_in_gap'), {
      says: `No line vouches for ${venue} as a whole.`,
      runbook: 'tape-incomplete',
      when: 'above',
      limit: 0,
      periods: 1,
    }),
  ];
}
