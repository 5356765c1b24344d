import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Gatherer } from '#src/events/event.ts';
import { explainFindings } from '../explained-findings.ts';
import type { TypedFunctionProps } from './typed-function.ts';

/** What all jobs of an environment have in common. */
export interface JobSetting {
  readonly placement: Pick<TypedFunctionProps<never>, 'vpc' | 'subnets' | 'logRetention' | 'memoryMebibytes'>;
  /** Lets a function out to AWS and to the venues. */
  readonly outgoing: ISecurityGroup;
  readonly scheduleGroup: IScheduleGroup;
  readonly deadLetters: IQueue;
}

/** A database as whoever opens sessions with it sees it. */
export interface ReachableDatabase {
  readonly databaseClients: ISecurityGroup;
  readonly databaseSecret: { readonly secretArn: string };
}

/** The databases of the tape and of the lines. */
export interface AllDatabases {
  readonly production: ReachableDatabase;
  readonly lines: Readonly<Record<Gatherer, ReachableDatabase>>;
}

export const databasesOf = ({ production, lines }: AllDatabases): readonly ReachableDatabase[] => [
  production,
  lines.a,
  lines.b,
  lines.c,
];

/** Where a function is told that the databases are. */
export const databaseVariables = ({ production, lines }: AllDatabases) => ({
  PRODUCTION_DATABASE_SECRET: production.databaseSecret.secretArn,
  LINE_A_DATABASE_SECRET: lines.a.databaseSecret.secretArn,
  LINE_B_DATABASE_SECRET: lines.b.databaseSecret.secretArn,
  LINE_C_DATABASE_SECRET: lines.c.databaseSecret.secretArn,
});

/** Seconds below a function's own limit at which the server ends a statement, so that its word is heard. */
export const STATEMENT_MARGIN_SECONDS = 10;

/** As long as the service lets any function run. A job is cut into pieces that take a part of it. */
export const JOB_FUNCTION_SECONDS = 900;

/** Lets a function read the secrets of databases; the way to them is open to whoever carries their groups. */
export function mayReadSecretsOf(handler: IFunction, databases: readonly ReachableDatabase[]): void {
  handler.addToRolePolicy(
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue'],
      resources: databases.map(({ databaseSecret }) => databaseSecret.secretArn),
    }),
  );
}

/** Lets a function make these calls, and no others, on these resources. */
export function mayCall(
  handler: IFunction,
  resourceArns: readonly string[],
  ...actions: readonly string[]
): void {
  handler.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resourceArns] }));
}

/** Lets a function find out what lies in the bucket of the tape's files, and do this with what does. */
export function mayUseTapeFiles(handler: IFunction, bucket: IBucket, ...actions: readonly string[]): void {
  mayCall(handler, [bucket.arnForObjects('*')], ...actions);
  mayCall(handler, [bucket.bucketArn], 's3:ListBucket');
  explainFindings(handler, {
    rule: 'AwsSolutions-IAM5',
    finding: /Tape\w+Arn\w+\/\*$/,
    reason: 'Files, manifests and reports, whose keys hold table, day and venue.',
  });
}
