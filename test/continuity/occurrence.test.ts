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

  it('take a change of an earlier instant for the first of its content', () => {
    const counter = new OccurrenceCounter();
    counter.placeSigned(10, 'bid', 400_000, 5);
    counter.placeSigned(20, 'bid', 400_000, 5);
    expect(counter.placeSigned(10, 'bid', 400_000, 5)).toBe(Placement.late);
    expect([counter.occurrence, counter.instantIndex]).toEqual([0, 1]);
    counter.placeSigned(20, 'bid', 400_000, 5);
    expect([counter.occurrence, counter.instantIndex]).toEqual([1, 1]);
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
