import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderBook, SetOutcome } from '#src/book/order-book.ts';
import { PriceGrid } from '#src/book/price-grid.ts';
import type { Level, Side } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';

const price = (value: number) => value as Price;
const size = (value: number) => value as Size;
const SECOND = 1_000_000;
/** More changes in a minute than a side takes before it moves to a grid. */
const MANY = 300;

/** A book both sides of which are busy on the grid of one cent, with nothing left in it. */
function busyBook(begin: number): OrderBook {
  const book = new OrderBook();
  for (let count = 0; count < MANY; count++) {
    const tick = 1 + ((count >> 1) % 99);
    for (const side of ['bid', 'ask'] as const) {
      book.set(side, price(tick * 10_000), size(count % 2 === 0 ? 1 : 0), begin + count);
    }
  }
  return book;
}

const sides = fc.constantFrom<Side>('bid', 'ask');
const prices = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 0, max: 100 }).map((tick) => tick * 10_000) },
  { weight: 1, arbitrary: fc.integer({ min: -5, max: 1_000_005 }) },
);
const changes = fc.array(
  fc.record({
    side: sides,
    price: prices,
    size: fc.integer({ min: 0, max: 4 }),
    isReplace: fc.integer({ min: 0, max: 40 }),
  }),
  { maxLength: 120 },
);

describe('the grid of a busy book', () => {
  it('holds the same book as a plain map, also when it is left and entered again', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 4 }), (rounds) => {
        const book = busyBook(1);
        const levels = { bid: new Map<number, number>(), ask: new Map<number, number>() };
        let time = 1 + MANY;
        const put = (side: Side, at: number, amount: number) => {
          time++;
          book.set(side, price(at), size(amount), time);
          if (amount > 0) levels[side].set(at, amount);
          else levels[side].delete(at);
        };
        for (const round of rounds) {
          for (const { side, price: at, size: amount, isReplace } of round) {
            if (isReplace === 0) {
              const bids: Level[] = [[price(at), size(amount)]];
              book.replace(bids, [], ++time);
              levels.bid = new Map(amount > 0 ? [[at, amount]] : []);
              levels.ask = new Map();
            } else put(side, at, amount);
          }
          // Busy on the grid again, wherever the round has left it.
          for (let count = 0; count < MANY; count++) {
            const tick = 1 + ((count >> 1) % 99);
            for (const side of ['bid', 'ask'] as const) {
              const at = tick * 10_000;
              put(side, at, levels[side].get(at) ?? 0);
            }
          }
          for (const side of ['bid', 'ask'] as const) {
            const direction = side === 'bid' ? -1 : 1;
            const expected = [...levels[side]].sort((a, b) => direction * (a[0] - b[0]));
            expect(book.levels(side)).toEqual(expected);
            expect(book.levels(side, 2)).toEqual(expected.slice(0, 2));
            expect(book.count(side)).toBe(expected.length);
            expect(side === 'bid' ? book.bestBid : book.bestAsk).toBe(expected[0]?.[0] ?? null);
            expect(side === 'bid' ? book.bestBidSize : book.bestAskSize).toBe(expected[0]?.[1] ?? null);
            const near = expected.filter(([at]) => Math.abs(at - expected[0]![0]) <= 50_000);
            const metrics = book.metrics();
            const total = near.reduce((sum, [, amount]) => sum + amount, 0);
            expect(side === 'bid' ? metrics.bid_depth_near : metrics.ask_depth_near).toBe(total);
          }
          expect(
            book.equals([...levels.bid] as unknown as Level[], [...levels.ask] as unknown as Level[]),
          ).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('takes signed changes as the plain side does, and reports a size below zero', () => {
    const book = busyBook(1);
    expect(book.change('bid', price(400_000), size(5), 1_000)).toBe(5);
    expect(book.change('bid', price(400_000), size(-2), 1_001)).toBe(3);
    expect(book.change('bid', price(400_000), size(-7), 1_002)).toBe(-4);
    expect(book.count('bid')).toBe(0);
    expect(book.bestBid).toBe(null);
  });

  it('knows the best price still when a price off the grid comes after better levels were emptied', () => {
    const book = busyBook(1);
    for (let tick = 1; tick <= 60; tick++) book.set('bid', price(tick * 10_000), size(5), 1_000 + tick);
    book.set('bid', price(990_000), size(1), 1_900);
    book.set('bid', price(990_000), size(0), 1_901);
    book.set('bid', price(100_005), size(1), 2_000);
    expect(book.bestBid).toBe(600_000);
    expect(book.count('bid')).toBe(61);
    expect(book.levels('bid', 1)).toEqual([[600_000, 5]]);
  });

  it('remembers the time of every level, and takes nothing older than it or than the snapshot before', () => {
    const book = busyBook(1);
    book.replace([[price(400_000), size(5)]], [], 10_000);
    expect(book.set('bid', price(410_000), size(1), 9_999)).toBe(SetOutcome.stale);
    expect(book.set('bid', price(410_000), size(1), 10_000)).toBe(SetOutcome.applied);
    expect(book.set('bid', price(410_000), size(0), 10_005)).toBe(SetOutcome.applied);
    expect(book.set('bid', price(410_000), size(1), 10_004)).toBe(SetOutcome.stale);
    expect(book.timeAt('bid', price(410_000))).toBe(10_005);
    expect(book.timeAt('bid', price(420_000))).toBe(null);
    expect(book.bestBid).toBe(400_000);
  });

  it('still cannot judge a size older than removals that were forgotten before the side became busy', () => {
    const book = new OrderBook();
    for (let tick = 1; tick <= 90; tick++) {
      book.set('bid', price(tick * 10_000), size(1), 1_000 + tick);
      book.set('bid', price(tick * 10_000), size(0), 2_000 + tick);
    }
    for (let count = 0; count < MANY; count++)
      book.set('bid', price(990_000), size(1 + count), 3_000 + count);
    expect(book.set('bid', price(10_000), size(3), 1_500)).toBe(SetOutcome.undecidable);
    expect(book.set('bid', price(10_000), size(3), 4_000)).toBe(SetOutcome.applied);
  });

  it('is not made for a side that changes as often in many minutes, which would cost memory', () => {
    const quiet = new OrderBook();
    for (let count = 0; count < MANY; count++) {
      quiet.set('bid', price(10_000 * (1 + (count % 9))), size(1 + count), count * SECOND);
    }
    const book = JSON.stringify(busyBook(1));
    expect(JSON.stringify(quiet).length * 4).toBeLessThan(book.length);
  });

  it('is refused where prices are too fine, too far apart for their number, or no part of a dollar', () => {
    expect(PriceGrid.over([10_000, 20_000], 1)).not.toBe(null);
    expect(PriceGrid.over([1_000, 999_000], 1)).toBe(null);
    expect(
      PriceGrid.over(
        Array.from({ length: 20 }, (_, tick) => tick * 1_000),
        1,
      ),
    ).not.toBe(null);
    expect(
      PriceGrid.over(
        Array.from({ length: 400 }, (_, tick) => tick * 7),
        1,
      ),
    ).toBe(null);
    expect(PriceGrid.over([1_010_000], 1)).toBe(null);
    expect(PriceGrid.over([-10_000], -1)).toBe(null);
  });

  it('finds the next best place across any distance', () => {
    const grid = PriceGrid.over([10_000, 20_000], -1)!;
    const places = [0, 31, 32, 63, 64, 100];
    for (const place of places) grid.put(place, 1, 1);
    for (const place of places.toReversed()) {
      expect(grid.top).toBe(place);
      expect(grid.best).toBe(grid.price(place));
      grid.put(place, 0, 2);
    }
    expect(grid.top).toBe(-1);
    expect(grid.best).toBe(null);
  });
});
