import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  type ISubnet,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { PrivateHostedZone } from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';

/**
 * One VPC over three zones: private subnets with a way out to the venues, isolated ones for databases. Nothing in
 * it listens to the outside.
 */
export class NetworkStack extends EnvironmentStack {
  readonly vpc: Vpc;
  /** Names of servers within the network, so that a replaced server keeps its name. */
  readonly names: PrivateHostedZone;

  constructor(scope: Construct, id: string, props: EnvironmentStackProps) {
    super(scope, id, { ...props, description: 'Network over three zones, closed to the outside' });
    const { nat_gateways, interface_endpoints } = this.configuration.deployment;
    this.vpc = new Vpc(this, 'Vpc', {
      availabilityZones: this.availabilityZones,
      natGateways: nat_gateways,
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'compute', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
        { name: 'data', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      restrictDefaultSecurityGroup: true,
    });
    this.vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', {
          retention: this.logRetention,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      ),
      trafficType: FlowLogTrafficType.REJECT,
    });
    this.vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    this.vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    if (interface_endpoints) this.#addInterfaceEndpoints();
    this.names = new PrivateHostedZone(this, 'Names', {
      vpc: this.vpc,
      zoneName: `${this.configuration.environment}.prediction-tape.internal`,
    });
  }

  /** The private subnet of one zone. */
  computeSubnet(zone: number): ISubnet {
    return this.vpc.privateSubnets[zone]!;
  }

  #addInterfaceEndpoints(): void {
    for (const [name, service] of Object.entries({
      Kinesis: InterfaceVpcEndpointAwsService.KINESIS_STREAMS,
      Secrets: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
      Registry: InterfaceVpcEndpointAwsService.ECR,
      Images: InterfaceVpcEndpointAwsService.ECR_DOCKER,
    })) {
      const endpoint = this.vpc.addInterfaceEndpoint(name, {
        service,
        subnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      });
      explainFindings(endpoint, {
        rule: 'AwsSolutions-EC23',
        reason: "The rule cannot read the network's own range, which is all that is let in.",
      });
    }
  }
}
