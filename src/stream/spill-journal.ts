import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Micros } from '../units/time.ts';
import { GrowableRing } from './growable-ring.ts';
import type { SealedRecord } from './sealed-record.ts';
import { encodeFrame } from './spill-frame.ts';
import { firstOrderOf, type SegmentDamage, SpillSegment, segmentName } from './spill-segment.ts';
import type { After } from './timer.ts';

/** Orders of a new life begin at least this far behind the last segment's first: no segment holds as many records. */
const ORDERS_PER_SEGMENT = 1_000_000_000;
/** One group of writes that is made durable together; never much more than a segment. */
const GROUP_BYTES = 4 * 1024 * 1024;
const RETRY_MILLIS = 1_000;

export interface SpillJournalOptions {
  readonly directory: string;
  readonly after: After;
  /** A segment is closed beyond this size. */
  readonly segmentBytes?: number;
  /** Waits for the disk itself after every group of writes; without it only a crash of the process is survived. */
  readonly sync?: boolean;
  /** The disk refused, or something on it is damaged. Nothing is lost by the first. */
  readonly onProblem?: (problem: JournalProblem) => void;
}

export type JournalProblem =
  | { readonly kind: 'write_failed' | 'read_failed' | 'remove_failed'; readonly message: string }
  | ({ readonly kind: 'damage' } & SegmentDamage);

/** A record read back; `segment` is null when it never had to touch the disk. */
export interface JournaledRecord {
  readonly record: SealedRecord;
  readonly segment: SpillSegment | null;
}

/**
 * Ordered overflow on disk: records go in at the tail and come out at the head, in append-only segments of
 * checksummed frames. What an earlier life left comes out first. A segment is removed when all of it is
 * acknowledged, so a crash repeats records but loses none that reached the disk.
 */
export class SpillJournal {
  readonly #options: Required<SpillJournalOptions>;
  readonly #segments: SpillSegment[];
  readonly #pending = new GrowableRing<SealedRecord>();
  #pendingBytes = 0;
  #current: { segment: SpillSegment; file: FileHandle } | null = null;
  #writer: Promise<void> | null = null;
  #retry: (() => void) | null = null;
  #reading = false;
  #removal: Promise<void> = Promise.resolve();
  #writeFailures = 0;
  #damagedBytes = 0;
  /** Called when records reached the disk or a retry succeeded. */
  onProgress: () => void = () => {};

  private constructor(options: Required<SpillJournalOptions>, segments: SpillSegment[]) {
    this.#options = options;
    this.#segments = segments;
  }

  /** Opens the directory (made when absent) and takes stock of what an earlier life left there. */
  static async open(given: SpillJournalOptions): Promise<SpillJournal> {
    const options = { segmentBytes: 16 * 1024 * 1024, sync: true, onProblem: () => {}, ...given };
    await mkdir(options.directory, { recursive: true });
    const segments: SpillSegment[] = [];
    const journal = new SpillJournal(options, segments);
    for (const name of (await readdir(options.directory)).sort()) {
      const firstOrder = firstOrderOf(name);
      if (firstOrder === null) continue;
      const segment = new SpillSegment(join(options.directory, name), firstOrder, true);
      try {
        await segment.scan((found) => journal.#damage(found));
        segments.push(segment);
      } catch (error) {
        options.onProblem({ kind: 'read_failed', message: `${name} is left out: ${String(error)}` });
      }
    }
    await journal.#removeDone();
    return journal;
  }

  /** First order of a new life: the time in microseconds, which no life's records outrun, or beyond what is here. */
  nextOrder(now: Micros): number {
    const last = this.#segments.at(-1);
    return last === undefined ? now : Math.max(now, last.firstOrder + ORDERS_PER_SEGMENT);
  }

  /** What has not been read back yet: on disk, and waiting for the disk. */
  backlog(): {
    readonly records: number;
    readonly lines: number;
    readonly diskBytes: number;
    readonly memoryBytes: number;
  } {
    let records = this.#pending.length;
    let lines = 0;
    let diskBytes = 0;
    for (const record of this.#pending) lines += record.lines;
    for (const segment of this.#segments) {
      records += segment.unreadRecords;
      lines += segment.unreadLines;
      diskBytes += segment.unreadBytes;
    }
    return { records, lines, diskBytes, memoryBytes: this.#pendingBytes };
  }

  /** Nothing left to read back. What was read may still await its acknowledgement. */
  get exhausted(): boolean {
    return this.#pending.length === 0 && this.#segments.every((segment) => segment.unreadBytes === 0);
  }

  /** Bytes of the records that wait for the disk in memory. */
  get memoryBytes(): number {
    return this.#pendingBytes;
  }

  get writeFailures(): number {
    return this.#writeFailures;
  }

  get damagedBytes(): number {
    return this.#damagedBytes;
  }

  /** Earliest receive time of anything the journal still answers for; infinite when there is none. */
  oldestReceivedAt(): Micros {
    let oldest = Number.POSITIVE_INFINITY as Micros;
    for (const segment of this.#segments) {
      if (segment.oldestReceivedAt < oldest) oldest = segment.oldestReceivedAt;
    }
    for (const record of this.#pending)
      if (record.oldestReceivedAt < oldest) oldest = record.oldestReceivedAt;
    return oldest;
  }

  /** Takes a record at the tail. It stays in memory until the disk has it. Never throws. */
  append(record: SealedRecord): void {
    this.#pending.push(record);
    this.#pendingBytes += record.data.byteLength;
    this.#startWriter();
  }

  /**
   * The next records in order, about `maxBytes`; empty when there is none now: because nothing is left, because
   * the disk is being written or refuses, or because the records of an earlier life must be acknowledged before
   * those of this one follow (the number of lanes may have changed in between).
   */
  async read(maxBytes: number): Promise<JournaledRecord[]> {
    if (this.#reading) return [];
    this.#reading = true;
    let segment: SpillSegment | undefined;
    try {
      await this.#removeDone();
      const leftover = this.#segments.some((candidate) => candidate.leftover);
      segment = this.#segments.find((candidate) => candidate.unreadBytes > 0);
      if (segment !== undefined) {
        if (leftover && !segment.leftover) return [];
        const records = await segment.read(maxBytes, (found) => this.#damage(found));
        const from = segment;
        return records.map((record) => ({ record, segment: from }));
      }
      if (leftover || this.#writer !== null) return [];
      await this.#closeCurrent();
      return this.#takePending(maxBytes);
    } catch (error) {
      this.#options.onProblem({ kind: 'read_failed', message: String(error) });
      segment?.readFailed((found) => this.#damage(found));
      return [];
    } finally {
      this.#reading = false;
    }
  }

  #takePending(maxBytes: number): JournaledRecord[] {
    const taken: JournaledRecord[] = [];
    let bytes = 0;
    while (this.#writer === null && this.#pending.length > 0 && (taken.length === 0 || bytes < maxBytes)) {
      const record = this.#pending.shift()!;
      bytes += record.data.byteLength;
      this.#pendingBytes -= record.data.byteLength;
      taken.push({ record, segment: null });
    }
    return taken;
  }

  /** The stream has this record; its segment goes when all of it is acknowledged. */
  acknowledge(segment: SpillSegment): void {
    segment.unacknowledged--;
    if (segment.done) void this.#removeDone();
  }

  /** Begins a new segment with the next record: what is kept in memory meanwhile lies between the two. */
  roll(): void {
    void this.#closeCurrent();
  }

  /** Waits until all that was appended is on disk, or the disk refuses. True when it is on disk. */
  async settle(): Promise<boolean> {
    if (this.#pending.length > 0) this.#startWriter(true);
    while (this.#writer !== null) await this.#writer;
    return this.#pending.length === 0;
  }

  /**
   * Keeps what the memory still held at shutdown, each record at its place among the segments there are.
   *
   * @throws Error of the file system when the disk refuses.
   */
  async keepLeftovers(records: readonly SealedRecord[]): Promise<void> {
    const sorted = [...records].sort((left, right) => left.order - right.order);
    const bounds = this.#segments.map((segment) => segment.firstOrder).sort((left, right) => left - right);
    let file: FileHandle | null = null;
    let bound = 0;
    try {
      for (const record of sorted) {
        let passed = false;
        while (bound < bounds.length && bounds[bound]! < record.order) {
          bound++;
          passed = true;
        }
        if (file === null || passed) {
          await finish(file);
          file = await open(join(this.#options.directory, segmentName(record.order)), 'wx');
        }
        await file.writev(encodeFrame(record));
      }
    } finally {
      await finish(file);
    }
    if (sorted.length > 0) await syncDirectory(this.#options.directory);
  }

  /** Ends writing; what is in the files stays for the next life. */
  async close(): Promise<void> {
    this.#retry?.();
    this.#retry = null;
    while (this.#writer !== null) await this.#writer;
    await this.#closeCurrent();
    await this.#removeDone();
  }

  #startWriter(now = false): void {
    if (this.#writer !== null || (this.#retry !== null && !now)) return;
    this.#retry?.();
    this.#retry = null;
    this.#writer = this.#write().finally(() => {
      this.#writer = null;
      this.onProgress();
    });
  }

  async #write(): Promise<void> {
    // Lets the caller append more before the first group is taken.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      try {
        await this.#writeGroup();
      } catch (error) {
        this.#writeFailures++;
        this.#options.onProblem({ kind: 'write_failed', message: String(error) });
        await this.#mendCurrent();
        this.#retry = this.#options.after(RETRY_MILLIS, () => {
          this.#retry = null;
          this.#startWriter();
        });
        return;
      }
    }
  }

  async #writeGroup(): Promise<void> {
    const group: { readonly record: SealedRecord; readonly frameBytes: number }[] = [];
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (const record of this.#pending) {
      if (bytes >= Math.min(GROUP_BYTES, this.#options.segmentBytes)) break;
      const frame = encodeFrame(record);
      const frameBytes = frame.reduce((sum, part) => sum + part.byteLength, 0);
      group.push({ record, frameBytes });
      parts.push(...frame);
      bytes += frameBytes;
    }
    const { segment, file } = await this.#openCurrent(this.#pending.peek()!.order);
    await writeAll(file, parts, bytes, segment.size);
    if (this.#options.sync) await file.datasync();
    for (const { record, frameBytes } of group) {
      this.#pending.shift();
      this.#pendingBytes -= record.data.byteLength;
      segment.grow(record, frameBytes);
    }
    if (segment.size >= this.#options.segmentBytes) await this.#closeCurrent();
  }

  async #openCurrent(firstOrder: number): Promise<{ segment: SpillSegment; file: FileHandle }> {
    if (this.#current !== null) return this.#current;
    const path = join(this.#options.directory, segmentName(firstOrder));
    const file = await open(path, 'w');
    const current = { segment: new SpillSegment(path, firstOrder, false), file };
    this.#segments.push(current.segment);
    this.#current = current;
    if (this.#options.sync) await syncDirectory(this.#options.directory);
    return current;
  }

  async #closeCurrent(): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    this.#current = null;
    current.segment.closed = true;
    await current.file.close().catch(() => {});
    await this.#removeDone();
  }

  /** After a failed write the file may end in half a frame: cut it off, so that the next life reads on past it. */
  async #mendCurrent(): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    await current.file.truncate(current.segment.size).catch(() => {});
    await this.#closeCurrent();
  }

  /** One removal at a time: a name may be used again as soon as its file is gone. */
  #removeDone(): Promise<void> {
    this.#removal = this.#removal.then(() => this.#removeNow());
    return this.#removal;
  }

  async #removeNow(): Promise<void> {
    for (let index = 0; index < this.#segments.length; ) {
      const segment = this.#segments[index]!;
      if (!segment.done) {
        index++;
        continue;
      }
      this.#segments.splice(index, 1);
      await segment.discard().catch((error: unknown) => {
        this.#options.onProblem({ kind: 'remove_failed', message: String(error) });
      });
      index = 0;
    }
  }

  #damage(found: SegmentDamage): void {
    this.#damagedBytes += found.bytes;
    this.#options.onProblem({ kind: 'damage', ...found });
  }
}

async function writeAll(
  file: FileHandle,
  parts: Uint8Array[],
  bytes: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await file.writev(parts, position);
  if (bytesWritten !== bytes) throw new Error(`wrote ${bytesWritten} of ${bytes} bytes`);
}

async function finish(file: FileHandle | null): Promise<void> {
  if (file === null) return;
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
