import type { Venue } from '#src/events/event.ts';
import { type RecordedMessage, recordedFrame } from '#src/replay/recorded-message.ts';
import { RunningBooks } from '#src/replay/running-books.ts';
import type { Micros } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';

/** The books of a recording as far as it has been played, for those who subscribe late and for REST. */
export class RecordedBooks extends RunningBooks {
  readonly #decoder;

  constructor(venue: Venue) {
    super();
    this.#decoder = venueDefinition(venue).decoder();
  }

  /** @param useYesPrice Kalshi: the convention that the recorded message is in */
  apply(message: RecordedMessage, useYesPrice: boolean): void {
    const context = { received_at: 1 as Micros, useYesPrice };
    for (const event of this.#decoder.decode(recordedFrame(message), context).events) this.event(event);
  }
}
