import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OccurrenceCounter, Placement, TradeCounter } from '#src/events/occurrence.ts';

describe('occurrences of signed changes', () => {
  it('count every repetition of equal content at one instant, and start anew at the next', () => {
    const counter = new OccurrenceCounter();
    const place = (time: number, price: number, change: number, side: 'bid' | 'ask' = 'bid') => {
      expect(counter.placeSigned(time, side, price, change)).toBe(Placement.fresh);
      return [counter.occurrence, counter.instantIndex];
    };
    expect(place(10, 400_000, 5)).toEqual([0, 0]);
    expect(place(10, 400_000, 5)).toEqual([1, 1]);
    expect(place(10, 400_000, -5)).toEqual([0, 2]);
    expect(place(10, 400_000, 5)).toEqual([2, 3]);
    expect(place(10, 410_000, 5)).toEqual([0, 4]);
    expect(place(10, 400_000, 5, 'ask')).toEqual([0, 5]);
    expect(place(11, 400_000, 5)).toEqual([0, 0]);
  });

  it('number the repetitions of an instant that arrive after a later one', () => {
    const counter = new OccurrenceCounter();
    counter.placeSigned(10, 'bid', 400_000, 5);
    counter.placeSigned(20, 'bid', 400_000, 5);
    expect(counter.placeSigned(10, 'bid', 400_000, 5)).toBe(Placement.late);
    expect([counter.occurrence, counter.instantIndex]).toEqual([1, 1]);
    counter.placeSigned(20, 'bid', 400_000, 5);
    expect([counter.occurrence, counter.instantIndex]).toEqual([1, 1]);
    // Of an instant that was never seen before, too.
    const late = [5, 5].map((change) => {
      counter.placeSigned(5, 'bid', 400_000, change);
      return counter.occurrence;
    });
    expect(late).toEqual([0, 1]);
    expect(counter.countAt(10)).toBe(2);
  });
});

describe('occurrences of absolute sizes', () => {
  it('take an equal update for a resend, unless another change of its level came between', () => {
    const counter = new OccurrenceCounter();
    const place = (size: number, hash: number, price = 400_000) => {
      const placement = counter.placeAbsolute(10, 'bid', price, size, hash);
      return placement === Placement.resend ? 'resend' : [counter.occurrence, counter.instantIndex];
    };
    expect(place(5, 1)).toEqual([0, 0]);
    expect(place(5, 1)).toBe('resend');
    expect(place(9, 2, 410_000)).toEqual([0, 1]);
    expect(place(5, 1)).toBe('resend');
    expect(place(7, 3)).toEqual([0, 2]);
    expect(place(5, 1)).toEqual([1, 3]);
    expect(place(5, 1)).toBe('resend');
    expect(place(5, 4)).toEqual([0, 4]);
  });

  it('take a late one for a resend by the same rule', () => {
    const counter = new OccurrenceCounter();
    const place = (time: number, size: number, hash: number) => {
      const placement = counter.placeAbsolute(time, 'bid', 400_000, size, hash);
      return placement === Placement.resend ? 'resend' : [counter.occurrence, counter.instantIndex];
    };
    place(10, 5, 1);
    place(20, 6, 2);
    expect(place(10, 5, 1)).toBe('resend');
    expect(place(10, 7, 3)).toEqual([0, 1]);
    expect(place(10, 5, 1)).toEqual([1, 2]);
    expect(place(10, 5, 1)).toBe('resend');
  });

  it('number late changes of one earlier instant in the order of their arrival', () => {
    const counter = new OccurrenceCounter();
    counter.placeAbsolute(20, 'bid', 400_000, 5, 1);
    const indices = [5, 6, 7].map((size) => {
      expect(counter.placeAbsolute(10, 'bid', 400_000, size, size)).toBe(Placement.late);
      return counter.instantIndex;
    });
    expect(indices).toEqual([0, 1, 2]);
    expect(counter.occurrence).toBe(0);
  });
});

/** What the counter says, by one that forgets nothing. */
class PlainCounter {
  readonly #seen: { time: number; level: string; amount: number; hash: number }[] = [];

  place(time: number, level: string, amount: number, hash: number, isAbsolute: boolean) {
    const instant = this.#seen.filter((one) => one.time === time);
    const same = (one: { amount: number; hash: number }) => one.amount === amount && one.hash === hash;
    const ofLevel = instant.filter((one) => one.level === level);
    const latest = ofLevel.at(-1);
    if (isAbsolute && latest !== undefined && same(latest)) return 'resend';
    this.#seen.push({ time, level, amount, hash });
    return [ofLevel.filter(same).length, instant.length];
  }
}

describe('occurrences in whatever order the instants come', () => {
  const change = fc.record({
    time: fc.integer({ min: 1, max: 4 }),
    side: fc.constantFrom('bid' as const, 'ask' as const),
    price: fc.constantFrom(1, 2),
    amount: fc.constantFrom(1, 2),
    hash: fc.constantFrom(0, 7),
  });

  it.each([true, false])('are those of a counter that forgets nothing (absolute: %s)', (isAbsolute) => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 16 }), (changes) => {
        const counter = new OccurrenceCounter();
        const plain = new PlainCounter();
        for (const { time, side, price, amount, hash } of changes) {
          const key = isAbsolute ? hash : 0;
          const placement = isAbsolute
            ? counter.placeAbsolute(time, side, price, amount, key)
            : counter.placeSigned(time, side, price, amount);
          const said = placement === Placement.resend ? 'resend' : [counter.occurrence, counter.instantIndex];
          expect(said).toEqual(plain.place(time, `${side} ${price}`, amount, key, isAbsolute));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('remember the last sixteen changes of earlier instants, and number anew what is older', () => {
    const counter = new OccurrenceCounter();
    for (let time = 1; time <= 18; time++) counter.placeSigned(time, 'bid', 1, 1);
    expect([1, 2].map((time) => counter.countAt(time))).toEqual([0, 1]);
    counter.placeSigned(1, 'bid', 1, 1);
    expect(counter.occurrence).toBe(0);
  });
});

describe('equal trades', () => {
  it('get ordinals from 0, in whatever order the times come', () => {
    const trades = new TradeCounter();
    expect(['a', 'b', 'a', 'a', 'b', 'c'].map((id) => trades.next(id))).toEqual([0, 0, 1, 2, 1, 0]);
  });

  it('keep their count while a hundred thousand others pass', () => {
    const trades = new TradeCounter();
    trades.next('a');
    for (let index = 0; index < 60_000; index++) trades.next(`x${index}`);
    expect(trades.next('a')).toBe(1);
    for (let index = 0; index < 60_000; index++) trades.next(`y${index}`);
    expect(trades.next('a')).toBe(2);
  });
});
