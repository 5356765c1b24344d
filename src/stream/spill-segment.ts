import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Micros } from '../units/time.ts';
import type { SealedRecord } from './sealed-record.ts';
import { decodeFrame, decodeHeader, HEADER_BYTES } from './spill-frame.ts';

/** A file that could not be read this often is given up, so that what follows it can go on. */
const MOST_READ_FAILURES = 5;
const NAME = /^spill-(\d{16})\.journal$/;

/** File name of the segment whose first record has this order; names ascend as the records do. */
export function segmentName(firstOrder: number): string {
  return `spill-${String(firstOrder).padStart(16, '0')}.journal`;
}

/** Order of a segment's first record by its file name; null when the name is not a segment's. */
export function firstOrderOf(name: string): number | null {
  const match = NAME.exec(name);
  return match === null ? null : Number(match[1]);
}

/** What a scan or a read found wrong in a segment. */
export interface SegmentDamage {
  readonly segment: string;
  readonly reason: 'torn_tail' | 'bad_header' | 'bad_checksum' | 'unreadable';
  readonly bytes: number;
}

/** One file of the journal: what is in it, how far it has been read back, how much of that is still to be acknowledged. */
export class SpillSegment {
  readonly path: string;
  readonly firstOrder: number;
  /** Written by an earlier life of the process. */
  readonly leftover: boolean;
  /** Bytes up to the end of the last sound frame. */
  size = 0;
  readOffset = 0;
  unreadRecords = 0;
  unreadLines = 0;
  unacknowledged = 0;
  /** No more will be written to it. */
  closed = false;
  /** Something in it could not be read; the file is kept aside instead of removed. */
  damaged = false;
  #readFailures = 0;
  oldestReceivedAt = Number.POSITIVE_INFINITY as Micros;

  constructor(path: string, firstOrder: number, leftover: boolean) {
    this.path = path;
    this.firstOrder = firstOrder;
    this.leftover = leftover;
  }

  get name(): string {
    return basename(this.path);
  }

  get unreadBytes(): number {
    return this.size - this.readOffset;
  }

  get done(): boolean {
    return this.closed && this.unreadBytes === 0 && this.unacknowledged === 0;
  }

  /** Counts a frame that is now durable in the file. */
  grow(record: SealedRecord, frameBytes: number): void {
    this.size += frameBytes;
    this.unreadRecords++;
    this.unreadLines += record.lines;
    if (record.oldestReceivedAt < this.oldestReceivedAt) this.oldestReceivedAt = record.oldestReceivedAt;
  }

  /** Walks the headers of a file left by an earlier life. A tail that is not a whole frame is left out. */
  async scan(damage: (found: SegmentDamage) => void): Promise<void> {
    this.closed = true;
    const file = await open(this.path, 'r');
    try {
      const { size } = await file.stat();
      const header = Buffer.alloc(HEADER_BYTES);
      while (this.size < size) {
        const { bytesRead } = await file.read(header, 0, HEADER_BYTES, this.size);
        const found = bytesRead === HEADER_BYTES ? decodeHeader(header, 0) : null;
        if (found === null) {
          const torn = bytesRead < HEADER_BYTES || header.every((byte) => byte === 0);
          if (!torn) this.damaged = true;
          damage({ segment: this.name, reason: torn ? 'torn_tail' : 'bad_header', bytes: size - this.size });
          return;
        }
        if (this.size + found.frameBytes > size) {
          damage({ segment: this.name, reason: 'torn_tail', bytes: size - this.size });
          return;
        }
        this.size += found.frameBytes;
        this.unreadRecords++;
        this.unreadLines += found.lines;
        if (found.oldestReceivedAt < this.oldestReceivedAt) this.oldestReceivedAt = found.oldestReceivedAt;
      }
    } finally {
      await file.close();
    }
  }

  /** The next records, about `maxBytes` of them and at least one unless all have been read. */
  async read(maxBytes: number, damage: (found: SegmentDamage) => void): Promise<SealedRecord[]> {
    const file = await open(this.path, 'r');
    try {
      let bytes = await readAt(
        file,
        this.readOffset,
        Math.min(Math.max(maxBytes, HEADER_BYTES), this.unreadBytes),
      );
      const first = decodeHeader(bytes, 0);
      if (first !== null && first.frameBytes > bytes.length) {
        bytes = await readAt(file, this.readOffset, Math.min(first.frameBytes, this.unreadBytes));
      }
      return this.#take(bytes, damage);
    } finally {
      await file.close();
    }
  }

  #take(bytes: Buffer, damage: (found: SegmentDamage) => void): SealedRecord[] {
    const records: SealedRecord[] = [];
    let offset = 0;
    while (offset + HEADER_BYTES <= bytes.length) {
      const header = decodeHeader(bytes, offset);
      if (header === null) {
        damage({ segment: this.name, reason: 'bad_header', bytes: this.unreadBytes - offset });
        this.#giveUp();
        break;
      }
      if (offset + header.frameBytes > bytes.length) break;
      const record = decodeFrame(bytes, offset, header);
      offset += header.frameBytes;
      this.unreadRecords--;
      this.unreadLines -= header.lines;
      if (record === null) {
        this.damaged = true;
        damage({ segment: this.name, reason: 'bad_checksum', bytes: header.frameBytes });
      } else {
        this.unacknowledged++;
        records.push(record);
      }
    }
    if (this.unreadBytes > 0) {
      this.readOffset += offset;
      if (offset === 0) {
        damage({ segment: this.name, reason: 'unreadable', bytes: this.unreadBytes });
        this.#giveUp();
      }
    }
    return records;
  }

  /** Reading failed once more. */
  readFailed(damage: (found: SegmentDamage) => void): void {
    this.#readFailures++;
    if (this.#readFailures < MOST_READ_FAILURES) return;
    damage({ segment: this.name, reason: 'unreadable', bytes: this.unreadBytes });
    this.#giveUp();
  }

  /** The rest cannot be told apart into frames: it counts as read, and the file stays for a human. */
  #giveUp(): void {
    this.damaged = true;
    this.readOffset = this.size;
    this.unreadRecords = 0;
    this.unreadLines = 0;
  }

  /** Removes the file, or keeps it as `….damaged` when not all of it could be read. */
  async discard(): Promise<void> {
    if (this.damaged) await rename(this.path, `${this.path}.damaged`);
    else await rm(this.path, { force: true });
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
