import { Duration } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Gatherer } from '#src/events/event.ts';
import { PrivateBucket } from '../constructs/private-bucket.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import type { NetworkStack } from './network-stack.ts';

const POSTGRESQL_PORT = 5432;

export interface LineStackProps extends EnvironmentStackProps {
  readonly gatherer: Gatherer;
  readonly network: NetworkStack;
}

/** What one line holds: its stream, what its writer could not deliver, and the way to its database. */
export class LineStack extends EnvironmentStack {
  readonly stream: Stream;
  /** Whole batches that the writer gave up, for an operator to deliver again. */
  readonly undelivered: PrivateBucket;
  /** `{"host", "port", "username", "password", "dbname"}`, and `"ca"` once the server has a certificate. */
  readonly databaseSecret: Secret;
  /** Whoever carries it may open a session with the line's database. */
  readonly databaseClients: SecurityGroup;

  constructor(scope: Construct, id: string, props: LineStackProps) {
    const { gatherer, network } = props;
    super(scope, id, { ...props, description: `Line ${gatherer}: stream and database access` });
    const { stream } = this.configuration.deployment;
    this.stream = new Stream(this, 'Stream', {
      ...(stream.mode === 'on_demand'
        ? { streamMode: StreamMode.ON_DEMAND }
        : { streamMode: StreamMode.PROVISIONED, shardCount: stream.shards }),
      retentionPeriod: Duration.hours(stream.retention_hours),
      encryption: StreamEncryption.MANAGED,
      removalPolicy: this.dataRemovalPolicy,
    });
    this.undelivered = new PrivateBucket(this, 'Undelivered', {
      removalPolicy: this.dataRemovalPolicy,
      lifecycleRules: [
        {
          id: 'age',
          expiration: Duration.days(365),
          noncurrentVersionExpiration: Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    this.databaseSecret = new Secret(this, 'DatabaseSecret', {
      description: `Database of line ${gatherer}: host, port, username, password, dbname, ca`,
      generateSecretString: {
        // Never change it: another template is another password.
        secretStringTemplate: JSON.stringify({
          host: `database-${gatherer}.${network.names.zoneName}`,
          port: POSTGRESQL_PORT,
          username: 'tape',
          dbname: 'tape',
        }),
        generateStringKey: 'password',
        passwordLength: 32,
        excludePunctuation: true,
      },
      removalPolicy: this.dataRemovalPolicy,
    });
    this.databaseClients = new SecurityGroup(this, 'DatabaseClients', {
      vpc: network.vpc,
      description: `May open sessions with the database of line ${gatherer}`,
      allowAllOutbound: false,
    });
    this.databaseClients.addEgressRule(
      Peer.ipv4(network.vpc.vpcCidrBlock),
      Port.tcp(POSTGRESQL_PORT),
      'PostgreSQL within the network',
    );
  }
}
