import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  type _Record as KinesisRecord,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import type { KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';
import type { Checkpoints } from './checkpoints.ts';

/** An event source mapping as its template says it. */
export interface EventSourceSpecification {
  readonly id: string;
  readonly stream: string;
  readonly streamArn: string;
  readonly functionName: string;
  /** ARN of the function's role, with which the stream is read. */
  readonly role: string;
  readonly batchSize: number;
  readonly maximumBatchingWindowSeconds: number;
  readonly bisectBatchOnFunctionError: boolean;
  /** −1 retries for as long as the stream keeps the record. */
  readonly maximumRetryAttempts: number;
  /** −1 is as long as the stream keeps the record. */
  readonly maximumRecordAgeSeconds: number;
  /** Where a shard is begun that was never read before. */
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** Whether a function may say which records failed; otherwise what it returns means nothing. */
  readonly reportsBatchItemFailures: boolean;
  /** Bucket that takes the records that were given up; null forgets them. */
  readonly onFailureBucket: string | null;
}

export interface EventSourceDependencies {
  readonly kinesis: KinesisClient;
  readonly checkpoints: Checkpoints;
  readonly invoke: (event: KinesisStreamEvent) => Promise<unknown>;
  /** Told of a record that was given up after all retries, as the on-failure destination would be. */
  readonly givenUp: (record: KinesisStreamRecord, reason: string) => Promise<void>;
  readonly warn: (message: string) => void;
}

/** Lambda's payload limit is 6 MB after base64; some room is left for the envelope. */
const MAX_BATCH_BYTES = 4_200_000;
const IDLE_MILLIS = 100;

function lambdaRecord(streamArn: string, shard: string, record: KinesisRecord): KinesisStreamRecord {
  return {
    eventID: `${shard}:${record.SequenceNumber}`,
    eventName: 'aws:kinesis:record',
    eventSource: 'aws:kinesis',
    eventSourceARN: streamArn,
    eventVersion: '1.0',
    awsRegion: streamArn.split(':')[3] ?? '',
    invokeIdentityArn: 'arn:aws:iam::000000000000:role/local',
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: record.PartitionKey!,
      sequenceNumber: record.SequenceNumber!,
      data: Buffer.from(record.Data!).toString('base64'),
      approximateArrivalTimestamp: (record.ApproximateArrivalTimestamp?.getTime() ?? Date.now()) / 1000,
    },
  };
}

/** Records before the first failed one are done; the failed one and all behind it come again. */
function firstFailure(result: unknown, records: readonly KinesisStreamRecord[]): number {
  const failures = (result as { batchItemFailures?: { itemIdentifier: string }[] } | null)?.batchItemFailures;
  if (failures === undefined || failures.length === 0) return records.length;
  const failed = new Set(failures.map((failure) => failure.itemIdentifier));
  const index = records.findIndex((record) => failed.has(record.kinesis.sequenceNumber));
  // Lambda treats an unknown identifier as a failure of the whole batch.
  return index === -1 ? 0 : index;
}

function isOlder(record: KinesisStreamRecord, seconds: number): boolean {
  return seconds >= 0 && Date.now() / 1_000 - record.kinesis.approximateArrivalTimestamp > seconds;
}

/**
 * Feeds a function from a stream as Lambda's poller does: one batch per shard at a time, in order, batching
 * window, partial failures, bisecting on function errors, limits of attempts and age, on-failure destination.
 */
export class EventSource {
  readonly #specification: EventSourceSpecification;
  readonly #dependencies: EventSourceDependencies;
  #stopping = false;
  #shards: Promise<void>[] = [];
  #idle = new Map<string, boolean>();

  constructor(specification: EventSourceSpecification, dependencies: EventSourceDependencies) {
    this.#specification = specification;
    this.#dependencies = dependencies;
  }

  async start(): Promise<void> {
    const { kinesis } = this.#dependencies;
    const { stream } = this.#specification;
    const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
    this.#shards = Shards.map((shard) => this.#consume(shard.ShardId!));
  }

  /** Whether every shard has been read to its end. */
  get drained(): boolean {
    return [...this.#idle.values()].every(Boolean);
  }

  /** Forgets what was known of idleness, so that `drained` speaks of reads made from now on. */
  expectMore(): void {
    for (const shard of this.#idle.keys()) this.#idle.set(shard, false);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#shards);
  }

  async #consume(shard: string): Promise<void> {
    const { kinesis, checkpoints, warn } = this.#dependencies;
    const { stream, streamArn, startingPosition, batchSize, maximumBatchingWindowSeconds } =
      this.#specification;
    this.#idle.set(shard, false);
    let iterator: string | undefined;
    let waiting: KinesisStreamRecord[] = [];
    let bytes = 0;
    let since = Date.now();
    while (!this.#stopping) {
      try {
        if (iterator === undefined) {
          const after = checkpoints.get(stream, shard);
          const answer = await kinesis.send(
            new GetShardIteratorCommand({
              StreamName: stream,
              ShardId: shard,
              ...(after === undefined
                ? { ShardIteratorType: startingPosition }
                : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: after }),
            }),
          );
          iterator = answer.ShardIterator;
          waiting = [];
          bytes = 0;
        }
        const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator!, Limit: 1_000 }));
        iterator = answer.NextShardIterator;
        const records = answer.Records ?? [];
        for (const record of records) {
          if (waiting.length === 0) since = Date.now();
          if (waiting.length >= batchSize || bytes + record.Data!.length > MAX_BATCH_BYTES) {
            if (waiting.length > 0) await this.#deliver(shard, waiting);
            waiting = [];
            bytes = 0;
          }
          waiting.push(lambdaRecord(streamArn, shard, record));
          bytes += record.Data!.length;
        }
        const due = Date.now() - since >= maximumBatchingWindowSeconds * 1_000;
        if (waiting.length > 0 && due) {
          await this.#deliver(shard, waiting);
          waiting = [];
          bytes = 0;
        }
        this.#idle.set(shard, records.length === 0 && waiting.length === 0);
        if (records.length === 0) await sleep(IDLE_MILLIS);
      } catch (error) {
        if (this.#stopping) break;
        warn(`${stream} ${shard}: ${(error as Error).message}`);
        iterator = undefined;
        await sleep(500);
      }
    }
  }

  async #deliver(shard: string, batch: readonly KinesisStreamRecord[]): Promise<void> {
    const { checkpoints, invoke, givenUp, warn } = this.#dependencies;
    const {
      stream,
      bisectBatchOnFunctionError,
      maximumRetryAttempts,
      maximumRecordAgeSeconds,
      reportsBatchItemFailures,
    } = this.#specification;
    let records = batch;
    let take = records.length;
    let attempts = 0;
    while (records.length > 0) {
      if (this.#stopping) throw new Error('stopping');
      const slice = records.slice(0, take);
      let done = 0;
      let thrown: Error | null = null;
      try {
        const result = await invoke({ Records: [...slice] });
        done = reportsBatchItemFailures ? firstFailure(result, slice) : slice.length;
      } catch (error) {
        thrown = error as Error;
      }
      if (done > 0) {
        checkpoints.set(stream, shard, slice[done - 1]!.kinesis.sequenceNumber);
        records = records.slice(done);
        take = records.length;
        attempts = 0;
        continue;
      }
      attempts++;
      const reason = thrown?.message ?? 'reported as failed';
      warn(`${stream} ${shard}: batch of ${slice.length} failed (${reason}), attempt ${attempts}`);
      if (thrown !== null && bisectBatchOnFunctionError && slice.length > 1) {
        take = Math.ceil(slice.length / 2);
      } else if (
        (maximumRetryAttempts >= 0 && attempts > maximumRetryAttempts) ||
        isOlder(slice[0]!, maximumRecordAgeSeconds)
      ) {
        // A reported failure names the first record; a thrown one says nothing but that the slice failed.
        const lost = thrown === null ? slice.slice(0, 1) : slice;
        for (const record of lost) await givenUp(record, reason);
        checkpoints.set(stream, shard, lost.at(-1)!.kinesis.sequenceNumber);
        records = records.slice(lost.length);
        take = records.length;
        attempts = 0;
        continue;
      }
      await sleep(Math.min(100 * 2 ** attempts, 5_000));
    }
  }
}
