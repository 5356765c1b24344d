/** One record of a stream: `data` is JSON lines (UTF-8), at most 500 events, each line ending in a newline. */
export interface StreamRecord {
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/** The verdict on one record of a put: null when it is durable, else why it was refused. */
export type PutVerdict = null | { readonly code: string; readonly message: string };

/** The one refusal that no repetition can turn: the record is larger than the stream takes. */
export const RECORD_TOO_LARGE = 'RecordTooLarge';

/**
 * Port to a durable, partitioned log. `put` resolves with one verdict per record, in order, and rejects only
 * when nothing is known about any of them (network, credentials, missing stream). Once it has resolved, `data` is the
 * caller's again, who may write over it.
 */
export interface RecordStream {
  put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]>;
}

/** Limits of one put: records, bytes of one record with its key, bytes of one request with all keys. */
export interface PutLimits {
  readonly maxRecords: number;
  readonly maxRecordBytes: number;
  readonly maxRequestBytes: number;
}

/**
 * What every Kinesis stream takes without being configured for more: 500 records, 1 MiB a record. The service
 * allows 10 MiB a request; half of it is used so that one slow request holds up less.
 */
export const KINESIS_LIMITS: PutLimits = {
  maxRecords: 500,
  maxRecordBytes: 1_048_576,
  maxRequestBytes: 5_000_000,
};
