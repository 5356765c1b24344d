/** One record of a stream: `data` is JSON lines (UTF-8), at most 500 events, each line ending in a newline. */
export interface StreamRecord {
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/** The verdict on one record of a put: null when it is durable, else why it was refused. */
export type PutVerdict = null | { readonly code: string; readonly message: string };

/**
 * Port to a durable, partitioned log. `put` resolves with one verdict per record, in order, and rejects only
 * when nothing is known about any of them (network, credentials, missing stream).
 */
export interface RecordStream {
  put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]>;
}

/** Limits of one put, from the Kinesis service: records, bytes of one record, bytes of one request. */
export interface PutLimits {
  readonly maxRecords: number;
  readonly maxRecordBytes: number;
  readonly maxRequestBytes: number;
}
