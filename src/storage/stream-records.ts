import { isAscii, isUtf8 } from 'node:buffer';

/** A record as a stream delivers it: JSON lines with where they came from. */
export interface DeliveredRecord {
  readonly stream: string;
  readonly shard: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Buffer;
}

/** Some lines of a record: `from` and `to` are line numbers from 1, `to` excluded. */
export interface RecordSlice {
  readonly record: DeliveredRecord;
  readonly from: number;
  readonly to: number;
}

/** A line, or with number 0 a whole record, that cannot be stored as what it should be, and why. */
export interface RefusedLine {
  readonly record: DeliveredRecord;
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly reason: string;
}

const NEWLINE = 10;

export function wholeRecord(record: DeliveredRecord): RecordSlice {
  return { record, from: 1, to: Number.POSITIVE_INFINITY };
}

/** Whether the slice was never cut. */
export function isWhole({ from, to }: RecordSlice): boolean {
  return from === 1 && to === Number.POSITIVE_INFINITY;
}

export function countLines(data: Uint8Array): number {
  let count = 0;
  for (let at = data.indexOf(NEWLINE); at !== -1; at = data.indexOf(NEWLINE, at + 1)) count++;
  return data.length > 0 && data.at(-1) !== NEWLINE ? count + 1 : count;
}

/** Calls back with each line of the slice that is not empty; null for a line that is not UTF-8. */
export function eachLine(
  { record: { data }, from, to }: RecordSlice,
  visit: (text: string | null, number: number, start: number, end: number) => void,
): void {
  const readable = isUtf8(data);
  // Positions of characters are those of bytes then.
  const text = readable && isAscii(data) ? data.toString('latin1') : null;
  let start = 0;
  for (let number = 1; start < data.length && number < to; number++) {
    const newline = text === null ? data.indexOf(NEWLINE, start) : text.indexOf('\n', start);
    const end = newline === -1 ? data.length : newline;
    if (number >= from && end > start) {
      if (text !== null) visit(text.slice(start, end), number, start, end);
      else if (readable || isUtf8(data.subarray(start, end)))
        visit(data.toString('utf8', start, end), number, start, end);
      else visit(null, number, start, end);
    }
    start = end + 1;
  }
}

/** The slice in two halves of about as many lines. */
export function halves(slices: readonly RecordSlice[]): readonly [RecordSlice[], RecordSlice[]] {
  if (slices.length > 1) {
    const middle = slices.length >> 1;
    return [slices.slice(0, middle), slices.slice(middle)];
  }
  const { record, from, to } = slices[0]!;
  const end = Math.min(to, countLines(record.data) + 1);
  const middle = from + ((end - from) >> 1);
  return [[{ record, from, to: middle }], [{ record, from: middle, to: end }]];
}

/** Lines that the slices hold. */
export function linesIn(slices: readonly RecordSlice[]): number {
  let lines = 0;
  for (const { record, from, to } of slices)
    lines += Math.max(0, Math.min(to, countLines(record.data) + 1) - from);
  return lines;
}
