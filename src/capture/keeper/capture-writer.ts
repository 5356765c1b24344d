import { type Occurrence, type Provenance, Quality } from '../../events/captured.ts';
import type {
  BookDeltaEvent,
  BookSnapshotEvent,
  GapEvent,
  LifecycleEvent,
  MarketEvent,
  TickerEvent,
  TradeEvent,
} from '../../events/event.ts';
import { lifecycleContentKey, tickerContentKey } from '../../events/identity.ts';
import { Placement } from '../../events/occurrence.ts';
import type { Micros } from '../../units/time.ts';
import type { FeedEvent } from '../sink.ts';
import { placeChange } from './asides.ts';
import { CopyCounter, RecentKeys } from './copies.ts';
import type { KeeperCounters } from './counters.ts';
import type { InstrumentState, Source } from './instrument-state.ts';
import type { KeeperOptions } from './options.ts';

/** Copies of a message without venue time arrive within this time, microseconds. */
const COPY_WINDOW = 10_000_000;
const REMEMBERED_COPIES = 65_536;
/** Lane of the records that belong to no single instrument. */
const GAPS = 'gaps';

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * Writes what was captured to the sink: adds where it came from and how good it is, and leaves out what a second
 * connection of the line brought before.
 */
export class CaptureWriter {
  /** The receive time of the frame at hand lies before that of an earlier one. */
  clockStepped = false;
  /** By how much the frame at hand may have waited for this process, microseconds. */
  lateBy = 0;
  private readonly options: KeeperOptions;
  private readonly counters: KeeperCounters;
  private readonly tradeIds = new RecentKeys(REMEMBERED_COPIES);
  private readonly tickers = new RecentKeys(REMEMBERED_COPIES);
  private readonly messages = new RecentKeys(REMEMBERED_COPIES);
  private readonly untimed = new CopyCounter(COPY_WINDOW, REMEMBERED_COPIES);

  /** Where the event at hand came from. */
  private readonly origin: Writable<Provenance & Occurrence>;

  constructor(options: KeeperOptions, counters: KeeperCounters) {
    this.options = options;
    const { gatherer } = options;
    this.origin = { gatherer, connection: '', sid: 0, seq: 0, quality: 0, occurrence: 0, instant_index: 0 };
    this.counters = counters;
  }

  /** @param quality as `quality` gives it */
  delta(
    event: BookDeltaEvent,
    source: Source,
    seq: number,
    quality: number,
    occurrence: number,
    instant_index: number,
  ): void {
    this.counters.events++;
    const { origin } = this;
    origin.occurrence = occurrence;
    origin.instant_index = instant_index;
    if (this.take(event, source, seq, quality)) return;
    const { connection, sid } = source;
    const { gatherer } = this.options;
    this.options.sink.accept(
      event.instrument,
      { ...event, gatherer, connection, sid, seq, quality, occurrence, instant_index },
      event.received_at,
    );
  }

  /** Hands an event over without making a line of it. @returns whether the sink took it. */
  private take(event: FeedEvent, source: Source, seq: number, quality: number): boolean {
    const { origin } = this;
    origin.connection = source.connection;
    origin.sid = source.sid;
    origin.seq = seq;
    origin.quality = quality;
    return this.options.sink.take?.(event, origin) === true;
  }

  /**
   * A change that is kept but means nothing for the book.
   *
   * @param isAhead its venue time is out of reason
   */
  stray(
    event: BookDeltaEvent,
    state: InstrumentState | undefined,
    source: Source,
    seq: number,
    isAhead: boolean,
  ): void {
    if (state === undefined) this.counters.unexpected++;
    else this.counters.superseded++;
    const quality = this.quality(undefined, event) | Quality.bookSuspect;
    if (state?.source !== source || isAhead) this.aside(event, source, seq, quality, isAhead);
    else if (placeChange(state.counter, event) === Placement.resend) this.counters.resends++;
    else this.delta(event, source, seq, quality, state.counter.occurrence, state.counter.instantIndex);
  }

  /**
   * A change that is numbered apart from those of the book.
   *
   * @param isAhead its venue time is out of reason: when that time comes, no rebuilt book may take it for a change of then
   */
  aside(event: BookDeltaEvent, source: Source, seq: number, quality: number, isAhead: boolean): void {
    const counter = source.asides.place(event, isAhead);
    const marked = isAhead ? quality | Quality.withoutVenueTime : quality;
    if (counter === null) this.counters.resends++;
    else this.delta(event, source, seq, marked, counter.occurrence, counter.instantIndex);
  }

  /**
   * @param state the instrument whose book it belongs to, undefined where it says nothing about a book.
   * @param source the subscription, or null for one by REST.
   * @param instant_index changes of its own instant that it holds; none where the venue has no times for books
   * @param isAhead its venue time is out of reason: it is the book of no time that is known
   */
  snapshot(
    state: InstrumentState | undefined,
    event: BookSnapshotEvent,
    source: Source | null,
    seq = 0,
    instant_index = 0,
    isAhead = false,
  ): void {
    this.counters.events++;
    const suspect = state === undefined ? Quality.bookSuspect : 0;
    const untimed = isAhead ? Quality.withoutVenueTime : 0;
    const quality = this.quality(state, event) | Quality.fromSnapshot | suspect | untimed;
    this.options.sink.accept(
      event.instrument,
      {
        ...event,
        gatherer: this.options.gatherer,
        connection: source?.connection ?? event.source,
        sid: source?.sid ?? 0,
        seq,
        quality,
        ...(instant_index === 0 ? {} : { instant_index }),
      },
      event.received_at,
    );
  }

  /** Trades with the venue's own ids: the first copy counts. */
  tradeOnce(event: TradeEvent, source: Source, seq: number): void {
    if (!this.tradeIds.add(event.trade_id, 0, 0)) {
      this.counters.copies++;
      return;
    }
    this.trade(event, source, seq);
  }

  trade(event: TradeEvent, source: Source, seq: number): void {
    this.writeEvent(event, source, seq);
  }

  ticker(event: TickerEvent, source: Source, seq: number): void {
    const { instrument, exchange_ts } = event;
    const key = tickerContentKey(event);
    const isNew =
      exchange_ts === null
        ? this.untimed.add(`${instrument} ${key}`, source.connection, event.received_at, this.lateBy)
        : this.tickers.add(instrument, exchange_ts, key);
    if (!isNew) this.counters.copies++;
    else this.writeEvent(event, source, seq);
  }

  /** @returns whether it was the first copy. */
  lifecycle(event: LifecycleEvent, source: Source, seq: number): boolean {
    const subject = event.market ?? event.event ?? '';
    const name = `${subject} ${event.type}`;
    const key = lifecycleContentKey(event);
    const isNew =
      event.exchange_ts === null
        ? this.untimed.add(`${name} ${key}`, source.connection, event.received_at, this.lateBy)
        : this.messages.add(name, event.exchange_ts, key);
    if (!isNew) {
      this.counters.copies++;
      return false;
    }
    // Other lines may have received it long before: by this they are known to mean the same one.
    const late = event.exchange_ts === null && this.lateBy > 0 ? Quality.receiveTimeSuspect : 0;
    this.write(subject, event, source, seq, this.quality(undefined, event) | late);
    return true;
  }

  private writeEvent(event: TradeEvent | TickerEvent, source: Source, seq: number): void {
    const quality = this.quality(undefined, event);
    if (this.take(event, source, seq, quality)) this.counters.events++;
    else this.write(event.instrument, event, source, seq, quality);
  }

  private write(
    lane: string,
    event: TradeEvent | TickerEvent | LifecycleEvent,
    source: Source,
    seq: number,
    quality: number,
  ): void {
    this.counters.events++;
    const { connection, sid } = source;
    this.options.sink.accept(
      lane,
      { ...event, gatherer: this.options.gatherer, connection, sid, seq, quality },
      event.received_at,
    );
  }

  /** Quality of an event; with a state given, of one that belongs to its book. */
  quality(state: InstrumentState | undefined, event: MarketEvent): number {
    let quality = 0;
    if (this.clockStepped || (event.exchange_ts !== null && event.received_at < event.exchange_ts)) {
      quality = Quality.receiveTimeSuspect;
    }
    if (state === undefined) return quality;
    if (!state.isProven) quality |= Quality.bookSuspect;
    else if (state.isAfterGap) {
      quality |= Quality.afterGap;
      state.isAfterGap = false;
    }
    return quality;
  }

  /** The best levels and the figures of a book as of `now`. */
  bestLevels(state: InstrumentState, now: Micros): void {
    this.counters.engine_snapshots++;
    const { venue, gatherer, snapshotDepth, sink } = this.options;
    const { instrument, book } = state;
    sink.accept(
      instrument,
      {
        kind: 'book_snapshot',
        venue,
        instrument,
        source: 'engine',
        bids: book.levels('bid', snapshotDepth),
        asks: book.levels('ask', snapshotDepth),
        snapshot_ts: now,
        exchange_ts: null,
        depth: snapshotDepth,
        received_at: now,
        gatherer,
        connection: 'engine',
        sid: 0,
        seq: 0,
        quality: Quality.fromSnapshot,
      },
      now,
    );
    sink.accept(
      instrument,
      { kind: 'book_metrics', venue, instrument, gatherer, at: now, ...book.metrics() },
      now,
    );
  }

  /** The whole book: it contains exactly the changes with a venue time up to `label`. */
  anchor(state: InstrumentState, label: Micros, received_at: Micros): void {
    this.counters.anchors++;
    const { venue, gatherer, sink } = this.options;
    const { instrument, book } = state;
    sink.accept(
      instrument,
      {
        kind: 'book_snapshot',
        venue,
        instrument,
        source: 'engine',
        bids: book.levels('bid'),
        asks: book.levels('ask'),
        snapshot_ts: label,
        exchange_ts: null,
        received_at,
        gatherer,
        connection: 'engine',
        sid: 0,
        seq: 0,
        quality: Quality.fromSnapshot,
      },
      received_at,
    );
  }

  gap(gap: GapEvent): void {
    const { sink, gatherer } = this.options;
    sink.accept(GAPS, { ...gap, gatherer, connection: '', sid: 0, seq: 0, quality: 0 }, gap.received_at);
  }
}
