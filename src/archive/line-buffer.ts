import { copyWords, type Words, wordsOf, writeInteger } from '../units/ascii-words.ts';
import type { Micros } from '../units/time.ts';
import { frameText } from '../venues/frame-bytes.ts';

const SMALLEST = 4_096;
/** A time, the braces and what is overwritten behind a line. */
const AROUND = 64;
/** One UTF-16 unit takes no more bytes than this in UTF-8. */
const MOST_BYTES = 3;
/** Longer heads, of connections with absurd names, are not kept in words. */
const LONGEST_HEAD = 512;

/** What memory is kept for lines to come, in pieces: more only has to be cleared away. */
const MOST_SPARE = 8;
const NOTHING = Buffer.alloc(0);

/** What ends a line, for one reader or another. */
const LINE_ENDS = ['\n', '\r'] as const;
const [NEWLINE_BYTE, RETURN_BYTE] = LINE_ENDS.map((end) => end.charCodeAt(0)) as [number, number];
const OBJECT = ['{'.charCodeAt(0), '}'.charCodeAt(0)] as const;
const LIST = ['['.charCodeAt(0), ']'.charCodeAt(0)] as const;

const BEGIN = wordsOf('{"t":');
const END = wordsOf('}\n');

/** What a recorded line has between its time and its content: the connection, and which kind of content it is. */
export interface LineHead {
  readonly text: string;
  /** Null for a text that is long or not ASCII. */
  readonly words: Words | null;
}

export function lineHead(connection: string, name: 'frame' | 'sent' | 'binary'): LineHead {
  const text = `,"conn":${JSON.stringify(connection)},"${name}":`;
  const isPlain = text.length < LONGEST_HEAD && /^[ -~]*$/.test(text);
  return { text, words: isPlain ? wordsOf(text) : null };
}

/**
 * Whether a text goes into its line as it is: it begins and ends as an object or a list does, and is one line of text
 * that UTF-8 can express. Whether it is sound JSON is not asked, as readers take all of it by its place
 * (`src/recording/unescaped.ts`).
 */
function goesUnescaped(text: string | Uint8Array): boolean {
  const isText = typeof text === 'string';
  const first = isText ? text.charCodeAt(0) : text[0];
  const last = isText ? text.charCodeAt(text.length - 1) : text[text.length - 1];
  const [begin, end] = first === LIST[0] ? LIST : OBJECT;
  if (first !== begin || last !== end) return false;
  return isText
    ? !text.includes(LINE_ENDS[0]) && !text.includes(LINE_ENDS[1])
    : !text.includes(NEWLINE_BYTE) && !text.includes(RETURN_BYTE);
}

/** Recorded lines (`src/capture/recording.ts`) as the bytes that a recording holds, one behind the other. */
export class LineBuffer {
  /** Bytes written. */
  length = 0;
  /** What is taken at once resembles each other in size. */
  private nextCapacity = SMALLEST;
  private buffer = NOTHING;
  private view = new DataView(this.buffer.buffer, 0, 0);
  private readonly spare: Buffer<ArrayBuffer>[] = [];

  /** Adds one line; its content is any text, or the bytes of one in UTF-8. */
  add(at: Micros, head: LineHead, content: string | Uint8Array): void {
    const { words } = head;
    if (words !== null && Number.isSafeInteger(at) && goesUnescaped(content)) {
      this.reserve((typeof content === 'string' ? MOST_BYTES : 1) * content.length + words.length + AROUND);
      const { view, buffer } = this;
      const behindTime = writeInteger(view, copyWords(view, this.length, BEGIN.words, 0, BEGIN.length), at);
      const begin = copyWords(view, behindTime, words.words, 0, words.length);
      let bytes = content.length;
      if (typeof content === 'string') bytes = buffer.write(content, begin, 'utf8');
      else buffer.set(content, begin);
      // As many bytes as units: all of it is ASCII.
      if (bytes === content.length || typeof content !== 'string' || content.isWellFormed()) {
        this.length = copyWords(view, begin + bytes, END.words, 0, END.length);
        return;
      }
    }
    this.escaped(at, head, content);
  }

  /** Takes what was written; this begins anew. */
  take(): Buffer<ArrayBuffer> {
    const taken = this.buffer.subarray(0, this.length);
    this.nextCapacity = Math.max(SMALLEST, taken.length + (taken.length >> 3));
    this.use(NOTHING);
    this.length = 0;
    return taken;
  }

  /** Has the memory of what was taken back, for lines to come. */
  reuse(taken: Buffer<ArrayBuffer>): void {
    if (this.spare.length < MOST_SPARE) this.spare.push(Buffer.from(taken.buffer));
  }

  private escaped(at: Micros, head: LineHead, content: string | Uint8Array): void {
    const line = `{"t":${at}${head.text}${JSON.stringify(frameText(content))}}\n`;
    this.reserve(MOST_BYTES * line.length);
    this.length += this.buffer.write(line, this.length, 'utf8');
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buffer.length) return;
    const capacity = Math.max(needed, 2 * this.buffer.length, this.nextCapacity);
    let grown = this.spare.pop();
    if (grown === undefined || grown.length < needed) grown = Buffer.allocUnsafeSlow(capacity);
    this.buffer.copy(grown, 0, 0, this.length);
    this.use(grown);
  }

  private use(buffer: Buffer<ArrayBuffer>): void {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }
}
