import type { RecordEnd, StreamLine } from '../events/captured.ts';
import type { Micros } from '../units/time.ts';
import { EventTimes } from './event-times.ts';
import { GrowableRing } from './growable-ring.ts';
import { EVENT_ROOM, type FeedLine } from './line-encoder.ts';
import type { RecordBuffers } from './record-buffers.ts';
import { encodeRecordEnd } from './record-end.ts';
import type { SealedRecord } from './sealed-record.ts';
import type { SpillSegment } from './spill-segment.ts';

const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
/** Sizes are powers of two, and a line is given more room than it takes: just above half is the least that is usual. */
const LEAST_USED = 4 / 9;

/** A sealed record in memory, with the journal segment it came from, if any. */
export interface QueuedRecord {
  readonly record: SealedRecord;
  readonly segment: SpillSegment | null;
  /** What the record lies in, to be used again when nobody looks at the record any more; null for memory of its own. */
  readonly memory: Buffer | null;
}

/** Bytes of memory that a record takes while it waits. */
export function heldBytes({ record, memory }: QueuedRecord): number {
  return memory === null ? record.data.byteLength : memory.length;
}

/** What was sealed, before it has an order. */
export interface SealedLines {
  readonly data: Uint8Array;
  /** As of `QueuedRecord`. */
  readonly memory: Buffer | null;
  readonly lines: number;
  readonly oldestReceivedAt: Micros;
}

/**
 * One partition of the stream: the record being filled, the sealed ones behind each other, and how the last put
 * went. At most the head is being sent, so that a refusal can never let a later record overtake it.
 */
export class Partition {
  readonly key: string;
  readonly queue = new GrowableRing<QueuedRecord>();
  queuedLines = 0;
  /** The head is in a request. */
  sending = false;
  /** Refusals of the head so far. */
  attempts = 0;
  /** The head is not sent again before this time. */
  notBefore = 0;
  /** The head was in a request that failed as a whole: it goes alone until it is through. */
  alone = false;
  /** Lines in the record being filled. */
  openLines = 0;
  openBytes = 0;
  openedAt = 0;
  /** End of the record sealed last in this life. */
  #sealed: Pick<RecordEnd, 'order' | 'previous' | 'events'> | null = null;
  /** See `RecordEnd`. */
  #gapFreeSince = 0;
  #openGaps = 0;
  readonly #openTimes = new EventTimes();
  /** Of the record being filled. A new one with every new buffer. */
  view: DataView = NO_VIEW;
  #open: Buffer = NOTHING;
  /** Records of one partition resemble each other in size. */
  #nextCapacity = 0;
  #openOldest = Number.POSITIVE_INFINITY as Micros;

  readonly #buffers: RecordBuffers;

  constructor(key: string, buffers: RecordBuffers) {
    this.key = key;
    this.#buffers = buffers;
  }

  /** Earliest receive time of what this partition holds; infinite when it holds nothing. */
  oldestReceivedAt(): Micros {
    let oldest = this.#openOldest;
    for (const { record } of this.queue)
      if (record.oldestReceivedAt < oldest) oldest = record.oldestReceivedAt;
    return oldest;
  }

  /** Adds an encoded line, ASCII with its newline, to the record being filled. */
  add(text: string, received_at: Micros, line: StreamLine): void {
    this.#append(text);
    this.openLines++;
    if (line.kind === 'gap') this.#openGaps++;
    else this.#openTimes.add(line);
    if (received_at < this.#openOldest) this.#openOldest = received_at;
  }

  /** Makes room for so many bytes behind `openBytes`, to be written through `view`. */
  reserve(bytes: number): void {
    const end = this.openBytes + bytes;
    if (end > this.#open.length) this.#grow(end);
  }

  /** Adds the line that was written through `view` up to `end`. */
  written(end: number, received_at: Micros, line: FeedLine): void {
    this.openBytes = end;
    this.openLines++;
    this.#openTimes.add(line);
    if (received_at < this.#openOldest) this.#openOldest = received_at;
  }

  /** Adds the line of an event that was written through `view` up to `end`. */
  writtenEvent(end: number, received_at: Micros, exchange_ts: Micros | null): void {
    this.openBytes = end;
    this.openLines++;
    this.#openTimes.addEvent(received_at, exchange_ts);
    if (received_at < this.#openOldest) this.#openOldest = received_at;
  }

  #append(text: string): void {
    this.reserve(text.length);
    this.#open.write(text, this.openBytes, 'latin1');
    this.openBytes += text.length;
  }

  /** Ends the record being filled, which must hold at least one line. */
  seal(epoch: string, order: number, sealed_at: Micros): SealedLines {
    const sealed = this.#sealed;
    const previous = sealed?.order ?? null;
    if (sealed === null) this.#gapFreeSince = order - 1;
    const events = this.#openTimes.take();
    const gaps = this.#openGaps;
    const end = { epoch, order, previous, gap_free_since: this.#gapFreeSince, sealed_at, gaps };
    const before = sealed === null ? null : { previous: sealed.previous, ...said(sealed.events) };
    this.#append(encodeRecordEnd({ ...end, ...said(events), before }));
    this.#sealed = { order, previous, ...said(events) };
    if (gaps > 0) this.#gapFreeSince = order;
    this.#openGaps = 0;
    const bytes = this.openBytes;
    const own = this.#open.subarray(0, bytes);
    // A record that leaves much of its buffer unused must not keep all of it.
    const isWhole = bytes > this.#open.length * LEAST_USED;
    const lines = {
      data: isWhole ? own : Buffer.from(own),
      memory: isWhole ? this.#open : null,
      lines: this.openLines,
      oldestReceivedAt: this.#openOldest,
    };
    if (!isWhole) this.#buffers.give(this.#open);
    this.#open = NOTHING;
    this.view = NO_VIEW;
    this.#nextCapacity = bytes + EVENT_ROOM;
    this.#openOldest = Number.POSITIVE_INFINITY as Micros;
    this.openLines = 0;
    this.openBytes = 0;
    return lines;
  }

  #grow(bytes: number): void {
    const grown = this.#buffers.take(Math.max(bytes, this.#nextCapacity));
    this.#open.copy(grown, 0, 0, this.openBytes);
    if (this.#open !== NOTHING) this.#buffers.give(this.#open);
    this.#open = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }

  push(item: QueuedRecord): void {
    this.queue.push(item);
    this.queuedLines += item.record.lines;
  }

  /** Puts records before all others, to be sent next. */
  pushBack(items: readonly QueuedRecord[]): void {
    for (const item of items.toReversed()) {
      this.queue.unshift(item);
      this.queuedLines += item.record.lines;
    }
  }

  /** Takes the head, which the stream has. */
  shift(): QueuedRecord {
    const item = this.queue.shift()!;
    this.queuedLines -= item.record.lines;
    this.attempts = 0;
    this.notBefore = 0;
    this.alone = false;
    return item;
  }
}

/** The times where all of them are known. */
function said(events: RecordEnd['events']): Pick<RecordEnd, 'events'> {
  return events === undefined ? {} : { events };
}
