import { type CfnResource, ReferenceStrength, Stack } from 'aws-cdk-lib';
import { CfnAutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import { CfnInstance, CfnNatGateway } from 'aws-cdk-lib/aws-ec2';
import { type CfnService, FargateService } from 'aws-cdk-lib/aws-ecs';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { DatabaseInstance } from 'aws-cdk-lib/aws-rds';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type CfnQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { IConstruct } from 'constructs';

/** A resource of another stack, as its metrics know it. */
export interface Watched {
  /** Stack and path within it: the same as long as the resource is. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** The stack within its environment, e.g. `gatherer-a`. */
  readonly stack: string;
  /** Dimensions of its metrics. */
  readonly dimensions: Readonly<Record<string, string>>;
}

type Kind =
  | 'functions'
  | 'stateMachines'
  | 'queues'
  | 'streams'
  | 'services'
  | 'databases'
  | 'deliveryStreams'
  | 'serverGroups'
  | 'servers'
  | 'natGateways'
  | 'buckets';

/**
 * A name for an alarm or dashboard. An alarm that has the name of what was replaced is mended by deploying it
 * anew; it must never keep a function from being replaced, so it does not hold on to it.
 */
const nameOf = (value: string): string => Stack.consumeReference(value, ReferenceStrength.WEAK);

/** What CloudFormation knows of a construct. */
const made = <Resource extends CfnResource>(construct: IConstruct): Resource =>
  construct.node.defaultChild as Resource;

function dimensionsOf(construct: IConstruct): [Kind, Record<string, string>] | null {
  if (construct instanceof LambdaFunction)
    return ['functions', { FunctionName: nameOf(made(construct).ref) }];
  if (construct instanceof StateMachine)
    return ['stateMachines', { StateMachineArn: nameOf(made(construct).ref) }];
  if (construct instanceof Queue)
    return ['queues', { QueueName: nameOf(made<CfnQueue>(construct).attrQueueName) }];
  if (construct instanceof Stream) return ['streams', { StreamName: nameOf(made(construct).ref) }];
  if (construct instanceof Bucket) return ['buckets', { BucketName: nameOf(made(construct).ref) }];
  if (construct instanceof FargateService) {
    const service = construct.node.findChild('Service') as CfnService;
    return [
      'services',
      { ClusterName: nameOf(made(construct.cluster).ref), ServiceName: nameOf(service.attrName) },
    ];
  }
  if (construct instanceof DatabaseInstance)
    return ['databases', { DBInstanceIdentifier: nameOf(made(construct).ref) }];
  if (construct instanceof CfnDeliveryStream)
    return ['deliveryStreams', { DeliveryStreamName: nameOf(construct.ref) }];
  if (construct instanceof CfnAutoScalingGroup)
    return ['serverGroups', { AutoScalingGroupName: nameOf(construct.ref) }];
  if (construct instanceof CfnInstance) return ['servers', { InstanceId: nameOf(construct.ref) }];
  if (construct instanceof CfnNatGateway)
    return ['natGateways', { NatGatewayId: nameOf(construct.attrNatGatewayId) }];
  return null;
}

/**
 * Everything in some stacks that can fail by itself. What is added to a stack is watched without being named
 * here.
 */
export class WatchedResources {
  readonly functions: Watched[] = [];
  readonly stateMachines: Watched[] = [];
  readonly queues: Watched[] = [];
  readonly streams: Watched[] = [];
  readonly services: Watched[] = [];
  readonly databases: Watched[] = [];
  readonly deliveryStreams: Watched[] = [];
  readonly serverGroups: Watched[] = [];
  readonly servers: Watched[] = [];
  readonly natGateways: Watched[] = [];
  readonly buckets: Watched[] = [];

  constructor(stacks: readonly Stack[]) {
    for (const stack of stacks) {
      for (const construct of stack.node.findAll()) {
        const found = dimensionsOf(construct);
        if (found === null) continue;
        const [kind, dimensions] = found;
        const path = construct.node.path
          .split('/')
          .filter((part) => part !== 'Resource')
          .slice(1);
        this[kind].push({
          id: [stack.node.id, ...path].join('-'),
          name: [stack.node.id, ...path].join(' '),
          stack: stack.node.id,
          dimensions,
        });
      }
    }
  }
}
