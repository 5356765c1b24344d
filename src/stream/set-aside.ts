import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { After } from './timer.ts';

const RETRY_MILLIS = 5_000;

/**
 * Folder for what the stream can never take: whole and unchanged, one file each, for a human. Never throws; while
 * the disk refuses, the content stays in memory and is tried again.
 */
export class SetAside {
  readonly #directory: string;
  readonly #after: After;
  readonly #failed: (file: string, message: string) => void;
  readonly #writes = new Set<Promise<void>>();
  #waiting = 0;

  constructor(directory: string, after: After, failed: (file: string, message: string) => void) {
    this.#directory = directory;
    this.#after = after;
    this.#failed = failed;
  }

  /** Bytes that are not on disk yet. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  keep(file: string, data: Uint8Array): void {
    this.#waiting += data.byteLength;
    this.#begin(file, data);
  }

  /** Waits for the writes under way; true when everything is on disk. */
  async settle(): Promise<boolean> {
    await Promise.all(this.#writes);
    return this.#waiting === 0;
  }

  #begin(file: string, data: Uint8Array): void {
    const write = this.#write(file, data);
    this.#writes.add(write);
    void write.then(() => this.#writes.delete(write));
  }

  async #write(file: string, data: Uint8Array): Promise<void> {
    const path = join(this.#directory, file);
    try {
      await mkdir(this.#directory, { recursive: true });
      const handle = await open(`${path}.part`, 'w');
      try {
        await handle.writeFile(data);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(`${path}.part`, path);
      this.#waiting -= data.byteLength;
    } catch (error) {
      this.#failed(file, String(error));
      this.#after(RETRY_MILLIS, () => this.#begin(file, data));
    }
  }
}
