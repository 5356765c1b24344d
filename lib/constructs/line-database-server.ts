import { readFileSync } from 'node:fs';
import { CfnOutput, Duration, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import {
  AmazonLinuxCpuType,
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  HttpTokens,
  Instance,
  InstanceType,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  MachineImage,
  MultipartBody,
  MultipartUserData,
  Peer,
  Port,
  SecurityGroup,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ARecord, type IPrivateHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { explainFindings } from '../explained-findings.ts';
import { projectFile } from '../project-files.ts';
import { BACKUP_TAG, backupName } from './line-volume.ts';
import { POSTGRESQL_PORT } from './postgresql-port.ts';

const FOLDER = 'containers/timescaledb';

/** By it the machine may attach the volume to itself and to no other. */
const MACHINE_TAG = 'prediction-tape:line-database-machine';

export interface LineDatabaseServerProps {
  readonly environment: string;
  readonly gatherer: Gatherer;
  readonly vpc: IVpc;
  readonly subnet: ISubnet;
  readonly names: IPrivateHostedZone;
  /** Who may open sessions. */
  readonly clients: ISecurityGroup;
  readonly volumeId: string;
  readonly secretArn: string;
  readonly sizes: Configuration['deployment']['line_database'];
  readonly logRetention: RetentionDays;
}

/**
 * PostgreSQL with TimescaleDB on a machine of its own. The machine holds nothing: whatever it is replaced by
 * attaches the same volume, waits for it while the old machine still has it, and gets the same name.
 */
export class LineDatabaseServer extends Construct {
  readonly instance: Instance;
  /** Name within the network. */
  readonly hostName: string;
  readonly logs: LogGroup;

  constructor(scope: Construct, id: string, props: LineDatabaseServerProps) {
    super(scope, id);
    const { gatherer, vpc, names, sizes } = props;
    this.hostName = lineDatabaseHost(gatherer, names.zoneName);
    this.logs = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: `Database of line ${gatherer}`,
      allowAllOutbound: false,
    });
    securityGroup.addIngressRule(props.clients, Port.tcp(POSTGRESQL_PORT), 'sessions');
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'AWS over TLS');
    const image = new DockerImageAsset(this, 'Image', {
      directory: projectFile(FOLDER),
      platform: Platform.LINUX_ARM64,
      exclude: ['host.sh'],
    });
    const machine = `${props.environment}-${gatherer}`;
    const role = this.#role(props, machine);
    image.repository.grantPull(role);
    this.instance = new Instance(this, 'Instance', {
      vpc,
      vpcSubnets: { subnets: [props.subnet] },
      securityGroup,
      role,
      instanceType: new InstanceType(sizes.instance_class),
      machineImage: MachineImage.latestAmazonLinux2023({ cpuType: AmazonLinuxCpuType.ARM_64 }),
      associatePublicIpAddress: false,
      httpTokens: HttpTokens.REQUIRED,
      // Containers do not reach the machine's credentials.
      httpPutResponseHopLimit: 1,
      ebsOptimized: true,
      detailedMonitoring: sizes.detailed_monitoring,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(20, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
        },
      ],
      userData: this.#userData(props, image.imageUri),
    });
    Tags.of(this.instance).add(MACHINE_TAG, machine);
    explainFindings(
      this.instance,
      {
        rule: 'AwsSolutions-EC29',
        reason:
          'The machine holds nothing, and a deployment has to be able to replace it. Its volume is kept apart.',
      },
      ...(sizes.detailed_monitoring
        ? []
        : [{ rule: 'AwsSolutions-EC28', reason: 'Figures every five minutes are enough for a trial.' }]),
    );
    new ARecord(this, 'Name', {
      zone: names,
      recordName: this.hostName,
      target: RecordTarget.fromIpAddresses(this.instance.instancePrivateIp),
      // A replaced machine has another address.
      ttl: Duration.seconds(15),
    });
    new CfnOutput(this, 'InstanceId', {
      description: `Machine of the database of line ${gatherer}, for a session with SSM`,
      value: this.instance.instanceId,
    });
  }

  #role({ environment, volumeId, secretArn, gatherer }: LineDatabaseServerProps, machine: string): Role {
    const { partition, region, account } = Stack.of(this);
    const ec2 = `arn:${partition}:ec2:${region}:${account}`;
    const role = new Role(this, 'Role', {
      description: `Machine of the database of line ${gatherer}`,
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore')],
    });
    explainFindings(
      role,
      {
        rule: 'AwsSolutions-IAM4',
        finding: /AmazonSSMManagedInstanceCore$/,
        reason: 'What sessions of an operator need changes with the agent; AWS keeps the list.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: /:instance\/\*$/,
        reason: 'The id of the machine is not known to its own role: its tag, in the condition, is.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: 'Resource::*',
        reason: 'Figures of one namespace, and the token of the image registry: neither knows resources.',
      },
    );
    for (const statement of [
      { actions: ['ec2:AttachVolume', 'ec2:CreateTags'], resources: [`${ec2}:volume/${volumeId}`] },
      {
        actions: ['ec2:AttachVolume'],
        resources: [`${ec2}:instance/*`],
        conditions: { StringEquals: { [`aws:ResourceTag/${MACHINE_TAG}`]: machine } },
      },
      {
        actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
        resources: [secretArn],
      },
      {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logs.logGroupArn],
      },
      {
        // The service knows no resources for it.
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': metricsNamespace(environment) } },
      },
    ]) {
      role.addToPolicy(new PolicyStatement(statement));
    }
    return role;
  }

  /** Runs `host.sh` at every boot, not only at the first: a change of it takes a restart, not another machine. */
  #userData(props: LineDatabaseServerProps, imageUri: string): UserData {
    const environment = {
      REGION: Stack.of(this).region,
      VOLUME: props.volumeId,
      VOLUME_TAG: `Key=${BACKUP_TAG},Value=${backupName(props.environment, props.gatherer)}`,
      SECRET: props.secretArn,
      IMAGE: imageUri,
      HOST_NAME: this.hostName,
      GATHERER: props.gatherer,
      LOG_GROUP: this.logs.logGroupName,
      METRICS_NAMESPACE: metricsNamespace(props.environment),
    };
    const script = readFileSync(projectFile(`${FOLDER}/host.sh`), 'utf8');
    const command = UserData.custom(
      [
        '#!/bin/bash',
        "cat >/usr/local/sbin/line-database-up <<'END_OF_SCRIPT'",
        ...Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`),
        script.trimEnd(),
        'END_OF_SCRIPT',
        'chmod 755 /usr/local/sbin/line-database-up',
        'exec /bin/bash /usr/local/sbin/line-database-up',
        '',
      ].join('\n'),
    );
    const always = UserData.custom(
      '#cloud-config\ncloud_final_modules:\n  - [scripts-user, always]\n  - final-message\n',
    );
    const parts = new MultipartUserData({ partsSeparator: '==prediction-tape==' });
    parts.addPart(MultipartBody.fromUserData(always, 'text/cloud-config; charset="utf-8"'));
    parts.addPart(MultipartBody.fromUserData(command));
    return parts;
  }
}

/** The name that the database of a line answers to, whichever machine it is on. */
export function lineDatabaseHost(gatherer: Gatherer, zoneName: string): string {
  return `database-${gatherer}.${zoneName}`;
}
