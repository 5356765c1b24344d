import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { Venue } from '#src/events/event.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { exportEnvironment } from '../../lambdas/export/contract.ts';
import {
  JOB_FUNCTION_SECONDS,
  type JobSetting,
  mayCall,
  mayReadSecretsOf,
  mayUseTapeFiles,
  type ReachableDatabase,
  STATEMENT_MARGIN_SECONDS,
} from './job-setting.ts';
import { ScheduledStateMachine } from './scheduled-state-machine.ts';
import { TypedFunction } from './typed-function.ts';

/** The first run of an environment that has been going for days makes hundreds of files. */
const EXECUTION_SECONDS = 6 * 3_600;

export interface ExportJobProps {
  readonly setting: JobSetting;
  readonly configuration: Configuration;
  readonly table: ITable;
  readonly production: ReachableDatabase;
  readonly tapeBucket: IBucket;
}

/** Days of the tape to files. */
export class ExportJob extends Construct {
  readonly schedule: ScheduledStateMachine;

  constructor(scope: Construct, id: string, props: ExportJobProps) {
    super(scope, id);
    const { setting, configuration, table, production, tapeBucket } = props;
    const { enabled, interval_seconds, days, rows_per_file } = configuration.export;
    const venues = (Object.keys(configuration.venues) as Venue[]).filter(
      (venue) => configuration.venues[venue].enabled,
    );
    const handler = new TypedFunction(this, 'Function', {
      name: 'export',
      description: 'Days of the tape to files',
      schema: exportEnvironment,
      environment: {
        PRODUCTION_DATABASE_SECRET: production.databaseSecret.secretArn,
        CATALOGUE_TABLE: table.tableName,
        LEASE_SECONDS: EXECUTION_SECONDS,
        TAPE_BUCKET: tapeBucket.bucketName,
        VENUES: venues.join(','),
        DAYS: days,
        ROWS_PER_FILE: rows_per_file,
        STATEMENT_TIMEOUT_SECONDS: JOB_FUNCTION_SECONDS - STATEMENT_MARGIN_SECONDS,
        METRICS_NAMESPACE: metricsNamespace(configuration.environment),
        LOG_LEVEL: configuration.log_level,
      },
      ...setting.placement,
      securityGroups: [setting.outgoing, production.databaseClients],
      timeoutSeconds: JOB_FUNCTION_SECONDS,
      trustsAmazonAuthorities: true,
    });
    mayReadSecretsOf(handler, [production]);
    mayCall(handler, [table.tableArn], 'dynamodb:PutItem', 'dynamodb:DeleteItem');
    mayUseTapeFiles(handler, tapeBucket, 's3:GetObject', 's3:PutObject');
    this.schedule = new ScheduledStateMachine(this, 'Schedule', {
      definition: 'export.asl.json',
      functions: { ExportFunctionArn: handler },
      everySeconds: interval_seconds,
      enabled,
      timeoutSeconds: EXECUTION_SECONDS,
      ...setting,
    });
  }
}
