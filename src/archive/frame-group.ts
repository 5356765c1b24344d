import { join } from 'node:path';
import type { Clock, Micros } from '../units/time.ts';
import { placeSegment } from './finished-segment.ts';
import { LineBuffer, type LineHead } from './line-buffer.ts';
import { OPEN_SUFFIX, segmentFileName } from './segment-name.ts';
import { type LineChunk, SegmentWriter } from './segment-writer.ts';

export interface FrameGroupOptions {
  readonly name: string;
  readonly epoch: string;
  readonly directory: string;
  readonly clock: Clock;
  readonly flushBytes: number;
  readonly segmentMillis: number;
  readonly segmentBytes: number;
  readonly memoryLimitBytes: number;
  readonly finished: () => void;
  readonly writeFailed: (file: string, message: string) => void;
  /** Frames begin to be dropped. */
  readonly suspended: () => void;
}

interface CollectedChunk extends LineChunk {
  readonly data: Buffer<ArrayBuffer>;
}

const MICROS_PER_MILLI = 1_000;
/** Memory of so many flushes is kept for the next; an unusually long frame may have needed more. */
const MOST_REUSED = 4;

/** The recorded lines of one group of connections: collected in memory, written chunk by chunk, segment by segment. */
export class FrameGroup {
  readonly #options: FrameGroupOptions;
  readonly #lines = new LineBuffer();
  #lineCount = 0;
  #first = Number.POSITIVE_INFINITY as Micros;
  #last = 0 as Micros;
  #chunks: CollectedChunk[] = [];
  #chunkBytes = 0;
  #segment: { readonly writer: SegmentWriter; readonly path: string; readonly begunAt: Micros } | null = null;
  #lastStart = -1;
  #work: Promise<void> = Promise.resolve();
  #suspended = false;
  recordedLines = 0;
  rawBytes = 0;
  droppedLines = 0;
  writeFailures = 0;
  segmentsFinished = 0;

  constructor(options: FrameGroupOptions) {
    this.#options = options;
  }

  get memoryBytes(): number {
    return this.#lines.length + this.#chunkBytes + (this.#segment?.writer.unwrittenBytes ?? 0);
  }

  /**
   * Takes what one line is made of.
   *
   * @param content a text, or its bytes in UTF-8
   */
  add(at: Micros, head: LineHead, content: string | Uint8Array): void {
    if (this.memoryBytes >= this.#options.memoryLimitBytes) {
      this.droppedLines++;
      if (!this.#suspended) this.#options.suspended();
      this.#suspended = true;
      return;
    }
    this.#suspended = false;
    this.#lines.add(at, head, content);
    this.#lineCount++;
    this.recordedLines++;
    if (at < this.#first) this.#first = at;
    if (at > this.#last) this.#last = at;
    if (this.#lines.length >= this.#options.flushBytes) {
      this.#swap();
      void this.#queue('save');
    }
  }

  /**
   * Writes what was taken so far, has the disk keep it, and finishes the segment when it is old or large enough.
   * Never rejects.
   */
  flush(): Promise<void> {
    this.#swap();
    return this.#queue('sync');
  }

  /** Writes everything and finishes the segment. Never rejects. */
  finish(): Promise<void> {
    this.#swap();
    return this.#queue('finish');
  }

  #swap(): void {
    if (this.#lineCount === 0) return;
    const data = this.#lines.take();
    this.#chunks.push({
      data,
      lines: this.#lineCount,
      firstReceivedAt: this.#first,
      lastReceivedAt: this.#last,
    });
    this.#chunkBytes += data.byteLength;
    this.rawBytes += data.byteLength;
    this.#lineCount = 0;
    this.#first = Number.POSITIVE_INFINITY as Micros;
    this.#last = 0 as Micros;
  }

  #queue(upTo: 'save' | 'sync' | 'finish'): Promise<void> {
    this.#work = this.#work.then(async () => {
      try {
        await this.#write(upTo);
      } catch (error) {
        this.writeFailures++;
        this.#options.writeFailed(this.#segment?.path ?? this.#options.directory, String(error));
      }
    });
    return this.#work;
  }

  async #write(upTo: 'save' | 'sync' | 'finish'): Promise<void> {
    // What an earlier refusal left comes first; while it lasts, nothing more is taken out of the queue.
    await this.#segment?.writer.save();
    let saving: Promise<void> = Promise.resolve();
    let isSaving = false;
    let refusal: unknown = null;
    while (this.#chunks.length > 0 && refusal === null) {
      if (this.#isDue()) {
        await saving;
        await this.#finishSegment();
      }
      const chunk = this.#chunks[0]!;
      this.#segment ??= this.#begin(chunk.firstReceivedAt);
      const { writer } = this.#segment;
      await writer.compress(chunk);
      this.#chunks.shift();
      this.#chunkBytes -= chunk.data.byteLength;
      this.#reuse(chunk.data);
      if (isSaving) continue;
      // The disk takes what is there while more is compressed: a slow one gets more at a time.
      isSaving = true;
      saving = writer.save().then(
        () => {
          isSaving = false;
        },
        (error: unknown) => {
          refusal = error;
        },
      );
    }
    await saving;
    if (refusal !== null) throw refusal;
    await this.#segment?.writer.save();
    if (upTo === 'finish' || this.#isDue()) await this.#finishSegment();
    else if (upTo === 'sync') await this.#segment?.writer.sync();
  }

  /** A chunk that was compressed leaves its memory to the lines that come. */
  #reuse(data: Buffer<ArrayBuffer>): void {
    const { byteLength } = data.buffer;
    const { flushBytes } = this.#options;
    if (byteLength >= flushBytes && byteLength <= MOST_REUSED * flushBytes) this.#lines.reuse(data);
  }

  #begin(first: Micros): { writer: SegmentWriter; path: string; begunAt: Micros } {
    const { name, epoch, directory, clock } = this.#options;
    // Two segments of a group must not share a name, not even when the clock steps back.
    const start = Math.max(first, this.#lastStart + 1) as Micros;
    this.#lastStart = start;
    const path = join(directory, segmentFileName({ group: name, start, epoch }));
    return { writer: new SegmentWriter(path + OPEN_SUFFIX), path, begunAt: clock() };
  }

  #isDue(): boolean {
    if (this.#segment === null) return false;
    const { begunAt, writer } = this.#segment;
    const { clock, segmentMillis, segmentBytes } = this.#options;
    return clock() - begunAt >= segmentMillis * MICROS_PER_MILLI || writer.bytes >= segmentBytes;
  }

  async #finishSegment(): Promise<void> {
    const segment = this.#segment;
    if (segment === null) return;
    const manifest = await segment.writer.finish();
    await placeSegment(segment.path + OPEN_SUFFIX, segment.path, manifest);
    this.#segment = null;
    this.segmentsFinished++;
    this.#options.finished();
  }
}
