import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { KinesisStreamEvent } from 'aws-lambda';
import kinesalite from 'kinesalite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { Checkpoints } from '../../local/event-source/checkpoints.ts';
import { EventSource, type EventSourceSpecification } from '../../local/event-source/event-source.ts';
import { putAside } from '../../local/event-source/on-failure.ts';

const server = kinesalite({ createStreamMs: 0, shardLimit: 100 });
let kinesis: KinesisClient;
let streams = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  kinesis = new KinesisClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    requestHandler: new NodeHttpHandler(),
  });
});
afterAll(() => {
  kinesis.destroy();
  server.closeAllConnections();
  server.close();
});

async function streamOf(texts: readonly string[]): Promise<string> {
  const name = `stream-${++streams}`;
  await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: 1 }));
  await sleep(50);
  await kinesis.send(
    new PutRecordsCommand({
      StreamName: name,
      Records: texts.map((text) => ({ PartitionKey: 'lane-0', Data: Buffer.from(text) })),
    }),
  );
  return name;
}

const texts = (event: KinesisStreamEvent): string[] =>
  event.Records.map((record) => Buffer.from(record.kinesis.data, 'base64').toString());

interface Trial {
  readonly delivered: string[][];
  readonly givenUp: string[];
  readonly source: EventSource;
}

async function consume(
  stream: string,
  handler: (texts: string[], event: KinesisStreamEvent) => unknown,
  options: Partial<EventSourceSpecification> = {},
  checkpointFile = join(mkdtempSync(join(tmpdir(), 'event-source-')), 'checkpoints.json'),
): Promise<Trial> {
  const delivered: string[][] = [];
  const givenUp: string[] = [];
  const checkpoints = new Checkpoints(checkpointFile);
  const source = new EventSource(
    {
      id: 'mapping',
      stream,
      streamArn: `arn:aws:kinesis:eu-west-1:000000000000:stream/${stream}`,
      functionName: 'writer',
      role: 'arn:aws:iam::000000000000:role/writer',
      batchSize: 4,
      maximumBatchingWindowSeconds: 0,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 2,
      maximumRecordAgeSeconds: -1,
      startingPosition: 'TRIM_HORIZON',
      reportsBatchItemFailures: true,
      onFailureBucket: null,
      ...options,
    },
    {
      kinesis,
      checkpoints,
      invoke: async (event) => {
        delivered.push(texts(event));
        return await handler(texts(event), event);
      },
      givenUp: async (record) => void givenUp.push(Buffer.from(record.kinesis.data, 'base64').toString()),
      warn: () => {},
    },
  );
  await source.start();
  while (!source.drained) await sleep(20);
  await source.stop();
  checkpoints.flush();
  return { delivered, givenUp, source };
}

describe('the local event source', () => {
  it('delivers a shard in order, in batches of the configured size', async () => {
    const { delivered } = await consume(await streamOf(['1', '2', '3', '4', '5', '6']), () => ({
      batchItemFailures: [],
    }));
    expect(delivered).toEqual([
      ['1', '2', '3', '4'],
      ['5', '6'],
    ]);
  });

  it('begins again at the first record that was reported as failed', async () => {
    let failures = 1;
    const { delivered, givenUp } = await consume(await streamOf(['1', '2', '3']), (batch, event) => {
      if (failures-- <= 0) return { batchItemFailures: [] };
      return {
        batchItemFailures: [{ itemIdentifier: event.Records[batch.indexOf('2')]!.kinesis.sequenceNumber }],
      };
    });
    expect(delivered).toEqual([
      ['1', '2', '3'],
      ['2', '3'],
    ]);
    expect(givenUp).toEqual([]);
  });

  it('halves a batch that throws until one record is left, gives that one up, and loses nothing else', async () => {
    const stored: string[] = [];
    const { givenUp } = await consume(await streamOf(['1', '2', 'poison', '4']), (batch) => {
      if (batch.includes('poison')) throw new Error('no');
      stored.push(...batch);
      return {};
    });
    expect(givenUp).toEqual(['poison']);
    expect(stored).toEqual(['1', '2', '4']);
  });

  it('keeps trying without end when no retry limit is set', async () => {
    let attempts = 0;
    const { givenUp } = await consume(
      await streamOf(['1']),
      () => {
        if (++attempts < 5) throw new Error('database away');
        return {};
      },
      { maximumRetryAttempts: -1 },
    );
    expect(attempts).toBe(5);
    expect(givenUp).toEqual([]);
  });

  it('takes what a function returns for success where the mapping lets it report no failures', async () => {
    const { delivered, givenUp } = await consume(
      await streamOf(['1', '2']),
      (_, event) => ({
        batchItemFailures: event.Records.map(({ kinesis }) => ({ itemIdentifier: kinesis.sequenceNumber })),
      }),
      { reportsBatchItemFailures: false },
    );
    expect(delivered).toEqual([['1', '2']]);
    expect(givenUp).toEqual([]);
  });

  it('gives up what is older than the mapping allows, however many attempts are left', async () => {
    const stream = await streamOf(['1', '2']);
    await sleep(30);
    const { givenUp } = await consume(
      stream,
      () => {
        throw new Error('database away');
      },
      { maximumRetryAttempts: -1, maximumRecordAgeSeconds: 0.01 },
    );
    expect(givenUp).toEqual(['1', '2']);
  });

  it('begins a new shard at its end where the mapping says so', async () => {
    const { delivered } = await consume(await streamOf(['1']), () => ({}), { startingPosition: 'LATEST' });
    expect(delivered).toEqual([]);
  });

  it('delivers with the stream’s own ARN and region', async () => {
    const stream = await streamOf(['1']);
    const seen: string[] = [];
    await consume(stream, (_, { Records: [record] }) => {
      seen.push(record!.eventSourceARN, record!.awsRegion);
    });
    expect(seen).toEqual([`arn:aws:kinesis:eu-west-1:000000000000:stream/${stream}`, 'eu-west-1']);
  });

  it('lays what it gave up whole into its on-failure destination', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'on-failure-'));
    const store = new DirectoryObjectStore(directory);
    const at = new Date('2026-11-21T10:00:00Z');
    await consume(await streamOf(['poison']), (_, { Records: [record] }) =>
      putAside(store, { id: 'mapping', functionName: 'writer' }, record!, 'no', at, 'id'),
    );
    const keys: string[] = [];
    for await (const key of store.list('')) keys.push(key);
    expect(keys).toEqual(['aws/lambda/mapping/shardId-000000000000/2026/11/21/2026-11-21T10:00:00.000Z-id']);
    const { requestContext, payload } = JSON.parse(Buffer.from(await store.get(keys[0]!)).toString());
    expect(requestContext).toEqual({ functionName: 'writer', condition: 'no' });
    expect(texts(payload)).toEqual(['poison']);
  });

  it('goes on behind its checkpoint after a restart', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'event-source-')), 'checkpoints.json');
    const stream = await streamOf(['1', '2']);
    await consume(stream, () => ({}), {}, file);
    await kinesis.send(
      new PutRecordsCommand({ StreamName: stream, Records: [{ PartitionKey: 'k', Data: Buffer.from('3') }] }),
    );
    const { delivered } = await consume(stream, () => ({}), {}, file);
    expect(delivered).toEqual([['3']]);
  });
});
