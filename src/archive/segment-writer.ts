import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import type { Micros } from '../units/time.ts';

/** What a finished segment holds; becomes the object's metadata. Times in microseconds. */
export interface SegmentManifest {
  readonly lines: number;
  readonly raw_bytes: number;
  readonly bytes: number;
  readonly first_received_at: Micros;
  readonly last_received_at: Micros;
  /** Of the compressed file. */
  readonly sha256: string;
}

/** Where the manifest of a finished segment lies until it is uploaded. */
export function manifestPath(segment: string): string {
  return `${segment}.json`;
}

/** Whole lines to be written together. */
export interface LineChunk {
  readonly data: Uint8Array;
  readonly lines: number;
  readonly firstReceivedAt: Micros;
  readonly lastReceivedAt: Micros;
}

/**
 * Writes one file of compressed lines. After every chunk the compressor is flushed, so that all of it can be
 * read from the file though the frame is unfinished. Level 1: on recorded frames of both venues it compresses
 * better than gzip's and twice as fast. Compression runs outside the main thread.
 */
export class SegmentWriter {
  readonly path: string;
  readonly #compressor: ZstdCompress;
  readonly #hash = createHash('sha256');
  #file: FileHandle | null = null;
  /** Compressed, and not in the file yet. */
  #unwritten: Buffer[] = [];
  #unwrittenBytes = 0;
  #position = 0;
  #lines = 0;
  #rawBytes = 0;
  #first = Number.POSITIVE_INFINITY as Micros;
  #last = 0 as Micros;
  #compressorFailure: Error | null = null;
  #ended = false;
  #manifest: SegmentManifest | null = null;

  constructor(path: string) {
    this.path = path;
    this.#compressor = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    this.#compressor.on('data', (bytes: Buffer) => {
      this.#unwritten.push(bytes);
      this.#unwrittenBytes += bytes.length;
    });
    this.#compressor.on('error', (error) => {
      this.#compressorFailure = error;
    });
  }

  /** Compressed bytes so far. */
  get bytes(): number {
    return this.#position + this.#unwrittenBytes;
  }

  /** Bytes in memory that wait for the disk. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /** Takes the chunk; it is in the file after the next `save`. */
  async compress(chunk: LineChunk): Promise<void> {
    this.#lines += chunk.lines;
    this.#rawBytes += chunk.data.byteLength;
    this.#first = Math.min(this.#first, chunk.firstReceivedAt) as Micros;
    this.#last = Math.max(this.#last, chunk.lastReceivedAt) as Micros;
    await new Promise<void>((resolve, reject) => {
      this.#compressor.write(chunk.data, (error) => (error ? reject(error) : undefined));
      this.#compressor.flush(constants.ZSTD_e_flush, () =>
        this.#compressorFailure === null ? resolve() : reject(this.#compressorFailure),
      );
    });
  }

  /**
   * Writes what waits. When the disk refuses, all of it still waits and the next call tries the same bytes at
   * the same place again.
   *
   * @throws Error of the file system.
   */
  async save(): Promise<void> {
    if (this.#unwritten.length === 0 && this.#file !== null) return;
    this.#file ??= await open(this.path, 'w');
    while (this.#unwritten.length > 0) {
      const bytes = this.#unwritten[0]!;
      const { bytesWritten } = await this.#file.write(bytes, 0, bytes.length, this.#position);
      if (bytesWritten === 0) throw new Error(`nothing of ${bytes.length} bytes was written`);
      this.#hash.update(bytes.subarray(0, bytesWritten));
      this.#position += bytesWritten;
      this.#unwrittenBytes -= bytesWritten;
      if (bytesWritten === bytes.length) this.#unwritten.shift();
      else this.#unwritten[0] = bytes.subarray(bytesWritten);
    }
    await this.#file.datasync();
  }

  /**
   * Ends the frame and closes the file. May be called again, when the disk refused or for the manifest.
   *
   * @throws Error of the file system.
   */
  async finish(): Promise<SegmentManifest> {
    if (!this.#ended) {
      this.#ended = true;
      await new Promise<void>((resolve, reject) => {
        this.#compressor.once('end', resolve);
        this.#compressor.once('error', reject);
        this.#compressor.end();
      });
    }
    await this.save();
    if (this.#manifest !== null) return this.#manifest;
    await this.#file!.close();
    this.#manifest = {
      lines: this.#lines,
      raw_bytes: this.#rawBytes,
      bytes: this.#position,
      first_received_at: this.#first,
      last_received_at: this.#last,
      sha256: this.#hash.digest('hex'),
    };
    return this.#manifest;
  }
}
