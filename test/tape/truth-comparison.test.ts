import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '#src/events/event.ts';
import type { RebuiltBook } from '#src/tape/book-rebuild.ts';
import type { Interval } from '#src/tape/intervals.ts';
import { compareBooks, sampleInstants, TruthComparison } from '#src/tape/truth-comparison.ts';
import { type ComparedEvent, comparedEvent } from '#src/tape/truth-identity.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';

const us = (value: number): Micros => value as Micros;
const delta = (at: number, change = 5): ComparedEvent => {
  const event: MarketEvent = {
    received_at: us(at + 1),
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: 'K',
    side: 'bid',
    price: 400_000 as Price,
    change: change as Size,
    exchange_ts: us(at),
  };
  return comparedEvent(event)!;
};
const comparison = (gaps: Interval[] = [], horizon = 1_000): TruthComparison =>
  new TruthComparison({ gapsOf: () => gaps, horizon: us(horizon) });

describe('tape against truth', () => {
  it('agrees when the tape holds each event as often as it was made', () => {
    const held = comparison();
    for (const at of [1, 2, 2, 3]) {
      held.truth({ ...delta(at), delivered: 3 });
      held.tape(delta(at));
    }
    expect(held.finish()).toMatchObject({ events: 4, on_tape: 4, missing: 0, extra: 0, examples: [] });
  });

  it('finds one of two equal events missing, and one too many', () => {
    const held = comparison();
    held.truth({ ...delta(2), delivered: 1 });
    held.truth({ ...delta(2), delivered: 1 });
    held.tape(delta(2));
    held.truth({ ...delta(7), delivered: 1 });
    held.tape(delta(7));
    held.tape(delta(7));
    const result = held.finish();
    expect(result).toMatchObject({ events: 3, on_tape: 2, missing: 1, extra: 1 });
    expect(result.examples.map(({ verdict, count }) => [verdict, count])).toEqual([
      ['missing', 1],
      ['extra', 1],
    ]);
  });

  it('does not miss what was sent to nobody, lies in a gap, or is later than the tape reaches', () => {
    const held = comparison([{ from: us(10), to: us(20) }], 100);
    held.truth({ ...delta(5), delivered: 0 });
    held.truth({ ...delta(10), delivered: 2 });
    held.truth({ ...delta(101), delivered: 2 });
    held.truth({ ...delta(20), delivered: 2 });
    expect(held.finish()).toMatchObject({ events: 3, unsent: 1, in_gaps: 1, after_horizon: 1, missing: 1 });
  });

  it('does not call an event extra that was made but sent to nobody', () => {
    const held = comparison();
    held.truth({ ...delta(5), delivered: 0 });
    held.tape(delta(5));
    expect(held.finish()).toMatchObject({ extra: 0, missing: 0 });
  });

  it('takes a trade for the same with milliseconds and with microseconds', () => {
    const trade = (at: number): ComparedEvent => {
      const event: MarketEvent = {
        received_at: us(at),
        kind: 'trade',
        venue: 'kalshi',
        instrument: 'K',
        trade_id: 't1',
        price: 400_000 as Price,
        size: 1 as Size,
        taker_side: null,
        is_block: false,
        exchange_ts: us(at),
      };
      return comparedEvent(event)!;
    };
    expect(trade(1_500_000).identity).toBe(trade(1_500_123).identity);
    expect(trade(1_500_000).identity).not.toBe(trade(1_501_000).identity);
  });

  it('holds books and tickers of one instant once, however often they were sent', () => {
    const book: ComparedEvent = {
      kind: 'book_snapshot',
      venue: 'polymarket',
      subject: '1',
      time: us(5),
      identity: 'b',
    };
    const held = comparison();
    for (let sent = 0; sent < 3; sent++) held.truth({ ...book, delivered: 1 });
    held.tape(book);
    expect(held.finish()).toMatchObject({ events: 1, on_tape: 1, missing: 0, extra: 0 });
  });

  it('compares only the books that the tape vouches for', async () => {
    const truth = { bids: [[400_000 as Price, 5 as Size]] as const, asks: [] };
    const book = (complete: boolean, size: number): RebuiltBook => ({
      bids: [[400_000 as Price, size as Size]],
      asks: [],
      complete,
      reasons: [],
      anchor: null,
      changes: 0,
    });
    const answers = [book(true, 5), book(true, 6), book(false, 9)];
    const samples = answers.map((_, index) => ({ venue: 'kalshi', instrument: 'K', at: us(index) }));
    const unknown = { venue: 'kalshi', instrument: 'unknown', at: us(0) };
    const result = await compareBooks(
      [...samples, unknown],
      async ({ at }) => answers[at]!,
      ({ instrument }) => (instrument === 'unknown' ? null : truth),
    );
    expect(result).toMatchObject({ books_compared: 2, books_wrong: 1, books_incomplete: 1 });
    expect(result.examples).toHaveLength(1);
  });

  it('spreads samples over the instruments and the span', () => {
    const instruments = Array.from({ length: 100 }, (_, index) => ({
      venue: 'kalshi',
      instrument: `K${index}`,
    }));
    const span = { from: us(10), to: us(20) };
    const samples = [
      ...sampleInstants(instruments, span, { perInstrument: 3, maxInstruments: 20, random: () => 0.999 }),
    ];
    expect(samples).toHaveLength(60);
    expect(new Set(samples.map(({ instrument }) => instrument)).size).toBe(20);
    expect(samples.every(({ at }) => at === 20)).toBe(true);
  });
});
