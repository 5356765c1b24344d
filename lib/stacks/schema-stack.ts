import { Peer, Port, SecurityGroup, type SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { MigrationSet } from '#src/storage/migrate.ts';
import type { ReachableDatabase } from '../constructs/job-setting.ts';
import { SchemaVersion } from '../constructs/schema-version.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import type { NetworkStack } from './network-stack.ts';

export interface SchemaStackProps extends EnvironmentStackProps {
  readonly network: NetworkStack;
  readonly set: MigrationSet;
  readonly database: ReachableDatabase;
  readonly subnets: SubnetSelection;
  /** Whose database it is, for people. */
  readonly of: string;
}

/**
 * The schema of one database, brought to its newest version by every deployment that has one. Alone in its stack, and
 * no other needs it: a database that is away holds up its own migrations and nothing else.
 */
export class SchemaStack extends EnvironmentStack {
  constructor(scope: Construct, id: string, props: SchemaStackProps) {
    super(scope, id, { ...props, description: `Schema of the database of ${props.of}` });
    const { vpc } = props.network;
    const outgoing = new SecurityGroup(this, 'Outgoing', {
      vpc,
      description: `Migrations of ${props.of}: AWS over TLS, nothing comes in`,
      allowAllOutbound: false,
    });
    outgoing.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'TLS');
    const { deployment, log_level } = this.configuration;
    new SchemaVersion(this, 'Schema', {
      placement: {
        vpc,
        subnets: props.subnets,
        logRetention: this.logRetention,
        memoryMebibytes: deployment.jobs.memory_mebibytes,
      },
      outgoing,
      set: props.set,
      database: props.database,
      logLevel: log_level,
    });
  }
}
