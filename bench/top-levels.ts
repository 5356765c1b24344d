import { OrderBook } from '#src/book/order-book.ts';
import type { Level } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { randomNumbers } from './book-stream.ts';
import { compare } from './measure.ts';
import type { Subject } from './row.ts';

const BOOKS = 100_000;
const LEVELS = 15;
const DEPTH = 10;
const TICKS = 100;
const STEP = 10_000;
const MIDDLE = TICKS / 2;

/** Best levels of all books, every price of the grid having its place in one array. */
function ladderTops(sizes: Float64Array): number {
  let levels = 0;
  for (let book = 0; book < BOOKS; book++) {
    const base = book * TICKS;
    const bids: Level[] = [];
    for (let tick = MIDDLE - 1; tick > 0 && bids.length < DEPTH; tick--) {
      const size = sizes[base + tick]!;
      if (size > 0) bids.push([(tick * STEP) as Price, size as Size]);
    }
    const asks: Level[] = [];
    for (let tick = MIDDLE; tick < TICKS && asks.length < DEPTH; tick++) {
      const size = sizes[base + tick]!;
      if (size > 0) asks.push([(tick * STEP) as Price, size as Size]);
    }
    levels += bids.length + asks.length;
  }
  return levels;
}

function ourTops(books: readonly OrderBook[]): number {
  let levels = 0;
  for (const book of books) levels += book.levels('bid', DEPTH).length + book.levels('ask', DEPTH).length;
  return levels;
}

export const subject: Subject = {
  name: 'top-levels',
  run: async (extent) => {
    const random = randomNumbers(7);
    const sizes = new Float64Array(BOOKS * TICKS);
    const books: OrderBook[] = [];
    for (let number = 0; number < BOOKS; number++) {
      const bids: Level[] = [];
      const asks: Level[] = [];
      for (let count = 0, bid = MIDDLE, ask = MIDDLE - 1; count < LEVELS; count++) {
        bid -= 1 + Math.floor(random() * 3);
        ask += 1 + Math.floor(random() * 3);
        for (const [tick, list] of [
          [bid, bids],
          [ask, asks],
        ] as const) {
          const size = Math.ceil(random() * 100_000) * 10_000;
          sizes[number * TICKS + tick] = size;
          list.push([(tick * STEP) as Price, size as Size]);
        }
      }
      const book = new OrderBook();
      book.replace(bids, asks, 1);
      books.push(book);
    }
    if (ourTops(books) !== ladderTops(sizes)) throw new Error('the two do not find the same levels');
    let seen = 0;
    const run = (tops: () => number) => () => {
      seen += tops();
      return BOOKS;
    };
    const row = await compare(
      { name: 'OrderBook.levels', run: run(() => ourTops(books)) },
      { name: 'a loop over dense ladders', run: run(() => ladderTops(sizes)) },
      {
        name: `best ${DEPTH} levels of ${BOOKS.toLocaleString('en')} books`,
        reach: 1 / 3,
        unit: 'books/s of CPU',
      },
      extent,
    );
    if (seen === 0) throw new Error('no levels were read');
    return [row];
  },
};
