import { KinesisClient, type KinesisClientConfig, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import {
  KINESIS_LIMITS,
  type PutLimits,
  type PutVerdict,
  RECORD_TOO_LARGE,
  type RecordStream,
  type StreamRecord,
} from './record-stream.ts';

export interface KinesisConnection {
  readonly region: string;
  /** A stand-in's address; absent for the service itself. */
  readonly endpoint?: string;
  /** Only for stand-ins; otherwise the SDK finds the role's own. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly requestTimeoutMillis?: number;
}

/**
 * A client for the service, or over HTTP/1.1 for a stand-in, none of which has the HTTP/2 that the SDK prefers
 * for Kinesis. The SDK's own retries are off: the batcher repeats, and knows which records.
 */
export function kinesisClient(connection: KinesisConnection): KinesisClient {
  const config: KinesisClientConfig = { region: connection.region, maxAttempts: 1 };
  if (connection.credentials !== undefined) config.credentials = connection.credentials;
  if (connection.endpoint !== undefined) {
    config.endpoint = connection.endpoint;
    config.requestHandler = new NodeHttpHandler({
      connectionTimeout: 5_000,
      requestTimeout: connection.requestTimeoutMillis ?? 20_000,
    });
  }
  return new KinesisClient(config);
}

/** A Kinesis data stream behind the port. */
export class KinesisRecordStream implements RecordStream {
  readonly #client: KinesisClient;
  readonly #name: string;
  readonly #limits: PutLimits;

  constructor(client: KinesisClient, streamName: string, limits: PutLimits = KINESIS_LIMITS) {
    this.#client = client;
    this.#name = streamName;
    this.#limits = limits;
  }

  async put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    if (records.length === 0) return [];
    const verdicts: PutVerdict[] = records.map((record) => this.#sizeVerdict(record));
    const sent: number[] = [];
    for (const [index, verdict] of verdicts.entries()) if (verdict === null) sent.push(index);
    if (sent.length === 0) return verdicts;
    const answer = await this.#client.send(
      new PutRecordsCommand({
        StreamName: this.#name,
        Records: sent.map((index) => ({
          PartitionKey: records[index]!.partitionKey,
          Data: records[index]!.data,
        })),
      }),
    );
    for (const [position, index] of sent.entries()) {
      const result = answer.Records?.[position];
      if (result?.SequenceNumber !== undefined && result.ErrorCode === undefined) continue;
      verdicts[index] = {
        code: result?.ErrorCode ?? 'NoVerdict',
        message: result?.ErrorMessage ?? 'the answer does not speak of this record',
      };
    }
    return verdicts;
  }

  /** One record beyond the limit would have the service refuse the whole request. */
  #sizeVerdict(record: StreamRecord): PutVerdict {
    const size = record.data.byteLength + Buffer.byteLength(record.partitionKey);
    if (size <= this.#limits.maxRecordBytes) return null;
    return { code: RECORD_TOO_LARGE, message: `${size} bytes, of at most ${this.#limits.maxRecordBytes}` };
  }
}
