import type { Micros } from '../units/time.ts';
import { endOfParts, isRecordEnd } from './record-end.ts';

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

/** The record's lines in two records, in order; null for one that holds a single line. */
export function halvesOf(record: SealedRecord): readonly [SealedRecord, SealedRecord] | null {
  const lines = Buffer.from(record.data)
    .toString('latin1')
    .split(/(?<=\n)/)
    .map((line) => (isRecordEnd(line) ? endOfParts(line) : line));
  if (lines.length < 2) return null;
  const part = (own: readonly string[]): SealedRecord => ({
    ...record,
    data: Buffer.from(own.join(''), 'latin1'),
    lines: own.filter((line) => !isRecordEnd(line)).length,
  });
  const middle = lines.length >> 1;
  return [part(lines.slice(0, middle)), part(lines.slice(middle))];
}
