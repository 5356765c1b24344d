import type { AddressInfo } from 'node:net';
import {
  CreateStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import kinesalite from 'kinesalite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KinesisRecordStream, kinesisClient } from '#src/stream/kinesis-record-stream.ts';
import { MemoryRecordStream } from '#src/stream/memory-record-stream.ts';
import { RECORD_TOO_LARGE, type RecordStream } from '#src/stream/record-stream.ts';
import { type Micros, systemClock } from '#src/units/time.ts';

const SHARDS = 3;

interface Harness {
  fresh(): Promise<RecordStream>;
  /** Data and key of every record, shard by shard, in the order in which consumers see them. */
  readAll(stream: RecordStream): Promise<{ key: string; data: string }[][]>;
}

const memory: Harness = {
  fresh: async () =>
    new MemoryRecordStream({
      clock: systemClock(),
      shards: SHARDS,
      bytesPerSecond: 100_000_000,
      recordsPerSecond: 100_000,
    }),
  readAll: async (stream) =>
    Array.from({ length: SHARDS }, (_, shard) =>
      (stream as MemoryRecordStream)
        .records(shard)
        .map(({ partitionKey, data }) => ({ key: partitionKey, data: Buffer.from(data).toString('latin1') })),
    ),
};

class Kinesalite implements Harness {
  client!: KinesisClient;
  readonly #server = kinesalite({ createStreamMs: 0, shardLimit: 100 });
  readonly #names = new Map<RecordStream, string>();

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
    this.client = kinesisClient({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async fresh(): Promise<RecordStream> {
    const name = `contract-${this.#names.size}`;
    await this.client.send(new CreateStreamCommand({ StreamName: name, ShardCount: SHARDS }));
    for (;;) {
      const { StreamDescription } = await this.client.send(new DescribeStreamCommand({ StreamName: name }));
      if (StreamDescription?.StreamStatus === 'ACTIVE') break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const stream = new KinesisRecordStream(this.client, name);
    this.#names.set(stream, name);
    return stream;
  }

  async readAll(stream: RecordStream): Promise<{ key: string; data: string }[][]> {
    const StreamName = this.#names.get(stream)!;
    const { StreamDescription } = await this.client.send(new DescribeStreamCommand({ StreamName }));
    const shards = [];
    for (const { ShardId } of StreamDescription!.Shards!) {
      const { ShardIterator } = await this.client.send(
        new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
      );
      const { Records } = await this.client.send(new GetRecordsCommand({ ShardIterator }));
      shards.push(
        Records!.map(({ PartitionKey, Data }) => ({
          key: PartitionKey!,
          data: Buffer.from(Data!).toString('latin1'),
        })),
      );
    }
    return shards;
  }
}

const kinesis = new Kinesalite();
beforeAll(() => kinesis.start());
afterAll(() => kinesis.stop());

describe.each([
  ['memory', memory],
  ['Kinesis', kinesis],
])('a record stream: %s', (_name, harness) => {
  test('gives a verdict on every record, and every record is there byte for byte', async () => {
    const stream = await harness.fresh();
    const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
    const verdicts = await stream.put([
      { partitionKey: 'lane-0', data: everyByte },
      { partitionKey: 'lane-1', data: Buffer.from('{"a":1}\n') },
    ]);
    expect(verdicts).toEqual([null, null]);
    const all = (await harness.readAll(stream)).flat();
    expect(all.map(({ data }) => data).sort()).toEqual(
      [Buffer.from(everyByte).toString('latin1'), '{"a":1}\n'].sort(),
    );
  });

  test('keeps the records of one key in one shard, in the order of the puts', async () => {
    const stream = await harness.fresh();
    for (let round = 0; round < 5; round++) {
      const records = Array.from({ length: 12 }, (_, lane) => ({
        partitionKey: `lane-${lane}`,
        data: Buffer.from(`${lane}:${round}`),
      }));
      expect(await stream.put(records)).toEqual(records.map(() => null));
    }
    const shards = await harness.readAll(stream);
    for (let lane = 0; lane < 12; lane++) {
      const holding = shards
        .map((records) => records.filter(({ key }) => key === `lane-${lane}`))
        .filter((found) => found.length > 0);
      expect(holding).toHaveLength(1);
      expect(holding[0]!.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4].map((round) => `${lane}:${round}`));
    }
  });

  test('has what it took, whatever the caller then does with the memory', async () => {
    const stream = await harness.fresh();
    const data = Buffer.from('as it was');
    expect(await stream.put([{ partitionKey: 'k', data }])).toEqual([null]);
    data.fill('x');
    expect((await harness.readAll(stream)).flat().map((record) => record.data)).toEqual(['as it was']);
  });

  test('refuses a record that is too large by name, and takes the others of the put', async () => {
    const stream = await harness.fresh();
    const verdicts = await stream.put([
      { partitionKey: 'k', data: Buffer.from('small') },
      { partitionKey: 'k', data: new Uint8Array(1_048_576) },
      { partitionKey: 'k', data: Buffer.from('small too') },
    ]);
    expect(verdicts.map((verdict) => verdict?.code ?? null)).toEqual([null, RECORD_TOO_LARGE, null]);
    expect((await harness.readAll(stream)).flat().map(({ data }) => data)).toEqual(['small', 'small too']);
  });

  test('takes nothing of a put with more than 500 records, and answers an empty one with no verdicts', async () => {
    const stream = await harness.fresh();
    const records = Array.from({ length: 501 }, () => ({ partitionKey: 'k', data: Buffer.from('x') }));
    await expect(stream.put(records)).rejects.toThrow();
    expect(await stream.put([])).toEqual([]);
    expect((await harness.readAll(stream)).flat()).toEqual([]);
    expect(await stream.put(records.slice(0, 500))).toHaveLength(500);
  });
});

test('both choose the same shard for a key', async () => {
  const records = Array.from({ length: 40 }, (_, lane) => ({
    partitionKey: `lane-${lane}`,
    data: Buffer.from('x'),
  }));
  const placements = [];
  for (const harness of [memory, kinesis]) {
    const stream = await harness.fresh();
    await stream.put(records);
    placements.push((await harness.readAll(stream)).map((shard) => shard.map(({ key }) => key).sort()));
  }
  expect(placements[0]).toEqual(placements[1]);
  expect(placements[0]!.every((shard) => shard.length > 0)).toBe(true);
});

test('Kinesis: a stream that does not exist is an error that names it', async () => {
  const stream = new KinesisRecordStream(kinesis.client, 'nowhere');
  await expect(stream.put([{ partitionKey: 'k', data: Buffer.from('x') }])).rejects.toThrow(/nowhere/);
});

test('memory: a shard over its rate refuses some records of a put, and takes them when time has passed', async () => {
  let now = 1_000_000_000;
  const stream = new MemoryRecordStream({
    clock: () => now as Micros,
    shards: 2,
    recordsPerSecond: 2,
    bytesPerSecond: 1_000,
  });
  const records = Array.from({ length: 8 }, (_, lane) => ({
    partitionKey: `lane-${lane}`,
    data: Buffer.from('x'),
  }));
  const verdicts = await stream.put(records);
  expect(verdicts.filter((verdict) => verdict === null)).toHaveLength(4);
  expect(verdicts.find((verdict) => verdict !== null)?.code).toBe('ProvisionedThroughputExceededException');
  now += 1_000_000;
  const again = records.filter((_, index) => verdicts[index] !== null);
  expect((await stream.put(again)).every((verdict) => verdict === null)).toBe(true);
});
