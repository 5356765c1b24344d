import type { GapLedger } from '../../continuity/gap-ledger.ts';
import type { BookSnapshotEvent, GapCause } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { BookReports } from './book-reports.ts';
import type { Carriers } from './carriers.ts';
import type { KeeperCounters } from './counters.ts';
import { type Delays, UNKNOWN_DELAY } from './delays.ts';
import type { ExpectedInstruments } from './expected-instruments.ts';
import type { FrameFindings } from './frame-findings.ts';
import type { InstrumentState } from './instrument-state.ts';
import { holdAgainstRest } from './rest-witness.ts';

const SECOND = 1_000_000;
/** At most one resync is asked for per instrument in this time, unless a new break calls for it. */
export const RESYNC_AGAIN = 15 * SECOND;
/** A resync on REST evidence alone: the REST book may be the stale one. */
const RESYNC_BY_REST = 60 * SECOND;

export interface BookAccountParts {
  readonly states: ExpectedInstruments;
  readonly ledger: GapLedger;
  readonly carriers: Carriers;
  readonly counters: KeeperCounters;
  readonly delays: Delays;
  readonly reports: BookReports;
  readonly findings: FrameFindings;
}

/** What can be shown of each book: it comes into doubt, with a gap, and is proven again, by a book that is asked for. */
export class BookAccount {
  private readonly parts: BookAccountParts;

  constructor(parts: BookAccountParts) {
    this.parts = parts;
  }

  /** Asks the pool for fresh books; repeated requests of one instrument are left out for a while. */
  askResync(state: InstrumentState, cause: GapCause, now: number): void {
    if (now < state.resyncNotBefore) return;
    state.resyncNotBefore = now + RESYNC_AGAIN;
    this.requestResync([state.instrument], cause, state.source?.sid ?? 0);
  }

  requestResync(instruments: readonly string[], cause: GapCause, sid: number): void {
    this.parts.counters.resyncs += instruments.length;
    this.parts.findings.resync(instruments, cause, sid);
  }

  /** The book can no longer be shown to be right since `from` (venue time, as our clock has it). */
  suspect(state: InstrumentState, from: number, cause: GapCause): void {
    this.parts.states.setProven(state, false);
    this.parts.ledger.open(state, from as Micros, cause);
  }

  /** The book is the one just received. Its gap, if any, closes with the first exact anchor. */
  prove(state: InstrumentState, snapshot: BookSnapshotEvent, time: number): void {
    const { received_at } = snapshot;
    state.book.replace(snapshot.bids, snapshot.asks, time);
    state.isSeeded = true;
    state.isAfterGap ||= state.gap !== null;
    this.parts.states.setProven(state, true);
    state.seededAt = received_at;
    state.verifiedUntil = this.parts.delays.venueTime(state.source, received_at);
    state.changeTime = Number.NEGATIVE_INFINITY;
    state.changedAt = Number.NEGATIVE_INFINITY;
    state.resyncNotBefore = Number.NEGATIVE_INFINITY;
    state.restDisagreements = 0;
    state.marker++;
    this.parts.counters.proofs++;
    this.parts.reports.proven(state, received_at);
    this.parts.findings.proven(state.instrument);
  }

  /**
   * A snapshot from the subscription that is to take over: from now on the book is its. What the old one may
   * still have had under way is a short gap.
   */
  takeOver(state: InstrumentState, snapshot: BookSnapshotEvent, time: number): void {
    const next = state.pending!;
    const before = state.source;
    this.parts.carriers.setPending(state, null);
    this.parts.carriers.setSource(state, next);
    if (state.isProven)
      this.parts.ledger.open(
        state,
        (before === null ? time : this.parts.delays.provenUntil(before)) as Micros,
        'resubscribed',
      );
    this.prove(state, snapshot, time);
  }

  /**
   * A change older than an anchor that was said to hold everything up to its label: from that change until the
   * next exact anchor the rebuilt book may be wrong.
   */
  changeBeforeAnchor(state: InstrumentState, time: number, now: Micros): void {
    this.parts.ledger.open(state, time as Micros, 'book_mismatch');
    this.parts.reports.anchorDue(state, now);
  }

  /** Holds a book by REST against a proven one, and asks for a new one where they differ again and again. */
  hearWitness(state: InstrumentState, snapshot: BookSnapshotEvent): void {
    const { received_at, exchange_ts } = snapshot;
    const verdict = holdAgainstRest(state, snapshot);
    if (verdict === 'older') return;
    if (verdict === 'agrees') {
      this.parts.counters.rest_matched++;
      const made = exchange_ts ?? this.parts.delays.venueTime(state.source, received_at - UNKNOWN_DELAY);
      state.verifiedUntil = Math.max(state.verifiedUntil, made);
      return;
    }
    this.parts.counters.rest_differing++;
    // The book stays as it is: only one from the stream itself can show it wrong.
    if (verdict === 'differs' || received_at < state.resyncNotBefore) return;
    state.resyncNotBefore = received_at + RESYNC_BY_REST;
    this.requestResync([state.instrument], 'book_mismatch', state.source?.sid ?? 0);
  }
}
