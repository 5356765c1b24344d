import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { mergeEnvironment } from '../../lambdas/merge/contract.ts';
import {
  type AllDatabases,
  databasesOf,
  databaseVariables,
  type JobSetting,
  mayCall,
  mayReadSecretsOf,
  STATEMENT_MARGIN_SECONDS,
} from './job-setting.ts';
import { ScheduledStateMachine } from './scheduled-state-machine.ts';
import { TypedFunction } from './typed-function.ts';

const TIMEOUT_SECONDS = 300;
/** An execution merges back to back while it is behind; a new one takes over from one that goes on for longer. */
const EXECUTION_SECONDS = 6 * 3_600;

export interface MergeJobProps extends AllDatabases {
  readonly setting: JobSetting;
  readonly configuration: Configuration;
  readonly table: ITable;
}

/** Three lines to the tape. */
export class MergeJob extends Construct {
  readonly handler: TypedFunction<typeof mergeEnvironment>;
  readonly schedule: ScheduledStateMachine;

  constructor(scope: Construct, id: string, props: MergeJobProps) {
    super(scope, id);
    const { setting, configuration, table } = props;
    const databases = databasesOf(props);
    const handler = new TypedFunction(this, 'Function', {
      name: 'merge',
      description: 'Three lines to the tape',
      schema: mergeEnvironment,
      environment: {
        ...databaseVariables(props),
        ROWS_PER_RUN: configuration.merge.rows_per_run,
        STATEMENT_TIMEOUT_SECONDS: TIMEOUT_SECONDS - STATEMENT_MARGIN_SECONDS,
        CATALOGUE_TABLE: table.tableName,
        METRICS_NAMESPACE: metricsNamespace(configuration.environment),
        LOG_LEVEL: configuration.log_level,
      },
      ...setting.placement,
      securityGroups: [setting.outgoing, ...databases.map(({ databaseClients }) => databaseClients)],
      timeoutSeconds: TIMEOUT_SECONDS,
      trustsAmazonAuthorities: true,
    });
    mayReadSecretsOf(handler, databases);
    mayCall(handler, [table.tableArn], 'dynamodb:PutItem', 'dynamodb:DeleteItem');
    this.handler = handler;
    this.schedule = new ScheduledStateMachine(this, 'Schedule', {
      definition: 'merge.asl.json',
      functions: { MergeFunctionArn: handler },
      everySeconds: configuration.merge.interval_seconds,
      enabled: true,
      timeoutSeconds: EXECUTION_SECONDS,
      ...setting,
    });
  }
}
