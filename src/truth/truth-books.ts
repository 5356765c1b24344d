import type { Level, Side, Venue } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import type { TruthRecord } from './truth-record.ts';

/** A book as the exchange had it; levels best first. */
export interface TrueBook {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/**
 * One instrument's book from the truth log, plainly: a map of sizes by price. Feed it the records of one
 * instrument in the order of the log.
 */
export class TruthBookBuilder {
  readonly #sides: Record<Side, Map<Price, number>> = { bid: new Map(), ask: new Map() };
  #known = false;

  /** Whether the book's beginning has been seen. */
  get isKnown(): boolean {
    return this.#known;
  }

  apply(record: TruthRecord): void {
    if (record.kind === 'book') {
      this.#known = true;
      for (const [side, levels] of [
        ['bid', record.bids],
        ['ask', record.asks],
      ] as const) {
        this.#sides[side].clear();
        for (const [price, size] of levels) this.#sides[side].set(price, size);
      }
    }
    if (record.kind !== 'book_delta') return;
    const levels = this.#sides[record.side];
    const size =
      record.size === undefined ? (levels.get(record.price) ?? 0) + record.change : (record.size as number);
    if (size === 0) levels.delete(record.price);
    else levels.set(record.price, size);
  }

  book(): TrueBook {
    return { bids: ordered(this.#sides.bid, -1), asks: ordered(this.#sides.ask, 1) };
  }
}

function ordered(levels: ReadonlyMap<Price, number>, direction: 1 | -1): Level[] {
  return [...levels]
    .map(([price, size]): Level => [price, size as Size])
    .sort((a, b) => direction * (a[0] - b[0]));
}

/** Exchange time of what a record says about a book, or null where it says nothing. */
function bookTime(record: TruthRecord): number | null {
  if (record.kind === 'book') return record.at;
  return record.kind === 'book_delta' ? record.exchange_ts : null;
}

/**
 * The exchange's own book of one instrument at exchange time `at` (microseconds): all changes up to and with it.
 *
 * @returns null when the instrument did not exist by then
 */
export async function bookAt(
  records: AsyncIterable<TruthRecord> | Iterable<TruthRecord>,
  venue: Venue,
  instrument: string,
  at: number,
): Promise<TrueBook | null> {
  const builder = new TruthBookBuilder();
  for await (const record of records) {
    const time = bookTime(record);
    if (time === null || time > at) continue;
    if (!('instrument' in record) || record.instrument !== instrument || record.venue !== venue) continue;
    builder.apply(record);
  }
  return builder.isKnown ? builder.book() : null;
}
