import type { BookDeltaEvent } from '../../events/event.ts';
import { hashKey } from '../../events/identity.ts';
import { OccurrenceCounter, Placement } from '../../events/occurrence.ts';

/**
 * Numbers the changes of one subscription that are kept but do not reach a book: two equal ones are two events
 * there as well. What it counted for an instrument goes on when the subscription comes to carry its book.
 */
export class Asides {
  private readonly counters = new Map<string, OccurrenceCounter>();
  private readonly ahead = new Map<string, OccurrenceCounter>();

  /**
   * Places a change. @returns the counter that holds its numbers, or null where it is one sent again.
   *
   * @param isAhead its time is out of reason: it must not become the newest instant of those that are right.
   */
  place(event: BookDeltaEvent, isAhead: boolean): OccurrenceCounter | null {
    const counters = isAhead ? this.ahead : this.counters;
    let counter = counters.get(event.instrument);
    if (counter === undefined) {
      counter = new OccurrenceCounter();
      counters.set(event.instrument, counter);
    }
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
