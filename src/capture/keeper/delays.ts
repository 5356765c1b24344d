import { LONGEST_LATENESS } from '../../events/captured.ts';
import type { Source } from './instrument-state.ts';

const SECOND = 1_000_000;
/** Events of one subscription may overtake each other by this much, and by how far delays vary. */
const DISORDER = 50_000;
/** A delay this much above the least is not believed. */
const MOST_EXCESS = 3_600 * SECOND;
/** A venue time this much further ahead than any before it is believed only when several in a row agree. */
const AHEAD = 5 * SECOND;
const AGREEING = 8;
/** How long a frame without venue time may have been under way. */
export const UNKNOWN_DELAY = 10 * SECOND;
/** How long data may have been under way when something else, a heartbeat, overtook it. */
const OVERTAKEN = 3 * SECOND;
/** What all subscriptions together are taken to lag at most. */
const LONGEST_LAG = 20 * SECOND;
/** The least delay is forgotten at a thousandth of the time that passes: clocks drift. */
const FLOOR_RISE = 1_000;
/** Delays up to here are usual: what came with them was read when it came. */
const USUAL = SECOND;
/** Part of the way down that the greatest delay takes with each event. */
const DECAY = 64;

/**
 * Delays between venue and line, microseconds: receive time less venue time, negative where the venue's clock is
 * ahead. They turn our times into the venue's, in which changes, gaps and anchors are compared.
 */
export class Delays {
  private floor: number | null = null;
  private floorAt = 0;
  private greatest = 0;
  /** Delay of the latest event that was not believed, and how many in a row had nearly the same. */
  private doubted = 0;
  private doubtedCount = 0;

  /** Least delay, or null before the first event with a venue time. */
  get least(): number | null {
    return this.floor;
  }

  /**
   * By how much what is received now may have come before its receive time, microseconds; 0 while delays are usual.
   * Whether it waited to be read or our clock is ahead shows in the same way.
   */
  get lateness(): number {
    return this.greatest > USUAL ? Math.min(this.greatest, LONGEST_LATENESS) : 0;
  }

  /** Whether a venue time lies so far ahead that it is most likely wrong. */
  isAhead(exchange_ts: number, received_at: number): boolean {
    return received_at - exchange_ts < Math.min(this.floor ?? 0, 0) - AHEAD;
  }

  /** Follows the delay of an event. @returns whether its time is believed. */
  note(source: Source, exchange_ts: number, received_at: number): boolean {
    const delay = received_at - exchange_ts;
    if (this.isAhead(exchange_ts, received_at)) {
      this.doubtedCount = Math.abs(delay - this.doubted) < AHEAD ? this.doubtedCount + 1 : 1;
      this.doubted = delay;
      if (this.doubtedCount < AGREEING) return false;
    }
    this.doubtedCount = 0;
    let floor = this.floor;
    if (floor === null) floor = delay;
    else {
      floor += (received_at - this.floorAt) / FLOOR_RISE;
      if (delay < floor) floor = delay;
    }
    this.floor = floor;
    this.floorAt = received_at;
    const bounded = Math.min(delay, floor + MOST_EXCESS);
    source.delay = decayed(source.delay ?? bounded, bounded);
    this.greatest = decayed(this.greatest, bounded);
    return true;
  }

  /** How far delays of this subscription vary. */
  excess(source: Source | null): number {
    return Math.max(this.delay(source) - (this.floor ?? 0), 0);
  }

  /** A receive time as a time of the venue before which, on this subscription, everything had arrived. */
  venueTime(source: Source | null, received_at: number): number {
    return Math.floor(received_at - this.delay(source) - this.excess(source) - DISORDER);
  }

  /** Venue time up to which nothing of this subscription can be missing. */
  provenUntil(source: Source): number {
    const timed = this.venueTime(source, source.lastTimed);
    if (source.lastGood === source.lastTimed) return timed;
    // What came last does not show how long it was under way.
    return Math.max(timed, this.venueTime(source, source.lastGood) - UNKNOWN_DELAY);
  }

  /**
   * Venue time up to which a subscription is believed to have brought everything when its connection was in order at a
   * receive time, whatever of it came last.
   */
  believedUntil(source: Source | null, received_at: number): number {
    return this.venueTime(source, received_at) - OVERTAKEN;
  }

  /**
   * A receive time as a time of the venue before which, on all of these subscriptions, everything had arrived; null
   * before the first event. The slowest of them decides, within reason: one that lags without end must not hold up
   * what is told of the line as a whole.
   */
  provenTime(sources: Iterable<Source>, received_at: number): number | null {
    if (this.floor === null) return null;
    let proven = this.venueTime(null, received_at);
    for (const source of sources) {
      if (source.delay !== null) proven = Math.min(proven, this.venueTime(source, received_at));
    }
    return Math.max(proven, Math.floor(received_at - this.floor) - LONGEST_LAG);
  }

  /**
   * A receive time as a time of the venue after which nothing had happened that arrived by then. Events that are all
   * late look like a clock that is ahead: only a venue whose clock is ahead of ours moves this time.
   */
  latestVenueTime(received_at: number): number {
    return Math.ceil(received_at - Math.min(this.floor ?? 0, 0)) + DISORDER;
  }

  private delay(source: Source | null): number {
    return Math.max(source?.delay ?? this.greatest, this.floor ?? 0);
  }
}

/** Up at once, down slowly. */
function decayed(before: number, now: number): number {
  return now >= before ? now : before - (before - now) / DECAY;
}
