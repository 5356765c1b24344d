import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readSegmentManifest } from './finished-segment.ts';
import type { ObjectStore } from './object-store.ts';
import { manifestPath, type SegmentManifest } from './segment-writer.ts';

export interface SegmentUploaderOptions {
  readonly directory: string;
  readonly store: ObjectStore;
  readonly keyOf: (file: string) => string | null;
  readonly after: (millis: number, action: () => void) => () => void;
  readonly random: () => number;
  readonly failed: (file: string, message: string) => void;
}

const FIRST_RETRY_MILLIS = 1_000;
const MOST_RETRY_MILLIS = 60_000;

/**
 * Carries finished segments to the object store, oldest first, one at a time, for as long as it takes. The local
 * file and its manifest go when the store has them; carrying one twice leaves the same object.
 */
export class SegmentUploader {
  readonly #options: SegmentUploaderOptions;
  #running: Promise<void> | null = null;
  #again = false;
  #attempts = 0;
  #cancelRetry: (() => void) | null = null;
  #stopped = false;
  #waitingFiles = 0;
  #waitingBytes = 0;
  uploaded = 0;
  uploadedBytes = 0;
  failures = 0;

  constructor(options: SegmentUploaderOptions) {
    this.#options = options;
  }

  /** Finished segments on this disk that the store does not have, as of the last look. */
  get waiting(): { readonly files: number; readonly bytes: number } {
    return { files: this.#waitingFiles, bytes: this.#waitingBytes };
  }

  /** A segment was finished: look, unless a retry is due anyway. */
  notify(): void {
    if (this.#cancelRetry === null) this.#run();
  }

  /** Uploads what there is at once, whether or not a retry is due; true when nothing is left. */
  async flush(): Promise<boolean> {
    this.#run();
    while (this.#running !== null) await this.#running;
    return this.#waitingFiles === 0;
  }

  /** Begins no further upload, and counts what is left on this disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    await this.#pending().catch(() => {});
  }

  #run(): void {
    if (this.#stopped) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#running = this.#uploadAll().finally(() => {
      this.#running = null;
      if (!this.#again) return;
      this.#again = false;
      this.#run();
    });
  }

  async #uploadAll(): Promise<void> {
    try {
      const pending = await this.#pending();
      for (const { file, manifest } of pending) {
        if (this.#stopped) return;
        await this.#upload(file, manifest);
      }
      this.#attempts = 0;
    } catch {
      // Told by `failed` where it happened.
      const bound = Math.min(MOST_RETRY_MILLIS, FIRST_RETRY_MILLIS * 2 ** Math.min(this.#attempts++, 10));
      if (this.#stopped) return;
      this.#cancelRetry = this.#options.after((bound / 2) * (1 + this.#options.random()), () => {
        this.#cancelRetry = null;
        this.#run();
      });
    }
  }

  /** Finished segments have a manifest, written before they got their name. */
  async #pending(): Promise<{ file: string; manifest: SegmentManifest }[]> {
    const { directory, keyOf, failed } = this.#options;
    const found: { file: string; manifest: SegmentManifest; start: number }[] = [];
    let unreadable = 0;
    const names = new Set(
      await readdir(directory).catch((error: unknown) => {
        this.failures++;
        failed(directory, String(error));
        throw error;
      }),
    );
    for (const file of names) {
      if (keyOf(file) === null || !names.has(manifestPath(file))) continue;
      try {
        const manifest = await readSegmentManifest(join(directory, file));
        found.push({ file, manifest, start: manifest.first_received_at });
      } catch (error) {
        unreadable++;
        failed(file, `its manifest cannot be read: ${String(error)}`);
      }
    }
    found.sort((left, right) => left.start - right.start);
    this.#waitingFiles = found.length + unreadable;
    this.#waitingBytes = found.reduce((sum, { manifest }) => sum + manifest.bytes, 0);
    return found;
  }

  async #upload(file: string, manifest: SegmentManifest): Promise<void> {
    const { directory, store, keyOf, failed } = this.#options;
    const path = join(directory, file);
    try {
      await store.put(keyOf(file)!, { file: path }, objectMetadata(manifest));
      await rm(path, { force: true });
      await rm(manifestPath(path), { force: true });
      this.uploaded++;
      this.uploadedBytes += manifest.bytes;
      this.#waitingFiles--;
      this.#waitingBytes -= manifest.bytes;
    } catch (error) {
      this.failures++;
      failed(file, String(error));
      throw error;
    }
  }
}

/** The manifest under the names that object metadata may have: `first-received-at` and so on. */
function objectMetadata(manifest: SegmentManifest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(manifest).map(([name, value]) => [name.replaceAll('_', '-'), String(value)]),
  );
}
