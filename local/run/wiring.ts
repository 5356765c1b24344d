import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import type { Configuration } from '#src/config/schema.ts';
import type { EventSourceSpecification } from '../event-source/event-source.ts';
import type { FunctionSpecification } from '../functions/function-host.ts';
import type { ScheduledStateMachine } from '../functions/main.ts';
import type { StandInEndpoints } from '../stand-ins/main.ts';
import type { Definition } from '../state-machines/state-machine.ts';

export const GATHERERS = ['a', 'b', 'c'] as const;
export type GathererName = (typeof GATHERERS)[number];

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

export const modules = {
  gatherer: path('containers/gatherer/main.ts'),
  standIns: path('local/stand-ins/main.ts'),
  functions: path('local/functions/main.ts'),
  simulator: path('sim/main.ts'),
  replay: path('sim/replay-main.ts'),
} as const;

export const streamName = (gatherer: GathererName): string => `prediction-tape-local-${gatherer}`;
export const RAW_BUCKET = 'prediction-tape-local-raw';
export const CATALOGUE_TABLE = 'prediction-tape-local-catalogue';
const SHARDS = 2;

export const catalogueTable: CreateTableCommandInput = {
  TableName: CATALOGUE_TABLE,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
};

export const streams = GATHERERS.map((gatherer) => ({ name: streamName(gatherer), shards: SHARDS }));

/** Variables that the AWS SDK reads: endpoints and credentials, the only substitutions against AWS. */
export function sdkEnvironment(endpoints: StandInEndpoints): Record<string, string> {
  return {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    AWS_ENDPOINT_URL_KINESIS: endpoints.kinesis,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

export interface DatabaseUrls {
  readonly production: string;
  readonly lines: Readonly<Record<GathererName, string>>;
}

/** The key of the simulated or replayed Kalshi, for functions that ask it by REST. */
export interface LocalKalshiKey {
  readonly id: string;
  readonly privateKey: string;
}

export interface Wiring {
  readonly functions: readonly FunctionSpecification[];
  readonly eventSources: readonly EventSourceSpecification[];
  readonly stateMachines: readonly ScheduledStateMachine[];
}

/** A definition with its `${Placeholders}` filled in. */
function definition(file: string, placeholders: Readonly<Record<string, string>>): Definition {
  const text = readFileSync(path(`lib/state-machines/${file}`), 'utf8');
  const filled = text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = placeholders[name];
    if (value === undefined) throw new Error(`${file}: nothing is known of \${${name}}`);
    return value;
  });
  return JSON.parse(filled) as Definition;
}

/**
 * Functions, event sources and state machines of a run. Handlers, definitions and environments are those that are
 * deployed; what differs from AWS is in `sdkEnvironment` and in database URLs instead of secrets.
 */
export function wiringOf(
  configuration: Configuration,
  endpoints: StandInEndpoints,
  databases: DatabaseUrls,
  kalshiKey: LocalKalshiKey | null,
): Wiring {
  const { venues, merge, snapshot_poll, stream, log_level } = configuration;
  const common = { ...sdkEnvironment(endpoints), LOG_LEVEL: log_level };
  const make = (
    name: string,
    folder: string,
    timeoutSeconds: number,
    environment: Record<string, string>,
  ): FunctionSpecification => ({
    name,
    module: path(`lambdas/${folder}/handler.ts`),
    handler: 'handler',
    environment: { ...common, ...environment },
    timeoutSeconds,
    memoryMebibytes: 512,
  });
  const rates = {
    KALSHI_REQUESTS_PER_SECOND: String(snapshot_poll.kalshi_requests_per_second),
    POLYMARKET_REQUESTS_PER_SECOND: String(snapshot_poll.polymarket_requests_per_second),
  };
  const enabled = (['kalshi', 'polymarket'] as const).filter((venue) => venues[venue].enabled);
  const functions = [
    ...GATHERERS.map((gatherer) =>
      make(`writer-${gatherer}`, 'writer', 60, { DATABASE_URL: databases.lines[gatherer] }),
    ),
    make('merge', 'merge', 300, {
      PRODUCTION_DATABASE_URL: databases.production,
      LINE_A_DATABASE_URL: databases.lines.a,
      LINE_B_DATABASE_URL: databases.lines.b,
      LINE_C_DATABASE_URL: databases.lines.c,
      ROWS_PER_RUN: String(merge.rows_per_run),
    }),
    make('snapshot-plan', 'snapshot-plan', 60, {
      CATALOGUE_TABLE,
      VENUES: enabled.join(','),
      INTERVAL_SECONDS: String(snapshot_poll.interval_seconds),
      ...rates,
    }),
    make('snapshot-poll', 'snapshot-poll', 120, {
      CATALOGUE_TABLE,
      STREAM_A: streamName('a'),
      STREAM_B: streamName('b'),
      STREAM_C: streamName('c'),
      STREAM_LANES: String(stream.lanes),
      KALSHI_REST_URL: venues.kalshi.rest_url,
      POLYMARKET_CLOB_URL: venues.polymarket.clob_url,
      ...rates,
      ...(kalshiKey === null
        ? {}
        : { KALSHI_KEY_ID: kalshiKey.id, KALSHI_PRIVATE_KEY: kalshiKey.privateKey }),
    }),
    make('snapshot-report', 'snapshot-report', 60, { CATALOGUE_TABLE }),
  ];
  const mergeMachine: ScheduledStateMachine = {
    name: 'merge',
    definition: definition('merge.asl.json', { MergeFunctionArn: 'merge' }),
    everySeconds: merge.interval_seconds,
    input: {},
  };
  const pollMachine: ScheduledStateMachine = {
    name: 'snapshot-poll',
    definition: definition('snapshot-poll.asl.json', {
      SnapshotPlanFunctionArn: 'snapshot-plan',
      SnapshotPollFunctionArn: 'snapshot-poll',
      SnapshotReportFunctionArn: 'snapshot-report',
    }),
    everySeconds: snapshot_poll.interval_seconds,
    input: {},
  };
  return {
    functions,
    eventSources: GATHERERS.map((gatherer) => ({
      stream: streamName(gatherer),
      functionName: `writer-${gatherer}`,
      batchSize: configuration.deployment.writer.batch_size,
      maximumBatchingWindowSeconds: 0,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: -1,
    })),
    stateMachines: snapshot_poll.enabled ? [mergeMachine, pollMachine] : [mergeMachine],
  };
}
