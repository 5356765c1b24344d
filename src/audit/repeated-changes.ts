import type { MarketEvent } from '../events/event.ts';
import { OccurrenceCounter, Placement } from '../events/occurrence.ts';

/**
 * Tells equal changes of one instant apart in raw frames, where the venue numbers its frames: what a line does when it
 * receives them. By subscription, because another that takes over may bring the same changes again.
 */
export class RepeatedChanges {
  /** Greatest number of each subscription. */
  readonly #last = new Map<string, number>();
  readonly #counters = new Map<string, OccurrenceCounter>();

  /**
   * How many equal changes of its instant came before each event, in order. 0 for what is no signed change, and where the
   * frame's number is not greater than those before: it may be one that was received already.
   *
   * @param frame of one connection, decoded
   */
  occurrences(
    connection: string,
    {
      sid,
      seq,
      events,
    }: { readonly sid: number; readonly seq: number; readonly events: readonly MarketEvent[] },
  ): number[] {
    const subscription = `${connection} ${sid}`;
    const isNew = seq > (this.#last.get(subscription) ?? 0);
    if (isNew) this.#last.set(subscription, seq);
    return events.map((event) => (isNew ? this.#place(subscription, event) : 0));
  }

  #place(subscription: string, event: MarketEvent): number {
    if (event.kind !== 'book_delta' || event.change === undefined || event.exchange_ts === null) return 0;
    const key = `${subscription} ${event.instrument}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new OccurrenceCounter();
      this.#counters.set(key, counter);
    }
    const placement = counter.placeSigned(event.exchange_ts, event.side, event.price, event.change);
    return placement === Placement.resend ? 0 : counter.occurrence;
  }
}
