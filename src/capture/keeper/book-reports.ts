import type { Micros } from '../../units/time.ts';
import type { Delays } from './delays.ts';
import { DueList } from './due-list.ts';
import type { InstrumentState } from './instrument-state.ts';

/** A book without changes for this long, in microseconds, is still: what was sent before has arrived. */
const IDLE = 1_000_000;
/** However great the delay, an anchor waits no longer for late changes. */
const LONGEST_WAIT = 10_000_000;
/**
 * An anchor shortens the rebuilding of a book. It is due once there is something to be saved: after so many changes,
 * or so many intervals.
 */
const CHANGES_WORTH = 32;
const INTERVALS_WORTH = 20;
/** Books reported in one tick at most, of each kind; the others wait for the next. */
const PER_TICK = 2_000;

export interface BookReportsOptions {
  /** Between two reports of the best levels of a book that changes, microseconds; 0 for none. */
  readonly snapshotInterval: number;
  /** Between two anchors of a book that changes, microseconds; 0 for the one after each proof only. */
  readonly anchorInterval: number;
  /** Emits the best levels and the figures of the book as of `now`. */
  readonly snapshot: (state: InstrumentState, now: Micros) => void;
  /** Emits the whole book: it contains exactly the changes with a venue time up to `label`. */
  readonly anchor: (state: InstrumentState, label: Micros, received_at: Micros) => void;
  readonly delays: Delays;
}

/**
 * Decides when which book is reported: best levels at an interval while it changes, and exact anchors soon after
 * each proof and at an interval while it changes. Books are queued by when they changed first, so that the work
 * spreads as the changes do, and no tick does more than its share.
 */
export class BookReports {
  private readonly options: BookReportsOptions;
  private readonly snapshots = new DueList<InstrumentState>();
  private readonly anchors = new DueList<InstrumentState>();
  private readonly idle = new DueList<InstrumentState>();

  constructor(options: BookReportsOptions) {
    this.options = options;
  }

  /** The book has just been proven by a snapshot. */
  proven(state: InstrumentState, now: Micros): void {
    this.anchorDue(state, now);
    this.queueSnapshot(state, now);
  }

  /** An anchor is wanted as soon as one can be exact. */
  anchorDue(state: InstrumentState, now: Micros): void {
    state.isAnchorDue = true;
    if (state.isIdleQueued) return;
    state.isIdleQueued = true;
    this.idle.push(state, now + IDLE);
  }

  /**
   * A change of venue time `time` is about to be applied: the book as it stands has every change up to the
   * one before, if that was earlier.
   */
  beforeChange(state: InstrumentState, time: number, received_at: Micros): void {
    // With a label below an earlier one it would not be the anchor that a reader finds.
    if (!state.isAnchorDue || time <= state.changeTime || state.changeTime <= state.anchorLabel) return;
    this.emitAnchor(state, state.changeTime as Micros, received_at);
  }

  /** The book has changed. */
  changed(state: InstrumentState, now: Micros): void {
    if (!state.isSnapshotQueued) this.queueSnapshot(state, now);
    state.changesSinceAnchor++;
    if (!state.isAnchorQueued && this.options.anchorInterval > 0) {
      state.isAnchorQueued = true;
      this.anchors.push(state, now + this.options.anchorInterval);
    }
  }

  tick(now: Micros): void {
    for (let left = PER_TICK; left > 0; left--) {
      const state = this.snapshots.take(now);
      if (state === undefined) break;
      state.isSnapshotQueued = false;
      if (state.isProven && !state.isReleased) this.options.snapshot(state, now);
    }
    for (let left = PER_TICK; left > 0; left--) {
      const state = this.anchors.take(now);
      if (state === undefined) break;
      if (!state.isProven || state.isReleased) {
        state.isAnchorQueued = false;
        continue;
      }
      const { anchorInterval } = this.options;
      if (
        state.changesSinceAnchor < CHANGES_WORTH &&
        now - state.anchoredAt < INTERVALS_WORTH * anchorInterval
      ) {
        this.anchors.push(state, now + anchorInterval);
        continue;
      }
      state.isAnchorQueued = false;
      this.anchorDue(state, (now - IDLE) as Micros);
    }
    // What is put back is due later: this pass ends.
    for (let left = PER_TICK; left > 0; left--) {
      const state = this.idle.take(now);
      if (state === undefined) break;
      state.isIdleQueued = false;
      this.anchorIfIdle(state, now);
    }
  }

  private anchorIfIdle(state: InstrumentState, now: Micros): void {
    if (!state.isAnchorDue || !state.isProven || state.isReleased) return;
    const { delays } = this.options;
    const least = delays.least ?? 0;
    // Twice the usual excess of the delay, so that what the venue did before the label has come in.
    const excess = delays.least === null ? LONGEST_WAIT : 2 * delays.excess(state.source);
    const wait = Math.min(Math.max(excess, IDLE), LONGEST_WAIT);
    const still = Math.max(state.changedAt, state.seededAt);
    // The snapshot holds nothing later than this.
    const seed = delays.latestVenueTime(state.seededAt);
    const label = Math.max(state.changeTime, seed, state.anchorLabel + 1);
    if (now - still < wait || label > now - least) {
      state.isIdleQueued = true;
      this.idle.push(state, now + IDLE);
      return;
    }
    this.emitAnchor(state, label as Micros, now);
  }

  private emitAnchor(state: InstrumentState, label: Micros, received_at: Micros): void {
    state.isAnchorDue = false;
    state.anchorLabel = label;
    state.anchoredAt = received_at;
    state.changesSinceAnchor = 0;
    this.options.anchor(state, label, received_at);
  }

  private queueSnapshot(state: InstrumentState, now: Micros): void {
    if (state.isSnapshotQueued || this.options.snapshotInterval <= 0) return;
    state.isSnapshotQueued = true;
    this.snapshots.push(state, now + this.options.snapshotInterval);
  }
}
