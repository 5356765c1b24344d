import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Level, Side } from '#src/events/event.ts';
import {
  type Anchor,
  type BookChange,
  BookRebuild,
  levelsFromFlat,
  type RebuiltBook,
} from '#src/tape/book-rebuild.ts';
import type { Interval } from '#src/tape/intervals.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';

const us = (value: number): Micros => value as Micros;

interface Made {
  readonly at: number;
  readonly side: Side;
  readonly price: number;
  readonly size: number;
}

/** The venue's own book: the size of each level after each change, in the order the changes were made. */
function bookAt(made: readonly Made[], at: number): { bids: Level[]; asks: Level[] } {
  const sides = { bid: new Map<number, number>(), ask: new Map<number, number>() };
  for (const change of made) if (change.at <= at) sides[change.side].set(change.price, change.size);
  const levels = (side: Side, sign: number): Level[] =>
    [...sides[side]]
      .filter(([, size]) => size > 0)
      .sort(([a], [b]) => sign * (a - b))
      .map(([price, size]) => [price as Price, size as Size]);
  return { bids: levels('bid', -1), asks: levels('ask', 1) };
}

function changesOf(made: readonly Made[], isAbsolute: boolean): BookChange[] {
  const levels = new Map<string, number>();
  const counts = new Map<number, number>();
  return made.map(({ at, side, price, size }) => {
    const before = levels.get(`${side}${price}`) ?? 0;
    levels.set(`${side}${price}`, size);
    const instantIndex = counts.get(at) ?? 0;
    counts.set(at, instantIndex + 1);
    const amount = (isAbsolute ? size : size - before) as Size;
    return {
      exchangeTs: us(at),
      instantIndex,
      side,
      price: price as Price,
      amount,
      isAbsolute,
      hasVenueTime: true,
    };
  });
}

function rebuild(
  anchor: Anchor | null,
  changes: readonly BookChange[],
  at: number,
  more: { gaps?: Interval[]; horizon?: number | null } = {},
): RebuiltBook {
  const { gaps = [], horizon = 1_000 } = more;
  const rebuilding = new BookRebuild({
    at: us(at),
    anchor,
    gaps,
    horizon: horizon === null ? null : us(horizon),
  });
  for (const change of changes) rebuilding.apply(change);
  return rebuilding.finish();
}

const history = fc
  .array(
    fc.record({
      at: fc.integer({ min: 1, max: 12 }),
      side: fc.constantFrom<Side>('bid', 'ask'),
      price: fc.integer({ min: 1, max: 4 }),
      size: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 40 },
  )
  .map((made) => made.sort((left, right) => left.at - right.at));

describe('a book rebuilt from the tape', () => {
  for (const isAbsolute of [false, true]) {
    it(`equals the venue's book at any instant, from any exact anchor (${isAbsolute ? 'absolute' : 'signed'} changes)`, () => {
      fc.assert(
        fc.property(history, fc.nat(12), fc.nat(14), (made, label, later) => {
          const at = label + later;
          const anchor: Anchor = { at: us(label), source: 'engine', instantIndex: 0, ...bookAt(made, label) };
          const result = rebuild(anchor, changesOf(made, isAbsolute), at);
          expect({ bids: result.bids, asks: result.asks }).toEqual(bookAt(made, at));
          expect(result.complete).toBe(true);
        }),
      );
    });
  }

  it('starts from a book of the venue without bringing back what it alone tells of', () => {
    const told = fc.array(
      fc.record({
        at: fc.integer({ min: 1, max: 4 }),
        side: fc.constantFrom<Side>('bid', 'ask'),
        price: fc.integer({ min: 1, max: 3 }),
        size: fc.integer({ min: 0, max: 3 }),
        isTold: fc.boolean(),
      }),
      { minLength: 1, maxLength: 30 },
    );
    let books = 0;
    fc.assert(
      fc.property(told, fc.nat(5), (unordered, at) => {
        const made = unordered.sort((left, right) => left.at - right.at);
        // The venue sends a book after each change of which it says nothing else.
        const last = made.findLastIndex((change) => !change.isTold && change.at <= at);
        if (last < 0) return;
        books++;
        const label = made[last]!.at;
        const before = made.slice(0, last + 1);
        const anchor: Anchor = {
          at: us(label),
          source: 'ws',
          instantIndex: before.filter((change) => change.isTold && change.at === label).length,
          ...bookAt(before, label),
        };
        const changes = changesOf(
          made.filter((change) => change.isTold),
          true,
        );
        const { bids, asks } = rebuild(anchor, changes, at);
        expect({ bids, asks }).toEqual(bookAt(made, at));
      }),
      { numRuns: 300 },
    );
    expect(books).toBeGreaterThan(50);
  });

  it('lets absolute changes of the instant of the anchor count, in their order', () => {
    const made: Made[] = [
      { at: 5, side: 'bid', price: 3, size: 10 },
      { at: 5, side: 'bid', price: 3, size: 20 },
    ];
    const half: Anchor = { at: us(5), source: 'ws', instantIndex: 1, ...bookAt(made.slice(0, 1), 5) };
    expect(rebuild(half, changesOf(made, true), 5).bids).toEqual([[3, 20]]);
    // A line that did not see the first one counts less, and loses nothing by it.
    expect(rebuild({ ...half, instantIndex: 0 }, changesOf(made, true), 5).bids).toEqual([[3, 20]]);
  });

  const empty: Anchor = { at: us(10), source: 'engine', instantIndex: 0, bids: [], asks: [] };

  it('is complete only without a gap after the anchor, at a time that has been merged', () => {
    expect(rebuild(empty, [], 20).complete).toBe(true);
    expect(rebuild(empty, [], 20, { gaps: [{ from: us(15), to: us(16) }] }).complete).toBe(false);
    expect(rebuild(empty, [], 20, { gaps: [{ from: us(2), to: us(10) }] }).complete).toBe(true);
    expect(rebuild(empty, [], 20, { gaps: [{ from: us(21), to: null }] }).complete).toBe(true);
    expect(rebuild(empty, [], 20, { gaps: [{ from: us(20), to: null }] }).complete).toBe(false);
    expect(rebuild(empty, [], 20, { horizon: 19 }).complete).toBe(false);
    expect(rebuild(empty, [], 20, { horizon: null }).complete).toBe(false);
    expect(rebuild(null, [], 20)).toMatchObject({ complete: false, anchor: null });
  });

  it('is never called complete when a level comes out below zero', () => {
    const change: BookChange = {
      exchangeTs: us(12),
      instantIndex: 0,
      side: 'bid',
      price: 5 as Price,
      amount: -1 as Size,
      isAbsolute: false,
      hasVenueTime: true,
    };
    const result = rebuild(empty, [change], 20);
    expect(result.complete).toBe(false);
    expect(result.bids).toEqual([]);
  });

  it('leaves out a change whose time is not the venue\u2019s, and is not complete then', () => {
    const change: BookChange = {
      exchangeTs: us(21),
      instantIndex: 0,
      side: 'bid',
      price: 5 as Price,
      amount: 1 as Size,
      isAbsolute: false,
      hasVenueTime: false,
    };
    expect(rebuild(empty, [change], 20)).toMatchObject({
      bids: [],
      changes: 0,
      complete: false,
      reasons: ['a change came without the time of the venue'],
    });
    expect(rebuild(empty, [{ ...change, exchangeTs: us(9) }], 20).complete).toBe(true);
  });

  it('reads the flat levels of storage, whether the driver gives texts or numbers', () => {
    expect(levelsFromFlat(['410000', '7', 400000, 5])).toEqual([
      [410000, 7],
      [400000, 5],
    ]);
    expect(() => levelsFromFlat([1])).toThrow(/odd length/);
  });
});
