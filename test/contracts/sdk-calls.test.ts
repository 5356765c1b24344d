import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchWriteItemCommand, DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callsOf, observeSdkCalls, type SdkCall } from '../../local/permissions/sdk-calls.ts';

const calls: SdkCall[] = [];
const server = createServer((_, response) => response.writeHead(400).end('{}'));
let settings: object;

beforeAll(async () => {
  observeSdkCalls('eu-west-1', (call) => calls.push(call));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  settings = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    maxAttempts: 1,
    forcePathStyle: true,
    requestHandler: new NodeHttpHandler(),
  };
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const refused = (call: Promise<unknown>): Promise<unknown> => call.catch(() => null);

it('every client of the SDK tells of its calls, each kind once, with what they are about', async () => {
  const kinesis = new KinesisClient(settings);
  const put = () =>
    refused(
      kinesis.send(
        new PutRecordsCommand({ StreamName: 's', Records: [{ Data: Buffer.from('x'), PartitionKey: 'k' }] }),
      ),
    );
  await put();
  await put();
  const dynamo = new DynamoDBClient(settings);
  await refused(dynamo.send(new QueryCommand({ TableName: 't' })));
  await refused(dynamo.send(new BatchWriteItemCommand({ RequestItems: { t: [], u: [] } })));
  const s3 = new S3Client(settings);
  for (const Key of ['raw/1', 'raw/2', 'other/1']) {
    await refused(s3.send(new PutObjectCommand({ Bucket: 'b', Key, Body: 'x' })));
  }
  await refused(s3.send(new HeadObjectCommand({ Bucket: 'b', Key: 'raw/1' })));
  await refused(s3.send(new ListObjectsV2Command({ Bucket: 'b' })));
  const secrets = new SecretsManagerClient(settings);
  await refused(secrets.send(new GetSecretValueCommand({ SecretId: 'kalshi' })));
  await refused(secrets.send(new GetSecretValueCommand({ SecretId: 'arn:aws:secretsmanager:x' })));
  expect(calls.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
    'kinesis:PutRecords arn:aws:kinesis:eu-west-1:000000000000:stream/s',
    'dynamodb:Query arn:aws:dynamodb:eu-west-1:000000000000:table/t',
    'dynamodb:BatchWriteItem arn:aws:dynamodb:eu-west-1:000000000000:table/t',
    'dynamodb:BatchWriteItem arn:aws:dynamodb:eu-west-1:000000000000:table/u',
    's3:PutObject arn:aws:s3:::b/raw/1',
    's3:PutObject arn:aws:s3:::b/other/1',
    's3:GetObject arn:aws:s3:::b/raw/1',
    's3:ListBucket arn:aws:s3:::b',
    'secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:000000000000:secret:kalshi-000000',
    'secretsmanager:GetSecretValue arn:aws:secretsmanager:x',
  ]);
});

it('a call of a service that nothing is known of is one about everything', () => {
  expect(callsOf('SNS', 'PublishCommand', { TopicArn: 'x' }, 'r')).toEqual([
    { action: 'sns:Publish', resource: '*' },
  ]);
});
