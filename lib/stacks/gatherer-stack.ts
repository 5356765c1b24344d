import { Duration } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Construct } from 'constructs';
import type { Gatherer } from '#src/events/event.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { writerEnvironment } from '../../lambdas/writer/contract.ts';
import { FailedDeliveries } from '../constructs/failed-deliveries.ts';
import { GathererService } from '../constructs/gatherer-service.ts';
import { mayReadSecretsOf, STATEMENT_MARGIN_SECONDS } from '../constructs/job-setting.ts';
import { LakeDelivery } from '../constructs/lake-delivery.ts';
import { secretArnOfName } from '../constructs/secret-of-name.ts';
import { TypedFunction } from '../constructs/typed-function.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';
import type { ArchiveStack } from './archive-stack.ts';
import type { CatalogueStack } from './catalogue-stack.ts';
import type { LineStack } from './line-stack.ts';
import type { NetworkStack } from './network-stack.ts';
import type { QueryStack } from './query-stack.ts';

/** A batch is given up and put aside this long before the stream forgets it; the service allows a week at most. */
const GIVE_UP_MARGIN_HOURS = 1;
const GREATEST_AGE_HOURS = 168;

export interface GathererStackProps extends EnvironmentStackProps {
  readonly gatherer: Gatherer;
  /** Index of the zone that the line runs in. */
  readonly zone: number;
  readonly network: NetworkStack;
  readonly archive: ArchiveStack;
  readonly catalogue: CatalogueStack;
  readonly line: LineStack;
  readonly query: QueryStack;
}

/** What works on one line, all of it in one zone: the gatherer, and what its stream feeds. Holds no data. */
export class GathererStack extends EnvironmentStack {
  readonly gatherer: GathererService;
  readonly writer: TypedFunction<typeof writerEnvironment>;
  readonly lake: LakeDelivery;

  constructor(scope: Construct, id: string, props: GathererStackProps) {
    super(scope, id, {
      ...props,
      description: `Line ${props.gatherer}: gatherer, writer and lake, in one zone`,
    });
    const outgoing = new SecurityGroup(this, 'Outgoing', {
      vpc: props.network.vpc,
      description: `Gatherer and writer ${props.gatherer}: venues and AWS over TLS, nothing comes in`,
      allowAllOutbound: false,
    });
    outgoing.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'TLS');
    this.gatherer = this.#gatherer(props, outgoing);
    this.writer = this.#writer(props, outgoing);
    this.lake = new LakeDelivery(this, 'Lake', {
      gatherer: props.gatherer,
      stream: props.line.stream,
      bucket: props.archive.lakeBucket,
      database: props.query.database.ref,
      table: props.query.captured,
      sizes: this.configuration.deployment.lake,
      logRetention: this.logRetention,
    });
  }

  #gatherer(props: GathererStackProps, securityGroup: SecurityGroup): GathererService {
    const { network, line, archive, catalogue } = props;
    const { environment, deployment, venues } = this.configuration;
    const service = new GathererService(this, 'Gatherer', {
      cluster: new Cluster(this, 'Cluster', {
        vpc: network.vpc,
        containerInsightsV2: ContainerInsights.ENABLED,
      }),
      subnet: network.computeSubnet(props.zone),
      securityGroup,
      sizes: deployment.gatherer,
      logRetention: this.logRetention,
      environment: {
        GATHERER: props.gatherer,
        CONFIG_FILE: `config/${environment}.yaml`,
        STREAM_NAME: line.stream.streamName,
        RAW_BUCKET: archive.rawBucket.bucketName,
        CATALOGUE_TABLE: catalogue.table.tableName,
        AWS_REGION: this.region,
      },
    });
    for (const statement of [
      { actions: ['kinesis:PutRecords'], resources: [line.stream.streamArn] },
      { actions: ['s3:PutObject'], resources: [archive.rawBucket.arnForObjects('*')] },
      { actions: ['dynamodb:BatchWriteItem', 'dynamodb:Query'], resources: [catalogue.table.tableArn] },
    ]) {
      service.task.addToTaskRolePolicy(new PolicyStatement(statement));
    }
    explainFindings(service.task, {
      rule: 'AwsSolutions-IAM5',
      finding: /Raw\w+Arn\w+\/\*$/,
      reason: 'New segments, whose keys hold their times.',
    });
    if (venues.kalshi.enabled && venues.kalshi.key_secret !== '') {
      service.task.addToTaskRolePolicy(
        new PolicyStatement({
          actions: ['secretsmanager:GetSecretValue'],
          resources: [secretArnOfName(this, venues.kalshi.key_secret)],
        }),
      );
    }
    return service;
  }

  #writer(props: GathererStackProps, outgoing: SecurityGroup): TypedFunction<typeof writerEnvironment> {
    const { network, line } = props;
    const { environment, deployment, log_level } = this.configuration;
    const { memory_mebibytes, timeout_seconds, batch_size, batching_window_seconds } = deployment.writer;
    const writer = new TypedFunction(this, 'Writer', {
      name: 'writer',
      description: `Stream of line ${props.gatherer} to its database`,
      schema: writerEnvironment,
      environment: {
        DATABASE_SECRET: line.databaseSecret.secretArn,
        STATEMENT_TIMEOUT_SECONDS: timeout_seconds - STATEMENT_MARGIN_SECONDS,
        METRICS_NAMESPACE: metricsNamespace(environment),
        LOG_LEVEL: log_level,
      },
      vpc: network.vpc,
      subnets: { subnets: [network.computeSubnet(props.zone)] },
      securityGroups: [outgoing, line.databaseClients],
      memoryMebibytes: memory_mebibytes,
      timeoutSeconds: timeout_seconds,
      logRetention: this.logRetention,
    });
    mayReadSecretsOf(writer, [line]);
    writer.addEventSource(
      new KinesisEventSource(line.stream, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: batch_size,
        maxBatchingWindow: Duration.seconds(batching_window_seconds),
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        // A database may be away for hours: no limit on attempts, only on age, so that nothing goes unnoticed.
        maxRecordAge: Duration.hours(
          Math.min(deployment.stream.retention_hours - GIVE_UP_MARGIN_HOURS, GREATEST_AGE_HOURS),
        ),
        onFailure: new FailedDeliveries(line.undelivered),
      }),
    );
    return writer;
  }
}
