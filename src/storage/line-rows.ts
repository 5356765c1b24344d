import {
  type BookMetricsRecord,
  type CapturedEvent,
  type HeartbeatRecord,
  type MarketRecord,
  Quality,
} from '../events/captured.ts';
import { contentKey, hashKey } from '../events/identity.ts';
import type { CopyBuffer } from './copy-buffer.ts';
import {
  gapColumns,
  heartbeatColumns,
  instrumentColumns,
  marketColumns,
  positionColumns,
} from './line-tables.ts';
import { RowError, shown } from './row-error.ts';
import {
  marketLifecycle,
  orderBookDeltas,
  orderBookMetrics,
  orderBookSnapshots,
  tickers,
  trades,
} from './tables.ts';

/*
 * Encoders of stream lines into rows, column by column in the order of `tables.ts`. Lines come from outside, so
 * the buffer checks each value whatever its declared type; the declared types are what a right line has.
 */

type Of<Kind extends CapturedEvent['kind']> = Extract<CapturedEvent, { kind: Kind }>;

function provenance(to: CopyBuffer, event: CapturedEvent, quality: number = event.quality): void {
  to.bigint(event.received_at, 'received_at');
  to.smallint(quality, 'quality');
  to.text(event.connection, 'connection');
  to.integer(event.sid, 'sid');
  to.bigint(event.seq, 'seq');
}

/** Time of the venue, else the receive time. */
function storedTime(event: { readonly exchange_ts: number | null; readonly received_at: number }): number {
  return event.exchange_ts ?? event.received_at;
}

/** The event's quality, and whether its time is not the venue's: such a time differs from line to line. */
function qualityOfTime(event: Of<'trade' | 'book_delta' | 'ticker'>): number {
  // A quality that is no number is left for the buffer to name.
  if (event.exchange_ts !== null || !Number.isInteger(event.quality)) return event.quality;
  return event.quality | Quality.withoutVenueTime;
}

export function putTrade(to: CopyBuffer, event: Of<'trade'>): void {
  to.text(event.venue, 'venue');
  to.text(event.instrument, 'instrument');
  to.text(event.trade_id, 'trade_id');
  to.bigint(storedTime(event), 'exchange_ts');
  to.bigint(event.price, 'price');
  to.bigint(event.size, 'size');
  to.nullableText(event.taker_side, 'taker_side');
  to.boolean(event.is_block, 'is_block');
  provenance(to, event, qualityOfTime(event));
}

export function putDelta(to: CopyBuffer, event: Of<'book_delta'>): void {
  to.text(event.venue, 'venue');
  to.text(event.instrument, 'instrument');
  to.bigint(storedTime(event), 'exchange_ts');
  if (event.side !== 'bid' && event.side !== 'ask') {
    throw new RowError(`side: expected bid or ask, got ${shown(event.side)}`);
  }
  to.text(event.side, 'side');
  to.bigint(event.price, 'price');
  const isAbsolute = event.size !== undefined;
  if (isAbsolute === (event.change !== undefined)) throw new RowError('expected either change or size');
  to.bigint(isAbsolute ? event.size : event.change, isAbsolute ? 'size' : 'change');
  to.boolean(isAbsolute, 'is_absolute');
  to.nullableText(event.hash, 'hash');
  to.integer(hashKey(event.hash), 'hash_key');
  to.smallint(event.occurrence, 'occurrence');
  to.integer(event.instant_index, 'instant_index');
  provenance(to, event, qualityOfTime(event));
}

export function putSnapshot(to: CopyBuffer, event: Of<'book_snapshot'>): void {
  to.text(event.venue, 'venue');
  to.text(event.instrument, 'instrument');
  to.bigint(event.snapshot_ts, 'snapshot_ts');
  to.text(event.source, 'source');
  to.nullableBigint(event.exchange_ts, 'exchange_ts');
  to.levels(event.bids, 'bids');
  to.levels(event.asks, 'asks');
  to.nullableInteger(event.depth, 'depth');
  to.nullableText(event.hash, 'hash');
  to.integer(contentKey(event), 'hash_key');
  to.integer(event.instant_index ?? 0, 'instant_index');
  provenance(to, event);
}

export function putTicker(to: CopyBuffer, event: Of<'ticker'>): void {
  to.text(event.venue, 'venue');
  to.text(event.instrument, 'instrument');
  to.bigint(storedTime(event), 'exchange_ts');
  to.nullableBigint(event.bid, 'bid');
  to.nullableBigint(event.ask, 'ask');
  to.nullableBigint(event.bid_size, 'bid_size');
  to.nullableBigint(event.ask_size, 'ask_size');
  to.nullableBigint(event.last, 'last');
  to.nullableBigint(event.volume, 'volume');
  to.nullableBigint(event.open_interest, 'open_interest');
  to.integer(contentKey(event), 'content_key');
  provenance(to, event, qualityOfTime(event));
}

export function putLifecycle(to: CopyBuffer, event: Of<'lifecycle'>): void {
  to.text(event.venue, 'venue');
  const isEvent = event.market === undefined;
  to.text(isEvent ? event.event : event.market, isEvent ? 'event' : 'market');
  to.boolean(isEvent, 'is_event');
  to.textArray(event.instruments, 'instruments');
  to.text(event.type, 'type');
  to.nullableText(event.status, 'status');
  to.jsonb(event.details, 'details');
  to.bigint(storedTime(event), 'at');
  to.nullableBigint(event.exchange_ts, 'exchange_ts');
  to.integer(contentKey(event), 'content_key');
  provenance(to, event);
}

export function putMetrics(to: CopyBuffer, record: BookMetricsRecord): void {
  to.text(record.venue, 'venue');
  to.text(record.instrument, 'instrument');
  to.bigint(record.at, 'at');
  to.nullableBigint(record.bid, 'bid');
  to.nullableBigint(record.ask, 'ask');
  to.nullableBigint(record.mid_twice, 'mid_twice');
  to.nullableBigint(record.spread, 'spread');
  to.bigint(record.bid_depth, 'bid_depth');
  to.bigint(record.ask_depth, 'ask_depth');
  to.bigint(record.bid_depth_near, 'bid_depth_near');
  to.bigint(record.ask_depth_near, 'ask_depth_near');
  to.integer(record.bid_levels, 'bid_levels');
  to.integer(record.ask_levels, 'ask_levels');
  to.boolean(record.crossed, 'crossed');
}

/** Longest name that fits into the index of the tape's gaps beside the others of its key, in bytes. */
const LONGEST_NAME = 1_000;

/** Whether the gaps of a line and of the tape can be kept under this name. */
export function isStorableName(name: unknown): name is string {
  return typeof name === 'string' && Buffer.byteLength(name) <= LONGEST_NAME && !name.includes('\0');
}

export function putGap(to: CopyBuffer, event: Of<'gap'>): void {
  const isAll = event.all === true;
  const instruments = isAll ? [] : event.instruments;
  if (!Array.isArray(instruments)) throw new RowError('expected instruments or all');
  for (const name of [event.gap_id, event.venue, ...instruments]) {
    if (!isStorableName(name)) {
      throw new RowError(`expected a name of at most ${LONGEST_NAME} bytes, got ${shown(name)}`);
    }
  }
  to.text(event.gap_id, 'gap_id');
  to.integer(hashKey(`${event.from} ${event.to} ${isAll} ${instruments.join(' ')}`), 'content_key');
  to.text(event.venue, 'venue');
  to.boolean(isAll, 'all');
  to.textArray(instruments, 'instruments');
  to.bigint(event.from, 'from');
  to.nullableBigint(event.to, 'to');
  to.text(event.cause, 'cause');
  to.bigint(event.received_at, 'received_at');
  to.text(event.connection, 'connection');
  to.integer(event.sid, 'sid');
  to.bigint(event.seq, 'seq');
}

export function putHeartbeat(to: CopyBuffer, record: HeartbeatRecord): void {
  to.text(record.gatherer, 'gatherer');
  to.text(record.epoch, 'epoch');
  to.smallint(record.lane, 'lane');
  to.smallint(record.lanes, 'lanes');
  to.bigint(record.started_at, 'started_at');
  to.bigint(record.durable_until, 'durable_until');
  to.jsonb(provenTimes(record.proven_until), 'proven_until');
}

/** Times by venue; heartbeats of earlier versions have none. */
function provenTimes(given: unknown): Readonly<Record<string, number>> {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null)
    throw new RowError('proven_until: expected times by venue');
  for (const [venue, time] of Object.entries(given)) {
    if (!Number.isSafeInteger(time)) {
      throw new RowError(`proven_until.${venue}: expected microseconds, got ${shown(time)}`);
    }
  }
  return given as Readonly<Record<string, number>>;
}

export function putMarket(to: CopyBuffer, record: MarketRecord): void {
  to.text(record.venue, 'venue');
  to.text(record.market, 'market');
  to.nullableText(record.event, 'event');
  to.nullableText(record.series, 'series');
  to.text(record.title, 'title');
  to.text(record.status, 'status');
  to.nullableBigint(record.open_ts, 'open_ts');
  to.nullableBigint(record.close_ts, 'close_ts');
  to.jsonb(record.details, 'details');
  to.bigint(record.updated_at, 'updated_at');
}

/** One row of `instruments`: the market's outcome at this position. */
export function putInstrument(to: CopyBuffer, record: MarketRecord, position: number): void {
  const instrument = record.instruments[position]!;
  to.text(record.venue, 'venue');
  to.text(instrument?.instrument, 'instrument');
  to.text(record.market, 'market');
  to.text(instrument?.outcome, 'outcome');
  to.smallint(position, 'position');
  to.bigint(record.updated_at, 'updated_at');
}

/** The table of each kind of line that becomes one appended row, its width, and the time that decides its day. */
export const eventRows = {
  trade: { table: trades.name, width: trades.columns.length, put: putTrade, time: storedTime },
  book_delta: {
    table: orderBookDeltas.name,
    width: orderBookDeltas.columns.length,
    put: putDelta,
    time: storedTime,
  },
  book_snapshot: {
    table: orderBookSnapshots.name,
    width: orderBookSnapshots.columns.length,
    put: putSnapshot,
    time: (event: Of<'book_snapshot'>): number => event.snapshot_ts,
  },
  ticker: { table: tickers.name, width: tickers.columns.length, put: putTicker, time: storedTime },
  lifecycle: {
    table: marketLifecycle.name,
    width: marketLifecycle.columns.length,
    put: putLifecycle,
    time: storedTime,
  },
  book_metrics: {
    table: orderBookMetrics.name,
    width: orderBookMetrics.columns.length,
    put: putMetrics,
    time: (record: BookMetricsRecord): number => record.at,
  },
  gap: { table: 'gaps', width: gapColumns.length, put: putGap, time: null },
} as const;

export const keyedWidths = {
  heartbeats: heartbeatColumns.length,
  markets: marketColumns.length,
  instruments: instrumentColumns.length,
  stream_positions: positionColumns.length,
} as const;
