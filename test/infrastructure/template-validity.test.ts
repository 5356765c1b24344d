import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CfnResource, Stack } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { PredictionTape } from '../../lib/prediction-tape.ts';
import { Synthesized, testApp, validationOf } from './synthesized.ts';

/** Limits of CloudFormation, of EC2 and of Lambda. */
const TEMPLATE_BYTES = 1_000_000;
const RESOURCES = 500;
const OUTPUTS = 200;
const USER_DATA_BYTES = 16_384;
const FUNCTION_MEBIBYTES = 250;
/** Of the part that both sides know before deployment; ids and names that are filled in stay far below the rest. */
const USER_DATA_MARGIN = 1_024;

const mebibytes = (directory: string): number =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0) / 1_048_576;

/** Literal texts of a value with intrinsic functions, those within base64 as long as they become. */
function literalBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value === null || typeof value !== 'object') return 0;
  const parts = Object.entries(value).map(([key, part]) =>
    key === 'Fn::Base64' ? (literalBytes(part) * 4) / 3 : literalBytes(part),
  );
  return parts.reduce((sum, bytes) => sum + bytes, 0);
}

describe.each(['demo', 'prod'] as const)('the templates of %s', (environment) => {
  const synthesized = Synthesized.of(environment);

  it('have known types, properties and references only, and nothing to warn of', () => {
    expect(synthesized.validation).toEqual([]);
  });

  it('stay within the limits of CloudFormation', () => {
    for (const template of synthesized.templates.values()) {
      expect(Buffer.byteLength(JSON.stringify(template))).toBeLessThan(TEMPLATE_BYTES);
      expect(Object.keys(template.Resources).length).toBeLessThan(RESOURCES);
      expect(Object.keys(template.Outputs ?? {}).length).toBeLessThan(OUTPUTS);
    }
  });

  it('give machines no more to run at their start than EC2 takes', () => {
    const machines = synthesized.resources('AWS::EC2::Instance');
    expect(machines).toHaveLength(3);
    for (const { Properties } of machines) {
      const bytes = literalBytes(Properties.UserData['Fn::Base64']);
      expect(bytes).toBeGreaterThan(5_000);
      expect(bytes).toBeLessThan(USER_DATA_BYTES - USER_DATA_MARGIN);
    }
  });

  it('are made of the reviewed resources, under the reviewed ids', async () => {
    const tree = [...synthesized.templates]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([stack, { Resources }]) => [
        stack,
        ...Object.entries(Resources)
          .map(
            ([id, { Type, DeletionPolicy }]) =>
              // A version of a schema is a resource of its own, and a new one is nothing to review here.
              `  ${Type} ${Type === 'Custom::SchemaVersion' ? '(newest)' : id}${DeletionPolicy === undefined ? '' : ` ${DeletionPolicy}`}`,
          )
          .sort(),
      ]);
    await expect(`${tree.join('\n')}\n`).toMatchFileSnapshot(`resource-tree/${environment}.txt`);
  });
});

describe('the validation of a synthesis', () => {
  it.each([
    ['a type that does not exist', 'AWS::Kinesis::Streams', {}],
    ['a property that does not exist', 'AWS::Kinesis::Stream', { ShardCount: 1, Shards: 1 }],
    [
      'a property within another that does not exist',
      'AWS::Kinesis::Stream',
      { ShardCount: 1, StreamEncryption: { EncryptionType: 'KMS', KeyId: 'k', Key: 'k' } },
    ],
    ['a value of the wrong type', 'AWS::Kinesis::Stream', { ShardCount: 'many' }],
    ['a required property that lacks', 'AWS::EC2::Volume', {}],
    ['a reference to nothing', 'AWS::Kinesis::Stream', { ShardCount: 1, Name: { Ref: 'Nothing' } }],
    [
      'an attribute that does not exist',
      'AWS::Kinesis::Stream',
      { ShardCount: 1, Name: { 'Fn::GetAtt': ['Other', 'Arm'] } },
    ],
  ])('finds %s', (_, type, properties) => {
    const app = testApp();
    const stack = new Stack(app, 'stack');
    new CfnResource(stack, 'Other', { type: 'AWS::SNS::Topic' });
    new CfnResource(stack, 'Resource', { type, properties });
    expect(() => app.synth()).toThrow(/\(CloudFormation Validate\)/);
    expect(validationOf(app)).not.toEqual([]);
  });
});

it('the code of every function is bundled without Docker, and is small enough for Lambda', () => {
  const app = testApp({ bundles: true });
  new PredictionTape(app, deployableConfiguration('demo', {}));
  const { directory } = app.synth();
  const bundles = readdirSync(directory).filter(
    (name) => name.startsWith('asset.') && readdirSync(join(directory, name)).includes('index.mjs'),
  );
  expect(bundles).toHaveLength(9);
  for (const bundle of bundles) expect(mebibytes(join(directory, bundle))).toBeLessThan(FUNCTION_MEBIBYTES);
  rmSync(directory, { recursive: true });
}, 240_000);
