import type { RecordEnd } from '../events/captured.ts';

/** Bytes kept free for the last line of a record: four integers of at most 16 digits with their names. */
export const RECORD_END_BYTES = 160;

const BEGIN = '{"kind":"record_end",';

/** The line that ends a record, ASCII with its newline. */
export function encodeRecordEnd({
  order,
  previous,
  gap_free_since,
  sealed_at,
}: Omit<RecordEnd, 'kind'>): string {
  return `${BEGIN}"order":${order},"previous":${previous},"gap_free_since":${gap_free_since},"sealed_at":${sealed_at}}\n`;
}

export function isRecordEnd(line: string): boolean {
  return line.startsWith(BEGIN);
}
