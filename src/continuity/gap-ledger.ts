import type { GapCause, GapEvent, Gatherer, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/** Instruments listed by one record at most: a stream record holds a megabyte. */
const LISTED = 500;

/** An open gap, shared by all instruments that it began for at once. */
export interface OpenGap {
  readonly id: string;
  readonly from: Micros;
  readonly cause: GapCause;
}

/** What can be in a gap. The ledger keeps the open one here, so that a million instruments need no second map. */
export interface GapHolder {
  readonly instrument: string;
  gap: OpenGap | null;
}

export interface GapLedgerOptions {
  readonly venue: Venue;
  readonly gatherer: Gatherer;
  /** Names the process life; part of every gap's id. */
  readonly epoch: string;
  /** Takes the finished records. */
  readonly emit: (gap: GapEvent) => void;
}

/**
 * Opens and closes the gaps of one line and venue. What opens or closes in one go shares records; nothing is
 * emitted before `flush`, and nothing that was opened is forgotten: it stays open until it is closed.
 */
export class GapLedger {
  private readonly options: GapLedgerOptions;
  private counter = 0;
  private openHolders = 0;
  private opening: { from: Micros; cause: GapCause; holders: GapHolder[] }[] = [];
  private closing: { gap: OpenGap; to: Micros; instruments: string[] }[] = [];
  private whole: { from: Micros; to: Micros | null; cause: GapCause; instruments: string[] }[] = [];
  private readonly feeds = new Map<string, OpenGap>();
  private feedRecords: { gap: OpenGap; to: Micros | null }[] = [];

  constructor(options: GapLedgerOptions) {
    this.options = options;
  }

  /** Instruments that are in a gap now. */
  get openCount(): number {
    return this.openHolders;
  }

  /**
   * From `from` on the line may have missed events of this instrument. One that is already in a gap stays in it;
   * where the new one began earlier, the time before is recorded, too.
   */
  open(holder: GapHolder, from: Micros, cause: GapCause): void {
    const current = holder.gap;
    if (current !== null) {
      if (from < current.from) this.record(holder.instrument, from, current.from, cause);
      return;
    }
    this.openHolders++;
    let group = this.opening.at(-1);
    if (
      group === undefined ||
      group.from !== from ||
      group.cause !== cause ||
      group.holders.length === LISTED
    ) {
      group = { from, cause, holders: [] };
      this.opening.push(group);
    }
    group.holders.push(holder);
    holder.gap = { id: '', from, cause };
  }

  /** The line has seen everything of this instrument since `to`. */
  close(holder: GapHolder, to: Micros): void {
    if (holder.gap === null) return;
    // One that opened since the last flush has no id before its record exists.
    if (holder.gap.id === '') this.emitOpenings(to);
    const gap = holder.gap;
    holder.gap = null;
    this.openHolders--;
    const bound = Math.max(to, gap.from) as Micros;
    const group = this.closing.at(-1);
    if (group !== undefined && group.gap === gap && group.to === bound && group.instruments.length < LISTED) {
      group.instruments.push(holder.instrument);
    } else this.closing.push({ gap, to: bound, instruments: [holder.instrument] });
  }

  /** Nothing of this instrument was missed: the gap, where there is one, ends where it began, which counts as none. */
  takeBack(holder: GapHolder): void {
    if (holder.gap !== null) this.close(holder, holder.gap.from);
  }

  /** A gap of which both bounds are known, or one with `to` null that this life will not close. */
  record(instrument: string, from: Micros, to: Micros | null, cause: GapCause): void {
    const group = this.whole.at(-1);
    if (
      group !== undefined &&
      group.from === from &&
      group.to === to &&
      group.cause === cause &&
      group.instruments.length < LISTED
    ) {
      group.instruments.push(instrument);
    } else this.whole.push({ from, to, cause, instruments: [instrument] });
  }

  /** From `from` on nothing of a venue-wide feed arrives: a gap of all instruments. */
  openFeed(feed: string, from: Micros, cause: GapCause): void {
    if (!this.feeds.has(feed)) this.feeds.set(feed, this.openAll(from, cause));
  }

  closeFeed(feed: string, to: Micros): void {
    const gap = this.feeds.get(feed);
    if (gap === undefined) return;
    this.feeds.delete(feed);
    this.closeAll(gap, to);
  }

  /** From `from` on the line may have missed events of any instrument, until `closeAll`. */
  openAll(from: Micros, cause: GapCause): OpenGap {
    const gap = { id: this.nextId(), from, cause };
    this.feedRecords.push({ gap, to: null });
    return gap;
  }

  closeAll(gap: OpenGap, to: Micros): void {
    this.feedRecords.push({ gap, to: Math.max(to, gap.from) as Micros });
  }

  /** Nothing was missed of any instrument. */
  takeBackAll(gap: OpenGap): void {
    this.closeAll(gap, gap.from);
  }

  /** A gap of all instruments of which both bounds are known. */
  recordFeed(from: Micros, to: Micros, cause: GapCause): void {
    this.feedRecords.push({ gap: { id: this.nextId(), from, cause }, to: Math.max(to, from) as Micros });
  }

  /** Emits what opened and closed since the last call. */
  flush(now: Micros): void {
    if (this.opening.length > 0) this.emitOpenings(now);
    if (this.closing.length > 0) {
      const closing = this.closing;
      this.closing = [];
      for (const { gap, to, instruments } of closing) this.emit(gap, to, now, instruments);
    }
    if (this.whole.length > 0) {
      const whole = this.whole;
      this.whole = [];
      for (const { from, to, cause, instruments } of whole) {
        const end = to === null ? null : (Math.max(to, from) as Micros);
        this.emit({ id: this.nextId(), from, cause }, end, now, instruments);
      }
    }
    if (this.feedRecords.length > 0) {
      const records = this.feedRecords;
      this.feedRecords = [];
      for (const { gap, to } of records) this.emit(gap, to, now, null);
    }
  }

  private emitOpenings(now: Micros): void {
    const opening = this.opening;
    this.opening = [];
    for (const { from, cause, holders } of opening) {
      const gap = { id: this.nextId(), from, cause };
      for (const holder of holders) holder.gap = gap;
      this.emit(
        gap,
        null,
        now,
        holders.map((holder) => holder.instrument),
      );
    }
  }

  private emit(gap: OpenGap, to: Micros | null, now: Micros, instruments: readonly string[] | null): void {
    this.options.emit({
      kind: 'gap',
      venue: this.options.venue,
      gap_id: gap.id,
      ...(instruments === null ? { all: true } : { instruments }),
      from: gap.from,
      to,
      cause: gap.cause,
      received_at: now,
    });
  }

  /** The venue is part of it, because the lines of both venues of a gatherer share one epoch. */
  private nextId(): string {
    this.counter++;
    return `${this.options.gatherer}:${this.options.epoch}:${this.options.venue}-${this.counter}`;
  }
}
