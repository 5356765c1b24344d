import { OrderBook } from '#src/book/order-book.ts';
import type { Level, MarketEvent, Side, Venue } from '#src/events/event.ts';
import type { RecordedMessage } from '#src/replay/recorded-message.ts';
import type { Micros } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';

/** The books of a recording as far as it has been played, for those who subscribe late and for REST. */
export class RecordedBooks {
  readonly #decoder;
  readonly #books = new Map<string, OrderBook>();
  readonly #hashes = new Map<string, string>();
  #step = 0;

  constructor(venue: Venue) {
    this.#decoder = venueDefinition(venue).decoder();
  }

  /** @param useYesPrice Kalshi: the convention that the recorded message is in */
  apply(message: RecordedMessage, useYesPrice: boolean): void {
    const frame =
      message.venue === 'kalshi' ? { type: message.type, sid: 1, seq: 1, msg: message.body } : message.body;
    const context = { received_at: 1 as Micros, useYesPrice };
    for (const event of this.#decoder.decode(JSON.stringify(frame), context).events) this.#event(event);
  }

  has(instrument: string): boolean {
    return this.#books.has(instrument);
  }

  /** Best first; empty where nothing is known. */
  levels(instrument: string, side: Side): readonly Level[] {
    return this.#books.get(instrument)?.levels(side) ?? [];
  }

  hash(instrument: string): string {
    return this.#hashes.get(instrument) ?? '';
  }

  /** Order of arrival is what counts here: recorded times may be anything. */
  #event(event: MarketEvent): void {
    if (event.kind === 'book_snapshot') {
      this.#book(event.instrument).replace(event.bids, event.asks, ++this.#step);
      if (event.hash !== undefined) this.#hashes.set(event.instrument, event.hash);
    } else if (event.kind === 'book_delta') {
      const book = this.#book(event.instrument);
      if (event.size === undefined) book.change(event.side, event.price, event.change, ++this.#step);
      else book.set(event.side, event.price, event.size, ++this.#step);
      if (event.hash !== undefined) this.#hashes.set(event.instrument, event.hash);
    }
  }

  #book(instrument: string): OrderBook {
    let book = this.#books.get(instrument);
    if (book === undefined) {
      book = new OrderBook();
      this.#books.set(instrument, book);
    }
    return book;
  }
}
