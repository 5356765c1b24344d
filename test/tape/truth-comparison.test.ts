import { describe, expect, it } from 'vitest';
import type { BookSnapshotEvent, LifecycleEvent, MarketEvent, TradeEvent } from '#src/events/event.ts';
import type { RebuiltBook } from '#src/tape/book-rebuild.ts';
import type { Interval } from '#src/tape/intervals.ts';
import { compareBooks, TruthComparison } from '#src/tape/truth-comparison.ts';
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
const comparison = (gaps: Interval[] = [], horizon = 1_000, provenSince = 0): TruthComparison =>
  new TruthComparison({ gapsOf: () => gaps, horizon: us(horizon), provenSince: us(provenSince) });
const trade = (at: number, changes: Partial<TradeEvent> = {}): ComparedEvent =>
  comparedEvent({
    received_at: us(at),
    kind: 'trade',
    venue: 'kalshi',
    instrument: 'K',
    trade_id: 't1',
    price: 400_000 as Price,
    size: 1 as Size,
    taker_side: 'buy',
    is_block: false,
    exchange_ts: us(at),
    ...changes,
  })!;

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

  it('takes a first book, which has the time of its last change, for lost no earlier than it was sent', () => {
    const held = comparison([{ from: us(50), to: us(60) }], 100);
    const sentLater = (at: number, sentAt: number) =>
      held.truth({ ...delta(at), delivered: 1, sentAt: us(sentAt) });
    sentLater(5, 101);
    sentLater(6, 55);
    sentLater(7, 20);
    expect(held.finish()).toMatchObject({ events: 3, in_gaps: 1, after_horizon: 1, missing: 1 });
  });

  it('calls undeclared what was sent to nobody where the tape has no gap', () => {
    const held = comparison([{ from: us(10), to: us(20) }], 100);
    for (const at of [9, 10, 19, 20]) held.truth({ ...delta(at), delivered: 0 });
    const result = held.finish();
    expect(result).toMatchObject({ events: 0, unsent: 4, undeclared: 2, missing: 0, in_gaps: 0 });
    expect(result.examples).toMatchObject([
      { verdict: 'undeclared', subject: 'K', time: 9 },
      { verdict: 'undeclared', subject: 'K', time: 20 },
    ]);
  });

  it('finds a message about a market declared when all of its instruments are in gaps', () => {
    const message = (instruments: readonly string[]): ComparedEvent => ({
      kind: 'lifecycle',
      venue: 'polymarket',
      subject: 'market',
      instruments,
      time: us(5),
      identity: `lifecycle ${instruments.join(' ')}`,
    });
    const undeclared = (gapsAt: readonly string[], instruments: readonly string[]): number => {
      const held = new TruthComparison({
        gapsOf: (_, instrument) => (gapsAt.includes(instrument) ? [{ from: us(0), to: us(10) }] : []),
        horizon: us(100),
      });
      held.truth({ ...message(instruments), delivered: 0 });
      return held.finish().undeclared;
    };
    expect(undeclared(['yes', 'no'], ['yes', 'no'])).toBe(0);
    expect(undeclared(['yes'], ['yes', 'no'])).toBe(1);
    expect(undeclared(['market'], ['yes', 'no'])).toBe(1);
    expect(undeclared(['market'], [])).toBe(0);
    expect(undeclared([], [])).toBe(1);
  });

  it('asks of the tape no gap before its first proof nor beyond its reach', () => {
    const held = comparison([], 100, 50);
    for (const at of [49, 50, 100, 101]) held.truth({ ...delta(at), delivered: 0 });
    expect(held.finish()).toMatchObject({ unsent: 4, undeclared: 2 });
  });

  it('asks no gap for what the tape is not to hold, yet misses it when it was sent', () => {
    const held = new TruthComparison({ gapsOf: () => [], horizon: us(100), isWanted: () => false });
    held.truth({ ...delta(5), delivered: 0 });
    held.truth({ ...delta(6), delivered: 1 });
    expect(held.finish()).toMatchObject({ unsent: 1, undeclared: 0, missing: 1 });
  });

  it('excuses nothing that was sent because it lies before the first proof', () => {
    const held = comparison([], 100, 50);
    held.truth({ ...delta(49), delivered: 1 });
    expect(held.finish()).toMatchObject({ missing: 1, undeclared: 0 });
  });

  it('tells the sent from the unsent of equal events, and asks a gap only for those that the tape lacks', () => {
    const held = comparison();
    held.truth({ ...delta(5), delivered: 1 });
    held.truth({ ...delta(5), delivered: 0 });
    held.truth({ ...delta(6), delivered: 1 });
    held.truth({ ...delta(6), delivered: 0 });
    held.tape(delta(6));
    held.truth({ ...delta(7), delivered: 1 });
    for (let unsent = 0; unsent < 3; unsent++) held.truth({ ...delta(7), delivered: 0 });
    for (let there = 0; there < 3; there++) held.tape(delta(7));
    expect(held.finish()).toMatchObject({ events: 3, on_tape: 2, missing: 1, unsent: 5, undeclared: 3 });
  });

  it('asks of each announcement of equal content a gap at its own time', () => {
    const said = (at: number, delivered: number) => {
      const content = { kind: 'lifecycle', venue: 'kalshi', subject: 'K', instruments: ['K'] } as const;
      return { ...content, identity: 'K deactivated', time: us(at), delivered };
    };
    const undeclared = (unsentAt: number): number => {
      const held = comparison([{ from: us(10), to: us(20) }], 100);
      for (const at of [5, 25]) {
        held.truth(said(at, 1));
        held.tape(said(at, 1));
      }
      held.truth(said(unsentAt, 0));
      const result = held.finish();
      expect(result).toMatchObject({ events: 2, missing: 0, unsent: 1 });
      return result.undeclared;
    };
    expect(undeclared(15)).toBe(0);
    expect(undeclared(22)).toBe(1);
  });

  it('does not call an event extra that was made but sent to nobody', () => {
    const held = comparison();
    held.truth({ ...delta(5), delivered: 0 });
    held.tape(delta(5));
    expect(held.finish()).toMatchObject({ extra: 0, missing: 0 });
  });

  it('takes a trade for the same with milliseconds and with microseconds', () => {
    expect(trade(1_500_000).identity).toBe(trade(1_500_123).identity);
    expect(trade(1_500_000).identity).not.toBe(trade(1_501_000).identity);
  });

  it('takes a trade with another side of the aggressor, or a block of another kind, for another', () => {
    expect(trade(1, { taker_side: 'sell' }).identity).not.toBe(trade(1).identity);
    expect(trade(1, { taker_side: null }).identity).not.toBe(trade(1).identity);
    expect(trade(1, { is_block: true }).identity).not.toBe(trade(1).identity);
  });

  it('takes a book with other levels under the same hash for another', () => {
    const book = (size: number): string => {
      const event: BookSnapshotEvent = {
        received_at: us(6),
        kind: 'book_snapshot',
        venue: 'polymarket',
        instrument: '1',
        source: 'ws',
        bids: [[400_000 as Price, size as Size]],
        asks: [],
        snapshot_ts: us(5),
        exchange_ts: us(5),
        hash: 'h',
      };
      return comparedEvent(event)!.identity;
    };
    expect(book(5)).toBe(book(5));
    expect(book(5)).not.toBe(book(6));
  });

  it('takes an announcement with another status or other details for another', () => {
    const announcement = (changes: Partial<LifecycleEvent>): string =>
      comparedEvent({
        received_at: us(6),
        kind: 'lifecycle',
        venue: 'kalshi',
        market: 'K',
        instruments: ['K'],
        type: 'determined',
        status: 'determined',
        details: { result: 'yes' },
        exchange_ts: null,
        ...changes,
      })!.identity;
    expect(announcement({ received_at: us(7) })).toBe(announcement({}));
    expect(announcement({ status: 'finalized' })).not.toBe(announcement({}));
    expect(announcement({ details: { result: 'no' } })).not.toBe(announcement({}));
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
});
