import type { HeartbeatRecord, MarketRecord, StreamLine } from '../events/captured.ts';
import { MICROS_PER_DAY } from '../units/time.ts';
import { CopyBuffer } from './copy-buffer.ts';
import { readEnd } from './delivered-end.ts';
import { eventRows, keyedWidths, putHeartbeat, putInstrument, putMarket } from './line-rows.ts';
import type { DeliveredEnd } from './record-chain.ts';
import { RowError, shown } from './row-error.ts';
import type { DeliveredRecord, RefusedLine } from './stream-records.ts';

interface EventRow {
  readonly table: string;
  readonly width: number;
  readonly put: (to: CopyBuffer, line: never) => void;
  readonly time: ((line: never) => number) | null;
}

const rowsByKind = new Map<unknown, EventRow>(Object.entries(eventRows));

/** Rows of many stream lines, by table, encoded and ready to be copied; keyed rows only in their latest state. */
export class LineBatch {
  readonly buffers = new Map<string, CopyBuffer>();
  readonly refused: RefusedLine[] = [];
  /** Ends of the records that were read to their end. */
  readonly ends: DeliveredEnd[] = [];
  /** Days (since the epoch) that rows of each table fall on. */
  readonly days = new Map<string, Set<number>>();
  readonly #heartbeats = new Map<string, HeartbeatRecord>();
  /** Of the record being read: what is missing before it shows only at its end. */
  #unendedHeartbeats: HeartbeatRecord[] = [];
  readonly #markets = new Map<string, MarketRecord>();
  readonly #scratch = new CopyBuffer();
  readonly #latestDay = new Map<string, number>();
  #lines = 0;

  /** Lines taken so far, refused ones not counted. */
  get lines(): number {
    return this.#lines;
  }

  /**
   * Takes one parsed line.
   * @throws RowError when it is not a stream line; the batch is then as it was.
   */
  add(line: unknown): void {
    const kind = (line as StreamLine | null)?.kind;
    const row = rowsByKind.get(kind);
    if (row !== undefined) this.#append(row, line as never);
    else if (kind === 'heartbeat') this.#addHeartbeat(line as HeartbeatRecord);
    else if (kind === 'market') this.#keepMarket(line as MarketRecord);
    else throw new RowError(`kind: expected a kind of stream line, got ${shown(kind)}`);
    this.#lines++;
  }

  /**
   * Takes the line that ends a record.
   * @throws RowError when it is not one; the batch is then as it was.
   */
  endRecord(record: DeliveredRecord, line: Readonly<Record<string, unknown>>): void {
    this.ends.push({ record, end: readEnd(line) });
    this.#lines++;
    this.leaveRecord(true);
  }

  /**
   * Nothing more of the record is read.
   *
   * @param vouches whether its heartbeats count: those of a part that does not reach the end of its record would vouch for
   *   records before it that may be missing.
   */
  leaveRecord(vouches: boolean): void {
    if (vouches) for (const heartbeat of this.#unendedHeartbeats) this.#keepHeartbeat(heartbeat);
    this.#unendedHeartbeats = [];
  }

  refuse(line: RefusedLine): void {
    this.refused.push(line);
  }

  /** Encodes what waited for its latest state and ends every buffer. Nothing may be added afterwards. */
  close(): void {
    // One order in every batch, so that two writers cannot wait for each other; lives in that in which they came, which
    // is how the database numbers them.
    for (const record of this.#heartbeatsByLife()) {
      const buffer = this.buffer('heartbeats');
      buffer.beginRow(keyedWidths.heartbeats);
      putHeartbeat(buffer, record);
    }
    const instruments = new Map<string, readonly [MarketRecord, number]>();
    for (const [, record] of [...this.#markets].sort(byKey)) {
      const buffer = this.buffer('markets');
      buffer.beginRow(keyedWidths.markets);
      putMarket(buffer, record);
      record.instruments.forEach(({ instrument }, position) => {
        instruments.set(`${record.venue} ${instrument}`, [record, position]);
      });
    }
    for (const [, [record, position]] of [...instruments].sort(byKey)) {
      const buffer = this.buffer('instruments');
      buffer.beginRow(keyedWidths.instruments);
      putInstrument(buffer, record, position);
    }
    this.#putPositions();
    this.#putRefused();
    for (const buffer of this.buffers.values()) buffer.end();
  }

  rewind(): void {
    for (const buffer of this.buffers.values()) buffer.rewind();
  }

  buffer(table: string): CopyBuffer {
    let buffer = this.buffers.get(table);
    if (buffer === undefined) {
      buffer = new CopyBuffer();
      this.buffers.set(table, buffer);
    }
    return buffer;
  }

  #append(row: EventRow, line: never): void {
    const buffer = this.buffer(row.table);
    const start = buffer.beginRow(row.width);
    try {
      row.put(buffer, line);
    } catch (error) {
      buffer.abandonRow(start);
      throw error;
    }
    if (row.time === null) return;
    const day = Math.floor(row.time(line) / MICROS_PER_DAY);
    if (this.#latestDay.get(row.table) === day) return;
    this.#latestDay.set(row.table, day);
    const days = this.days.get(row.table);
    if (days === undefined) this.days.set(row.table, new Set([day]));
    else days.add(day);
  }

  #addHeartbeat(record: HeartbeatRecord): void {
    this.#tryOut(keyedWidths.heartbeats, (to) => putHeartbeat(to, record));
    this.#unendedHeartbeats.push(record);
  }

  #keepHeartbeat(record: HeartbeatRecord): void {
    const key = `${record.gatherer} ${record.epoch} ${record.lane}`;
    const known = this.#heartbeats.get(key);
    if (known === undefined || known.durable_until < record.durable_until) this.#heartbeats.set(key, record);
  }

  #heartbeatsByLife(): HeartbeatRecord[] {
    const records = [...this.#heartbeats.values()];
    const lives = new Map(
      [...new Set(records.map(({ epoch }) => epoch))].map((epoch, place) => [epoch, place]),
    );
    return records.sort(
      (left, right) => lives.get(left.epoch)! - lives.get(right.epoch)! || left.lane - right.lane,
    );
  }

  #keepMarket(record: MarketRecord): void {
    if (!Array.isArray(record.instruments)) {
      throw new RowError(`instruments: expected a list, got ${shown(record.instruments)}`);
    }
    this.#tryOut(keyedWidths.markets, (to) => {
      putMarket(to, record);
      record.instruments.forEach((_, position) => {
        putInstrument(to, record, position);
      });
    });
    const key = `${record.venue} ${record.market}`;
    const known = this.#markets.get(key);
    if (known === undefined || known.updated_at < record.updated_at) this.#markets.set(key, record);
  }

  /** Encodes into nothing: only the latest state of a keyed row is kept, but each line is judged by itself. */
  #tryOut(width: number, put: (to: CopyBuffer) => void): void {
    const start = this.#scratch.beginRow(width);
    try {
      put(this.#scratch);
    } finally {
      this.#scratch.abandonRow(start);
    }
  }

  #putPositions(): void {
    const last = new Map<string, DeliveredEnd>();
    for (const delivered of this.ends) {
      const { stream, partitionKey } = delivered.record;
      const key = `${stream}\n${partitionKey}\n${delivered.end.epoch}`;
      const known = last.get(key);
      if (known === undefined || known.end.order < delivered.end.order) last.set(key, delivered);
    }
    for (const [, { record, end }] of [...last].sort(byKey)) {
      const buffer = this.buffer('stream_positions');
      buffer.beginRow(keyedWidths.stream_positions);
      buffer.text(record.stream, 'stream');
      buffer.text(record.partitionKey.replaceAll('\0', '�'), 'partition_key');
      buffer.text(end.epoch, 'epoch');
      buffer.bigint(end.order, 'order');
    }
  }

  #putRefused(): void {
    for (const { record, number, bytes, reason } of this.refused) {
      const buffer = this.buffer('poison_records');
      buffer.beginRow(7);
      buffer.text(record.stream, 'stream');
      buffer.text(record.shard, 'shard');
      buffer.text(record.sequenceNumber, 'sequence_number');
      buffer.text(record.partitionKey.replaceAll('\0', '�'), 'partition_key');
      buffer.integer(number, 'line_number');
      buffer.text(reason.replaceAll('\0', '�'), 'reason');
      buffer.bytes(bytes);
    }
  }
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
