import { createHash } from 'node:crypto';
import type { Clock, Micros } from '../units/time.ts';
import {
  KINESIS_LIMITS,
  type PutLimits,
  type PutVerdict,
  RECORD_TOO_LARGE,
  type RecordStream,
  type StreamRecord,
} from './record-stream.ts';

/** A record as a consumer of one shard sees it. */
export interface ShardRecord extends StreamRecord {
  /** Position in its shard, from 0. */
  readonly sequence: number;
  readonly arrivedAt: Micros;
}

export interface MemoryRecordStreamOptions {
  readonly clock: Clock;
  readonly shards?: number;
  /** What one shard takes in a second: 1 MiB and 1,000 records, as the service has it. */
  readonly bytesPerSecond?: number;
  readonly recordsPerSecond?: number;
  readonly limits?: PutLimits;
}

interface Shard {
  readonly records: ShardRecord[];
  bytesLeft: number;
  recordsLeft: number;
  refilledAt: number;
}

const MICROS_PER_SECOND = 1_000_000;
/** Hex digits of the MD5 that choose the shard; 48 bits are exact in a double. */
const CHOOSING_DIGITS = 12;
const CHOOSING_RANGE = 2 ** 48;

/**
 * A stream in memory with the service's habits: the MD5 of the partition key chooses the shard, every shard has
 * its own rate limits, and a put can succeed for some records and not for others.
 */
export class MemoryRecordStream implements RecordStream {
  readonly #shards: Shard[];
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #recordsPerSecond: number;
  readonly #limits: PutLimits;

  constructor(options: MemoryRecordStreamOptions) {
    this.#clock = options.clock;
    this.#bytesPerSecond = options.bytesPerSecond ?? 1_048_576;
    this.#recordsPerSecond = options.recordsPerSecond ?? 1_000;
    this.#limits = options.limits ?? KINESIS_LIMITS;
    const now = options.clock();
    this.#shards = Array.from({ length: options.shards ?? 1 }, () => ({
      records: [],
      bytesLeft: this.#bytesPerSecond,
      recordsLeft: this.#recordsPerSecond,
      refilledAt: now,
    }));
  }

  /** What the shard holds, oldest first. */
  records(shard: number): readonly ShardRecord[] {
    const found = this.#shards[shard];
    if (found === undefined) throw new RangeError(`there is no shard ${shard}`);
    return found.records;
  }

  async put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    if (records.length > this.#limits.maxRecords) {
      throw invalid(`a put takes ${this.#limits.maxRecords} records, not ${records.length}`);
    }
    let bytes = 0;
    for (const record of records) bytes += sizeOf(record);
    if (bytes > this.#limits.maxRequestBytes) {
      throw invalid(`a put takes ${this.#limits.maxRequestBytes} bytes, not ${bytes}`);
    }
    const now = this.#clock();
    return records.map((record) => this.#store(record, now));
  }

  #store(record: StreamRecord, now: Micros): PutVerdict {
    const size = sizeOf(record);
    if (size > this.#limits.maxRecordBytes) {
      return { code: RECORD_TOO_LARGE, message: `${size} bytes, of at most ${this.#limits.maxRecordBytes}` };
    }
    const number = shardOf(record.partitionKey, this.#shards.length);
    const shard = this.#shards[number]!;
    const seconds = Math.max(0, now - shard.refilledAt) / MICROS_PER_SECOND;
    shard.refilledAt = now;
    shard.bytesLeft = Math.min(this.#bytesPerSecond, shard.bytesLeft + seconds * this.#bytesPerSecond);
    shard.recordsLeft = Math.min(
      this.#recordsPerSecond,
      shard.recordsLeft + seconds * this.#recordsPerSecond,
    );
    // A full allowance takes any record, or one larger than a second's worth could never be stored.
    const takes = shard.bytesLeft >= Math.min(size, this.#bytesPerSecond) && shard.recordsLeft >= 1;
    if (!takes) {
      return { code: 'ProvisionedThroughputExceededException', message: `rate exceeded for shard ${number}` };
    }
    shard.bytesLeft -= size;
    shard.recordsLeft -= 1;
    shard.records.push({
      partitionKey: record.partitionKey,
      data: Uint8Array.from(record.data),
      sequence: shard.records.length,
      arrivedAt: now,
    });
    return null;
  }
}

/** Shard whose part of the hash-key range holds this key, the range being cut evenly. */
function shardOf(key: string, shards: number): number {
  const digest = createHash('md5').update(key, 'utf8').digest('hex');
  return Math.floor((Number.parseInt(digest.slice(0, CHOOSING_DIGITS), 16) / CHOOSING_RANGE) * shards);
}

function sizeOf(record: StreamRecord): number {
  return record.data.byteLength + Buffer.byteLength(record.partitionKey);
}

function invalid(message: string): Error {
  const error = new Error(message);
  error.name = 'ValidationException';
  return error;
}
