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

export interface VenueUrls {
  readonly kalshiRest: string;
  readonly clob: string;
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

const databaseVariable = (url: string): Record<string, string> => ({ DATABASE_URL: url });

/** Functions, event sources and state machines of a run, as their templates deploy them. */
export function wiringOf(
  configuration: Configuration,
  endpoints: StandInEndpoints,
  databases: DatabaseUrls,
  venues: VenueUrls,
): Wiring {
  const sdk = sdkEnvironment(endpoints);
  const make = (name: string, folder: string, environment: Record<string, string>, timeoutSeconds: number): FunctionSpecification => ({
    name,
    module: path(`lambdas/${folder}/handler.ts`),
    handler: 'handler',
    environment: { ...sdk, LOG_LEVEL: configuration.log_level, ...environment },
    timeoutSeconds,
    memoryMebibytes: 512,
  });
  const writers = GATHERERS.map((gatherer) =>
    make(`writer-${gatherer}`, 'writer', databaseVariable(databases.lines[gatherer]), 60),
  );
  void venues;
  void definition;
  return {
    functions: [...writers, { ...make('merge','x',{PRODUCTION:databases.production,LINE_a:databases.lines.a,LINE_b:databases.lines.b,LINE_c:databases.lines.c},60), module: path('local/interim/merge.ts') }],
    eventSources: GATHERERS.map((gatherer) => ({
      stream: streamName(gatherer),
      functionName: `writer-${gatherer}`,
      batchSize: 100,
      maximumBatchingWindowSeconds: 0,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: -1,
    })),
    stateMachines: [{name:'merge',everySeconds:configuration.merge.interval_seconds,input:{},definition:{StartAt:'Merge',States:{Merge:{Type:'Task',Resource:'arn:aws:states:::lambda:invoke',Parameters:{FunctionName:'merge',Payload:{}},End:true}}} as any}],
  };
}
