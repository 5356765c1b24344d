import { copyWords, type Words, wordsOf, writeInteger } from '../units/ascii-words.ts';
import type { Micros } from '../units/time.ts';

const SMALLEST = 4_096;
/** A time, the braces and what is overwritten behind a line. */
const AROUND = 64;
/** One UTF-16 unit takes no more bytes than this in UTF-8. */
const MOST_BYTES = 3;
/** Longer heads, of connections with absurd names, are not kept in words. */
const LONGEST_HEAD = 512;

const BACKSLASH = 92;
const QUOTE = 34;
const SPACE = 32;

const BEGIN = wordsOf('{"t":');
const END = wordsOf('"}\n');

/** What a recorded line has between its time and its content: the connection, and which kind of content it is. */
export interface LineHead {
  readonly text: string;
  /** Null for a text that is long or not ASCII. */
  readonly words: Words | null;
}

export function lineHead(connection: string, name: 'frame' | 'sent' | 'binary'): LineHead {
  const text = `,"conn":${JSON.stringify(connection)},"${name}":`;
  const isPlain = text.length < LONGEST_HEAD && /^[ -~]*$/.test(text);
  return { text, words: isPlain ? wordsOf(`${text}"`) : null };
}

/** Recorded lines as the bytes that a recording holds, one behind the other. */
export class LineBuffer {
  /** Bytes written. */
  length = 0;
  /** What is taken at once resembles each other in size. */
  private nextCapacity = SMALLEST;
  private buffer = Buffer.alloc(0);
  private bytes: Uint8Array = this.buffer;
  private view = new DataView(this.buffer.buffer, 0, 0);

  /** Adds one line; its content is any text. */
  add(at: Micros, head: LineHead, content: string): void {
    const { words } = head;
    let end = -1;
    if (words !== null && Number.isSafeInteger(at)) {
      this.reserve(2 * content.length + words.length + AROUND);
      const { view } = this;
      const behindTime = writeInteger(view, copyWords(view, this.length, BEGIN.words, 0, BEGIN.length), at);
      end = this.escaped(copyWords(view, behindTime, words.words, 0, words.length), content);
      if (end >= 0) end = copyWords(view, end, END.words, 0, END.length);
    }
    this.length = end < 0 ? this.addAny(at, head, content) : end;
  }

  /** Takes what was written; this begins anew. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.nextCapacity = Math.max(SMALLEST, taken.length + (taken.length >> 3));
    this.use(Buffer.alloc(0));
    this.length = 0;
    return taken;
  }

  /** Goes on in a buffer that is no longer needed elsewhere. Only for one that holds nothing. */
  reuse(buffer: Buffer<ArrayBuffer>): void {
    if (this.length === 0 && buffer.length > this.buffer.length) this.use(buffer);
  }

  /**
   * Writes a text of plain ASCII with its quotes escaped, as JSON has it. The text is put further behind and brought
   * forward four bytes at a time: quotes stand a few bytes apart in frames, and little else has to be escaped.
   *
   * @returns the place behind it, or -1 where something else than quotes has to be escaped.
   */
  private escaped(at: number, text: string): number {
    const { buffer, bytes, view } = this;
    const { length } = text;
    let from = at + length + 8;
    const last = from + length;
    // Whatever is not ASCII takes more bytes.
    if (buffer.write(text, from, 'utf8') !== length) return -1;
    let to = at;
    while (from + 4 <= last) {
      const word = view.getInt32(from, true);
      const quotes = word ^ 0x22222222;
      const slashes = word ^ 0x5c5c5c5c;
      // Of four bytes, the highest bit of each that is a backslash, or below a space: the lowest one is always right.
      const others = ((slashes - 0x01010101) & ~slashes) | ((word - 0x20202020) & ~word);
      if ((others & 0x80808080) !== 0) return -1;
      view.setInt32(to, word, true);
      const found = (quotes - 0x01010101) & ~quotes & 0x80808080;
      if (found === 0) {
        from += 4;
        to += 4;
      } else {
        const before = (31 - Math.clz32(found & -found)) >> 3;
        bytes[to + before] = BACKSLASH;
        bytes[to + before + 1] = QUOTE;
        from += before + 1;
        to += before + 2;
      }
    }
    for (; from < last; from++) {
      const byte = bytes[from]!;
      if (byte < SPACE || byte === BACKSLASH) return -1;
      if (byte === QUOTE) bytes[to++] = BACKSLASH;
      bytes[to++] = byte;
    }
    return to;
  }

  private addAny(at: Micros, head: LineHead, content: string): number {
    const line = `{"t":${at}${head.text}${JSON.stringify(content)}}\n`;
    this.reserve(MOST_BYTES * line.length);
    return this.length + this.buffer.write(line, this.length, 'utf8');
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.buffer.length, this.nextCapacity));
    this.buffer.copy(grown, 0, 0, this.length);
    this.use(grown);
  }

  private use(buffer: Buffer<ArrayBuffer>): void {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }
}
