import { StandStill } from '../../connections/stand-still.ts';
import { GapLedger } from '../../continuity/gap-ledger.ts';
import type { BookDeltaEvent, BookSnapshotEvent, GapCause, Level, MarketEvent } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { DecodedFrame, DecodeProblem } from '../../venues/decoder.ts';
import type { ConnectionEpoch, FrameOutcome, LineKeeper } from '../line.ts';
import { BookAccount } from './book-account.ts';
import { BookReports } from './book-reports.ts';
import { CaptureWriter } from './capture-writer.ts';
import { Carriers } from './carriers.ts';
import { type KeeperCounters, newCounters } from './counters.ts';
import { Delays } from './delays.ts';
import { DoubtedBooks } from './doubted-books.ts';
import { ExpectedInstruments } from './expected-instruments.ts';
import { Feeds } from './feeds.ts';
import { FrameFindings } from './frame-findings.ts';
import type { InstrumentState, Source } from './instrument-state.ts';
import type { KeeperOptions } from './options.ts';
import { ReleasedBooks } from './released-books.ts';

/** Problems that lose no event of a book or of anything else that is stored. */
const HARMLESS: ReadonlySet<string> = new Set([
  'unknown_type',
  'unknown_key',
  'unknown_value',
  'disagreement',
  'empty',
  'price_out_of_range',
]);

/**
 * What all venues' keepers share: instruments and what carries them, gaps, reports, copies from a second
 * connection, and the writing of captured events. A subclass knows how its venue shows continuity.
 */
export abstract class CaptureCore implements LineKeeper {
  readonly counters: KeeperCounters;
  protected readonly options: KeeperOptions;
  protected readonly states: ExpectedInstruments;
  protected readonly reports: BookReports;
  protected readonly account: BookAccount;
  protected readonly ledger: GapLedger;
  protected readonly writer: CaptureWriter;
  protected readonly carriers = new Carriers();
  protected readonly feeds: Feeds;
  private readonly doubted: DoubtedBooks;
  protected readonly released: ReleasedBooks;
  protected readonly findings = new FrameFindings();
  private readonly standStill = new StandStill();
  private readonly context = { received_at: 0 as Micros, useYesPrice: false };
  private lastReceived = 0;
  protected readonly delays = new Delays();
  /** Receive time of the frame at hand. */
  protected receivedAt = 0 as Micros;
  /** Differs from frame to frame. */
  protected frameNumber = 0;

  constructor(options: KeeperOptions) {
    this.options = options;
    this.counters = options.counters ?? newCounters();
    const { venue, gatherer, epoch } = options;
    this.writer = new CaptureWriter(options, this.counters);
    this.ledger = new GapLedger({ venue, gatherer, epoch, emit: (gap) => this.writer.gap(gap) });
    const { ledger, carriers, counters, delays } = this;
    const startedAt = options.clock();
    this.feeds = new Feeds({ ledger, carriers, delays });
    this.doubted = new DoubtedBooks(ledger);
    this.released = new ReleasedBooks(ledger, carriers);
    this.states = new ExpectedInstruments({ startedAt, ledger, carriers, counters, delays });
    this.reports = new BookReports({
      snapshotInterval: options.snapshotInterval,
      anchorInterval: options.anchorInterval,
      delays: this.delays,
      snapshot: (state, now) => this.writer.bestLevels(state, now),
      anchor: (state, label, received_at) => {
        this.writer.anchor(state, label, received_at);
        if (state.gap !== null) this.ledger.close(state, label);
      },
    });
    const { states, reports, findings } = this;
    this.account = new BookAccount({ states, ledger, carriers, counters, delays, reports, findings });
  }

  /** Everything a frame says, in order: continuity, books, events to the sink. */
  protected abstract applyFrame(source: Source, decoded: DecodedFrame, data: string | Uint8Array): void;

  frame(connection: ConnectionEpoch, data: string | Uint8Array, received_at: Micros): FrameOutcome {
    this.counters.frames++;
    this.frameNumber++;
    this.receivedAt = received_at;
    this.writer.clockStepped = received_at < this.lastReceived;
    this.lastReceived = received_at;
    this.writer.lateBy = Math.max(this.standStill.lateBy(received_at), this.delays.lateness);
    const decoded = this.decode(connection, data, received_at);
    const source = this.carriers.source(connection.name, decoded.sid, received_at);
    const { controls, problems } = decoded;
    for (let index = 0; index < controls.length; index++) {
      const control = controls[index]!;
      if (control.type === 'subscribed') this.subscribed(connection, control, received_at);
    }
    this.applyFrame(source, decoded, data);
    for (let index = 0; index < problems.length; index++)
      this.problem(source, problems[index]!, decoded, received_at);
    this.ledger.flush(received_at);
    return this.findings.take(decoded);
  }

  private subscribed(
    { name }: ConnectionEpoch,
    { channel, sid }: { readonly channel: string; readonly sid: number },
    received_at: Micros,
  ): void {
    const source = this.carriers.source(name, sid, received_at);
    source.feed = this.isBookChannel(channel) ? null : channel;
    // A feed is subscribed again only after it ended; what had it before brings nothing more, and proves nothing more.
    if (source.feed !== null) this.carriers.supersede(name, source);
  }

  frameFailed(connection: ConnectionEpoch, received_at: Micros): FrameOutcome {
    this.counters.problems++;
    this.counters.undecodable++;
    const found = this.findings.take(null);
    for (const source of this.carriers.of(connection.name))
      this.breakSource(source, received_at, 'undecodable_frame');
    this.ledger.flush(received_at);
    const broken = this.findings.take(null);
    return { ...broken, lifecycle: found.lifecycle, resync: [...found.resync, ...broken.resync] };
  }

  /** A decoder does not throw; if one does, the frame is one that cannot be read. */
  private decode(connection: ConnectionEpoch, data: string | Uint8Array, received_at: Micros): DecodedFrame {
    const { decoder } = this.options;
    const { context } = this;
    context.received_at = received_at;
    context.useYesPrice = connection.useYesPrice;
    try {
      return decoder.peek === undefined ? decoder.decode(data, context) : decoder.peek(data, context);
    } catch (error) {
      const problems = [{ reason: 'decoder_failed', message: String(error) }];
      return { events: [], controls: [], problems, tops: [], tickSizes: [], sid: 0, seq: 0 };
    }
  }

  expect(instruments: readonly string[], at: Micros): void {
    this.states.expect(instruments, at);
  }

  release(instruments: readonly string[], at: Micros): void {
    this.states.release(instruments, at, ({ instrument, source }) => {
      if (source === null) return at;
      const until = Math.min(this.believedUntil(source, at), at);
      if (until > this.delays.provenUntil(source)) this.released.add(source, instrument, until, at);
      return until;
    });
  }

  over(instruments: readonly string[], since: Micros): void {
    this.states.over(instruments, since, this.options.clock());
  }

  bind(connection: ConnectionEpoch, sid: number, instruments: readonly string[]): void {
    const now = this.options.clock();
    const source = this.carriers.source(connection.name, sid, now);
    this.expect(instruments, now);
    for (const instrument of instruments) {
      const state = this.states.get(instrument)!;
      if (state.source === source) {
        // Asked for anew on the same subscription: whatever happened in between is not known.
        this.carriers.setPending(state, null);
        this.account.suspect(state, this.delays.provenUntil(source), 'resubscribed');
        state.isSeeded = false;
      } else if (state.isProven) {
        // The old subscription goes on until the first snapshot of the new one.
        this.carriers.setPending(state, source);
      } else {
        this.carriers.setPending(state, null);
        this.carriers.setSource(state, source);
        state.isSeeded = false;
        state.resyncNotBefore = now + this.patience;
      }
    }
    this.ledger.flush(now);
  }

  doubt(connection: ConnectionEpoch, sid: number | null, at: Micros): void {
    if (sid === null) this.feeds.doubt(connection.name);
    else {
      const source = this.carriers.of(connection.name).find((other) => other.sid === sid);
      if (source !== undefined) {
        const proven = this.delays.provenUntil(source);
        this.doubted.doubt(source, proven);
        this.released.missed(source, proven, 'stalled');
      }
    }
    this.ledger.flush(at);
  }

  believe(connection: ConnectionEpoch, sid: number | null, at: Micros): void {
    if (sid === null) this.feeds.believe(connection.name);
    else
      for (const source of this.carriers.of(connection.name))
        if (source.sid === sid) this.doubted.settle(source);
    this.ledger.flush(at);
  }

  lose(instruments: readonly string[], since: Micros, cause: GapCause): void {
    for (const instrument of instruments) {
      const state = this.states.get(instrument);
      if (state === undefined) continue;
      const { source } = state;
      const lost = this.delays.venueTime(source, since);
      // That something ended is noticed later than it did: only what it brought shows until when it was there.
      const proven = state.isProven && source !== null ? this.delays.provenUntil(source) : lost;
      this.account.suspect(state, Math.min(lost, proven), cause);
      if (source !== null)
        this.released.missed(source, Math.min(lost, this.delays.provenUntil(source)), cause);
    }
    this.ledger.flush(this.options.clock());
  }

  interrupted(connection: ConnectionEpoch, since: Micros, at: Micros, cause: GapCause): void {
    for (const source of this.carriers.of(connection.name)) {
      const until = this.delays.venueTime(source, since);
      this.feeds.interrupted(connection.name, until, at, cause);
      for (const state of source.members)
        if (state.source === source) this.account.suspect(state, until, cause);
    }
    this.ledger.flush(at);
  }

  connectionClosed(connection: ConnectionEpoch, at: Micros, cause: GapCause): readonly string[] {
    const lost: string[] = [];
    this.feeds.drop(connection.name, at, cause);
    for (const source of this.carriers.close(connection.name)) {
      // A socket that fails may have lost something since the last frame of this very subscription.
      const isEnded = cause === 'line_down';
      const since = isEnded ? this.believedUntil(source, at) : this.delays.provenUntil(source);
      if (!isEnded) this.released.missed(source, since, cause);
      this.released.settle(source);
      for (const state of [...source.members]) {
        if (state.source !== source) {
          // What carried it before still does, but it has to be subscribed again.
          this.carriers.setPending(state, null);
          lost.push(state.instrument);
          continue;
        }
        this.account.suspect(state, since, cause);
        const next = state.pending;
        // In this order: what the next one has brought already belongs to its first book.
        this.carriers.setSource(state, next);
        this.carriers.setPending(state, null);
        state.isSeeded = false;
        if (next === null) lost.push(state.instrument);
      }
      this.doubted.settle(source);
    }
    this.ledger.flush(this.options.clock());
    return lost;
  }

  /**
   * Venue time up to which a subscription is believed to have brought everything, as nothing about it has failed by a
   * receive time: one with nothing to tell for an hour is no gap of an hour.
   */
  protected believedUntil(source: Source, at: Micros): number {
    const { delays } = this;
    const proven = delays.provenUntil(source);
    if (delays.least === null || this.doubted.has(source)) return proven;
    return Math.max(proven, delays.believedUntil(source, at));
  }

  feedExpected(feed: string, at: Micros, isAlone: boolean): void {
    this.feeds.expect(feed, at, isAlone);
    this.ledger.flush(this.options.clock());
  }

  feedCarried(feed: string, connection: ConnectionEpoch, at: Micros): void {
    this.feeds.carry(feed, connection.name, at);
    this.ledger.flush(this.options.clock());
  }

  feedDropped(connection: ConnectionEpoch, at: Micros, cause: GapCause): void {
    this.feeds.unsubscribed(connection.name, at, cause);
    this.ledger.flush(this.options.clock());
  }

  restSnapshot(snapshot: BookSnapshotEvent): FrameOutcome {
    const state = this.states.get(snapshot.instrument);
    this.writer.snapshot(state, snapshot, null);
    if (state?.isProven === true) this.account.hearWitness(state, snapshot);
    this.ledger.flush(snapshot.received_at);
    return this.findings.take(null);
  }

  tick(now: Micros): void {
    this.standStill.tick(now);
    this.reports.tick(now);
    this.feeds.tick(now);
    this.doubted.tick();
    this.released.tick();
    this.ledger.flush(now);
  }

  venueTime(received_at: Micros): Micros | null {
    return this.delays.provenTime(this.carriers.all(), received_at) as Micros | null;
  }

  counts(): { readonly expected: number; readonly bound: number; readonly proven: number } {
    return { expected: this.states.size, bound: this.carriers.bound, proven: this.states.proven };
  }

  isProven(instrument: string): boolean {
    return this.states.get(instrument)?.isProven === true;
  }

  /** The line's own book of an instrument as of the last frame; undefined for one that is not expected. */
  view(
    instrument: string,
  ): { readonly proven: boolean; readonly bids: Level[]; readonly asks: Level[] } | undefined {
    const state = this.states.get(instrument);
    if (state === undefined) return undefined;
    return { proven: state.isProven, bids: state.book.levels('bid'), asks: state.book.levels('ask') };
  }

  // What the venues' keepers are made of.

  /** Microseconds after a subscription in which its first book may still be on its way. */
  protected abstract readonly patience: number;

  /** Whether a subscription of this channel carries books, in contrast to a venue-wide feed. */
  protected abstract isBookChannel(channel: string): boolean;

  /** An element of the frame, or all of it, could not be read and may have held events of any of its books. */
  protected undecodable(source: Source, _decoded: DecodedFrame, received_at: Micros): void {
    this.breakSource(source, received_at, 'undecodable_frame');
  }

  /** What came over this subscription since its last good frame may be incomplete. */
  protected abstract breakSource(source: Source, received_at: Micros, cause: GapCause): void;

  /** Whether an event may be lost with it. */
  protected isLossy(problem: DecodeProblem): boolean {
    return !HARMLESS.has(problem.reason);
  }

  /**
   * Follows the delay of an event that happened just before it was sent. @returns whether it is one whose time can
   * be believed.
   */
  protected noteDelay(source: Source, event: MarketEvent): boolean {
    if (event.exchange_ts === null || (event.kind !== 'book_delta' && event.kind !== 'trade')) return false;
    return this.delays.note(source, event.exchange_ts, event.received_at);
  }

  /** Whether the venue time of an event lies so far ahead that it is most likely wrong. */
  protected isAhead({ exchange_ts, received_at }: MarketEvent): boolean {
    return exchange_ts !== null && this.delays.isAhead(exchange_ts, received_at);
  }

  /**
   * Whether the time of a change or book is out of reason. It must not become the time of anything else, and where
   * it belongs among the others is not known: the book is in doubt.
   */
  protected isAbsurd(state: InstrumentState, event: MarketEvent): boolean {
    if (!this.isAhead(event)) return false;
    const { received_at } = event;
    const from =
      state.isProven && state.source !== null ? this.delays.provenUntil(state.source) : received_at;
    this.account.suspect(state, from, 'undecodable_frame');
    this.account.askResync(state, 'undecodable_frame', received_at);
    return true;
  }

  /** A change that is not for the book: of another subscription, of an instrument nobody expects, or out of order. */
  protected stray(source: Source, event: BookDeltaEvent, state: InstrumentState | undefined, seq = 0): void {
    this.writer.stray(event, state, source, seq, this.isAhead(event));
  }

  /** A frame was received after which nothing of its subscription is missing. */
  protected good(source: Source, isTimed: boolean): void {
    source.lastGood = this.receivedAt;
    source.isHeard = true;
    if (isTimed) source.lastTimed = this.receivedAt;
  }

  private problem(source: Source, problem: DecodeProblem, decoded: DecodedFrame, received_at: Micros): void {
    this.counters.problems++;
    if (!this.isLossy(problem)) return;
    this.counters.undecodable++;
    if (problem.instrument === undefined) {
      this.undecodable(source, decoded, received_at);
      return;
    }
    const state = this.states.get(problem.instrument);
    if (state !== undefined && state.source === source && source.feed === null) {
      this.account.suspect(
        state,
        state.isProven ? this.delays.provenUntil(source) : received_at,
        'undecodable_frame',
      );
      this.account.askResync(state, 'undecodable_frame', received_at);
    } else {
      this.ledger.record(
        problem.instrument,
        this.delays.provenUntil(source) as Micros,
        this.delays.latestVenueTime(received_at) as Micros,
        'undecodable_frame',
      );
    }
  }
}
