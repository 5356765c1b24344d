import { Duration } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Gatherer } from '#src/events/event.ts';
import { lineDatabaseHost } from '../constructs/line-database-server.ts';
import { LineVolume } from '../constructs/line-volume.ts';
import { POSTGRESQL_PORT } from '../constructs/postgresql-port.ts';
import { PrivateBucket } from '../constructs/private-bucket.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';
import type { NetworkStack } from './network-stack.ts';

export interface LineStackProps extends EnvironmentStackProps {
  readonly gatherer: Gatherer;
  /** Index of the zone that the line runs in. */
  readonly zone: number;
  readonly network: NetworkStack;
}

/** What one line holds: its stream, what its writer could not deliver, its database's disk and the way to it. */
export class LineStack extends EnvironmentStack {
  readonly stream: Stream;
  /** Whole batches that the writer gave up, for an operator to deliver again. */
  readonly undelivered: PrivateBucket;
  /** `{"host", "port", "username", "password", "dbname"}`, and `"ca"`, which the server adds when it starts. */
  readonly databaseSecret: ISecret;
  /** Whoever carries it may open a session with the line's database. */
  readonly databaseClients: SecurityGroup;
  /** Id of the volume that the line's own server uses; none where the database is managed by somebody else. */
  readonly databaseVolumeId?: string;

  constructor(scope: Construct, id: string, props: LineStackProps) {
    const { gatherer, network } = props;
    super(scope, id, { ...props, description: `Line ${gatherer}: stream, database volume and secret` });
    const { stream, line_database } = this.configuration.deployment;
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
      // Its alarm counts objects, and the service counts versions that were deleted as such.
      versioned: false,
      lifecycleRules: [
        {
          id: 'age',
          expiration: Duration.days(365),
          // Of a bucket that was deployed with versions.
          noncurrentVersionExpiration: Duration.days(1),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    explainFindings(this.undelivered, {
      rule: 'AwsSolutions-S1',
      reason: 'Empty while nothing fails, and only the writer of this line writes to it.',
    });
    this.databaseClients = new SecurityGroup(this, 'DatabaseClients', {
      vpc: network.vpc,
      description: `May open sessions with the database of line ${gatherer}`,
      allowAllOutbound: false,
    });
    const { managed } = line_database;
    if (managed === undefined) {
      this.databaseSecret = this.#ownSecret(props);
      const { volume } = new LineVolume(this, 'Database', {
        gatherer,
        availabilityZone: this.availabilityZones[props.zone]!,
        sizes: line_database,
      });
      // Exported also while nobody asks for it: a machine that was deployed before a restoration still imports it, and
      // CloudFormation takes no export away that is in use.
      this.exportValue(volume.volumeId);
      this.databaseVolumeId = line_database.restored_volumes[gatherer] ?? volume.volumeId;
    } else {
      this.databaseSecret = Secret.fromSecretCompleteArn(this, 'DatabaseSecret', managed.secrets[gatherer]);
    }
    this.databaseClients.addEgressRule(
      Peer.ipv4(managed?.network ?? network.vpc.vpcCidrBlock),
      Port.tcp(managed?.port ?? POSTGRESQL_PORT),
      managed === undefined ? 'PostgreSQL within the network' : 'PostgreSQL of somebody else',
    );
  }

  #ownSecret({ gatherer, network }: LineStackProps): Secret {
    const secret = new Secret(this, 'DatabaseSecret', {
      description: `Database of line ${gatherer}: host, port, username, password, dbname, ca`,
      generateSecretString: {
        // Never change it: another template is another password.
        secretStringTemplate: JSON.stringify({
          host: lineDatabaseHost(gatherer, network.names.zoneName),
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
    explainFindings(secret, {
      rule: 'AwsSolutions-SMG4',
      reason:
        'The server takes its password from the secret whenever it starts. A rotation would need a way in for the rotating function; an operator changes the value and runs line-database-up.',
    });
    return secret;
  }
}
