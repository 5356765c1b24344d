import { SetOutcome } from '../../book/order-book.ts';
import type {
  AbsoluteBookDelta,
  BookSnapshotEvent,
  GapCause,
  Level,
  TradeEvent,
} from '../../events/event.ts';
import { hashKey } from '../../events/identity.ts';
import { Placement } from '../../events/occurrence.ts';
import type { Micros } from '../../units/time.ts';
import type { DecodedFrame, DecodeProblem, StatedTop } from '../../venues/decoder.ts';
import { ANNOUNCEMENTS } from '../line.ts';
import { CaptureCore } from './capture-core.ts';
import { DueList } from './due-list.ts';
import type { InstrumentState, Source } from './instrument-state.ts';
import { MissedChanges } from './missed-changes.ts';
import type { KeeperOptions } from './options.ts';

const SECOND = 1_000_000;
/** A book that disagrees with a stated price often follows within this time. */
const BOOK_FOLLOWS = 0.3 * SECOND;
/** Frames beyond this length are not kept for comparison with the next. */
const LONGEST_REPEATED = 65_536;
/** Books that differ as by a trade before that is taken for the venue's way. */
const BOOKS_TO_BELIEVE = 8;
/** A connection whose frames cannot be read asks for all its books again at most this often. */
const QUIET_AFTER_UNREADABLE = 10 * SECOND;

/**
 * Keeper for a venue that numbers nothing and sends absolute sizes (Polymarket). A book is proven by a whole
 * book, and held against every best price and every further book that the venue states.
 */
export class EvidentKeeper extends CaptureCore {
  /** Nothing orders first books and changes: a first book may take a while. */
  protected readonly patience = 5 * SECOND;
  private readonly waiting = new DueList<InstrumentState>();
  private readonly withOrdinal: (tradeId: string, ordinal: number) => string;
  private takenBooks = 0;

  /** @param withOrdinal makes the id of the n-th of several equal trades, counted from 0, of the derived one. */
  constructor(options: KeeperOptions, withOrdinal: (tradeId: string, ordinal: number) => string) {
    super(options);
    this.withOrdinal = withOrdinal;
  }

  protected isBookChannel(): boolean {
    return true;
  }

  protected applyFrame(source: Source, decoded: DecodedFrame, data: string): void {
    const { events } = decoded;
    const now = this.receivedAt;
    if (this.isRepeated(source, decoded, data)) {
      this.counters.resends += events.length;
      return;
    }
    for (const { instrument } of decoded.tickSizes) {
      // The grid is new, the levels stay: those off the new grid are still good orders.
      this.counters.tick_size_changes++;
      const state = this.states.get(instrument);
      if (state !== undefined) state.marker++;
    }
    let isTimed = false;
    for (const event of events) {
      if (this.noteDelay(source, event)) isTimed = true;
      switch (event.kind) {
        case 'book_delta':
          if (event.size !== undefined) this.delta(source, event);
          else this.writer.stray(event, this.states.get(event.instrument), source, 0);
          break;
        case 'book_snapshot':
          this.snapshot(source, event);
          break;
        case 'trade':
          this.trade(source, event);
          break;
        case 'ticker':
          this.writer.ticker(event, source, 0);
          break;
        case 'lifecycle':
          if (this.writer.lifecycle(event, source, 0)) this.findings.lifecycle(event);
          break;
      }
    }
    if (decoded.tops.length > 0) this.checkTops(source, decoded, now);
    if (events.length > 0) this.good(source, isTimed);
    if (source.isHeard && !source.isAnnouncing) this.announces(source, now);
    this.askForWaiting(now);
  }

  /** A message of a new kind that names an instrument may have changed its book: no number would show that. */
  protected override isLossy(problem: DecodeProblem): boolean {
    return super.isLossy(problem) || (problem.reason === 'unknown_type' && problem.instrument !== undefined);
  }

  protected breakSource(source: Source, received_at: Micros, cause: GapCause): void {
    source.lastFrame = null;
    this.feeds.broke(source, received_at, cause);
    if (source.members.size === 0) return;
    const lost: string[] = [];
    for (const state of source.members) {
      if (state.source !== source) continue;
      if (state.isProven) {
        this.suspect(state, this.provenUntil(source), cause);
        state.resyncNotBefore = received_at + QUIET_AFTER_UNREADABLE;
      }
      lost.push(state.instrument);
    }
    // Garbage may come without end: those still waiting for a book are asked for again when changes arrive.
    if (received_at < source.quietUntil || lost.length === 0) return;
    source.quietUntil = received_at + QUIET_AFTER_UNREADABLE;
    this.requestResync(lost, cause, 0);
  }

  /** Nothing confirms a subscription but its data; with the first of it come the venue's announcements, too. */
  private announces(source: Source, now: Micros): void {
    source.isAnnouncing = true;
    this.feeds.carry(ANNOUNCEMENTS, source.connection, now);
  }

  /** A frame of changes that is the one before it, letter for letter: with several changes of a level, too. */
  private isRepeated(source: Source, decoded: DecodedFrame, data: string): boolean {
    const isRepeated = data === source.lastFrame;
    if (isRepeated || decoded.events.length === 0) return isRepeated;
    const isChanges =
      data.length < LONGEST_REPEATED && decoded.events.every((event) => event.kind === 'book_delta');
    source.lastFrame = isChanges ? data : null;
    return false;
  }

  private delta(source: Source, event: AbsoluteBookDelta): void {
    const { received_at, exchange_ts, side, price, size } = event;
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || state.source !== source) {
      if (state?.pending === source && !this.delays.isAhead(exchange_ts ?? received_at, received_at))
        this.missed(source, event);
      this.writer.stray(event, state, source, 0);
      return;
    }
    if (this.isAbsurd(state, event)) {
      this.writer.delta(event, source, 0, this.writer.quality(state, event), 0, 0);
      return;
    }
    const time = exchange_ts ?? received_at;
    const counter = state.counter;
    const placement = counter.placeAbsolute(time, side, price, size, hashKey(event.hash));
    if (placement === Placement.resend) {
      this.counters.resends++;
      // A book may have come in between: whoever rebuilds it applies the changes of its instant after it.
      if (state.isProven && state.book.sizeAt(side, price) !== size) this.apply(state, event, time, false);
      else state.unappliedFrame = this.frameNumber;
      return;
    }
    if (placement === Placement.late) this.counters.late_changes++;
    if (state.isProven) this.apply(state, event, time, placement === Placement.late);
    else {
      if (!state.isSeeded) this.counters.changes_before_snapshot++;
      this.missed(source, event);
      this.askResync(state, state.gap?.cause ?? 'no_first_event', received_at);
    }
    const quality = this.writer.quality(state, event);
    this.writer.delta(event, source, 0, quality, counter.occurrence, counter.instantIndex);
  }

  private apply(state: InstrumentState, event: AbsoluteBookDelta, time: number, isLate: boolean): void {
    const { received_at, side, price, size } = event;
    const { book } = state;
    this.reports.beforeChange(state, time, received_at);
    const outcome = book.set(side, price, size, time);
    state.unappliedFrame = 0;
    if (outcome !== SetOutcome.applied || isLate) state.unappliedFrame = this.frameNumber;
    if (outcome === SetOutcome.stale) return;
    if (outcome === SetOutcome.undecidable) {
      this.suspect(state, state.verifiedUntil, 'book_mismatch');
      this.waitForBook(state, received_at);
      return;
    }
    if (time < state.anchorLabel) this.changeBeforeAnchor(state, time, received_at);
    if (size > 0 && book.crossed) this.counters.crossed++;
    if (time > state.changeTime) state.changeTime = time;
    state.changedAt = received_at;
    state.marker++;
    this.reports.changed(state, received_at);
  }

  private snapshot(source: Source, event: BookSnapshotEvent): void {
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || (state.source !== source && state.pending !== source)) {
      if (state === undefined) this.counters.unexpected++;
      else this.counters.superseded++;
      this.writer.snapshot(undefined, event, source);
      return;
    }
    if (this.isAbsurd(state, event)) {
      this.writer.snapshot(undefined, event, source);
      return;
    }
    const time = event.exchange_ts ?? event.received_at;
    const missed = source.missed.get(event.instrument)?.since(time) ?? null;
    if (state.source === source && state.isProven) this.verify(state, event, time);
    else if (this.isOutdated(state, source, event, time)) {
      this.counters.books_stale++;
      this.askResync(state, state.gap?.cause ?? 'book_mismatch', event.received_at);
    } else {
      if (state.pending === source) this.takeOver(state, event, time);
      else this.reprove(state, event, time);
      source.missed.delete(event.instrument);
      for (const change of missed ?? []) {
        if (!state.isProven) break;
        this.apply(
          state,
          { ...change, received_at: event.received_at },
          change.exchange_ts ?? change.received_at,
          false,
        );
      }
    }
    this.writer.snapshot(state, event, source);
  }

  private missed(source: Source, change: AbsoluteBookDelta): void {
    let missed = source.missed.get(change.instrument);
    if (missed === undefined) {
      missed = new MissedChanges();
      source.missed.set(change.instrument, missed);
    }
    missed.add(change);
  }

  /** Whether the book may lack changes that its own subscription sent before it, and that are not at hand any more. */
  private isOutdated(
    state: InstrumentState,
    source: Source,
    event: BookSnapshotEvent,
    time: number,
  ): boolean {
    if (source.missed.get(event.instrument)?.since(time) === null) return true;
    if (state.source !== source || !state.isSeeded || time >= state.changeTime) return false;
    return !state.book.equals(event.bids, event.asks);
  }

  /**
   * The first book after a gap. If it is no later than the last change that the line applied, nothing happened in
   * the gap: then a difference was there before.
   */
  private reprove(state: InstrumentState, event: BookSnapshotEvent, time: number): void {
    if (time <= state.changeTime && !state.book.equals(event.bids, event.asks)) {
      this.counters.books_differing++;
      this.suspect(state, state.verifiedUntil, 'book_mismatch');
    }
    this.prove(state, event, time);
  }

  /** A further book of a proven instrument: the venue's statement of what the line should hold. */
  private verify(state: InstrumentState, event: BookSnapshotEvent, time: number): void {
    const { book } = state;
    if (time < book.lastTime) {
      this.counters.books_stale++;
      return;
    }
    if (book.equals(event.bids, event.asks)) {
      this.counters.books_matched++;
      state.verifiedUntil = this.delays.venueTime(state.source, event.received_at);
      return;
    }
    if (this.isByTrade(book.levels('bid'), book.levels('ask'), event)) this.counters.books_moved_by_trade++;
    else {
      this.counters.books_differing++;
      this.suspect(state, state.verifiedUntil, 'book_mismatch');
    }
    this.reports.beforeChange(state, time, event.received_at);
    if (!state.isProven) {
      this.prove(state, event, time);
      return;
    }
    if (time < state.anchorLabel) this.changeBeforeAnchor(state, time, event.received_at);
    book.replace(event.bids, event.asks, time);
    state.verifiedUntil = this.delays.venueTime(state.source, event.received_at);
    if (time > state.changeTime) state.changeTime = time;
    state.changedAt = event.received_at;
    state.marker++;
    this.reports.changed(state, event.received_at);
  }

  /**
   * Whether a trade explains the difference. Where the venue tells of what trades take by the book alone, that is
   * nearly every book that follows a trade, and no change is missing. Where it also sends the changes, books
   * agree as a rule, and one that does not is evidence of a loss.
   */
  private isByTrade(bids: readonly Level[], asks: readonly Level[], event: BookSnapshotEvent): boolean {
    const isTaken =
      (isConsumed(bids, event.bids) && sameLevels(asks, event.asks)) ||
      (isConsumed(asks, event.asks) && sameLevels(bids, event.bids));
    if (isTaken) this.takenBooks++;
    return isTaken && this.takenBooks > BOOKS_TO_BELIEVE + 2 * this.counters.books_matched;
  }

  /** The best prices stated with the last change of each instrument in the frame, after all of them. */
  private checkTops(source: Source, decoded: DecodedFrame, now: Micros): void {
    const { tops } = decoded;
    for (let index = tops.length - 1; index >= 0; index--) {
      const { top } = tops[index]!;
      const state = this.states.get(top.instrument);
      if (state === undefined || state.toppedFrame === this.frameNumber) continue;
      state.toppedFrame = this.frameNumber;
      if (state.source === source) this.checkTop(state, top, now);
    }
  }

  private checkTop(state: InstrumentState, top: StatedTop, now: Micros): void {
    if (!state.isProven || state.unappliedFrame === this.frameNumber) return;
    const { book } = state;
    if (book.bestBid === top.bid && book.bestAsk === top.ask) {
      this.counters.tops_matched++;
      return;
    }
    this.counters.tops_differing++;
    this.suspect(state, state.verifiedUntil, 'book_mismatch');
    this.waitForBook(state, now);
  }

  private trade(source: Source, event: TradeEvent): void {
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || state.source !== source) {
      if (state === undefined) this.counters.unexpected++;
      else this.counters.superseded++;
    }
    // Every subscription is counted by itself: the n-th of equal trades on one is the n-th on another.
    const ordinal = source.trades.next(event.trade_id);
    this.writer.trade({ ...event, trade_id: this.withOrdinal(event.trade_id, ordinal) }, source, 0);
  }

  private waitForBook(state: InstrumentState, now: Micros): void {
    if (state.isResyncQueued) return;
    state.isResyncQueued = true;
    this.waiting.push(state, now + BOOK_FOLLOWS);
  }

  private askForWaiting(now: Micros): void {
    for (let state = this.waiting.take(now); state !== undefined; state = this.waiting.take(now)) {
      state.isResyncQueued = false;
      if (!state.isProven && !state.isReleased && state.source !== null) {
        this.askResync(state, 'book_mismatch', now);
      }
    }
  }
}

function sameLevels(a: readonly Level[], b: readonly Level[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index]![0] !== b[index]![0] || a[index]![1] !== b[index]![1]) return false;
  }
  return true;
}

/** Whether `after` is `before` with some of the best levels gone, the last of them perhaps in part. */
function isConsumed(before: readonly Level[], after: readonly Level[]): boolean {
  const gone = before.length - after.length;
  if (gone < 0) return false;
  for (let index = 0; index < after.length; index++) {
    const [price, size] = before[gone + index]!;
    if (after[index]![0] !== price) return false;
    if (index === 0 ? after[0]![1] > size : after[index]![1] !== size) return false;
  }
  return true;
}
