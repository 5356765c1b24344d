import { type CfnResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { type ICommandHooks, LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { z } from 'zod';
import { HANDLER_METADATA } from '#src/contract/template-metadata.ts';
import { explainFindings } from '../explained-findings.ts';
import { projectFile } from '../project-files.ts';
import { checkedEnvironment } from './checked-environment.ts';

export interface TypedFunctionProps<Schema extends z.ZodObject> {
  /** Folder below `lambdas`. */
  readonly name: string;
  readonly description: string;
  /** The handler's own declaration of its environment. */
  readonly schema: Schema;
  /** Exactly the variables that the schema declares; those with a default may be left out. */
  readonly environment: z.input<Schema>;
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly memoryMebibytes: number;
  readonly timeoutSeconds: number;
  readonly logRetention: RetentionDays;
  /** It speaks to servers, such as those of RDS, whose certificates Amazon signs with an authority of its own. */
  readonly trustsAmazonAuthorities?: boolean;
  /** Folders of the project that the handler reads when it runs; they lie beside the code, under their name. */
  readonly folders?: readonly string[];
}

/** Where AWS unpacks a function. */
export const FUNCTION_DIRECTORY = '/var/task';

/** Amazon's authorities in the Node runtime, which no longer trusts them by itself. */
const AMAZON_AUTHORITIES = '/var/runtime/ca-cert.pem';

function copying(folders: readonly string[]): ICommandHooks {
  return {
    beforeBundling: () => [],
    beforeInstall: () => [],
    afterBundling: (input, output) =>
      folders.map((folder) => `cp -R "${input}/${folder}" "${output}/${folder}"`),
  };
}

/** A Lambda function from `lambdas/<name>/handler.ts`, with exactly the environment that its contract declares. */
export class TypedFunction<Schema extends z.ZodObject> extends NodejsFunction {
  constructor(scope: Construct, id: string, props: TypedFunctionProps<Schema>) {
    const entry = `lambdas/${props.name}/handler.ts`;
    super(scope, id, {
      description: props.description,
      entry: projectFile(entry),
      projectRoot: projectFile(''),
      depsLockFilePath: projectFile('package-lock.json'),
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMebibytes,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: Tracing.ACTIVE,
      awsSdkConnectionReuse: false,
      environment: {
        ...checkedEnvironment(`function ${props.name}`, props.schema, props.environment),
        // Read by Node, not by the handler.
        NODE_OPTIONS: '--enable-source-maps',
        ...(props.trustsAmazonAuthorities === true ? { NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES } : {}),
      },
      vpc: props.vpc,
      vpcSubnets: props.subnets,
      securityGroups: props.securityGroups,
      logGroup: new LogGroup(scope, `${id}Logs`, {
        retention: props.logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        minify: true,
        sourceMap: true,
        externalModules: ['@aws-sdk/*', '@smithy/*', 'pg-native'],
        // `pg` is CommonJS and calls require() for Node's own modules.
        banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
        logLevel: LogLevel.WARNING,
        commandHooks: copying(props.folders ?? []),
      },
    });
    (this.node.defaultChild as CfnResource).addMetadata(HANDLER_METADATA, entry);
    explainFindings(
      this,
      {
        rule: 'AwsSolutions-IAM4',
        finding: /AWSLambda(BasicExecution|VPCAccessExecution)Role$/,
        reason:
          'Log streams and network interfaces: what the service itself needs to run a function in a network.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: 'Resource::*',
        reason: 'Traces: X-Ray knows no resources.',
      },
    );
  }
}
