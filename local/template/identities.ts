import type { Located } from './assembly.ts';

/** The account of the local run. */
export const ACCOUNT = '000000000000';

/** Properties in which a template may name a resource itself. */
const NAME_PROPERTIES = [
  'Name',
  'TableName',
  'BucketName',
  'FunctionName',
  'RoleName',
  'QueueName',
  'StateMachineName',
  'TopicName',
  'DeliveryStreamName',
];

/** How the ARN of a type is made of region and name. */
const ARNS: Readonly<Record<string, (region: string, name: string) => string>> = {
  'AWS::Kinesis::Stream': (region, name) => `arn:aws:kinesis:${region}:${ACCOUNT}:stream/${name}`,
  'AWS::DynamoDB::Table': (region, name) => `arn:aws:dynamodb:${region}:${ACCOUNT}:table/${name}`,
  'AWS::S3::Bucket': (_, name) => `arn:aws:s3:::${name}`,
  'AWS::Lambda::Function': (region, name) => `arn:aws:lambda:${region}:${ACCOUNT}:function:${name}`,
  'AWS::IAM::Role': (_, name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  'AWS::SQS::Queue': (region, name) => `arn:aws:sqs:${region}:${ACCOUNT}:${name}`,
  'AWS::SNS::Topic': (region, name) => `arn:aws:sns:${region}:${ACCOUNT}:${name}`,
  // The service puts six characters of its own behind the name.
  'AWS::SecretsManager::Secret': (region, name) =>
    `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${name}-000000`,
  'AWS::StepFunctions::StateMachine': (region, name) =>
    `arn:aws:states:${region}:${ACCOUNT}:stateMachine:${name}`,
};

/** Types whose `Ref` is their ARN. */
const REFERENCE_IS_ARN = [
  'AWS::SecretsManager::Secret',
  'AWS::StepFunctions::StateMachine',
  'AWS::SNS::Topic',
];

/** Bucket names hold 63 characters and no capitals. */
const bucketName = (name: string): string => name.toLowerCase().slice(-63).replace(/^-+/, '');

/** The name that a resource has in the local run: its own, or stack and logical id, as the service would make it. */
export function nameOf({ stack, logicalId, resource }: Located): string {
  for (const property of NAME_PROPERTIES) {
    const given = resource.Properties?.[property];
    if (typeof given === 'string') return given;
  }
  const name = `${stack.name}-${logicalId}`;
  return resource.Type === 'AWS::S3::Bucket' ? bucketName(name) : name;
}

/** The ARN that a resource has in the local run; of a type that is not run, one that is like no other. */
export function arnOf(located: Located): string {
  const { stack, resource } = located;
  const known = ARNS[resource.Type];
  if (known !== undefined) return known(stack.region, nameOf(located));
  const [, service, type] = resource.Type.split('::');
  return `arn:aws:${service?.toLowerCase()}:${stack.region}:${ACCOUNT}:${type?.toLowerCase()}/${nameOf(located)}`;
}

/** What `Ref` gives. */
export function referenceTo(located: Located): string {
  return REFERENCE_IS_ARN.includes(located.resource.Type) ? arnOf(located) : nameOf(located);
}

/** What `Fn::GetAtt` gives. */
export function attributeOf(located: Located, attribute: string): string {
  return attribute === 'Arn' ? arnOf(located) : `${nameOf(located)}.${attribute}`;
}
