import { Duration } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Gatherer } from '#src/events/event.ts';
import { AuditJob } from '../constructs/audit-job.ts';
import { ExportJob } from '../constructs/export-job.ts';
import type { JobSetting } from '../constructs/job-setting.ts';
import { MergeJob } from '../constructs/merge-job.ts';
import { RetentionJob } from '../constructs/retention-job.ts';
import { SnapshotPollJob } from '../constructs/snapshot-poll-job.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';
import type { ArchiveStack } from './archive-stack.ts';
import type { CatalogueStack } from './catalogue-stack.ts';
import type { LineStack } from './line-stack.ts';
import type { NetworkStack } from './network-stack.ts';
import type { ProductionStack } from './production-stack.ts';

export interface JobsStackProps extends EnvironmentStackProps {
  readonly network: NetworkStack;
  readonly archive: ArchiveStack;
  readonly catalogue: CatalogueStack;
  readonly lines: Readonly<Record<Gatherer, LineStack>>;
  readonly production: ProductionStack;
}

/** What runs on a schedule. Holds no data. */
export class JobsStack extends EnvironmentStack {
  readonly merge: MergeJob;
  readonly snapshotPoll: SnapshotPollJob;
  readonly export: ExportJob;
  readonly audit: AuditJob;
  readonly retention: RetentionJob;
  /** Starts that the scheduler could not make. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: JobsStackProps) {
    super(scope, id, { ...props, description: 'Merge, snapshot poll, export, audit and retention' });
    const { configuration } = this;
    const { lines, production } = props;
    const { table } = props.catalogue;
    this.deadLetters = this.#deadLetters();
    const setting = this.#setting(props);
    this.merge = new MergeJob(this, 'Merge', { setting, configuration, table, lines, production });
    this.snapshotPoll = new SnapshotPollJob(this, 'SnapshotPoll', {
      setting,
      configuration,
      table,
      streams: { a: lines.a.stream, b: lines.b.stream, c: lines.c.stream },
    });
    const { tapeBucket } = props.archive;
    const overTheTape = { setting, configuration, table, production, tapeBucket };
    this.export = new ExportJob(this, 'Export', overTheTape);
    this.audit = new AuditJob(this, 'Audit', { ...overTheTape, lines });
    this.retention = new RetentionJob(this, 'Retention', { ...overTheTape, lines });
    const { enabled, dry_run } = configuration.retention;
    if (!enabled || dry_run) {
      this.warn(
        'nothing-is-dropped',
        `retention.${enabled ? 'dry_run is true' : 'enabled is false'}: no old day is dropped once this is deployed, and the disks fill.`,
      );
    }
  }

  #setting({ network }: JobsStackProps): JobSetting {
    const outgoing = new SecurityGroup(this, 'Outgoing', {
      vpc: network.vpc,
      description: 'Jobs: venues and AWS over TLS, nothing comes in',
      allowAllOutbound: false,
    });
    outgoing.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'TLS');
    return {
      placement: {
        vpc: network.vpc,
        subnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        logRetention: this.logRetention,
        memoryMebibytes: this.configuration.deployment.jobs.memory_mebibytes,
      },
      outgoing,
      scheduleGroup: new ScheduleGroup(this, 'Schedules'),
      deadLetters: this.deadLetters,
    };
  }

  #deadLetters(): Queue {
    const deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    explainFindings(deadLetters, {
      rule: 'AwsSolutions-SQS3',
      reason: 'It is where the schedules put what they could not start.',
    });
    return deadLetters;
  }
}
