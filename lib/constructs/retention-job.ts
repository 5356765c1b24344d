import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { retentionEnvironment } from '../../lambdas/retention/contract.ts';
import {
  type AllDatabases,
  databasesOf,
  databaseVariables,
  JOB_FUNCTION_SECONDS,
  type JobSetting,
  mayCall,
  mayReadSecretsOf,
  mayUseTapeFiles,
  STATEMENT_MARGIN_SECONDS,
} from './job-setting.ts';
import { ScheduledStateMachine } from './scheduled-state-machine.ts';
import { TypedFunction } from './typed-function.ts';

const EXECUTION_SECONDS = 3 * 3_600;

export interface RetentionJobProps extends AllDatabases {
  readonly setting: JobSetting;
  readonly configuration: Configuration;
  readonly table: ITable;
  readonly tapeBucket: IBucket;
}

/** Old days of the databases that are on the tape, or in files. */
export class RetentionJob extends Construct {
  readonly schedule: ScheduledStateMachine;

  constructor(scope: Construct, id: string, props: RetentionJobProps) {
    super(scope, id);
    const { setting, configuration, table, tapeBucket } = props;
    const { enabled, interval_seconds, dry_run, line_days, tape_days } = configuration.retention;
    const databases = databasesOf(props);
    const handler = new TypedFunction(this, 'Function', {
      name: 'retention',
      description: 'Drops old days of the databases that are on the tape, or in files',
      schema: retentionEnvironment,
      environment: {
        ...databaseVariables(props),
        CATALOGUE_TABLE: table.tableName,
        LEASE_SECONDS: EXECUTION_SECONDS,
        TAPE_BUCKET: tapeBucket.bucketName,
        LINE_DAYS: JSON.stringify(line_days),
        TAPE_DAYS: JSON.stringify(tape_days),
        DRY_RUN: dry_run ? 'true' : 'false',
        STATEMENT_TIMEOUT_SECONDS: JOB_FUNCTION_SECONDS - STATEMENT_MARGIN_SECONDS,
        METRICS_NAMESPACE: metricsNamespace(configuration.environment),
        LOG_LEVEL: configuration.log_level,
      },
      ...setting.placement,
      securityGroups: [setting.outgoing, ...databases.map(({ databaseClients }) => databaseClients)],
      timeoutSeconds: JOB_FUNCTION_SECONDS,
      trustsAmazonAuthorities: true,
    });
    mayReadSecretsOf(handler, databases);
    mayCall(handler, [table.tableArn], 'dynamodb:PutItem', 'dynamodb:DeleteItem');
    mayUseTapeFiles(handler, tapeBucket, 's3:GetObject');
    this.schedule = new ScheduledStateMachine(this, 'Schedule', {
      definition: 'retention.asl.json',
      functions: { RetentionFunctionArn: handler },
      everySeconds: interval_seconds,
      enabled,
      timeoutSeconds: EXECUTION_SECONDS,
      ...setting,
    });
  }
}
