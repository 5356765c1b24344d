import { closeSync, openSync, writeSync } from 'node:fs';
import type { Level, Venue } from '#src/events/event.ts';
import type { TruthContent, TruthRecord } from '#src/truth/truth-record.ts';
import type { Micros } from '#src/units/time.ts';

/** Where the exchange writes down what it does. */
export interface TruthSink {
  book(venue: Venue, instrument: string, at: Micros, bids: readonly Level[], asks: readonly Level[]): void;
  event(content: TruthContent, delivered: number, emittedAt: Micros): void;
}

/**
 * Numbers the records and hands each to `write`. It writes the header at once.
 */
export class TruthLog implements TruthSink {
  readonly #write: (record: TruthRecord) => void;
  #n = 0;

  constructor(seed: number, startedAt: Micros, write: (record: TruthRecord) => void) {
    this.#write = write;
    write({ kind: 'header', version: 1, seed, started_at: startedAt });
  }

  /** Records written so far, without the header. */
  get count(): number {
    return this.#n;
  }

  book(venue: Venue, instrument: string, at: Micros, bids: readonly Level[], asks: readonly Level[]): void {
    this.#write({ kind: 'book', n: ++this.#n, venue, instrument, at, bids, asks });
  }

  event(content: TruthContent, delivered: number, emittedAt: Micros): void {
    this.#write({ ...content, n: ++this.#n, delivered, emitted_at: emittedAt });
  }
}

const FLUSH_AT_BYTES = 1 << 20;

/** A file of JSON lines, written in whole lines: when a megabyte has gathered, and whenever `flush` is called. */
export class TruthFile {
  readonly file: string;
  readonly #descriptor: number;
  #lines: string[] = [];
  #bytes = 0;

  /** @throws the system's error when the file cannot be created */
  constructor(file: string) {
    this.file = file;
    this.#descriptor = openSync(file, 'w');
  }

  write(record: TruthRecord): void {
    const line = `${JSON.stringify(record)}\n`;
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= FLUSH_AT_BYTES) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    const data = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#bytes = 0;
    for (let from = 0; from < data.length; ) from += writeSync(this.#descriptor, data, from);
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }
}
