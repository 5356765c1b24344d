import { createReadStream } from 'node:fs';
import type { RecordedLine } from '../capture/recording.ts';
import type { Micros } from '../units/time.ts';
import { type TextLine, textLines } from './text-lines.ts';
import { unescapedLine } from './unescaped.ts';
import { DamagedRecordingError, unpacked } from './unpack.ts';

/** A recording that cannot be opened or read at all. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

/** Why a line of a recording cannot be read. `reason` is a stable word for counting. */
interface LineFault {
  readonly reason: 'not_utf8' | 'too_long' | 'wrong_shape' | 'damaged';
  readonly message: string;
}

/**
 * One line of a recording. `frame` is the text as received, null where the line holds something else: a command
 * that was sent or a binary frame (both in `recorded`), or nothing that can be read (`fault`). `recorded` is null
 * for a bare frame, which comes without time and connection.
 */
export interface RecordingLine {
  /** From 1. */
  readonly number: number;
  readonly frame: string | null;
  readonly recorded: RecordedLine | null;
  readonly fault?: LineFault;
}

/**
 * The lines of a recording file, plain or compressed (gzip, Zstandard). A line that cannot be read is given with
 * its fault; a file that ends within its compression is given as far as it goes, with a fault as its last line.
 *
 * @throws RecordingError when the file is not there or cannot be read.
 */
export async function* readRecording(file: string): AsyncGenerator<RecordingLine> {
  for await (const batch of recordingBatches(fileBytes(file))) yield* batch;
}

/** The lines of a recording that arrives as bytes; otherwise as `readRecording`. */
export async function* readRecordingFrom(source: AsyncIterable<Uint8Array>): AsyncGenerator<RecordingLine> {
  for await (const batch of recordingBatches(source)) yield* batch;
}

/** The bytes of a file. @throws RecordingError naming the file and what is wrong with it. */
export async function* fileBytes(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new RecordingError(`there is no file ${file}`);
    if (code === 'EISDIR') throw new RecordingError(`${file} is a folder, not a file`);
    if (code === 'EACCES' || code === 'EPERM') throw new RecordingError(`${file} may not be read`);
    throw new RecordingError(`${file}: ${message}`);
  }
}

/**
 * The lines as they become readable, in batches: who writes them on can do so once per batch. Blank lines are left
 * out. A JSON document laid out over many lines (a REST body) is given as the one thing it is.
 */
export async function* recordingBatches(source: AsyncIterable<Uint8Array>): AsyncGenerator<RecordingLine[]> {
  let last = 0;
  let opening: Opening | null = new Opening();
  try {
    for await (const lines of textLines(unpacked(source))) {
      last = lines[lines.length - 1]!.number;
      const read: RecordingLine[] = [];
      for (const line of lines) {
        if (line.text !== null && line.text.trim() === '') continue;
        if (opening === null) read.push(recordingLine(line));
        else {
          const before = opening.take(line);
          if (before === null) continue;
          for (const first of before) read.push(recordingLine(first));
          opening = null;
        }
      }
      if (read.length > 0) yield read;
    }
  } catch (error) {
    if (!(error instanceof DamagedRecordingError)) throw error;
    const rest = opening?.rest() ?? [];
    const fault = {
      reason: 'damaged',
      message: `the compression is damaged or ends early: ${error.message}`,
    } as const;
    yield [...rest.map(recordingLine), { number: last + 1, frame: null, recorded: null, fault }];
    return;
  }
  const rest = opening?.rest() ?? [];
  if (rest.length > 0) yield rest.map(recordingLine);
}

/**
 * Tells by its first two lines whether a file is one JSON document laid out over many lines, which is read to the
 * end, or lines that each stand for themselves.
 */
class Opening {
  readonly #lines: TextLine[] = [];
  #isDocument = false;

  /** All lines so far once it is known that they stand for themselves, else null. */
  take(line: TextLine): readonly TextLine[] | null {
    this.#lines.push(line);
    if (this.#isDocument) return null;
    if (this.#lines.length === 1) return line.text !== null && isOpen(line.text) ? null : this.#lines;
    if (line.text === null || isWhole(line.text)) return this.#lines;
    this.#isDocument = true;
    return null;
  }

  /** What is left at the end of the file: the document in one, or its only line. */
  rest(): readonly TextLine[] {
    if (!this.#isDocument) return this.#lines;
    const text = this.#lines.map((line) => line.text ?? '').join('\n');
    return [{ number: this.#lines[0]!.number, text }];
  }
}

/** Whether a line is the beginning of something that goes on in the next. */
function isOpen(text: string): boolean {
  return /^\s*[{[]/.test(text) && /[{[,:]\s*$/.test(text);
}

function isWhole(text: string): boolean {
  if (/^\s/.test(text)) return false;
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return text.startsWith('{"t":');
  }
}

function recordingLine(line: TextLine): RecordingLine {
  const { number, text } = line;
  if (text === null) {
    return { number, frame: null, recorded: null, fault: { reason: line.reason, message: line.message } };
  }
  if (!mayBeRecorded(text)) return { number, frame: text, recorded: null };
  const unescaped = unescapedLine(text);
  if (unescaped !== null) return { number, frame: unescaped.frame ?? null, recorded: unescaped };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Whoever decodes it says what is wrong with it.
    return { number, frame: text, recorded: null };
  }
  if (typeof value !== 'object' || value === null) return { number, frame: text, recorded: null };
  const { t, conn, frame, sent, binary } = value as Partial<Record<keyof RecordedLine, unknown>>;
  const content = frame ?? sent ?? binary;
  if (t === undefined || content === undefined) return { number, frame: text, recorded: null };
  if (typeof t !== 'number' || !Number.isSafeInteger(t) || typeof content !== 'string') {
    const message = `a recorded line needs t in whole microseconds and frame, sent or binary as text (or as an object or list right behind its colon, with nothing after it); t is ${JSON.stringify(t)}`;
    return { number, frame: null, recorded: null, fault: { reason: 'wrong_shape', message } };
  }
  const recorded = { t: t as Micros, conn: typeof conn === 'string' ? conn : '' };
  if (frame !== undefined) return { number, frame: content, recorded: { ...recorded, frame: content } };
  const kept = sent === undefined ? { binary: content } : { sent: content };
  return { number, frame: null, recorded: { ...recorded, ...kept } };
}

/** Spares a bare frame from being parsed here and by the decoder as well. */
function mayBeRecorded(text: string): boolean {
  if (text.startsWith('{"t":')) return true;
  if (!text.includes('"t"')) return false;
  return text.includes('"frame"') || text.includes('"sent"') || text.includes('"binary"');
}
