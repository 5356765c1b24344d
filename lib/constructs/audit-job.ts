import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { auditEnvironment } from '../../lambdas/audit/contract.ts';
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

export interface AuditJobProps extends AllDatabases {
  readonly setting: JobSetting;
  readonly configuration: Configuration;
  readonly table: ITable;
  readonly tapeBucket: IBucket;
}

/** Whether the tape is what the lines received. */
export class AuditJob extends Construct {
  readonly schedule: ScheduledStateMachine;

  constructor(scope: Construct, id: string, props: AuditJobProps) {
    super(scope, id);
    const { setting, configuration, table, tapeBucket } = props;
    const { enabled, interval_seconds, span_seconds, hours } = configuration.audit;
    const databases = databasesOf(props);
    const handler = new TypedFunction(this, 'Function', {
      name: 'audit',
      description: 'Holds the tape against what the lines stored',
      schema: auditEnvironment,
      environment: {
        ...databaseVariables(props),
        CATALOGUE_TABLE: table.tableName,
        LEASE_SECONDS: EXECUTION_SECONDS,
        TAPE_BUCKET: tapeBucket.bucketName,
        SPAN_SECONDS: span_seconds,
        HOURS: hours,
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
    mayUseTapeFiles(handler, tapeBucket, 's3:PutObject');
    this.schedule = new ScheduledStateMachine(this, 'Schedule', {
      definition: 'audit.asl.json',
      functions: { AuditFunctionArn: handler },
      everySeconds: interval_seconds,
      enabled,
      timeoutSeconds: EXECUTION_SECONDS,
      ...setting,
    });
  }
}
