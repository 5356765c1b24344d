import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { RecordedLine } from '../capture/recording.ts';
import type { FrameRecorder } from '../capture/sink.ts';
import type { Micros } from '../units/time.ts';

/**
 * Writes a raw recording: one JSON line per frame, compressed when the file's name ends in `.gz` or `.zst`. What
 * cannot be written any more (a full disk) is told once to `failed`.
 */
export class RecordingWriter implements FrameRecorder {
  readonly #into: Writable;
  readonly #file: Writable;
  #frames = 0;
  #error: Error | null = null;

  constructor(file: string, failed: (error: Error) => void) {
    this.#file = createWriteStream(file);
    const pack = file.endsWith('.gz') ? createGzip() : file.endsWith('.zst') ? createZstdCompress() : null;
    this.#into = pack ?? this.#file;
    pack?.pipe(this.#file);
    for (const stream of new Set([this.#into, this.#file])) {
      stream.on('error', (error) => {
        if (this.#error !== null) return;
        this.#error = error;
        // The file no longer takes what the other packs, which would wait for it for ever.
        for (const open of [this.#into, this.#file]) open.destroy(error);
        failed(error);
      });
    }
  }

  /** Frames received so far. */
  get frames(): number {
    return this.#frames;
  }

  received(at: Micros, connection: string, frame: string | Uint8Array): void {
    this.#frames++;
    this.#write(
      typeof frame === 'string'
        ? { t: at, conn: connection, frame }
        : { t: at, conn: connection, binary: Buffer.from(frame).toString('base64') },
    );
  }

  sent(at: Micros, connection: string, frame: string): void {
    this.#write({ t: at, conn: connection, sent: frame });
  }

  #write(line: RecordedLine): void {
    if (this.#error === null) this.#into.write(`${JSON.stringify(line)}\n`);
  }

  /** Resolves when the file is not far behind. */
  written(): Promise<void> | undefined {
    if (this.#error !== null || !this.#into.writableNeedDrain) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        this.#into.off('drain', done);
        this.#into.off('error', done);
        resolve();
      };
      this.#into.once('drain', done);
      this.#into.once('error', done);
    });
  }

  /** Resolves when everything is in the file. @throws the error that kept it from being written */
  async close(): Promise<void> {
    if (this.#error !== null) throw this.#error;
    this.#into.end();
    await finished(this.#file);
  }
}
