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
    void this.#write(file, data);
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
      this.#after(RETRY_MILLIS, () => void this.#write(file, data));
    }
  }
}
