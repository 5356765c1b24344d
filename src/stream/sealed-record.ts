import type { Micros } from '../units/time.ts';

/** A record that will not change any more, on its way to the stream. */
export interface SealedRecord {
  /** Position among all records of all lives; the order in which they were sealed. */
  readonly order: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  readonly lines: number;
  /** Earliest receive time among its lines. */
  readonly oldestReceivedAt: Micros;
}

/** Bytes that a record takes in a request. */
export function requestBytes(record: SealedRecord): number {
  return record.data.byteLength + record.partitionKey.length;
}
