import type { RecordEnd } from '../events/captured.ts';

/** Bytes kept free for the last line of a record: its numbers have at most 16 digits, the name of a life 100 characters. */
export const RECORD_END_BYTES = 480;

const BEGIN = '{"kind":"record_end",';

/** The line that ends a record, ASCII with its newline. */
export function encodeRecordEnd(end: Omit<RecordEnd, 'kind'>): string {
  return `${BEGIN}${JSON.stringify(end).slice(1)}\n`;
}

export function isRecordEnd(line: string): boolean {
  return line.startsWith(BEGIN);
}

/** The same line for the last part of a record that went in several: the parts before it have none. */
export function endOfParts(line: string): string {
  return encodeRecordEnd({ ...(JSON.parse(line) as RecordEnd), split: true });
}
