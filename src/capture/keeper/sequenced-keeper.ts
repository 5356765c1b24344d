import { Continuity } from '../../continuity/sequence.ts';
import type { BookDeltaEvent, BookSnapshotEvent, GapCause } from '../../events/event.ts';
import { Placement } from '../../events/occurrence.ts';
import type { Micros } from '../../units/time.ts';
import type { DecodedFrame } from '../../venues/decoder.ts';
import { RESYNC_AGAIN } from './book-account.ts';
import { CaptureCore } from './capture-core.ts';
import { frameMark } from './frame-mark.ts';
import type { Source } from './instrument-state.ts';

const BOOK_CHANNEL = 'orderbook_delta';

/**
 * Keeper for a venue that numbers the messages of each subscription and sends signed changes (Kalshi). A number
 * that is missing puts every book of the subscription in doubt, and no other; a snapshot proves a book again.
 */
export class SequencedKeeper extends CaptureCore {
  /** Snapshots come before changes: a change without one is out of order at once. */
  protected readonly patience = 0;

  protected isBookChannel(channel: string): boolean {
    return channel === BOOK_CHANNEL;
  }

  protected applyFrame(source: Source, decoded: DecodedFrame): void {
    const { events, seq } = decoded;
    let isLate = false;
    if (seq > 0) {
      const continuity = source.sequence.accept(seq, frameMark(decoded));
      if (continuity === Continuity.duplicate) {
        this.counters.duplicate_frames++;
        return;
      }
      if (continuity === Continuity.late) {
        this.counters.late_frames++;
        isLate = true;
      } else if (continuity !== Continuity.next) {
        this.counters.sequence_gaps++;
        // How long this frame was under way tells how old the missing ones may be.
        for (const event of events) this.noteDelay(source, event);
        this.breakSource(source, this.receivedAt, 'sequence_gap');
      }
    }
    if (seq > 0 && this.isUnknown(source, decoded)) {
      if (decoded.problems.length === 0) {
        this.counters.problems++;
        this.findings.problem({
          reason: 'nothing_in_it',
          message: `message ${seq} of a subscription of books says nothing that is known`,
        });
      }
      this.counters.undecodable++;
      this.undecodable(source, decoded, this.receivedAt);
      return;
    }
    let isTimed = false;
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      if (this.noteDelay(source, event)) isTimed = true;
      switch (event.kind) {
        case 'book_delta':
          this.delta(source, event, seq, isLate);
          break;
        case 'book_snapshot':
          this.snapshot(source, event, seq, isLate);
          break;
        case 'trade':
          // Of an instrument that nobody has heard of, the registry is told.
          this.findings.touch(event.instrument);
          this.writer.tradeOnce(event, source, seq);
          break;
        case 'ticker':
          this.writer.ticker(event, source, seq);
          break;
        case 'lifecycle':
          if (this.writer.lifecycle(event, source, seq)) this.findings.lifecycle(event);
          break;
      }
    }
    this.askOwed(source);
    if (!isLate && (seq > 0 || events.length > 0)) this.good(source, isTimed);
  }

  /**
   * A number of a book subscription that brought nothing: whatever the venue said with it may have changed a book.
   * Where something of it was lost that is known, that is looked at by itself.
   */
  private isUnknown(source: Source, { events, controls, problems }: DecodedFrame): boolean {
    if (source.feed !== null || events.length > 0 || controls.length > 0) return false;
    return !problems.some((problem) => this.isLossy(problem));
  }

  protected override undecodable(source: Source, decoded: DecodedFrame, received_at: Micros): void {
    if (decoded.seq > 0) {
      this.breakSource(source, received_at, 'undecodable_frame');
      return;
    }
    // A frame without a number that can be read shows as a missing number with the next one; of a feed that has none, nothing
    // would show it.
    for (const other of this.carriers.of(source.connection)) {
      if (other.feed !== null && other.sequence.lastNumber === 0)
        this.breakSource(other, received_at, 'undecodable_frame');
    }
  }

  protected breakSource(source: Source, received_at: Micros, cause: GapCause): void {
    if (source.feed !== null) {
      this.feeds.broke(source, received_at, cause);
      return;
    }
    this.released.missed(source, this.delays.provenUntil(source), cause);
    if (source.members.size === 0) return;
    const instruments: string[] = [];
    for (const state of source.members) {
      // Of one that is waiting for its first book here, the missing frame may have been just that.
      instruments.push(state.instrument);
      if (state.source !== source) continue;
      this.account.suspect(state, this.delays.provenUntil(source), cause);
      state.resyncNotBefore = received_at + RESYNC_AGAIN;
    }
    // Frames of a kind that is not known may come without end: each puts the books in doubt, and not each asks for them.
    if (cause === 'undecodable_frame') {
      if (received_at < source.quietUntil) {
        source.isResyncOwed = true;
        return;
      }
      source.quietUntil = received_at + RESYNC_AGAIN;
    }
    source.isResyncOwed = false;
    this.account.requestResync(instruments, cause, source.sid);
  }

  /** What was put in doubt while no more was to be asked for is asked for once. */
  private askOwed(source: Source): void {
    if (!source.isResyncOwed || this.receivedAt < source.quietUntil) return;
    source.isResyncOwed = false;
    source.quietUntil = this.receivedAt + RESYNC_AGAIN;
    const doubted = [...source.members].filter((state) => !state.isProven || state.pending === source);
    if (doubted.length === 0) return;
    this.account.requestResync(
      doubted.map(({ instrument }) => instrument),
      'undecodable_frame',
      source.sid,
    );
  }

  private delta(source: Source, event: BookDeltaEvent, seq: number, isLate: boolean): void {
    const { received_at, exchange_ts, side, price } = event;
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || state.source !== source || isLate || event.change === undefined) {
      this.stray(source, event, state, seq);
      return;
    }
    if (this.isAbsurd(state, event)) {
      this.writer.aside(event, source, seq, this.writer.quality(state, event), true);
      return;
    }
    const time = exchange_ts ?? received_at;
    const counter = state.counter;
    if (counter.placeSigned(time, side, price, event.change) === Placement.late) this.counters.late_changes++;
    if (state.isProven) {
      this.reports.beforeChange(state, time, received_at);
      if (time <= state.anchorLabel) this.account.changeBeforeAnchor(state, time, received_at);
      const { book } = state;
      if (book.change(side, price, event.change, time) < 0) {
        this.counters.negative_sizes++;
        this.account.suspect(state, state.verifiedUntil, 'book_mismatch');
        this.account.askResync(state, 'book_mismatch', received_at);
      } else {
        if (event.change > 0 && book.crossed) this.counters.crossed++;
        if (time > state.changeTime) state.changeTime = time;
        state.changedAt = received_at;
        state.marker++;
        this.reports.changed(state, received_at);
      }
    } else {
      if (!state.isSeeded) this.counters.changes_before_snapshot++;
      this.account.askResync(state, state.gap?.cause ?? 'subscription_lost', received_at);
    }
    const quality = this.writer.quality(state, event);
    this.writer.delta(event, source, seq, quality, counter.occurrence, counter.instantIndex);
  }

  private snapshot(source: Source, event: BookSnapshotEvent, seq: number, isLate: boolean): void {
    this.findings.touch(event.instrument);
    const state = this.states.get(event.instrument);
    if (state === undefined || isLate || (state.source !== source && state.pending !== source)) {
      if (state === undefined) this.counters.unexpected++;
      else this.counters.superseded++;
      this.writer.snapshot(undefined, event, source, seq);
      return;
    }
    const time = event.exchange_ts ?? event.received_at;
    if (state.pending === source) this.account.takeOver(state, event, time);
    else {
      if (state.isProven) {
        if (state.book.equals(event.bids, event.asks)) this.counters.books_matched++;
        else {
          this.counters.books_differing++;
          this.account.suspect(state, state.verifiedUntil, 'book_mismatch');
        }
      }
      this.account.prove(state, event, time);
    }
    this.writer.snapshot(state, event, source, seq);
  }
}
