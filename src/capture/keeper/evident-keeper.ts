import { SetOutcome } from '../../book/order-book.ts';
import type {
  AbsoluteBookDelta,
  BookSnapshotEvent,
  GapCause,
  LifecycleEvent,
  TradeEvent,
} from '../../events/event.ts';
import { hashKey } from '../../events/identity.ts';
import { Placement } from '../../events/occurrence.ts';
import type { Micros } from '../../units/time.ts';
import type { DecodedFrame, DecodeProblem } from '../../venues/decoder.ts';
import { ANNOUNCEMENTS } from '../line.ts';
import { CaptureCore } from './capture-core.ts';
import { holdAgainstHashes } from './hash-proofs.ts';
import type { InstrumentState, Source } from './instrument-state.ts';
import { MissedChanges } from './missed-changes.ts';
import type { KeeperOptions } from './options.ts';
import { isRepeatedFrame } from './repeated-frame.ts';
import { StatedTops } from './stated-tops.ts';
import { TradeEvidence, takenBetween } from './trade-evidence.ts';

const SECOND = 1_000_000;
/** A connection whose frames cannot be read asks for all its books again at most this often. */
const QUIET_AFTER_UNREADABLE = 10 * SECOND;

/** What the keeper has to know of a venue that numbers nothing. */
export interface EvidentVenue {
  /** Makes the id of the n-th of several equal trades, counted from 0, of the derived one. */
  withOrdinal(tradeId: string, ordinal: number): string;
  /** Whether announcements of this type come over every connection. */
  isAnnouncedToAll(type: string): boolean;
}

/**
 * Keeper for a venue that numbers nothing and sends absolute sizes (Polymarket). A book is proven by a whole
 * book, and held against every best price and every further book that the venue states.
 */
export class EvidentKeeper extends CaptureCore {
  /** Nothing orders first books and changes: a first book may take a while. */
  protected readonly patience = 5 * SECOND;
  private readonly stated: StatedTops;
  private readonly venue: EvidentVenue;
  private readonly trades: TradeEvidence;
  /** By event of the frame at hand, the instrument that it changed. */
  private readonly changed: (InstrumentState | undefined)[] = [];

  constructor(options: KeeperOptions, venue: EvidentVenue) {
    super(options);
    this.venue = venue;
    const { account, counters, ledger } = this;
    this.trades = new TradeEvidence(ledger);
    this.stated = new StatedTops({ states: this.states, account, counters });
  }

  protected isBookChannel(): boolean {
    return true;
  }

  protected applyFrame(source: Source, decoded: DecodedFrame, data: string | Uint8Array): void {
    const { events } = decoded;
    const now = this.receivedAt;
    if (isRepeatedFrame(source, decoded, data)) {
      this.counters.resends += events.length;
      return;
    }
    const { markets, tickSizes } = decoded;
    if (markets !== undefined && markets.length > 0)
      for (const { instrument, market } of markets) this.trades.belongs(instrument, market);
    for (let index = 0; index < tickSizes.length; index++) {
      const { instrument } = tickSizes[index]!;
      // The grid is new, the levels stay: those off the new grid are still good orders.
      this.counters.tick_size_changes++;
      const state = this.states.get(instrument);
      if (state !== undefined) state.marker++;
    }
    let isTimed = false;
    const { changed } = this;
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      changed[index] = undefined;
      if (this.noteDelay(source, event)) isTimed = true;
      switch (event.kind) {
        case 'book_delta':
          if (event.size !== undefined) changed[index] = this.delta(source, event);
          else this.stray(source, event, this.states.get(event.instrument));
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
          this.lifecycle(source, event);
          break;
      }
    }
    if (decoded.tops.length > 0) this.stated.check(source, decoded.tops, changed, this.frameNumber, now);
    const { proofs } = this.options;
    if (proofs !== undefined) holdAgainstHashes(proofs, this.states, source, events, this.frameNumber);
    if (events.length > 0) this.good(source, isTimed);
    if (source.isHeard && !source.isAnnouncing) this.announces(source, now);
    this.stated.askForWaiting(now);
    this.counters.books_differing += this.trades.settle(now);
  }

  override tick(now: Micros): void {
    // What only a trade explains is looked at again once the trade must have been told.
    this.counters.books_differing += this.trades.settle(now);
    super.tick(now);
  }

  override release(instruments: readonly string[], at: Micros): void {
    super.release(instruments, at);
    for (const instrument of instruments) this.trades.forget(instrument);
  }

  /**
   * Nothing lists subscriptions or numbers what they bring: a socket that answers heartbeats may have lost it for any
   * time. Data alone counts, and with it the announcements, which come over every connection.
   */
  protected override believedUntil(source: Source): number {
    return this.delays.provenUntil(source);
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
        this.account.suspect(state, this.delays.provenUntil(source), cause);
        state.resyncNotBefore = received_at + QUIET_AFTER_UNREADABLE;
      }
      lost.push(state.instrument);
    }
    // Garbage may come without end: those still waiting for a book are asked for again when changes arrive.
    if (received_at < source.quietUntil || lost.length === 0) return;
    source.quietUntil = received_at + QUIET_AFTER_UNREADABLE;
    this.account.requestResync(lost, cause, 0);
  }

  /** Nothing confirms a subscription but its data; with the first of it come the venue's announcements, too. */
  private announces(source: Source, now: Micros): void {
    source.isAnnouncing = true;
    this.feeds.carry(ANNOUNCEMENTS, source.connection, now);
  }

  private lifecycle(source: Source, event: LifecycleEvent): void {
    const isNew = this.writer.lifecycle(event, source, 0);
    if (isNew) this.findings.lifecycle(event);
    if (this.venue.isAnnouncedToAll(event.type)) this.findings.announced(isNew);
  }

  /** @returns the instrument of the change, where its book is taken from this subscription. */
  private delta(source: Source, event: AbsoluteBookDelta): InstrumentState | undefined {
    const { received_at, exchange_ts, side, price, size } = event;
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || state.source !== source) {
      if (state?.pending === source && !this.isAhead(event)) this.missed(source, event);
      this.stray(source, event, state);
      return undefined;
    }
    if (this.isAbsurd(state, event)) {
      this.writer.aside(event, source, 0, this.writer.quality(state, event), true);
      return state;
    }
    const time = exchange_ts ?? received_at;
    const counter = state.counter;
    const placement = counter.placeAbsolute(time, side, price, size, hashKey(event.hash));
    if (placement === Placement.resend) {
      this.counters.resends++;
      // A book of its instant that came in between holds what became of it.
      state.unappliedFrame = this.frameNumber;
      return state;
    }
    if (placement === Placement.late) this.counters.late_changes++;
    if (state.isProven) this.apply(state, event, time, placement === Placement.late);
    else {
      if (!state.isSeeded) this.counters.changes_before_snapshot++;
      this.missed(source, event);
      this.account.askResync(state, state.gap?.cause ?? 'no_first_event', received_at);
    }
    const quality = this.writer.quality(state, event);
    this.writer.delta(event, source, 0, quality, counter.occurrence, counter.instantIndex);
    return state;
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
      this.account.suspect(state, state.verifiedUntil, 'book_mismatch');
      this.stated.waitForBook(state, received_at);
      return;
    }
    if (time < state.anchorLabel) this.account.changeBeforeAnchor(state, time, received_at);
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
      this.writer.snapshot(undefined, event, source, 0, 0, this.isAhead(event));
      return;
    }
    if (this.isAbsurd(state, event)) {
      this.writer.snapshot(undefined, event, source, 0, 0, true);
      return;
    }
    const time = event.exchange_ts ?? event.received_at;
    const missed = source.missed.get(event.instrument)?.since(time) ?? null;
    let instantIndex = this.placedAt(state, source, time);
    if (state.source === source && state.isProven) this.verify(state, event, time);
    else if (this.isOutdated(state, source, event, time)) {
      this.counters.books_stale++;
      this.account.askResync(state, state.gap?.cause ?? 'book_mismatch', event.received_at);
    } else {
      if (state.pending === source) this.account.takeOver(state, event, time);
      else this.reprove(state, event, time);
      source.missed.delete(event.instrument);
      for (const change of missed ?? []) {
        // Nothing orders a first book and the changes of its instant: they count as later than it.
        if ((change.exchange_ts ?? change.received_at) === time) instantIndex--;
        if (!state.isProven) continue;
        this.apply(
          state,
          { ...change, received_at: event.received_at },
          change.exchange_ts ?? change.received_at,
          false,
        );
      }
    }
    this.writer.snapshot(state, event, source, 0, Math.max(instantIndex, 0));
  }

  /** How many changes of that instant the subscription has brought of the instrument. */
  private placedAt(state: InstrumentState, source: Source, time: number): number {
    if (state.source === source) return state.occurrences?.countAt(time) ?? 0;
    return source.asides.countAt(state.instrument, time);
  }

  private missed(source: Source, change: AbsoluteBookDelta): void {
    let missed = source.missed.get(change.instrument);
    if (missed === undefined) {
      missed = new MissedChanges();
      source.missed.set(change.instrument, missed);
    }
    // What the decoder gives is used again for the next frame.
    missed.add({ ...change });
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
      this.account.suspect(state, state.verifiedUntil, 'book_mismatch');
    }
    this.account.prove(state, event, time);
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
    const { received_at } = event;
    const amount = takenBetween({ bids: book.levels('bid'), asks: book.levels('ask') }, event);
    if (amount !== null) {
      const taken = { state, from: state.verifiedUntil, to: time, amount, received_at };
      if (this.trades.doubt(taken)) this.counters.books_moved_by_trade++;
    } else {
      this.counters.books_differing++;
      this.account.suspect(state, state.verifiedUntil, 'book_mismatch');
    }
    this.reports.beforeChange(state, time, event.received_at);
    if (!state.isProven) {
      this.account.prove(state, event, time);
      return;
    }
    if (time < state.anchorLabel) this.account.changeBeforeAnchor(state, time, event.received_at);
    book.replace(event.bids, event.asks, time);
    state.verifiedUntil = this.delays.venueTime(state.source, event.received_at);
    if (time > state.changeTime) state.changeTime = time;
    state.changedAt = event.received_at;
    state.marker++;
    this.reports.changed(state, event.received_at);
  }

  private trade(source: Source, event: TradeEvent): void {
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || state.source !== source) {
      if (state === undefined) this.counters.unexpected++;
      else this.counters.superseded++;
    }
    if (state?.source === source) this.counters.books_moved_by_trade += this.trades.trade(event);
    // Every subscription is counted by itself: the n-th of equal trades on one is the n-th on another.
    const ordinal = source.trades.next(event.trade_id);
    this.writer.trade({ ...event, trade_id: this.venue.withOrdinal(event.trade_id, ordinal) }, source, 0);
  }
}
