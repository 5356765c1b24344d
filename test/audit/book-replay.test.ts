import { describe, expect, it } from 'vitest';
import { BookReplay, type ReplayedChange, type ReplayedSnapshot } from '#src/audit/book-replay.ts';

const change = (time: number, price: number, amount: number, more: object = {}): ReplayedChange =>
  ({ time, side: 'bid', price, amount, isAbsolute: true, isPlaced: true, instantIndex: 0, ...more }) as never;
const book = (time: number, bids: readonly (readonly number[])[], more: object = {}): ReplayedSnapshot =>
  ({ time, isExact: true, isAnchor: true, instantIndex: 0, depth: null, bids, asks: [], ...more }) as never;

describe('a book replayed from the tape', () => {
  it('agrees with a book of its own instant that holds none, some or all of its changes', () => {
    for (const [bids, verdict] of [
      [[[40, 5]], 'equal'],
      [
        [
          [41, 7],
          [40, 5],
        ],
        'equal',
      ],
      [
        [
          [41, 7],
          [40, 6],
        ],
        'equal',
      ],
      [[[40, 6]], 'differs'],
    ] as const) {
      const replay = new BookReplay([], 0);
      replay.snapshot(book(1, [[40, 5]]));
      replay.change(change(2, 41, 7));
      replay.change(change(2, 40, 6, { instantIndex: 1 }));
      expect(replay.snapshot(book(2, bids)).verdict).toBe(verdict);
      // Whatever it held, it goes on with all changes of the instant.
      expect(
        replay.snapshot(
          book(3, [
            [41, 7],
            [40, 6],
          ]),
        ).verdict,
      ).toBe('equal');
    }
  });

  it('holds a book against no change of its instant that the book is known to have', () => {
    const replay = new BookReplay([], 0);
    replay.snapshot(book(1, [[40, 5]]));
    replay.change(change(2, 41, 7));
    expect(replay.snapshot(book(2, [[40, 5]], { instantIndex: 1 })).verdict).toBe('differs');
  });

  it('finds a book without a place among those of the window, and none before it', () => {
    const replay = new BookReplay([], 10);
    replay.snapshot(book(1, [[40, 5]]));
    replay.change(change(20, 40, 6));
    const asked = { isExact: false, isAnchor: false, instantIndex: null };
    expect(replay.snapshot(book(30, [[40, 5]], asked)).verdict).toBe('equal');
    expect(replay.snapshot(book(31, [[40, 5]], asked)).verdict).toBe('not_placed');
    expect(replay.snapshot(book(31, [[40, 6]], asked)).verdict).toBe('equal');
  });

  it('compares nothing before the first anchor, behind a gap, or with a change that has no place', () => {
    const replay = new BookReplay([{ from: 5, to: 6 } as never], 0);
    expect(replay.snapshot(book(1, [[40, 5]])).verdict).toBe('not_comparable');
    expect(replay.snapshot(book(7, [[40, 9]])).verdict).toBe('not_comparable');
    replay.change(change(8, 40, 1, { isPlaced: false }));
    expect(replay.snapshot(book(9, [[40, 8]])).verdict).toBe('not_comparable');
    expect(replay.snapshot(book(10, [[40, 7]]))).toEqual({
      verdict: 'differs',
      since: 9,
      levels: [{ side: 'bid', price: 40, rebuilt: 8, stated: 7 }],
    });
  });
});
