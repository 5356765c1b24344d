import { GB, MONTH_SECONDS, shardsFor } from '../load.ts';
import type { CostedResource } from '../template-resources.ts';
import { type BillingRule, type Charge, type Estate, HOURS, LINES, ofType, UnknownCost } from './rule.ts';

const KIBIBYTE = 1_024;
const PAYLOAD_UNIT = 25 * KIBIBYTE;
const FIREHOSE_STEP = 5 * KIBIBYTE;
const INCLUDED_HOURS = 24;
/** An on-demand stream begins with so many. */
const FIRST_SHARDS = 4;
const MEBIBYTES_PER_GB = 1_024;
const MILLION = 1_000_000;
/** Instruments of one request, by what the venues accept, and requests of one run and venue. */
const CHUNK = { kalshi: 100, polymarket: 250 };
const MOST_CHUNKS = 1_000;
const MERGE_SECONDS_AT_LEAST = 1;
const POLL_SECONDS = 1.5;
const PLAN_SECONDS = 20;
const REPORT_SECONDS = 5;
/** Traces: one a second, and one of twenty beyond that. */
const TRACED_SHARE = 0.05;
const TRANSITIONS = { merge: 4, poll: 6, job: 6 };
const DAY_SECONDS = 86_400;
/** First or last step of a job, and what the retention takes for a day of a table. */
const JOB_STEP_SECONDS = 5;
const RETENTION_SECONDS = 60;
/** Tables and venues, each a file of its own. */
const FILES_AT_LEAST = 12;
const DATABASES = 4;

const shardsOf = (stream: CostedResource, { traffic, assumptions }: Estate): number =>
  stream.properties.ShardCount ?? Math.max(FIRST_SHARDS, shardsFor(traffic, assumptions.peak_factor));

const stream: BillingRule = (resource, estate) => {
  const { traffic } = estate;
  const readers = 1 + ofType(estate, 'AWS::KinesisFirehose::DeliveryStream').length / LINES;
  const keptHours = Math.max(
    0,
    (resource.properties.RetentionPeriodHours ?? INCLUDED_HOURS) - INCLUDED_HOURS,
  );
  const gigabytes = (traffic.roundedTo(KIBIBYTE) * MONTH_SECONDS) / GB;
  const charge = (item: string, quantity: number, price: string): Charge => ({
    service: 'Kinesis',
    item,
    quantity,
    price,
  });
  if (resource.properties.ShardCount === undefined) {
    return [
      charge('streams on demand', HOURS, 'kinesis_on_demand_stream_hour'),
      charge('written', gigabytes, 'kinesis_on_demand_in_gb'),
      charge('read', gigabytes * readers, 'kinesis_on_demand_out_gb'),
      charge(
        'kept for longer than a day',
        (traffic.bytes * keptHours * 3_600) / GB,
        'kinesis_on_demand_kept_gb_month',
      ),
    ];
  }
  const shards = shardsOf(resource, estate);
  return [
    charge('shards', shards * HOURS, 'kinesis_shard_hour'),
    charge(
      'shards that keep for longer than a day',
      keptHours > 0 ? shards * HOURS : 0,
      'kinesis_kept_shard_hour',
    ),
    charge(
      'written',
      (traffic.roundedTo(PAYLOAD_UNIT) / PAYLOAD_UNIT) * (MONTH_SECONDS / MILLION),
      'kinesis_put_million',
    ),
  ];
};

const delivery: BillingRule = ({ properties }, { traffic }) => {
  const destination = properties.ExtendedS3DestinationConfiguration;
  const gigabytes = (bytes: number): number => (bytes * MONTH_SECONDS) / GB;
  const { IntervalInSeconds: seconds, SizeInMBs: megabytes } = destination.BufferingHints;
  return [
    {
      service: 'Firehose',
      item: 'delivered',
      quantity: gigabytes(traffic.roundedTo(FIREHOSE_STEP)),
      price: 'firehose_gb',
    },
    {
      service: 'Firehose',
      item: 'converted to Parquet',
      quantity:
        destination.DataFormatConversionConfiguration?.Enabled === true
          ? gigabytes(traffic.roundedTo(FIREHOSE_STEP))
          : 0,
      price: 'firehose_conversion_gb',
    },
    {
      service: 'S3',
      item: 'writes',
      quantity: (MONTH_SECONDS * Math.max(1 / seconds, traffic.bytes / (megabytes * 2 ** 20))) / 1_000,
      price: 's3_put_thousand',
    },
  ];
};

interface Workload {
  readonly perSecond: number;
  /** Of all invocations of a second, together. */
  readonly seconds: number;
}

/** Requests of one run of the snapshot poll. */
export function pollChunks({ assumptions, packing }: Estate): number {
  const { kalshiShare } = packing;
  const chunks = (share: number, size: number): number =>
    Math.min(MOST_CHUNKS, Math.ceil((assumptions.instruments * share) / size));
  return chunks(kalshiShare, CHUNK.kalshi) + chunks(1 - kalshiShare, CHUNK.polymarket);
}

/** Starts of a scheduled job, a second. */
function perSecondOf(job: 'Export' | 'Audit', estate: Estate): number {
  const schedules = ofType(estate, 'AWS::Scheduler::Schedule').filter(({ id }) => id.startsWith(job));
  return schedules.reduce((sum, schedule) => sum + startsOf(schedule) / MONTH_SECONDS, 0);
}

/** Files of a day of all tables and venues. */
export const filesPerDay = ({ traffic, assumptions }: Pick<Estate, 'traffic' | 'assumptions'>): number =>
  FILES_AT_LEAST + (traffic.lines * DAY_SECONDS) / assumptions.export_rows_per_file;

/** Plan and end of every start, and the files of a day once a day. */
function exportWorkload(estate: Estate): Workload {
  const starts = 2 * perSecondOf('Export', estate);
  return {
    perSecond: starts + filesPerDay(estate) / DAY_SECONDS,
    seconds: starts * JOB_STEP_SECONDS + estate.traffic.lines / estate.assumptions.export_rows_per_second,
  };
}

/** Plan and end of every start; every row of each line is compared once. */
function auditWorkload(estate: Estate): Workload {
  const { traffic, assumptions } = estate;
  const starts = 2 * perSecondOf('Audit', estate);
  return {
    perSecond: starts + 1 / assumptions.audit_span_seconds,
    seconds: starts * JOB_STEP_SECONDS + (LINES * traffic.lines) / assumptions.audit_rows_per_second,
  };
}

function workloadOf(resource: CostedResource, estate: Estate): Workload | null {
  const { traffic, assumptions, packing } = estate;
  const each = (perSecond: number, seconds: number): Workload => ({
    perSecond,
    seconds: perSecond * seconds,
  });
  const runs = packing.pollIntervalSeconds === null ? 0 : 1 / packing.pollIntervalSeconds;
  if (/^Writer/.test(resource.id)) {
    const mapping = ofType(estate, 'AWS::Lambda::EventSourceMapping').find(
      ({ stack }) => stack === resource.stack,
    );
    const source = ofType(estate, 'AWS::Kinesis::Stream').find(
      ({ stack }) => stack === resource.stack.replace('gatherer', 'line'),
    );
    if (mapping === undefined || source === undefined)
      throw new UnknownCost(`${resource.stack} ${resource.id}: nothing feeds it`);
    const shards = shardsOf(source, estate);
    const { BatchSize, MaximumBatchingWindowInSeconds } = mapping.properties;
    const perShard = Math.max(
      1 / Math.max(1, MaximumBatchingWindowInSeconds ?? 0),
      traffic.records / shards / BatchSize,
    );
    const perSecond = shards * perShard;
    return {
      perSecond,
      seconds:
        perSecond * assumptions.invocation_seconds + traffic.lines / assumptions.writer_rows_per_second,
    };
  }
  if (/^MergeFunction/.test(resource.id)) {
    const busy = (LINES * traffic.lines) / assumptions.merge_rows_per_second;
    return { perSecond: 1 / 60, seconds: Math.min(1, busy + MERGE_SECONDS_AT_LEAST / 60) };
  }
  if (/^SnapshotPollPlan/.test(resource.id)) return each(runs, PLAN_SECONDS);
  if (/^SnapshotPollReport/.test(resource.id)) return each(runs, REPORT_SECONDS);
  if (/^SnapshotPoll/.test(resource.id)) return each(runs * pollChunks(estate), POLL_SECONDS);
  if (/^Export/.test(resource.id)) return exportWorkload(estate);
  if (/^Audit/.test(resource.id)) return auditWorkload(estate);
  // Looks at a day of every table once a day, by counting its rows.
  if (/^Retention/.test(resource.id)) return each(6 / DAY_SECONDS, RETENTION_SECONDS);
  // At a deployment only.
  if (/^(SchemaMigrate|Custom|.*Provider)/.test(resource.id)) return null;
  throw new UnknownCost(`${resource.stack} ${resource.id}: how often it runs is not known`);
}

const handler: BillingRule = (resource, estate) => {
  const workload = workloadOf(resource, estate);
  if (workload === null) return [];
  const { perSecond, seconds } = workload;
  const traced = Math.min(perSecond, 1 + TRACED_SHARE * Math.max(0, perSecond - 1));
  const memory = (resource.properties.MemorySize ?? 128) / MEBIBYTES_PER_GB;
  return [
    {
      service: 'Lambda',
      item: 'requests',
      quantity: (perSecond * MONTH_SECONDS) / MILLION,
      price: 'lambda_request_million',
    },
    {
      service: 'Lambda',
      item: 'time',
      quantity: seconds * memory * MONTH_SECONDS,
      price: 'lambda_arm_gb_second',
    },
    {
      service: 'X-Ray',
      item: 'traces',
      quantity: resource.properties.TracingConfig?.Mode === 'Active' ? (traced * MONTH_SECONDS) / MILLION : 0,
      price: 'xray_trace_million',
    },
  ];
};

/** Seconds between two starts. @throws UnknownCost for an expression that is no plain rate. */
function rateOf(schedule: CostedResource): number {
  const expression = String(schedule.properties.ScheduleExpression);
  const match = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (match === null) throw new UnknownCost(`${schedule.id}: ${expression} is not a rate`);
  return Number(match[1]) * { minute: 60, hour: 3_600, day: 86_400 }[match[2] as 'minute' | 'hour' | 'day'];
}

const startsOf = (schedule: CostedResource): number =>
  schedule.properties.State === 'DISABLED' ? 0 : MONTH_SECONDS / rateOf(schedule);

const schedule: BillingRule = (resource) => [
  {
    service: 'Step Functions',
    item: 'starts by the scheduler',
    quantity: startsOf(resource) / MILLION,
    price: 'scheduler_million',
  },
];

const stateMachine: BillingRule = (resource, estate) => {
  const starter = ofType(estate, 'AWS::Scheduler::Schedule').find(
    ({ properties }) => properties.Target?.Arn?.Ref === resource.id,
  );
  if (starter === undefined) throw new UnknownCost(`${resource.id}: nothing starts it`);
  const definition = String(resource.properties.DefinitionString);
  const isOf = (name: string): boolean => definition.includes(`${name}FunctionArn`);
  const starts = startsOf(starter);
  const days = starts === 0 ? 0 : MONTH_SECONDS / DAY_SECONDS;
  const pieces = (perDay: number): number => starts * TRANSITIONS.job + days * perDay;
  const [job, transitions] = isOf('SnapshotPoll')
    ? ['snapshot poll', starts * (TRANSITIONS.poll + pollChunks(estate))]
    : isOf('Export')
      ? ['export', pieces(filesPerDay(estate))]
      : isOf('Audit')
        ? ['audit', pieces(DAY_SECONDS / estate.assumptions.audit_span_seconds)]
        : isOf('Retention')
          ? ['retention', pieces(DATABASES)]
          : ['merge', starts * TRANSITIONS.merge];
  return [
    {
      service: 'Step Functions',
      item: `transitions, ${job}`,
      quantity: transitions / 1_000,
      price: 'states_transition_thousand',
    },
  ];
};

/** Streams, what reads them, and what runs on a schedule. */
export const streamRules: Readonly<Record<string, BillingRule>> = {
  'AWS::Kinesis::Stream': stream,
  'AWS::KinesisFirehose::DeliveryStream': delivery,
  'AWS::Lambda::Function': handler,
  'AWS::Scheduler::Schedule': schedule,
  'AWS::StepFunctions::StateMachine': stateMachine,
};
