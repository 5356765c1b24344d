import { join } from 'node:path';
import { Duration, RemovalPolicy, Size, Stage } from 'aws-cdk-lib';
import type { ISecurityGroup, ISubnet } from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  AvailabilityZoneRebalancing,
  AwsLogDriverMode,
  type Cluster,
  ContainerImage,
  CpuArchitecture,
  FargatePlatformVersion,
  FargateService,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { z } from 'zod';
import type { Configuration } from '#src/config/schema.ts';
import { gathererEnvironmentSchema } from '../../containers/gatherer/contract.ts';
import { explainFindings } from '../explained-findings.ts';
import { assembleGathererImage, GATHERER_ENTRY } from '../gatherer-image.ts';
import { checkedEnvironment } from './checked-environment.ts';

/** Where the image expects its data; its Dockerfile names it as a volume that its user owns. */
export const DATA_DIRECTORY = '/var/lib/gatherer';

const HEALTH_PORT = 8080;

/** Of the task's memory, for JavaScript objects; buffers of sockets and of the queue lie beside them. */
const HEAP_SHARE = 0.6;

/** Seconds between the end of the gatherer's own draining and its end by force. */
const AFTER_DRAINING = 20;

/** A line that answers lives. What its answer says is for alarms: a new process cures no venue's outage. */
const ALIVE = `fetch('http://127.0.0.1:${HEALTH_PORT}/health',{signal:AbortSignal.timeout(8000)}).then(()=>process.exit(0),()=>process.exit(1))`;

export interface GathererServiceProps {
  readonly cluster: Cluster;
  /** The one subnet, and so the one zone, that the line runs in. */
  readonly subnet: ISubnet;
  readonly securityGroup: ISecurityGroup;
  readonly sizes: Configuration['deployment']['gatherer'];
  readonly logRetention: RetentionDays;
  /** The container's environment but for what this construct decides itself. */
  readonly environment: Omit<
    z.input<typeof gathererEnvironmentSchema>,
    'DATA_DIRECTORY' | 'HEALTH_PORT' | 'STOP_SECONDS'
  >;
}

/** Cloud assemblies for which the files of the image are put together already: once for all three lines. */
const assembled = new Set<string>();

/** Built when it is deployed. It is another image only when a file that it is built from is another. */
function gathererImage(scope: Construct): ContainerImage {
  const { outdir } = Stage.of(scope)!;
  const directory = join(outdir, 'gatherer-image');
  if (!assembled.has(outdir)) assembleGathererImage(directory);
  assembled.add(outdir);
  return ContainerImage.fromDockerImageAsset(
    new DockerImageAsset(scope, 'Image', { directory, platform: Platform.LINUX_ARM64 }),
  );
}

/** One gatherer: one task, never two at once, without any way in. */
export class GathererService extends Construct {
  readonly task: FargateTaskDefinition;
  readonly service: FargateService;

  constructor(scope: Construct, id: string, props: GathererServiceProps) {
    super(scope, id);
    const { sizes } = props;
    this.task = new FargateTaskDefinition(this, 'Task', {
      cpu: sizes.cpu,
      memoryLimitMiB: sizes.memory_mebibytes,
      ephemeralStorageGiB: sizes.data_gibibytes,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
      volumes: [{ name: 'data' }],
    });
    const container = this.task.addContainer('Gatherer', {
      containerName: 'gatherer',
      image: gathererImage(this),
      command: [
        'node',
        `--max-old-space-size=${Math.floor(sizes.memory_mebibytes * HEAP_SHARE)}`,
        GATHERER_ENTRY,
      ],
      environment: checkedEnvironment('container gatherer', gathererEnvironmentSchema, {
        ...props.environment,
        DATA_DIRECTORY,
        HEALTH_PORT,
        STOP_SECONDS: sizes.stop_seconds,
      }),
      readonlyRootFilesystem: true,
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
      stopTimeout: Duration.seconds(sizes.stop_seconds + AFTER_DRAINING),
      healthCheck: {
        command: ['CMD', 'node', '-e', ALIVE],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(10),
        retries: 5,
        startPeriod: Duration.seconds(120),
      },
      // A process that died finds its spill journal and unfinished segments; a new task would not.
      enableRestartPolicy: true,
      restartAttemptPeriod: Duration.seconds(60),
      logging: LogDrivers.awsLogs({
        streamPrefix: 'gatherer',
        // A log that cannot be written must not hold up the capture.
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(16),
        logGroup: new LogGroup(this, 'Logs', {
          retention: props.logRetention,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      }),
    });
    explainFindings(
      this.task,
      {
        rule: 'AwsSolutions-ECS2',
        reason: 'Names of resources and sizes. What is secret is named there and read from Secrets Manager.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: 'Resource::*',
        reason: 'The token of the image registry, which knows no resources.',
      },
    );
    container.addMountPoints({ sourceVolume: 'data', containerPath: DATA_DIRECTORY, readOnly: false });
    this.service = new FargateService(this, 'Service', {
      cluster: props.cluster,
      taskDefinition: this.task,
      platformVersion: FargatePlatformVersion.VERSION1_4,
      desiredCount: 1,
      // The old task ends before the new one starts: meanwhile the other two lines capture.
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { rollback: true },
      vpcSubnets: { subnets: [props.subnet] },
      securityGroups: [props.securityGroup],
      assignPublicIp: false,
    });
  }
}
