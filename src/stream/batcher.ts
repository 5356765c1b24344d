import { join } from 'node:path';
import { inspect } from 'node:util';
import type { CaptureSink, FeedEvent } from '../capture/sink.ts';
import type { Occurrence, Provenance, StreamLine } from '../events/captured.ts';
import type { Clock, Micros } from '../units/time.ts';
import type { BatcherFigures, BatcherOptions, BatcherProblem, DrainReport } from './batcher-options.ts';
import { LaneNumbers, partitionKey } from './lanes.ts';
import { EVENT_ROOM, encodeLine, type FeedLine, LineEncoder } from './line-encoder.ts';
import { inPlaceOf } from './lost-line.ts';
import { heldBytes, Partition, type QueuedRecord, type SealedLines } from './partition.ts';
import { RecordBuffers } from './record-buffers.ts';
import { isRecordEnd, RECORD_END_BYTES } from './record-end.ts';
import { KINESIS_LIMITS, type PutLimits } from './record-stream.ts';
import { halvesOf, type SealedRecord } from './sealed-record.ts';
import { Sender } from './sender.ts';
import { SetAside } from './set-aside.ts';
import { SpillJournal } from './spill-journal.ts';
import type { After } from './timer.ts';

/** With more waiting before it, a record may fill for this many lingers before it is sealed. */
const BUSY_LINGERS = 10;
const REFILL_BYTES = 8 * 1024 * 1024;
const REFILL_RETRY_MILLIS = 1_000;
const MICROS_PER_MILLI = 1_000;
/** For what JSON cannot hold: all of it, as far as it can be shown. */
const WHOLE = { depth: null, maxArrayLength: null, maxStringLength: null } as const;
const SHOWN_CHARACTERS = 500;

/**
 * The gatherer's way into its stream: packs lines into records, keeps every lane in order, sends again what is
 * refused, and drops nothing. Above the memory limit, records go to a journal on disk and come back in order.
 *
 * Everything is delivered at least once; in every lane, first deliveries come in the order of acceptance.
 */
export class Batcher implements CaptureSink {
  readonly #maxLineBytes: number;
  readonly #epoch: string;
  readonly #lanes: number;
  readonly #laneNumbers: LaneNumbers;
  readonly #encoder: LineEncoder;
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #lingerMillis: number;
  readonly #lingerMicros: number;
  readonly #memoryLimit: number;
  readonly #clock: Clock;
  readonly #after: After;
  readonly #onProblem: (problem: BatcherProblem) => void;
  readonly #onAcknowledged: NonNullable<BatcherOptions['onAcknowledged']>;
  readonly #journal: SpillJournal;
  readonly #setAside: SetAside;
  readonly #sender: Sender;
  readonly #buffers = new RecordBuffers();
  readonly #byNumber: Partition[] = [];
  /** Those of this life, and those of records that an earlier life left for other partitions. */
  readonly #byKey = new Map<string, Partition>();
  #order: number;
  #openBytes = 0;
  #queuedBytes = 0;
  #spilling = false;
  #refilling = false;
  /** Something changed while the journal was being read. */
  #refillAgain = false;
  #drained = false;
  #lingerTimer: (() => void) | null = null;
  #refillTimer: (() => void) | null = null;
  #pumpDue = false;
  #acceptedLines = 0;
  #acknowledgedLines = 0;
  #acknowledgedRecords = 0;
  #acknowledgedBytes = 0;
  #spilledRecords = 0;
  #setAsideLines = 0;
  #notEncodable = 0;

  /** Opens the journal in `options.directory`; what an earlier life left there is sent first. */
  static async open(options: BatcherOptions): Promise<Batcher> {
    const journal = await SpillJournal.open({
      directory: join(options.directory, 'journal'),
      after: options.after,
      ...(options.journalSegmentBytes === undefined ? {} : { segmentBytes: options.journalSegmentBytes }),
      ...(options.journalSync === undefined ? {} : { sync: options.journalSync }),
      onProblem: safely(options.onProblem),
    });
    return new Batcher(options, journal);
  }

  private constructor(options: BatcherOptions, journal: SpillJournal) {
    const limits: PutLimits = options.limits ?? KINESIS_LIMITS;
    this.#epoch = options.epoch;
    this.#lanes = options.lanes ?? 16;
    this.#laneNumbers = new LaneNumbers(this.#lanes);
    this.#encoder = new LineEncoder(this.#lanes);
    for (let number = 0; number < this.#lanes; number++) {
      const partition = new Partition(`lane-${number}`, this.#buffers);
      this.#byNumber.push(partition);
      this.#byKey.set(partition.key, partition);
    }
    const keyBytes = this.#byNumber.at(-1)!.key.length;
    this.#maxLineBytes = limits.maxRecordBytes - keyBytes - RECORD_END_BYTES;
    this.#maxLines = options.maxLinesPerRecord ?? 500;
    this.#maxBytes = Math.min((options.maxRecordBytes ?? 1_000_000) - RECORD_END_BYTES, this.#maxLineBytes);
    this.#lingerMillis = options.lingerMillis ?? 100;
    this.#lingerMicros = this.#lingerMillis * MICROS_PER_MILLI;
    this.#memoryLimit = options.memoryLimitBytes ?? 256 * 1024 * 1024;
    this.#clock = options.clock;
    this.#after = options.after;
    const onProblem = safely(options.onProblem);
    this.#onProblem = onProblem;
    this.#onAcknowledged = safely(options.onAcknowledged);
    this.#journal = journal;
    this.#journal.onProgress = () => this.#refill();
    this.#order = journal.nextOrder(options.clock());
    this.#setAside = new SetAside(join(options.directory, 'set-aside'), options.after, (file, message) =>
      onProblem({ kind: 'set_aside_failed', file, message }),
    );
    this.#sender = new Sender(this.#byKey, {
      stream: options.stream,
      clock: options.clock,
      after: options.after,
      random: options.random,
      limits,
      maxInFlight: options.maxInFlight ?? 4,
      putTimeoutMillis: options.putTimeoutMillis ?? 30_000,
      retryFirstMillis: options.retryFirstMillis ?? 50,
      retryMostMillis: options.retryMostMillis ?? 5_000,
      settled: (partition, item, tooLarge, atOnce) => {
        this.#settled(partition, item, tooLarge);
        if (atOnce && !tooLarge && item.memory !== null) this.#buffers.give(item.memory);
      },
      ended: () => this.#sealDue(this.#lingerMicros),
      refused: (code, message, records) => onProblem({ kind: 'refused', code, message, records }),
    });
    if (!journal.exhausted) {
      this.#spilling = true;
      this.#refill();
    }
  }

  accept(lane: string, line: StreamLine, received_at: Micros): void {
    this.#acceptedLines++;
    let text = '';
    let written: Partition | null;
    try {
      written = this.#written(lane, line, received_at);
      if (written === null) text = encodeLine(line);
    } catch (error) {
      this.#notEncodable++;
      const shown = inspect(line, WHOLE);
      const message = `${String(error)}: ${shown.slice(0, SHOWN_CHARACTERS)}`;
      this.#onProblem({ kind: 'not_encodable', lane, message });
      this.#replace(lane, line, Buffer.from(shown), received_at);
      return;
    }
    if (written !== null) {
      this.#sealIfFull(written);
      return;
    }
    if (text.length > this.#maxLineBytes) {
      this.#replace(lane, line, Buffer.from(text, 'latin1'), received_at);
      return;
    }
    const partition = this.#byNumber[this.#laneNumbers.of(lane)]!;
    if (partition.openLines > 0 && partition.openBytes + text.length > this.#maxBytes) this.#seal(partition);
    if (partition.openLines === 0) partition.openedAt = this.#clock();
    partition.add(text, received_at, line);
    this.#openBytes += text.length;
    this.#sealIfFull(partition);
  }

  take(event: FeedEvent, origin: Provenance & Occurrence): boolean {
    const partition = this.#byNumber[this.#encoder.partitionOf(event)]!;
    const { openBytes } = partition;
    if (openBytes + EVENT_ROOM > this.#maxBytes) return false;
    partition.reserve(EVENT_ROOM);
    const end = this.#encoder.writeEvent(partition.view, openBytes, event, origin);
    if (end < 0) return false;
    this.#acceptedLines++;
    if (partition.openLines === 0) partition.openedAt = this.#clock();
    partition.writtenEvent(end, event.received_at, event.exchange_ts);
    this.#openBytes += end - openBytes;
    this.#sealIfFull(partition);
    return true;
  }

  /** Writes a line of the feed straight into its record. @returns where it is, null where it is unusual or has no room. */
  #written(lane: string, line: StreamLine, received_at: Micros): Partition | null {
    const room = this.#encoder.room(line);
    if (room === 0) return null;
    const number = this.#encoder.partition(line as FeedLine, lane);
    const partition = this.#byNumber[number < 0 ? this.#laneNumbers.of(lane) : number]!;
    const { openBytes } = partition;
    if (openBytes + room > this.#maxBytes) return null;
    partition.reserve(room);
    const end = this.#encoder.write(partition.view, openBytes, line);
    if (end < 0) return null;
    if (partition.openLines === 0) partition.openedAt = this.#clock();
    partition.written(end, received_at, line as FeedLine);
    this.#openBytes += end - openBytes;
    return partition;
  }

  /** Seals a record that is full; what is in another goes when it has lingered. */
  #sealIfFull(partition: Partition): void {
    if (partition.openLines >= this.#maxLines || partition.openBytes >= this.#maxBytes || this.#drained) {
      this.#seal(partition);
    } else if (this.#lingerTimer === null) {
      this.#armLinger();
    }
  }

  /**
   * The greatest receive time such that everything accepted with a receive time up to it is in the stream. What
   * lies in the journal is safe but not in the stream, so it holds this time back.
   */
  durableUntil(): Micros {
    let oldest = Math.min(this.#clock(), this.#journal.oldestReceivedAt());
    for (const partition of this.#byKey.values()) oldest = Math.min(oldest, partition.oldestReceivedAt());
    return (oldest - 1) as Micros;
  }

  figures(): BatcherFigures {
    const journal = this.#journal.backlog();
    let lines = journal.lines;
    for (const partition of this.#byKey.values()) lines += partition.openLines + partition.queuedLines;
    return {
      accepted_lines: this.#acceptedLines,
      acknowledged_lines: this.#acknowledgedLines,
      acknowledged_records: this.#acknowledgedRecords,
      acknowledged_bytes: this.#acknowledgedBytes,
      put_requests: this.#sender.requests,
      failed_requests: this.#sender.failedRequests,
      retried_records: this.#sender.retriedRecords,
      in_flight: this.#sender.inFlight,
      backlog_lines: lines,
      memory_bytes: this.#memoryBytes(),
      spilling: this.#spilling,
      spilled_records: this.#spilledRecords,
      journal_records: journal.records,
      journal_lines: journal.lines,
      journal_bytes: journal.diskBytes,
      journal_write_failures: this.#journal.writeFailures,
      journal_damaged_bytes: this.#journal.damagedBytes,
      set_aside_lines: this.#setAsideLines,
      not_encodable_lines: this.#notEncodable,
      oldest_age: lines === 0 ? 0 : Math.max(0, this.#clock() - this.durableUntil() - 1),
    };
  }

  /**
   * Hands over everything within the limit and ends the sending. What is left then goes to the journal, from
   * where the next life sends it. Lines accepted afterwards go to the journal, too, until `close`.
   */
  async drain(limitMillis: number): Promise<DrainReport> {
    for (const partition of this.#byKey.values()) if (partition.openLines > 0) this.#seal(partition);
    this.#sender.pump();
    this.#refill();
    await this.#idleOr(limitMillis);
    this.#drained = true;
    this.#sender.stop();
    this.#lingerTimer?.();
    this.#refillTimer?.();
    return this.#keepLeftovers();
  }

  /** Ends what `drain` left running: writes to the disk what came after it. */
  async close(): Promise<void> {
    await this.#journal.settle();
    await this.#journal.close();
  }

  async #idleOr(limitMillis: number): Promise<void> {
    if (this.#idle()) return;
    await new Promise<void>((resolve) => {
      let cancelPoll = (): void => {};
      const cancelLimit = this.#after(limitMillis, () => {
        cancelPoll();
        resolve();
      });
      const poll = (): void => {
        cancelPoll = this.#after(5, () => {
          if (!this.#idle()) return poll();
          cancelLimit();
          resolve();
        });
      };
      poll();
    });
  }

  #idle(): boolean {
    return this.#openBytes === 0 && this.#queuedBytes === 0 && this.#journal.exhausted && !this.#refilling;
  }

  async #keepLeftovers(): Promise<DrainReport> {
    while (this.#refilling) await new Promise<void>((resolve) => this.#after(5, resolve));
    const inMemory: SealedRecord[] = [];
    const left = { records: 0, lines: 0, bytes: 0 };
    for (const partition of this.#byKey.values()) {
      if (partition.openLines > 0) this.#seal(partition);
      for (const { record, segment } of partition.queue) {
        left.records++;
        left.lines += record.lines;
        left.bytes += record.data.byteLength;
        if (segment === null) inMemory.push(record);
      }
    }
    const journal = this.#journal.backlog();
    left.records += journal.records;
    left.lines += journal.lines;
    left.bytes += journal.diskBytes + journal.memoryBytes;
    let kept = true;
    const keep = async (step: () => Promise<unknown>): Promise<void> => {
      try {
        if ((await step()) === false) throw new Error('the disk refuses what waits for it');
      } catch (error) {
        kept = false;
        this.#onProblem({ kind: 'leftovers_lost', lines: left.lines, message: String(error) });
      }
    };
    await keep(() => this.#journal.settle());
    await keep(() => this.#journal.keepLeftovers(inMemory));
    await keep(() => this.#setAside.settle());
    return { ...left, kept };
  }

  #memoryBytes(): number {
    const { memoryBytes } = this.#journal;
    return this.#openBytes + this.#queuedBytes + memoryBytes + this.#setAside.waitingBytes;
  }

  #armLinger(): void {
    this.#lingerTimer = this.#after(this.#lingerMillis, () => {
      this.#lingerTimer = null;
      this.#sealDue(0);
      if (this.#openBytes > 0) this.#armLinger();
    });
  }

  /** Seals what has waited at least so long and has nothing before it; the rest may fill for longer. */
  #sealDue(idleMicros: number): void {
    const now = this.#clock();
    for (const partition of this.#byNumber) {
      if (partition.openLines === 0) continue;
      const waited = now - partition.openedAt;
      const busy = this.#spilling || partition.queue.length > 0;
      if (waited >= (busy ? this.#lingerMicros * BUSY_LINGERS : idleMicros) || waited < 0)
        this.#seal(partition);
    }
  }

  #seal(partition: Partition): void {
    this.#openBytes -= partition.openBytes;
    const order = this.#order++;
    const { memory, ...sealed }: SealedLines = partition.seal(this.#epoch, order, this.#clock());
    const record: SealedRecord = { ...sealed, order, partitionKey: partition.key };
    const item = { record, segment: null, memory };
    if (!this.#spilling && this.#memoryBytes() + heldBytes(item) > this.#memoryLimit) this.#spilling = true;
    if (this.#spilling || this.#drained) {
      this.#spilledRecords++;
      this.#journal.append(record);
      this.#refill();
      return;
    }
    partition.push(item);
    this.#queuedBytes += heldBytes(item);
    this.#pumpSoon();
  }

  /** One pump for all that is sealed in the same turn, so that it goes in one request. */
  #pumpSoon(): void {
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    setImmediate(() => {
      this.#pumpDue = false;
      this.#sender.pump();
    });
  }

  #settled(partition: Partition, item: QueuedRecord, tooLarge: boolean): void {
    const { record, segment } = item;
    this.#queuedBytes -= heldBytes(item);
    if (tooLarge) {
      const parts = this.#smaller(item);
      partition.pushBack(parts);
      for (const part of parts) this.#queuedBytes += heldBytes(part);
      if (parts.length > 0) {
        this.#pumpSoon();
        return;
      }
    } else {
      this.#acknowledgedRecords++;
      this.#acknowledgedLines += record.lines;
      this.#acknowledgedBytes += record.data.byteLength;
      this.#onAcknowledged(record.lines, record.oldestReceivedAt, this.#clock());
    }
    if (segment !== null) this.#journal.acknowledge(segment);
    this.#refill();
  }

  /** What the stream takes instead of a record that it found too large: halves, or what stands for a single line. */
  #smaller({ record, segment }: QueuedRecord): QueuedRecord[] {
    const parts = halvesOf(record) ?? this.#replacements(record);
    const { length } = parts;
    // The journal may forget the whole once its last part is in the stream.
    return parts.map((part, index) => ({
      record: part,
      segment: index === length - 1 ? segment : null,
      memory: null,
    }));
  }

  /** Sets a single line aside. @returns records with what stands for it; smaller ones, so that this comes to an end. */
  #replacements(record: SealedRecord): SealedRecord[] {
    const { number } = this.#putAside(record.partitionKey, record.data, null);
    let lines: StreamLine[] = [];
    try {
      const text = Buffer.from(record.data).toString('latin1');
      const line = JSON.parse(text) as StreamLine;
      if (!isRecordEnd(text)) lines = inPlaceOf(line, `${this.#epoch}/${number}`, this.#clock());
    } catch (error) {
      this.#onProblem({ kind: 'not_encodable', lane: record.partitionKey, message: String(error) });
    }
    return lines
      .map((line) => ({ ...record, data: Buffer.from(encodeLine(line), 'latin1'), lines: 1 }))
      .filter(({ data }) => data.byteLength < record.data.byteLength);
  }

  /** Keeps a line that no record can hold, and accepts in its place what it leaves to be said. */
  #replace(lane: string, line: StreamLine, shown: Uint8Array, received_at: Micros): void {
    const { number } = this.#putAside(partitionKey(lane, this.#lanes), shown, lane);
    for (const substitute of inPlaceOf(line, `${this.#epoch}/${number}`, this.#clock())) {
      this.accept(lane, substitute, received_at);
    }
  }

  #putAside(key: string, data: Uint8Array, lane: string | null): { readonly number: number } {
    const number = this.#order++;
    const file = `${key}-${number}.jsonl`;
    this.#setAsideLines++;
    this.#setAside.keep(file, data);
    this.#onProblem({ kind: 'set_aside', file, lines: 1, bytes: data.byteLength, lane });
    return { number };
  }

  /** Brings records back from the journal while there is room; ends the spilling when none is left there. */
  #refill(): void {
    if (!this.#spilling || this.#drained) return;
    if (this.#refilling) {
      this.#refillAgain = true;
      return;
    }
    if (this.#journal.exhausted) {
      this.#spilling = false;
      this.#journal.roll();
      return;
    }
    if (this.#queuedBytes > this.#memoryLimit / 2) return;
    this.#refilling = true;
    this.#refillAgain = false;
    void this.#journal.read(Math.min(REFILL_BYTES, Math.ceil(this.#memoryLimit / 4))).then((items) => {
      this.#refilling = false;
      for (const item of items) this.#enqueue({ ...item, memory: null });
      if (items.length > 0) {
        this.#sender.pump();
        this.#refill();
      } else if (this.#refillAgain || this.#journal.exhausted) {
        this.#refill();
      } else {
        this.#refillLater();
      }
    });
  }

  #enqueue(item: QueuedRecord): void {
    const key = item.record.partitionKey;
    let partition = this.#byKey.get(key);
    if (partition === undefined) {
      partition = new Partition(key, this.#buffers);
      this.#byKey.set(key, partition);
    }
    partition.push(item);
    this.#queuedBytes += heldBytes(item);
  }

  #refillLater(): void {
    if (this.#refillTimer !== null || this.#drained) return;
    this.#refillTimer = this.#after(REFILL_RETRY_MILLIS, () => {
      this.#refillTimer = null;
      this.#refill();
    });
  }
}

/** A listener that fails must not stop the delivery. */
function safely<Arguments extends unknown[]>(
  listener?: (...given: Arguments) => void,
): (...given: Arguments) => void {
  return (...given) => {
    try {
      listener?.(...given);
    } catch {
      // The listener's own fault; there is nobody to tell.
    }
  };
}
