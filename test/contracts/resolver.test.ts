import { describe, expect, it } from 'vitest';
import type { Assembly } from '../../local/template/assembly.ts';
import { Resolver } from '../../local/template/resolver.ts';

const assembly: Assembly = [
  {
    id: 'data',
    name: 'tape-data',
    region: 'eu-west-1',
    template: {
      Resources: {
        Stream: { Type: 'AWS::Kinesis::Stream' },
        Files: { Type: 'AWS::S3::Bucket' },
        Named: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'markets' } },
        Secret: { Type: 'AWS::SecretsManager::Secret' },
        Attached: {
          Type: 'AWS::SecretsManager::SecretTargetAttachment',
          Properties: { SecretId: { Ref: 'Secret' } },
        },
        Queue: { Type: 'AWS::SQS::Queue' },
        Other: { Type: 'AWS::Glue::Database' },
      },
      Outputs: {
        Shared: {
          Value: { 'Fn::GetAtt': ['Stream', 'Arn'] },
          Export: { Name: { 'Fn::Sub': '${AWS::StackName}:stream' } },
        },
      },
      Parameters: { Version: { Default: '/version' } },
      Mappings: { Sizes: { small: { memory: 512 } } },
    },
  },
  { id: 'jobs', name: 'tape-jobs', region: 'eu-west-1', template: { Resources: {} } },
];
const [data, jobs] = assembly;
const resolver = new Resolver(assembly);

describe('the resolver of templates', () => {
  it.each([
    ['the name of a resource', { Ref: 'Stream' }, 'tape-data-Stream'],
    ['the name that a template gives', { Ref: 'Named' }, 'markets'],
    ['a bucket’s name without capitals', { Ref: 'Files' }, 'tape-data-files'],
    ['an ARN', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:aws:sqs:eu-west-1:000000000000:tape-data-Queue'],
    ['an ARN in the short form', { 'Fn::GetAtt': 'Files.Arn' }, 'arn:aws:s3:::tape-data-files'],
    [
      'a secret by its ARN, which is what its reference gives',
      { Ref: 'Secret' },
      'arn:aws:secretsmanager:eu-west-1:000000000000:secret:tape-data-Secret-000000',
    ],
    [
      'a secret with a database attached as the same secret',
      { Ref: 'Attached' },
      'arn:aws:secretsmanager:eu-west-1:000000000000:secret:tape-data-Secret-000000',
    ],
    [
      'a type that is not run',
      { 'Fn::GetAtt': ['Other', 'Arn'] },
      'arn:aws:glue:eu-west-1:000000000000:database/tape-data-Other',
    ],
    ['joined parts', { 'Fn::Join': ['/', ['a', { Ref: 'AWS::Region' }]] }, 'a/eu-west-1'],
    [
      'a text with variables',
      { 'Fn::Sub': '${AWS::AccountId}-${Stream}-${Queue.Arn}-${!kept}' },
      '000000000000-tape-data-Stream-arn:aws:sqs:eu-west-1:000000000000:tape-data-Queue-${kept}',
    ],
    ['a text with variables of its own', { 'Fn::Sub': ['${x}!', { x: { Ref: 'AWS::Partition' } }] }, 'aws!'],
    ['an item of a split text', { 'Fn::Select': [1, { 'Fn::Split': [':', 'a:b:c'] }] }, 'b'],
    ['a mapping', { 'Fn::FindInMap': ['Sizes', 'small', 'memory'] }, '512'],
    ['a parameter’s default', { Ref: 'Version' }, '/version'],
    ['a zone', { 'Fn::Select': [2, { 'Fn::GetAZs': '' }] }, 'eu-west-1c'],
  ])('gives %s', (_, value, expected) => {
    expect(resolver.text(data!, value, 'here')).toBe(expected);
  });

  it('follows an export into the stack that makes it', () => {
    expect(resolver.text(jobs!, { 'Fn::ImportValue': 'tape-data:stream' }, 'here')).toBe(
      'arn:aws:kinesis:eu-west-1:000000000000:stream/tape-data-Stream',
    );
  });

  it.each([
    ['a resource of another stack', { Ref: 'Stream' }, 'jobs: here: there is no resource Stream'],
    ['an export that is not there', { 'Fn::ImportValue': 'x' }, 'jobs: here: no stack exports x'],
    ['a function that it does not know', { 'Fn::If': ['x', 1, 2] }, 'jobs: here: Fn::If is not known'],
    ['what is no text', [1], 'jobs: here: expected a text, found [1]'],
  ])('refuses %s by name', (_, value, message) => {
    expect(() => resolver.text(jobs!, value, 'here')).toThrow(message);
  });
});
