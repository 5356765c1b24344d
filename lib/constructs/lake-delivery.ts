import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose';
import { LogGroup, LogStream, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import { explainFindings } from '../explained-findings.ts';
import { capturedTable } from '../glue/captured-table.ts';
import { locationTemplate } from '../glue/table-definition.ts';
import type { ProjectedTable } from './projected-table.ts';

/** Where records go that do not convert, as they came. */
const FAILED = 'failed';

export interface LakeDeliveryProps {
  readonly gatherer: Gatherer;
  readonly stream: IStream;
  readonly bucket: IBucket;
  readonly database: string;
  readonly table: ProjectedTable;
  readonly sizes: Configuration['deployment']['lake'];
  readonly logRetention: RetentionDays;
}

/** Keys of one line's objects: the table's own partitions, with the times of delivery (UTC). */
function prefixOf(gatherer: Gatherer): string {
  return locationTemplate('', capturedTable)
    .slice(1)
    .replace(`\${gatherer}`, gatherer)
    .replace(`\${date}`, '!{timestamp:yyyy-MM-dd}')
    .replace(`\${hour}`, '!{timestamp:HH}');
}

/**
 * A line's stream to Parquet. A record of the stream is many JSON documents, one a line, which the conversion takes
 * as they are: nothing takes records apart, transforms them, or sorts them by content.
 */
export class LakeDelivery extends Construct {
  readonly deliveryStream: CfnDeliveryStream;

  constructor(scope: Construct, id: string, props: LakeDeliveryProps) {
    super(scope, id);
    const { gatherer, stream, bucket, sizes } = props;
    const logs = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const failures = new LogStream(this, 'Failures', {
      logGroup: logs,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.#role(props, logs, failures);
    this.deliveryStream = new CfnDeliveryStream(this, 'Stream', {
      deliveryStreamType: 'KinesisStreamAsSource',
      kinesisStreamSourceConfiguration: { kinesisStreamArn: stream.streamArn, roleArn: role.roleArn },
      extendedS3DestinationConfiguration: {
        bucketArn: bucket.bucketArn,
        roleArn: role.roleArn,
        prefix: prefixOf(gatherer),
        errorOutputPrefix: `${FAILED}/!{firehose:error-output-type}/gatherer=${gatherer}/date=!{timestamp:yyyy-MM-dd}/`,
        customTimeZone: 'UTC',
        bufferingHints: { intervalInSeconds: sizes.buffer_seconds, sizeInMBs: sizes.buffer_mebibytes },
        // Parquet compresses by itself.
        compressionFormat: 'UNCOMPRESSED',
        cloudWatchLoggingOptions: {
          enabled: true,
          logGroupName: logs.logGroupName,
          logStreamName: failures.logStreamName,
        },
        dataFormatConversionConfiguration: {
          enabled: true,
          inputFormatConfiguration: { deserializer: { openXJsonSerDe: {} } },
          outputFormatConfiguration: {
            serializer: { parquetSerDe: { compression: 'GZIP', writerVersion: 'V1' } },
          },
          schemaConfiguration: {
            roleArn: role.roleArn,
            catalogId: Stack.of(this).account,
            region: Stack.of(this).region,
            databaseName: props.database,
            tableName: props.table.tableName,
            versionId: 'LATEST',
          },
        },
      },
    });
    explainFindings(this.deliveryStream, {
      rule: 'AwsSolutions-KDF1',
      reason: 'Its source is an encrypted stream; the service allows no encryption of its own beside that.',
    });
    explainFindings(role, {
      rule: 'AwsSolutions-IAM5',
      finding: /\/(captured|failed)\/\*$/,
      reason: 'The service gives its objects their keys, below these two prefixes.',
    });
    // The service tries the role at once.
    this.deliveryStream.node.addDependency(role);
  }

  #role({ stream, bucket, table, database }: LakeDeliveryProps, logs: LogGroup, failures: LogStream): Role {
    const { partition, region, account } = Stack.of(this);
    const glue = `arn:${partition}:glue:${region}:${account}`;
    const allow = (actions: string[], resources: string[]): PolicyStatement =>
      new PolicyStatement({ effect: Effect.ALLOW, actions, resources });
    return new Role(this, 'Role', {
      description: 'Reads the stream of a line and writes the lake',
      assumedBy: new ServicePrincipal('firehose.amazonaws.com', {
        conditions: { StringEquals: { 'sts:ExternalId': account } },
      }),
      inlinePolicies: {
        Delivery: new PolicyDocument({
          statements: [
            allow(
              [
                'kinesis:DescribeStream',
                'kinesis:DescribeStreamSummary',
                'kinesis:GetShardIterator',
                'kinesis:GetRecords',
                'kinesis:ListShards',
              ],
              [stream.streamArn],
            ),
            allow(
              ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
              [bucket.bucketArn],
            ),
            allow(
              ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
              [bucket.arnForObjects('captured/*'), bucket.arnForObjects(`${FAILED}/*`)],
            ),
            allow(
              ['glue:GetTable', 'glue:GetTableVersion', 'glue:GetTableVersions'],
              [`${glue}:catalog`, `${glue}:database/${database}`, table.tableArn],
            ),
            allow(
              ['logs:PutLogEvents'],
              [`${logs.logGroupArn.replace(/:\*$/, '')}:log-stream:${failures.logStreamName}`],
            ),
          ],
        }),
      },
    });
  }
}
