import type {
  AttributeDefinition,
  CreateTableCommandInput,
  GlobalSecondaryIndex,
  KeySchemaElement,
} from '@aws-sdk/client-dynamodb';
import { type Assembly, resourcesOf } from './assembly.ts';
import { arnOf, nameOf } from './identities.ts';
import { Properties } from './properties.ts';
import type { Resolver } from './resolver.ts';

export interface TemplateStream {
  readonly name: string;
  readonly arn: string;
  readonly shards: number;
}

/** A stream on demand begins with as many. */
const ON_DEMAND_SHARDS = 4;

/** Every stream, with its shards. */
export function streamsOf(assembly: Assembly, resolver: Resolver): TemplateStream[] {
  return resourcesOf(assembly, 'AWS::Kinesis::Stream').map((located) => {
    const properties = new Properties(located, resolver);
    const onDemand = properties.value('StreamModeDetails.StreamMode') === 'ON_DEMAND';
    return {
      name: nameOf(located),
      arn: arnOf(located),
      shards: onDemand ? ON_DEMAND_SHARDS : properties.number('ShardCount', 1),
    };
  });
}

/** Every table, with its keys. */
export function tablesOf(assembly: Assembly, resolver: Resolver): CreateTableCommandInput[] {
  return resourcesOf(assembly, 'AWS::DynamoDB::Table').map((located) => {
    const properties = new Properties(located, resolver);
    const indexes = properties.list('GlobalSecondaryIndexes') as GlobalSecondaryIndex[];
    return {
      TableName: nameOf(located),
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: properties.list('AttributeDefinitions') as AttributeDefinition[],
      KeySchema: properties.list('KeySchema') as KeySchemaElement[],
      ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: indexes }),
    };
  });
}

/** Names of every bucket. */
export function bucketsOf(assembly: Assembly): string[] {
  return resourcesOf(assembly, 'AWS::S3::Bucket').map(nameOf);
}
