import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import type { Micros } from '../units/time.ts';
import { placeSegment } from './finished-segment.ts';
import { type SegmentManifest, SegmentWriter } from './segment-writer.ts';
import { END_OF_FRAME, wholeBlocks } from './zstd-frame.ts';

const NEWLINE = 10;
const TIME = /^\{"t":(\d+),/;
/** Bytes of a line's beginning that hold its time. */
const TIME_BYTES = 32;

export interface RecoveredSegment {
  /** Null when no whole line was in the file, which is then gone. */
  readonly manifest: SegmentManifest | null;
  /** Compressed bytes that could not be read, and raw bytes of a last line without its end. */
  readonly lostBytes: number;
  readonly lostRawBytes: number;
  /** Where the file as found is kept when something in the middle of it is damaged. */
  readonly keptAside: string | null;
}

/**
 * Finishes a segment that a crash left open: everything up to the last whole block is read, a half line at the
 * end is dropped, and the result is a finished file at `target` with its manifest. The open file is removed; when what it holds
 * is damaged, not merely cut off, it stays as `….damaged`.
 *
 * @throws Error of the file system.
 */
export async function recoverSegment(path: string, target: string): Promise<RecoveredSegment> {
  const { size } = await stat(path);
  const whole = await readWholeBlocks(path, size);
  const part = `${target}.recovering`;
  const writer = new SegmentWriter(part);
  let tail: Uint8Array = new Uint8Array();
  let lines = 0;
  let damaged = whole === null && size > 0;
  if (whole !== null) {
    try {
      for await (const chunk of decompressed(path, whole)) {
        const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
        const end = bytes.lastIndexOf(NEWLINE) + 1;
        if (end > 0) lines += await copyLines(writer, bytes.subarray(0, end));
        tail = bytes.subarray(end);
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged = true;
    }
  }
  const aside = damaged ? `${path}.damaged` : null;
  const manifest = lines > 0 ? await writer.finish() : null;
  if (manifest !== null) {
    await placeSegment(part, target, manifest);
  } else {
    await rm(part, { force: true });
  }
  if (aside === null) await rm(path, { force: true });
  else await rename(path, aside);
  return {
    manifest,
    lostBytes: size - (whole?.bytes ?? 0),
    lostRawBytes: tail.length,
    keptAside: aside,
  };
}

async function readWholeBlocks(
  path: string,
  size: number,
): Promise<{ bytes: number; ended: boolean } | null> {
  const file = await open(path, 'r');
  try {
    return await wholeBlocks(async (position, length) => {
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await file.read(bytes, 0, length, position);
      return bytes.subarray(0, bytesRead);
    }, size);
  } finally {
    await file.close();
  }
}

async function* decompressed(path: string, whole: { bytes: number; ended: boolean }): AsyncGenerator<Buffer> {
  async function* frame(): AsyncGenerator<Uint8Array> {
    yield* createReadStream(path, { start: 0, end: whole.bytes - 1 });
    if (!whole.ended) yield END_OF_FRAME;
  }
  const source = Readable.from(frame(), { objectMode: false });
  const decompressor = createZstdDecompress();
  source.on('error', (error) => decompressor.destroy(error));
  yield* source.pipe(decompressor) as AsyncIterable<Buffer>;
}

async function copyLines(writer: SegmentWriter, data: Buffer | Uint8Array): Promise<number> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  const lastStart = bytes.lastIndexOf(NEWLINE, bytes.length - 2) + 1;
  const first = timeAt(bytes, 0);
  await writer.compress({
    data: bytes,
    lines,
    firstReceivedAt: first,
    lastReceivedAt: timeAt(bytes, lastStart),
  });
  await writer.save();
  return lines;
}

function timeAt(bytes: Buffer, start: number): Micros {
  const match = TIME.exec(bytes.toString('latin1', start, start + TIME_BYTES));
  return Number(match?.[1] ?? 0) as Micros;
}

function isDamage(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('ZSTD_') || code.startsWith('Z_');
}
