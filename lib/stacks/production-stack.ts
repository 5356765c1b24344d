import { Duration } from 'aws-cdk-lib';
import { InstanceType, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import {
  CaCertificate,
  Credentials,
  DatabaseInsightsMode,
  DatabaseInstance,
  DatabaseInstanceEngine,
  DatabaseSecret,
  ParameterGroup,
  PostgresEngineVersion,
  StorageType,
} from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';
import type { NetworkStack } from './network-stack.ts';

export interface ProductionStackProps extends EnvironmentStackProps {
  readonly network: NetworkStack;
}

/** The database of the tape. */
export class ProductionStack extends EnvironmentStack {
  readonly database: DatabaseInstance;
  readonly databaseSecret: ISecret;
  /** Whoever carries it may open a session with the database. */
  readonly databaseClients: SecurityGroup;

  constructor(scope: Construct, id: string, props: ProductionStackProps) {
    super(scope, id, { ...props, description: 'Database of the tape' });
    const { vpc } = props.network;
    const { production, retain_data } = this.configuration.deployment;
    const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_18 });
    const servers = new SecurityGroup(this, 'Servers', {
      vpc,
      description: 'Database of the tape',
      allowAllOutbound: false,
    });
    const credentials = new DatabaseSecret(this, 'Credentials', { username: 'tape', dbname: 'tape' });
    credentials.applyRemovalPolicy(this.dataRemovalPolicy);
    this.database = new DatabaseInstance(this, 'Database', {
      engine,
      instanceType: new InstanceType(production.instance_class),
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [servers],
      publiclyAccessible: false,
      multiAz: production.multi_az,
      databaseName: 'tape',
      credentials: Credentials.fromSecret(credentials),
      parameterGroup: new ParameterGroup(this, 'Parameters', {
        engine,
        description: 'TLS only',
        parameters: { 'rds.force_ssl': '1' },
      }),
      storageType: StorageType.GP3,
      storageEncrypted: true,
      allocatedStorage: production.storage_gibibytes,
      maxAllocatedStorage: production.storage_limit_gibibytes,
      backupRetention: Duration.days(production.backup_days),
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: !retain_data,
      deletionProtection: retain_data,
      removalPolicy: this.dataRemovalPolicy,
      autoMinorVersionUpgrade: true,
      enablePerformanceInsights: production.performance_insights,
      databaseInsightsMode: DatabaseInsightsMode.STANDARD,
      caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
    });
    explainFindings(
      this.database,
      {
        rule: 'AwsSolutions-RDS11',
        reason: 'Another port hides nothing from whoever is let in, and surprises every tool.',
      },
      ...(production.multi_az
        ? []
        : [{ rule: 'AwsSolutions-RDS3', reason: 'A trial may be away while its zone is.' }]),
      ...(retain_data
        ? []
        : [
            { rule: 'AwsSolutions-RDS10', reason: 'A trial is torn down to nothing, this database with it.' },
          ]),
    );
    // With host and port, which the secret has from the database once it exists.
    this.databaseSecret = this.database.secret!;
    this.databaseClients = new SecurityGroup(this, 'Clients', {
      vpc,
      description: 'May open sessions with the database of the tape',
      allowAllOutbound: false,
    });
    this.database.connections.allowDefaultPortFrom(this.databaseClients, 'sessions');
    if (production.password_rotation_days === 0) {
      explainFindings(credentials, {
        rule: 'AwsSolutions-SMG4',
        reason: 'The rotating function costs more than a trial is worth.',
      });
    } else {
      this.database.addRotationSingleUser({
        automaticallyAfter: Duration.days(production.password_rotation_days),
        vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      });
    }
  }
}
