import { isUtf8 } from 'node:buffer';

/** A line of text, or the reason why it is none. Numbers count from 1. */
export type TextLine =
  | { readonly number: number; readonly text: string }
  | {
      readonly number: number;
      readonly text: null;
      readonly reason: 'not_utf8' | 'too_long';
      readonly message: string;
    };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MAX_BYTES = 256 * 1024 * 1024;

/** Cuts bytes into lines, one batch per chunk that completes any; the end of the last line need not be marked. */
export async function* textLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes = MAX_BYTES,
): AsyncGenerator<TextLine[]> {
  let number = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const keep = (part: Uint8Array): void => {
    pendingBytes += part.length;
    if (pendingBytes > maxBytes) pending = [];
    else if (part.length > 0) pending.push(part);
  };
  const finish = (end: Uint8Array): TextLine => {
    keep(end);
    number++;
    const bytes = pendingBytes;
    const line = pending.length === 1 ? pending[0]! : Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    if (bytes > maxBytes) {
      const message = `the line has ${bytes} bytes, more than ${maxBytes}`;
      return { number, text: null, reason: 'too_long', message };
    }
    return textOf(line, number);
  };
  for await (const chunk of source) {
    const lines: TextLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      lines.push(finish(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) keep(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (pendingBytes > 0) yield [finish(new Uint8Array(0))];
}

function textOf(line: Uint8Array, number: number): TextLine {
  if (!isUtf8(line)) {
    return {
      number,
      text: null,
      reason: 'not_utf8',
      message: `the line has ${line.length} bytes that are not UTF-8 text`,
    };
  }
  const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
  const start = number === 1 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
  return {
    number,
    text: Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8', start, end),
  };
}
