import { OrderBook } from '../book/order-book.ts';
import type { Level, MarketEvent, Side } from '../events/event.ts';

/** Books as the events so far have made them. Order of arrival is what counts: recorded times may be anything. */
export class RunningBooks {
  readonly #books = new Map<string, OrderBook>();
  readonly #hashes = new Map<string, string>();
  #step = 0;

  event(event: MarketEvent): void {
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

  /** Forgets everything, as before the first event. */
  clear(): void {
    this.#books.clear();
    this.#hashes.clear();
  }

  has(instrument: string): boolean {
    return this.#books.has(instrument);
  }

  /** In the order in which they were first told of. */
  get instruments(): Iterable<string> {
    return this.#books.keys();
  }

  /** Best first; empty where nothing is known. */
  levels(instrument: string, side: Side): readonly Level[] {
    return this.#books.get(instrument)?.levels(side) ?? [];
  }

  /** The last hash that the venue gave; empty where it gave none. */
  hash(instrument: string): string {
    return this.#hashes.get(instrument) ?? '';
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
