import { Size, Stack, Tags } from 'aws-cdk-lib';
import { CfnLifecyclePolicy } from 'aws-cdk-lib/aws-dlm';
import { EbsDeviceVolumeType, type IVolume, Volume } from 'aws-cdk-lib/aws-ec2';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import { EnvironmentStack } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';

/** Tells the volume that a line's database uses, and its snapshots, from everything else in the account. */
export const BACKUP_TAG = 'prediction-tape:line-database';

/** Value of the tag. */
export function backupName(environment: string, gatherer: Gatherer): string {
  return `${environment}-${gatherer}`;
}

export interface LineVolumeProps {
  readonly gatherer: Gatherer;
  readonly availabilityZone: string;
  readonly sizes: Configuration['deployment']['line_database'];
}

/** The disk of a line's database: it outlives every machine that it is attached to. Daily snapshots where they are wanted. */
export class LineVolume extends Construct {
  readonly volume: IVolume;

  constructor(scope: Construct, id: string, { gatherer, availabilityZone, sizes }: LineVolumeProps) {
    super(scope, id);
    const stack = EnvironmentStack.of(this) as EnvironmentStack;
    const name = backupName(stack.configuration.environment, gatherer);
    this.volume = new Volume(this, 'Volume', {
      availabilityZone,
      encrypted: true,
      volumeType: EbsDeviceVolumeType.GP3,
      size: Size.gibibytes(sizes.storage_gibibytes),
      iops: sizes.iops,
      throughput: sizes.throughput_mebibytes,
      removalPolicy: stack.dataRemovalPolicy,
    });
    // A volume in its place gets the tag from the machine that uses it. With two, the newest snapshot might be the old one's.
    if (sizes.restored_volumes[gatherer] === undefined) Tags.of(this.volume).add(BACKUP_TAG, name);
    if (sizes.backup_days > 0) this.#snapshots(gatherer, name, sizes.backup_days);
  }

  #snapshots(gatherer: Gatherer, name: string, days: number): void {
    const { partition, region } = Stack.of(this);
    const ec2 = `arn:${partition}:ec2:${region}`;
    const role = new Role(this, 'SnapshotRole', {
      description: `Snapshots of the database volume of line ${gatherer}`,
      assumedBy: new ServicePrincipal('dlm.amazonaws.com'),
      inlinePolicies: {
        Snapshots: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ['ec2:CreateSnapshot', 'ec2:CreateSnapshots', 'ec2:DeleteSnapshot'],
              resources: [`${ec2}:*:volume/*`, `${ec2}:*:instance/*`, `${ec2}::snapshot/*`],
            }),
            new PolicyStatement({ actions: ['ec2:CreateTags'], resources: [`${ec2}::snapshot/*`] }),
            new PolicyStatement({
              actions: ['ec2:DescribeInstances', 'ec2:DescribeVolumes', 'ec2:DescribeSnapshots'],
              resources: ['*'],
            }),
          ],
        }),
      },
    });
    explainFindings(
      role,
      {
        rule: 'AwsSolutions-IAM5',
        finding: /:(volume|instance|snapshot)\/\*\]?$/,
        reason:
          'The service snapshots what carries the tag of its policy; the id of a snapshot is not known before.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: 'Resource::*',
        reason: 'Only to describe volumes, instances and snapshots: EC2 knows no resources for these.',
      },
    );
    new CfnLifecyclePolicy(this, 'Snapshots', {
      description: `Daily snapshots of the database volume of line ${gatherer}`,
      executionRoleArn: role.roleArn,
      state: 'ENABLED',
      policyDetails: {
        policyType: 'EBS_SNAPSHOT_MANAGEMENT',
        resourceTypes: ['VOLUME'],
        targetTags: [{ key: BACKUP_TAG, value: name }],
        schedules: [
          {
            name: 'daily',
            copyTags: true,
            createRule: { interval: 24, intervalUnit: 'HOURS', times: ['05:00'] },
            retainRule: { interval: days, intervalUnit: 'DAYS' },
          },
        ],
      },
    });
  }
}
