import { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { z } from 'zod';

export interface TypedFunctionProps<Schema extends z.ZodObject> {
  /** Folder below `lambdas`. */
  readonly name: string;
  /** The handler's own declaration of its environment. */
  readonly schema: Schema;
  /** Exactly the variables that the schema declares; optional ones may be left out. */
  readonly environment: z.input<Schema>;
  readonly vpc?: IVpc;
  readonly securityGroups?: ISecurityGroup[];
  readonly memoryMebibytes: number;
  readonly timeoutSeconds: number;
}

/** Fills by the AWS runtime, never by a construct. */
const RESERVED = /^AWS_/;

/** Variables that a construct sets and the schema does not know would be read by nobody: a mistake. */
function checkedEnvironment(name: string, schema: z.ZodObject, environment: Record<string, unknown>): Record<string, string> {
  const declared = schema.shape as Record<string, z.ZodType>;
  const surplus = Object.keys(environment).filter((key) => !(key in declared));
  if (surplus.length > 0) throw new Error(`function ${name}: surplus environment ${surplus.join(', ')}`);
  const missing = Object.entries(declared)
    .filter(([key, type]) => !(key in environment) && !RESERVED.test(key) && !type.safeParse(undefined).success)
    .map(([key]) => key);
  if (missing.length > 0) throw new Error(`function ${name}: missing environment ${missing.join(', ')}`);
  return Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
}

/** A Lambda function from `lambdas/<name>/handler.ts`, with exactly the environment that its contract declares. */
export class TypedFunction<Schema extends z.ZodObject> extends NodejsFunction {
  constructor(scope: Construct, id: string, props: TypedFunctionProps<Schema>) {
    super(scope, id, {
      entry: `lambdas/${props.name}/handler.ts`,
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMebibytes,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: Tracing.ACTIVE,
      environment: checkedEnvironment(props.name, props.schema, props.environment as Record<string, unknown>),
      ...(props.vpc === undefined
        ? {}
        : { vpc: props.vpc, vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS } }),
      ...(props.securityGroups === undefined ? {} : { securityGroups: props.securityGroups }),
      logGroup: new LogGroup(scope, `${id}Logs`, {
        retention: RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      depsLockFilePath: 'package-lock.json',
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        minify: true,
        sourceMap: true,
        externalModules: ['@aws-sdk/*', '@smithy/*', 'pg-native'],
        // `pg` is CommonJS and calls require() for Node's own modules.
        banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
      },
    });
  }
}
