import type { Configuration } from '#src/config/schema.ts';
import { type RunbookAlarms, reckoned, serviceMetric } from './runbook-alarms.ts';
import type { Watched, WatchedResources } from './watched-resources.ts';

const GIBIBYTE = 2 ** 30;
const HOUR_MILLIS = 3_600_000;
const DAY_MINUTES = 1_440;
const HOUR_SECONDS = 3_600;
/** Jobs with more time between two starts are looked at over longer periods. */
const SELDOM_SECONDS = 900;

/** Alarms that every resource of a kind has. */
export function addResourceAlarms(
  alarms: RunbookAlarms,
  resources: WatchedResources,
  configuration: Configuration,
): void {
  for (const watched of resources.functions) functionAlarms(alarms, watched);
  for (const watched of resources.stateMachines) {
    stateMachineAlarms(alarms, watched, startsEvery(watched, configuration));
  }
  for (const watched of resources.queues) queueAlarms(alarms, watched);
  for (const watched of resources.streams) streamAlarms(alarms, watched, configuration);
  for (const watched of resources.databases) databaseAlarms(alarms, watched, configuration);
  for (const watched of resources.deliveryStreams) deliveryAlarms(alarms, watched);
  for (const watched of [...resources.servers, ...resources.serverGroups]) serverAlarms(alarms, watched);
  for (const watched of resources.buckets)
    if (watched.id.endsWith('Undelivered')) undeliveredAlarm(alarms, watched);
}

/** Seconds between the starts of a job; null for one that is switched off, which is not missed. */
function startsEvery({ id }: Watched, configuration: Configuration): number | null {
  const { merge, snapshot_poll, export: exporting, audit, retention } = configuration;
  const jobs = [
    { name: '-Merge-', ...merge, enabled: true },
    { name: '-SnapshotPoll-', ...snapshot_poll },
    { name: '-Export-', ...exporting },
    { name: '-Audit-', ...audit },
    { name: '-Retention-', ...retention },
  ];
  const job = jobs.find(({ name }) => id.includes(name));
  if (job === undefined) throw new Error(`${id}: how often it starts is not known`);
  return job.enabled ? job.interval_seconds : null;
}

function functionAlarms(alarms: RunbookAlarms, { id, name, dimensions }: Watched): void {
  const sum = (metric: string) =>
    serviceMetric('AWS/Lambda', metric, dimensions, { statistic: 'Sum', minutes: 5 });
  alarms.add(`${id}-errors`, sum('Errors'), {
    says: `The function ${name} fails again and again.`,
    runbook: 'function-failing',
    when: 'above',
    limit: 0,
    periods: 3,
  });
  alarms.add(`${id}-throttles`, sum('Throttles'), {
    says: `The function ${name} is not let run as often as it is called.`,
    runbook: 'function-throttled',
    when: 'above',
    limit: 0,
    periods: 3,
  });
}

function stateMachineAlarms(
  alarms: RunbookAlarms,
  { id, name, dimensions }: Watched,
  everySeconds: number | null,
): void {
  const sum = (metric: string, minutes = 15) =>
    serviceMetric('AWS/States', metric, dimensions, { statistic: 'Sum', minutes });
  alarms.add(
    `${id}-failing`,
    reckoned(
      'FILL(failed, 0) + FILL(timed_out, 0)',
      { failed: sum('ExecutionsFailed'), timed_out: sum('ExecutionsTimedOut') },
      { minutes: 15, label: 'executions that failed' },
    ),
    {
      says: `Executions of ${name} fail or take too long.`,
      runbook: 'job-failing',
      when: 'above',
      limit: 0,
      // Of a job that runs seldom no two follow within half an hour.
      periods: everySeconds !== null && everySeconds > SELDOM_SECONDS ? 1 : 2,
    },
  );
  if (everySeconds === null) return;
  const isSeldom = everySeconds > SELDOM_SECONDS;
  const minutes = isSeldom ? Math.ceil(everySeconds / HOUR_SECONDS) * 60 : 15;
  const periods = isSeldom ? 2 : 4;
  const hours = (minutes * periods) / 60;
  alarms.add(`${id}-not-started`, sum('ExecutionsStarted', minutes), {
    says: `${name} has not been started for ${hours === 1 ? 'an hour' : `${hours} hours`}.`,
    runbook: 'job-not-started',
    when: 'below',
    limit: 1,
    periods,
    silenceIsFailure: true,
  });
}

function queueAlarms(alarms: RunbookAlarms, { id, name, dimensions }: Watched): void {
  alarms.add(
    `${id}-messages`,
    serviceMetric('AWS/SQS', 'ApproximateNumberOfMessagesVisible', dimensions, {
      statistic: 'Maximum',
      minutes: 5,
    }),
    {
      says: `Starts of jobs were given up: they are in the queue ${name}.`,
      runbook: 'start-given-up',
      when: 'above',
      limit: 0,
      periods: 1,
    },
  );
}

function streamAlarms(
  alarms: RunbookAlarms,
  { id, name, dimensions }: Watched,
  { deployment }: Configuration,
): void {
  const age = serviceMetric('AWS/Kinesis', 'GetRecords.IteratorAgeMilliseconds', dimensions, {
    statistic: 'Maximum',
    minutes: 5,
  });
  alarms.add(`${id}-read-late`, age, {
    says: `What is in ${name} is read more than five minutes late.`,
    runbook: 'writer-behind',
    when: 'above',
    limit: 300_000,
    periods: 3,
  });
  alarms.add(`${id}-forgetting`, age, {
    says: `Half of the time for which ${name} keeps a record is over before it is read.`,
    runbook: 'stream-forgetting',
    when: 'above',
    limit: (deployment.stream.retention_hours * HOUR_MILLIS) / 2,
    periods: 1,
  });
  alarms.add(
    `${id}-throttled`,
    serviceMetric('AWS/Kinesis', 'WriteProvisionedThroughputExceeded', dimensions, {
      statistic: 'Sum',
      minutes: 5,
    }),
    {
      says: `${name} refuses records because it is too small.`,
      runbook: 'stream-throttled',
      when: 'above',
      limit: 0,
      periods: 3,
    },
  );
}

function databaseAlarms(
  alarms: RunbookAlarms,
  { id, name, dimensions }: Watched,
  { deployment: { production } }: Configuration,
): void {
  const metric = (metricName: string, statistic: 'Minimum' | 'Average') =>
    serviceMetric('AWS/RDS', metricName, dimensions, { statistic, minutes: 5 });
  alarms.add(`${id}-storage`, metric('FreeStorageSpace', 'Minimum'), {
    says: `So little storage of ${name} is free as is a twentieth of what it began with, although it should grow by itself.`,
    runbook: 'database-storage-low',
    when: 'below',
    limit: (production.storage_gibibytes * GIBIBYTE) / 20,
    periods: 2,
    silenceIsFailure: true,
  });
  alarms.add(`${id}-busy`, metric('CPUUtilization', 'Average'), {
    says: `${name} has been busy above 90 % for half an hour.`,
    runbook: 'database-overloaded',
    when: 'above',
    limit: 90,
    periods: 6,
  });
}

function deliveryAlarms(alarms: RunbookAlarms, { id, name, dimensions }: Watched): void {
  alarms.add(
    `${id}-late`,
    serviceMetric('AWS/Firehose', 'DeliveryToS3.DataFreshness', dimensions, {
      statistic: 'Maximum',
      minutes: 5,
    }),
    {
      says: `What ${name} delivers to the lake is more than an hour old.`,
      runbook: 'lake-behind',
      when: 'above',
      limit: 3_600,
      periods: 3,
    },
  );
  alarms.add(
    `${id}-unconverted`,
    serviceMetric('AWS/Firehose', 'FailedConversion.Records', dimensions, { statistic: 'Sum', minutes: 5 }),
    {
      says: `${name} cannot turn records into Parquet.`,
      runbook: 'lake-unconverted',
      when: 'above',
      limit: 0,
      periods: 1,
    },
  );
}

function serverAlarms(alarms: RunbookAlarms, { id, name, dimensions }: Watched): void {
  alarms.add(
    `${id}-ill`,
    serviceMetric('AWS/EC2', 'StatusCheckFailed', dimensions, { statistic: 'Maximum', minutes: 5 }),
    {
      says: `The server ${name} does not answer the checks of its host.`,
      runbook: 'line-database-away',
      when: 'above',
      limit: 0,
      periods: 2,
      silenceIsFailure: true,
    },
  );
  alarms.add(
    `${id}-busy`,
    serviceMetric('AWS/EC2', 'CPUUtilization', dimensions, { statistic: 'Average', minutes: 5 }),
    {
      says: `The server ${name} has been busy above 90 % for half an hour.`,
      runbook: 'database-overloaded',
      when: 'above',
      limit: 90,
      periods: 6,
    },
  );
}

function undeliveredAlarm(alarms: RunbookAlarms, { id, name, dimensions }: Watched): void {
  alarms.add(
    `${id}-objects`,
    // Counted by the service once a day.
    serviceMetric(
      'AWS/S3',
      'NumberOfObjects',
      { ...dimensions, StorageType: 'AllStorageTypes' },
      { statistic: 'Maximum', minutes: DAY_MINUTES },
    ),
    {
      says: `Batches that a writer gave up are in ${name}.`,
      runbook: 'undelivered-batches',
      when: 'above',
      limit: 0,
      periods: 1,
    },
  );
}
