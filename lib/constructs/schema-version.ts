import { CustomResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { type MigrationSet, readMigrations } from '#src/storage/migrate.ts';
import { migrateEnvironment } from '../../lambdas/migrate/contract.ts';
import { explainFindings } from '../explained-findings.ts';
import { projectFile } from '../project-files.ts';
import { type JobSetting, mayReadSecretsOf, type ReachableDatabase } from './job-setting.ts';
import { FUNCTION_DIRECTORY, TypedFunction } from './typed-function.ts';

const FOLDER = 'migrations';

/** The longest that a function may run. */
const TIMEOUT_SECONDS = 900;
/** Until a machine that was only just made has its server up. */
const WAIT_SECONDS = 480;
const STATEMENT_SECONDS = 400;
/** CloudFormation waits an hour for an answer that never comes, if it is not told otherwise. */
const ANSWER_SECONDS = TIMEOUT_SECONDS + 120;

export interface SchemaVersionProps {
  readonly placement: JobSetting['placement'];
  /** Lets the function out to AWS. */
  readonly outgoing: ISecurityGroup;
  readonly set: MigrationSet;
  readonly database: ReachableDatabase;
  readonly logLevel: Configuration['log_level'];
}

/**
 * The newest version of a database's schema, made by a deployment. Every version is a resource of its own, without
 * properties: CloudFormation makes the next one and then takes the former away, which does nothing. So a version that
 * cannot be made leaves nothing to undo, and the way back never needs the database.
 */
export class SchemaVersion extends Construct {
  constructor(scope: Construct, id: string, props: SchemaVersionProps) {
    super(scope, id);
    const { placement, set, database } = props;
    const handler = new TypedFunction(this, 'Migrate', {
      name: 'migrate',
      description: `Brings the database of stack ${scope.node.id} to its newest schema`,
      schema: migrateEnvironment,
      environment: {
        MIGRATION_SET: set,
        DATABASE_SECRET: database.databaseSecret.secretArn,
        MIGRATIONS_DIRECTORY: `${FUNCTION_DIRECTORY}/${FOLDER}`,
        WAIT_SECONDS,
        STATEMENT_TIMEOUT_SECONDS: STATEMENT_SECONDS,
        LOG_LEVEL: props.logLevel,
      },
      ...placement,
      securityGroups: [props.outgoing, database.databaseClients],
      timeoutSeconds: TIMEOUT_SECONDS,
      trustsAmazonAuthorities: true,
      folders: [FOLDER],
    });
    mayReadSecretsOf(handler, [database]);
    const provider = new Provider(this, 'Provider', {
      onEventHandler: handler,
      logGroup: new LogGroup(this, 'ProviderLogs', {
        retention: placement.logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    explainFindings(
      provider,
      {
        rule: 'AwsSolutions-IAM4',
        finding: /AWSLambdaBasicExecutionRole$/,
        reason: 'Log streams: what the service itself needs to run a function.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: /^Resource::<SchemaMigrate\w+\.Arn>:\*$/,
        reason: 'The versions of the function that migrates.',
      },
    );
    const version = readMigrations(set, projectFile(FOLDER)).length;
    new CustomResource(this, `Version${version}`, {
      serviceToken: provider.serviceToken,
      resourceType: 'Custom::SchemaVersion',
      serviceTimeout: Duration.seconds(ANSWER_SECONDS),
    });
  }
}
