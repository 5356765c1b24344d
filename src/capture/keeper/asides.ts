import type { BookDeltaEvent } from '../../events/event.ts';
import { hashKey } from '../../events/identity.ts';
import { OccurrenceCounter, Placement } from '../../events/occurrence.ts';

/** Instruments that one subscription remembers, at least: more than it carries. A line may see millions come and go. */
const REMEMBERED = 8_192;

/** A counter of each of the latest instruments: of at least `capacity` of them, and at most twice as many. */
class RecentCounters {
  private readonly capacity: number;
  private newer = new Map<string, OccurrenceCounter>();
  private older = new Map<string, OccurrenceCounter>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(instrument: string): OccurrenceCounter | undefined {
    return this.newer.get(instrument) ?? this.older.get(instrument);
  }

  set(instrument: string, counter: OccurrenceCounter): void {
    if (this.newer.size >= this.capacity && !this.newer.has(instrument)) {
      this.older = this.newer;
      this.newer = new Map();
    }
    this.newer.set(instrument, counter);
  }

  /** The instrument's counter, made with its first change; it is now the latest. */
  of(instrument: string): OccurrenceCounter {
    const counter = this.get(instrument) ?? new OccurrenceCounter();
    this.set(instrument, counter);
    return counter;
  }

  delete(instrument: string): void {
    this.newer.delete(instrument);
    this.older.delete(instrument);
  }
}

/**
 * Numbers the changes of one subscription that are kept but do not reach a book: two equal ones are two events
 * there as well. What it counted for an instrument goes on when the subscription comes to carry its book.
 */
export class Asides {
  private readonly counters: RecentCounters;
  private readonly ahead: RecentCounters;

  /** @param capacity instruments that are remembered, at least. */
  constructor(capacity = REMEMBERED) {
    this.counters = new RecentCounters(capacity);
    this.ahead = new RecentCounters(capacity);
  }

  /**
   * Places a change. @returns the counter that holds its numbers, or null where it is one sent again.
   *
   * @param isAhead its time is out of reason: it must not become the newest instant of those that are right.
   */
  place(event: BookDeltaEvent, isAhead: boolean): OccurrenceCounter | null {
    const counter = (isAhead ? this.ahead : this.counters).of(event.instrument);
    return placeChange(counter, event) === Placement.resend ? null : counter;
  }

  /** How many changes of an instrument at that instant have been placed. */
  countAt(instrument: string, time: number): number {
    return this.counters.get(instrument)?.countAt(time) ?? 0;
  }

  /** The instrument's counter, which is no longer kept here. */
  take(instrument: string): OccurrenceCounter | null {
    const counter = this.counters.get(instrument) ?? null;
    this.counters.delete(instrument);
    return counter;
  }

  /** Goes on counting for an instrument whose book comes from elsewhere now. */
  keep(instrument: string, counter: OccurrenceCounter): void {
    this.counters.set(instrument, counter);
  }
}

/** Places a change of either form by its venue time, or its receive time where the venue gives none. */
export function placeChange(counter: OccurrenceCounter, event: BookDeltaEvent): Placement {
  const { received_at, exchange_ts, side, price } = event;
  const time = exchange_ts ?? received_at;
  return event.change === undefined
    ? counter.placeAbsolute(time, side, price, event.size, hashKey(event.hash))
    : counter.placeSigned(time, side, price, event.change);
}
