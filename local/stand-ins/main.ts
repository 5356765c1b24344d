/**
 * The AWS services of one machine: Kinesis, DynamoDB and S3 stand-ins behind the real SDK, in a process of
 * their own so that their memory and their pauses are not the gatherers'. Takes `{"directory", "streams",
 * "tables", "buckets"}` as its only argument and prints one line of JSON when everything is there.
 */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  ResourceInUseException as TableInUse,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { CreateStreamCommand, KinesisClient, ResourceInUseException } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import dynalite from 'dynalite';
import kinesalite from 'kinesalite';
import S3rver from 's3rver';

export interface StandInSpecification {
  readonly directory: string;
  readonly streams: readonly { readonly name: string; readonly shards: number }[];
  readonly tables: readonly CreateTableCommandInput[];
  readonly buckets: readonly string[];
}

export interface StandInEndpoints {
  readonly kinesis: string;
  readonly dynamodb: string;
  readonly s3: string;
}

const LOOPBACK = '127.0.0.1';

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => resolve(`http://${LOOPBACK}:${(server.address() as AddressInfo).port}`));
  });
}

async function main(specification: StandInSpecification): Promise<void> {
  const folder = (name: string): string => {
    const path = join(specification.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const kinesisServer = kinesalite({ path: folder('kinesis'), createStreamMs: 0, shardLimit: 1000 });
  const dynamoServer = dynalite({ path: folder('dynamodb'), createTableMs: 0 });
  const objectServer = new S3rver({
    address: LOOPBACK,
    port: 0,
    silent: true,
    directory: folder('s3'),
    configureBuckets: specification.buckets.map((name) => ({ name })),
  });
  const endpoints: StandInEndpoints = {
    kinesis: await listen(kinesisServer),
    dynamodb: await listen(dynamoServer),
    s3: `http://${LOOPBACK}:${(await objectServer.run()).port}`,
  };
  const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  const kinesis = new KinesisClient({
    endpoint: endpoints.kinesis,
    region: 'us-east-1',
    credentials,
    requestHandler: new NodeHttpHandler(),
  });
  for (const { name, shards } of specification.streams) {
    await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards })).catch((error) => {
      if (!(error instanceof ResourceInUseException)) throw error;
    });
  }
  const dynamo = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: 'us-east-1', credentials });
  for (const table of specification.tables) {
    await dynamo.send(new CreateTableCommand(table)).catch((error) => {
      if (!(error instanceof TableInUse)) throw error;
    });
    // A table answers requests a moment after its creation was confirmed.
    await waitUntilTableExists(
      { client: dynamo, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { TableName: table.TableName },
    );
  }
  process.stdout.write(`${JSON.stringify({ ready: true, ...endpoints })}\n`);
  const stop = (): void => {
    const force = setTimeout(() => process.exit(0), 2_000);
    force.unref();
    kinesisServer.closeAllConnections();
    dynamoServer.closeAllConnections();
    kinesisServer.close(() => dynamoServer.close(() => process.exit(0)));
  };
  process.once('SIGTERM', stop);
}

const [, , argument] = process.argv;
if (argument === undefined) throw new Error('expected the specification as JSON');
await main(JSON.parse(argument) as StandInSpecification).catch((error: Error) => {
  process.stderr.write(`Error: ${error.message}\n`);
  process.exit(1);
});
