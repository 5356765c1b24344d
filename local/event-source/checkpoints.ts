import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Remembers, per stream and shard, the last record that a function has dealt with; survives a restart. */
export class Checkpoints {
  readonly #file: string;
  readonly #positions: Record<string, string>;
  #timer: NodeJS.Timeout | null = null;

  constructor(file: string) {
    this.#file = file;
    try {
      this.#positions = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    } catch {
      // Without a readable file everything still in the stream is read again, which changes nothing:
      // writers are idempotent.
      this.#positions = {};
    }
  }

  get(stream: string, shard: string): string | undefined {
    return this.#positions[`${stream}/${shard}`];
  }

  set(stream: string, shard: string, sequenceNumber: string): void {
    this.#positions[`${stream}/${shard}`] = sequenceNumber;
    this.#timer ??= setTimeout(() => this.flush(), 200);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const partial = `${this.#file}.partial`;
    writeFileSync(partial, JSON.stringify(this.#positions));
    renameSync(partial, this.#file);
  }
}
