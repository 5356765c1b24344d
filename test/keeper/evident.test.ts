import { describe, expect, it } from 'vitest';
import { Quality } from '#src/events/captured.ts';
import type { Level } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { BookHashFigures, BookProof, BookProofs } from '#src/venues/book-proofs.ts';
import { absolute, at, book, levels, SECOND, START, type TestEvent, TestLine, top } from './line.ts';

const BIDS = levels([41, 10], [40, 20], [39, 30]);
const ASKS = levels([43, 5], [45, 8]);
const snapshot = (instrument: string, time: number, bids: Level[] = BIDS, asks: Level[] = ASKS) =>
  book('polymarket', instrument, bids, asks, time);

/** Two proven tokens on one socket and one on another. */
function started(proofs?: BookProofs) {
  const line = new TestLine('polymarket', undefined, proofs);
  const one = line.connection('market-1#1');
  const two = line.connection('market-2#1');
  line.keeper.expect(['A', 'B', 'C'], at(START));
  line.keeper.bind(one, 0, ['A', 'B']);
  line.keeper.bind(two, 0, ['C']);
  line.frame(one, { events: [snapshot('A', START), snapshot('B', START)] });
  line.frame(two, { events: [snapshot('C', START)] });
  line.frame(two, { events: [absolute('C', line.now, 'bid', 39, 31)] });
  line.pass(3);
  return { line, one, two };
}

describe('a line of a venue without sequence numbers', () => {
  it('proves all books of an array frame, and closes their gaps with anchors', () => {
    const { line } = started();
    expect(line.keeper.counts()).toEqual({ expected: 3, bound: 3, proven: 3 });
    expect(line.openGaps()).toEqual([]);
    expect(new Set(line.anchors().map(({ instrument }) => instrument))).toEqual(new Set(['A', 'B', 'C']));
  });

  it('holds the best prices stated with a message against the book after all of its entries', () => {
    const { line, one } = started();
    const time = line.now;
    const agreed = line.frame(one, {
      events: [absolute('A', time, 'bid', 41, 0), absolute('A', time, 'bid', 42, 3)],
      // The first is only true in between, as the second already happened.
      tops: [
        { after: 0, top: top('A', 42, 43) },
        { after: 1, top: top('A', 42, 43) },
      ],
    });
    expect(agreed.resync).toEqual([]);
    expect(line.keeper.view('A')!.proven).toBe(true);
    line.frame(one, {
      events: [absolute('A', time + 5, 'bid', 39, 1), absolute('B', time + 5, 'bid', 39, 1)],
      tops: [
        { after: 0, top: top('A', 42, 44) },
        { after: 1, top: top('B', 41, 43) },
      ],
    });
    expect([line.keeper.view('A')!.proven, line.keeper.view('B')!.proven]).toEqual([false, true]);
    expect(line.keeper.counters).toMatchObject({ tops_matched: 2, tops_differing: 1 });
  });

  it('dates a mismatch back to the last whole book, as matching best prices do not prove what lies below', () => {
    const { line, one } = started();
    line.frame(one, {
      events: [absolute('A', line.now, 'bid', 39, 1)],
      tops: [{ after: 0, top: top('A', 41, 43) }],
    });
    line.pass(20);
    line.frame(one, {
      events: [absolute('A', line.now, 'bid', 39, 2)],
      tops: [{ after: 0, top: top('A', 40, 43) }],
    });
    const gap = line.of('gap').at(-1)!;
    expect(gap).toMatchObject({ instruments: ['A'], cause: 'book_mismatch', to: null });
    expect(gap.from).toBeLessThanOrEqual(START + 1_000);
    expect(gap.from).toBeGreaterThan(START - SECOND);
  });

  it('dates a mismatch back to the last change whose hash proved the book, and makes no gap of one that does not', () => {
    const held: string[] = [];
    const proofs: BookProof[] = [];
    const { line, one } = started({
      isDue: (instrument) => instrument === 'A',
      holdOwnBook: ({ instrument, hash, exchange_ts }, bids, asks) => {
        held.push(`${hash} ${bids.length} ${asks.length}`);
        if (hash === 'right') proofs.push({ instrument, exchange_ts });
      },
      takeProofs: () => proofs.splice(0),
      forget: () => {},
      figures: () => ({}) as BookHashFigures,
      unmatched: () => [],
    });
    line.pass(20);
    const proven = line.now;
    const frame = (hash: string, contracts: number) =>
      line.frame(one, {
        events: [absolute('A', line.now, 'bid', 39, contracts, hash), absolute('B', line.now, 'bid', 38, 1)],
      });
    frame('right', 1);
    line.pass(20);
    frame('wrong', 0);
    expect(held).toEqual(['right 3 2', 'wrong 2 2']);
    expect(line.openGaps()).toEqual([]);
    // Only the last of several changes speaks of the book that there is after the frame.
    line.frame(one, {
      events: [absolute('A', line.now, 'bid', 37, 4, 'first'), absolute('A', line.now, 'bid', 37, 5, 'last')],
    });
    expect(held.at(-1)).toBe('last 3 2');
    line.frame(one, { events: [], tops: [] });
    line.frame(one, {
      events: [absolute('A', line.now, 'bid', 39, 2, 'x')],
      tops: [{ after: 0, top: top('A', 40, 43) }],
    });
    const gap = line.of('gap').at(-1)!;
    expect(gap).toMatchObject({ instruments: ['A'], cause: 'book_mismatch', to: null });
    expect([gap.from >= proven - 1, gap.from <= proven]).toEqual([true, true]);
  });

  it('asks for a fresh book after a mismatch, unless the venue sends one by itself', () => {
    const { line, one } = started();
    const wrong = (instrument: string) =>
      line.frame(one, {
        events: [absolute(instrument, line.now, 'bid', 39, 1)],
        tops: [{ after: 0, top: top(instrument, 40, 43) }],
      });
    expect(wrong('A').resync).toEqual([]);
    expect(wrong('B').resync).toEqual([]);
    const proof = line.frame(one, { events: [snapshot('B', line.now)] });
    expect(proof.proven).toEqual(['B']);
    line.pass(0.5);
    expect(line.frame(one, { controls: [{ type: 'pong' }] }).resync).toEqual([
      { instruments: ['A'], cause: 'book_mismatch', sid: 0 },
    ]);
  });

  it('drops an update that is sent again, alone or with its whole message', () => {
    const { line, one } = started();
    const time = line.now;
    const message = { events: [absolute('A', time, 'bid', 41, 7), absolute('A', time, 'bid', 41, 9)] };
    line.frame(one, message);
    line.frame(one, message);
    line.frame(one, { events: [absolute('A', time, 'bid', 41, 9)] });
    // The whole message once more, after others.
    line.frame(one, { events: [absolute('B', time, 'bid', 41, 1)] });
    line.frame(one, message);
    const changes = line.of('book_delta').filter(({ instrument }) => instrument === 'A');
    expect(changes.map(({ size, occurrence, instant_index }) => [size, occurrence, instant_index])).toEqual([
      [7_000_000, 0, 0],
      [9_000_000, 0, 1],
    ]);
    expect(line.keeper.counters.resends).toBe(5);
  });

  it('drops an old update that comes again after newer ones, and leaves the book alone', () => {
    const { line, one } = started();
    const time = line.now;
    line.frame(one, { events: [absolute('A', time, 'bid', 41, 7)] });
    line.frame(one, { events: [absolute('A', time + 2_000, 'bid', 41, 0)] });
    line.frame(one, {
      events: [absolute('A', time, 'bid', 41, 7)],
      tops: [{ after: 0, top: top('A', 41, 43) }],
    });
    expect(line.keeper.view('A')).toMatchObject({ proven: true, bids: levels([40, 20], [39, 30]) });
    expect(line.of('book_delta').filter(({ size }) => size === 7_000_000)).toHaveLength(1);
    expect(line.keeper.counters.resends).toBe(1);
    // One that concerns a level nobody touched since does count.
    line.frame(one, { events: [absolute('A', time + 1_000, 'bid', 38, 4)] });
    expect(line.keeper.view('A')!.bids).toEqual(levels([40, 20], [39, 30], [38, 4]));
    expect(line.keeper.counters.late_changes).toBe(1);
  });

  it('finds with the next book what was lost below the best prices, and is right from then on', () => {
    const { line, one } = started();
    const stated = levels([41, 10], [40, 20], [38, 1]);
    line.frame(one, { events: [snapshot('A', line.now, stated)] });
    expect(line.keeper.counters.books_differing).toBe(1);
    expect(line.keeper.view('A')).toEqual({ proven: true, bids: stated, asks: ASKS });
    expect(line.openGaps()).toEqual(['A book_mismatch']);
    line.pass(3);
    expect(line.openGaps()).toEqual([]);
    line.frame(one, { events: [snapshot('A', line.now, stated)] });
    expect(line.keeper.counters.books_matched).toBe(1);
    expect(line.openGaps()).toEqual([]);
  });

  it('ignores a book that is older than the changes it has seen since', () => {
    const { line, one } = started();
    const time = line.now;
    line.frame(one, { events: [absolute('A', time, 'bid', 41, 7)] });
    line.frame(one, { events: [snapshot('A', time - 1_000)] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 7])[0]);
    expect(line.keeper.counters.books_stale).toBe(1);
  });

  it('notices at the first book after a gap that one before the gap was wrong, if nothing happened in between', () => {
    const { line, one } = started();
    const time = line.now;
    line.frame(one, { events: [absolute('A', time, 'bid', 41, 7)] });
    line.pass(20);
    line.keeper.lose(['A'], at(line.now), 'stalled');
    line.frame(one, { events: [snapshot('A', time, levels([41, 7], [38, 1]))] });
    const gaps = line.of('gap').filter(({ instruments }) => instruments!.includes('A'));
    const mismatch = gaps.find(({ cause }) => cause === 'book_mismatch')!;
    const stall = gaps.find(({ cause }) => cause === 'stalled')!;
    expect(mismatch.from).toBeLessThanOrEqual(START + 1_000);
    expect(mismatch.to).toBe(stall.from);
  });

  it('is in a gap from a change that came after an anchor said to hold it, until the next anchor', () => {
    const { line, one } = started();
    const time = line.now;
    line.frame(one, { events: [snapshot('A', time)] });
    line.keeper.lose(['A'], at(line.now), 'stalled');
    line.frame(one, { events: [snapshot('A', time)] });
    line.pass(3);
    const label = line.anchors().at(-1)!.snapshot_ts;
    line.frame(one, { events: [absolute('A', label - 1, 'bid', 38, 4)] });
    expect(line.of('gap').at(-1)).toMatchObject({ instruments: ['A'], from: label - 1, to: null });
    line.pass(15);
    expect(line.openGaps()).toEqual([]);
    expect(line.anchors().at(-1)!.bids.at(-1)).toEqual(levels([38, 4])[0]);
  });

  it('believes that a trade took what is gone from a book when enough is traded in its market around that time', () => {
    const { line, one } = started();
    const trade = (instrument: string, contracts: number): TestEvent => ({
      kind: 'trade',
      venue: 'polymarket',
      instrument,
      trade_id: `${instrument} ${line.now}`,
      price: 410_000 as Price,
      size: (contracts * 1_000_000) as Size,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: at(line.now),
    });
    const markets = ['A', 'B'].map((instrument) => ({ instrument, market: 'M' }));
    line.frame(one, { events: [snapshot('A', line.now)], markets });
    line.pass(3);
    const gaps = line.of('gap').length;
    // The best level and half of the next, told of the other token of the market, in part after the book.
    line.frame(one, { events: [trade('B', 12)] });
    line.frame(one, { events: [snapshot('A', line.now, levels([40, 10], [39, 30]))] });
    expect(line.keeper.view('A')!.bids).toEqual(levels([40, 10], [39, 30]));
    line.pass(0.1);
    line.frame(one, { events: [trade('B', 8)] });
    line.pass(2);
    expect(line.keeper.counters).toMatchObject({ books_moved_by_trade: 1, books_differing: 0 });
    expect(line.of('gap')).toHaveLength(gaps);
    // As much again is gone, and less than that is traded: something was lost since the book before.
    const verified = line.now;
    line.frame(one, { events: [snapshot('A', line.now, levels([40, 10], [39, 30]))] });
    line.pass(3);
    const time = line.now;
    line.frame(one, { events: [snapshot('A', time, levels([39, 30])), trade('A', 9)] });
    expect(line.keeper.counters.books_differing).toBe(0);
    line.pass(2);
    expect(line.keeper.counters).toMatchObject({ books_moved_by_trade: 1, books_differing: 1 });
    const gap = line.of('gap').at(-1)!;
    expect(gap).toMatchObject({ instruments: ['A'], cause: 'book_mismatch', to: time });
    expect([gap.from <= verified, gap.from > verified - SECOND]).toEqual([true, true]);
    expect(line.openGaps()).toEqual([]);
    // A level that is new is none of a trade's business: that book is wrong at once.
    line.frame(one, { events: [snapshot('A', line.now, levels([39, 30], [38, 3])), trade('A', 99)] });
    expect(line.keeper.counters.books_differing).toBe(2);
  });

  it('has a gap of a book that waits for its trades, taken back when they come, and holds back nothing else', () => {
    const { line, one } = started();
    const trade = (): TestEvent => ({
      kind: 'trade',
      venue: 'polymarket',
      instrument: 'B',
      trade_id: 'of B',
      price: 410_000 as Price,
      size: 10_000_000 as Size,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: at(line.now),
    });
    const markets = ['A', 'B'].map((instrument) => ({ instrument, market: 'M' }));
    line.frame(one, { events: [snapshot('A', line.now)], markets });
    const verified = line.now;
    line.pass(60);
    const gaps = line.of('gap').length;
    line.frame(one, { events: [snapshot('A', line.now, levels([40, 20], [39, 30]))] });
    line.pass(0.4);
    // A process that is killed now has left it, and all other books are vouched for.
    expect(line.of('gap').slice(gaps)).toMatchObject([
      { instruments: ['A'], cause: 'book_mismatch', to: null },
    ]);
    expect(line.of('gap').at(-1)!.from).toBeLessThanOrEqual(verified);
    expect(line.now - line.keeper.venueTime(at(line.now))!).toBeLessThan(SECOND);
    line.frame(one, { events: [trade()] });
    expect(line.keeper.counters.books_moved_by_trade).toBe(1);
    const back = line.of('gap').at(-1)!;
    expect(back.to).toBe(back.from);
    expect(line.openGaps()).toEqual([]);
    line.pass(2);
    expect(line.of('gap')).toHaveLength(gaps + 2);
    // One that is explained at once never had any.
    line.frame(one, { events: [snapshot('A', line.now, levels([40, 10], [39, 30]))] });
    line.pass(0.2);
    line.frame(one, { events: [trade()] });
    line.pass(2);
    expect(line.of('gap')).toHaveLength(gaps + 2);
  });

  it('leaves a gap for a book that no trade explains, also when its instrument is released before that shows', () => {
    const { line, one } = started();
    const trade: TestEvent = {
      kind: 'trade',
      venue: 'polymarket',
      instrument: 'B',
      trade_id: 'of B',
      price: 410_000 as Price,
      size: 20_000_000 as Size,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: at(line.now),
    };
    const markets = ['A', 'B'].map((instrument) => ({ instrument, market: 'M' }));
    const verified = line.now;
    line.frame(one, { events: [snapshot('A', line.now)], markets });
    line.pass(3);
    const time = line.now;
    line.frame(one, { events: [snapshot('A', time, levels([40, 10], [39, 30]))] });
    line.keeper.release(['A'], at(line.now));
    const mismatches = () =>
      line.of('gap').filter(({ cause, to }) => cause === 'book_mismatch' && to !== null);
    line.pass(2);
    expect(mismatches()).toMatchObject([{ instruments: ['A'], to: time }]);
    expect(mismatches()[0]!.from).toBeLessThanOrEqual(verified + 1_000);
    // One that a trade explains leaves none, although its market was forgotten with it.
    line.keeper.expect(['A'], at(line.now));
    line.keeper.bind(one, 0, ['A']);
    line.frame(one, { events: [snapshot('A', line.now)], markets });
    line.pass(3);
    line.frame(one, { events: [snapshot('A', line.now, levels([40, 10], [39, 30])), trade] });
    line.keeper.release(['A'], at(line.now));
    line.pass(2);
    expect(line.keeper.counters).toMatchObject({ books_moved_by_trade: 1, books_differing: 1 });
    expect(mismatches()).toHaveLength(1);
  });

  it('puts all books of a socket in doubt over a frame that cannot be read, without asking for them in a loop', () => {
    const { line, one } = started();
    const first = line.frame(one, '{"event_type":"price_ch');
    expect(first.resync).toEqual([{ instruments: ['A', 'B'], cause: 'undecodable_frame', sid: 0 }]);
    expect(line.openGaps()).toEqual(['A undecodable_frame', 'B undecodable_frame']);
    for (let count = 0; count < 20; count++) {
      line.frame(one, { events: [snapshot('A', line.now)] });
      expect(line.keeper.view('A')!.proven).toBe(true);
      expect(line.frame(one, '{"event_type":"price_ch').resync).toEqual([]);
    }
    expect(line.keeper.view('A')!.proven).toBe(false);
    expect(line.keeper.view('C')!.proven).toBe(true);
    line.pass(11);
    const later = line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 1)] });
    expect(later.resync).toEqual([{ instruments: ['A'], cause: 'undecodable_frame', sid: 0 }]);
  });

  it('puts all books of a socket in doubt since its last data when it goes on after a silence', () => {
    const { line, one, two } = started();
    line.keeper.feedExpected!('announcement', at(line.now), false);
    for (const connection of [one, two]) line.keeper.feedCarried!('announcement', connection, at(line.now));
    const since = line.now;
    line.frame(one, { events: [absolute('A', line.now, 'bid', 39, 4)] });
    const last = line.now;
    line.pass(12);
    line.frame(one, { events: [absolute('B', line.now, 'bid', 39, 5)] });
    line.lines.length = 0;
    line.keeper.interrupted(one, at(last), at(line.now), 'stalled');
    expect(['A', 'B', 'C'].map((token) => line.keeper.isProven(token))).toEqual([false, false, true]);
    const [gap] = line.of('gap');
    expect(gap).toMatchObject({ instruments: ['A', 'B'], to: null, cause: 'stalled' });
    expect(gap!.from).toBeGreaterThan(since - SECOND);
    expect(gap!.from).toBeLessThanOrEqual(last);
    // The other socket brought the announcements meanwhile, until it is silent as well.
    expect(line.of('gap').filter(({ all }) => all === true)).toEqual([]);
    line.keeper.interrupted(two, at(last), at(line.now), 'stalled');
    expect(line.of('gap').find(({ all }) => all === true)).toMatchObject({ cause: 'stalled' });
    line.frame(one, { events: [snapshot('A', line.now), snapshot('B', line.now)] });
    line.pass(2);
    expect(line.openGaps()).toEqual(['C stalled']);
  });

  it('keeps the changes that a successor brought before its first book when the old socket is gone before that', () => {
    const { line, one } = started();
    const next = line.connection('book-1#2');
    line.keeper.bind(next, 0, ['A']);
    line.pass(1);
    const made = line.now;
    line.frame(next, { events: [absolute('A', made + 5_000, 'bid', 41, 7)] });
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    // Nothing orders a first book and changes: this one was made before the change.
    line.frame(next, { events: [snapshot('A', made)] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 7])[0]);
  });

  it('believes no socket that brings nothing: when the line ends, or lets a book go, its gap begins at the last data', () => {
    const { line, one } = started();
    line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 1)] });
    const last = line.now;
    line.pass(60);
    line.keeper.release(['B'], at(line.now));
    line.keeper.connectionClosed(one, at(line.now), 'line_down');
    const begun = (instrument: string) =>
      line.of('gap').findLast(({ instruments, to }) => to === null && instruments?.includes(instrument))!;
    expect([begun('A').cause, begun('B').cause]).toEqual(['line_down', 'released']);
    for (const instrument of ['A', 'B']) {
      expect(begun(instrument).from).toBeLessThanOrEqual(last);
      expect(begun(instrument).from).toBeGreaterThan(last - SECOND);
    }
  });

  it('puts all books of a socket in doubt when the line fails over a frame of it', () => {
    const { line, one } = started();
    const { resync } = line.keeper.frameFailed(one, at(line.now));
    expect(resync).toEqual([{ instruments: ['A', 'B'], cause: 'undecodable_frame', sid: 0 }]);
    expect(line.openGaps()).toEqual(['A undecodable_frame', 'B undecodable_frame']);
  });

  it('believes no change and no book that is stamped a day ahead', () => {
    const { line, one } = started();
    const absurd = line.now + 86_400 * SECOND;
    line.frame(one, { events: [absolute('A', absurd, 'bid', 41, 1)] });
    line.frame(one, { events: [snapshot('B', absurd, levels([41, 1]))] });
    expect(line.openGaps()).toEqual(['A undecodable_frame', 'B undecodable_frame']);
    // Kept as told, and marked, lest the tape takes them for a change and a book of then; those of nobody's, too.
    line.frame(one, { events: [snapshot('X', absurd), absolute('X', absurd, 'bid', 41, 1)] });
    const ahead = [...line.of('book_delta'), ...line.of('book_snapshot')].filter(
      ({ exchange_ts }) => exchange_ts === absurd,
    );
    expect(ahead.map(({ quality }) => quality & Quality.withoutVenueTime)).toEqual([16, 16, 16, 16]);
    line.frame(one, { events: [snapshot('A', line.now), snapshot('B', line.now)] });
    line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 2)] });
    line.frame(one, { events: [absolute('B', line.now, 'bid', 41, 2)] });
    for (const instrument of ['A', 'B'])
      expect(line.keeper.view(instrument)).toMatchObject({
        proven: true,
        bids: levels([41, 2], [40, 20], [39, 30]),
      });
    line.pass(15);
    for (const { snapshot_ts } of line.anchors()) expect(snapshot_ts).toBeLessThanOrEqual(line.now);
  });

  it('puts a book in doubt over a message of a kind it does not know that names it', () => {
    const { line, one } = started();
    const unknown = { reason: 'unknown_type', message: 'the event_type "level_move" is not known' };
    line.frame(one, { problems: [unknown] });
    expect(line.keeper.counts().proven).toBe(3);
    const outcome = line.frame(one, { problems: [{ ...unknown, instrument: 'A' }] });
    expect(outcome.resync).toEqual([{ instruments: ['A'], cause: 'undecodable_frame', sid: 0 }]);
    expect(line.openGaps()).toEqual(['A undecodable_frame']);
    line.frame(one, { events: [snapshot('A', line.now)] });
    line.pass(3);
    expect(line.openGaps()).toEqual([]);
  });

  it('gives a first book time to come before it asks for one', () => {
    const line = new TestLine('polymarket');
    const one = line.connection('market-1#1');
    line.keeper.bind(one, 0, ['A']);
    expect(line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 1)] }).resync).toEqual([]);
    line.pass(6);
    const outcome = line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 2)] });
    expect(outcome.resync).toEqual([{ instruments: ['A'], cause: 'startup', sid: 0 }]);
  });

  it('applies to a first book the changes of its instant and later that came before it', () => {
    const line = new TestLine('polymarket');
    const one = line.connection('market-1#1');
    line.keeper.bind(one, 0, ['A']);
    const time = line.now;
    line.frame(one, { events: [absolute('A', time - 1, 'bid', 40, 1), absolute('A', time, 'bid', 39, 2)] });
    line.frame(one, { events: [absolute('A', time + 5, 'bid', 41, 3)] });
    expect(line.frame(one, { events: [snapshot('A', time)] }).proven).toEqual(['A']);
    expect(line.keeper.view('A')).toEqual({
      proven: true,
      bids: levels([41, 3], [40, 20], [39, 2]),
      asks: ASKS,
    });
    expect(line.anchors().at(-1)).toMatchObject({
      snapshot_ts: time,
      bids: levels([41, 10], [40, 20], [39, 2]),
    });
    // A reader applies the change of the book's own instant after it, too.
    expect(line.of('book_snapshot').find(({ source }) => source === 'ws')).not.toHaveProperty(
      'instant_index',
    );
    // A further book from before them proves nothing, even when they were applied before the gap.
    line.keeper.lose(['A'], at(line.now), 'stalled');
    expect(line.frame(one, { events: [snapshot('A', time)] }).proven).toEqual([]);
    expect(line.keeper.view('A')!.proven).toBe(false);
    // They are applied once: the next book does not bring them back.
    line.frame(one, { events: [snapshot('A', time + 5)] });
    expect(line.keeper.view('A')).toEqual({ proven: true, bids: BIDS, asks: ASKS });
  });

  it('does not take over from another socket less than the new one has already sent', () => {
    const { line, one } = started();
    const next = line.connection('market-3#1');
    const time = line.now;
    line.keeper.bind(next, 0, ['A']);
    line.frame(next, { events: [absolute('A', time, 'bid', 41, 1)] });
    line.frame(next, { events: [snapshot('A', time - 5_000)] });
    expect(line.keeper.connectionClosed(one, at(line.now), 'disconnected')).toEqual(['B']);
    expect(line.keeper.view('A')).toMatchObject({ proven: true, bids: levels([41, 1], [40, 20], [39, 30]) });
  });

  it('takes no first book as proof that is older than changes it no longer remembers', () => {
    const line = new TestLine('polymarket');
    const one = line.connection('market-1#1');
    line.keeper.bind(one, 0, ['A']);
    const time = line.now;
    for (let count = 0; count < 1_000; count++)
      line.frame(one, { events: [absolute('A', time + count, 'bid', 41, 1 + count)] });
    line.pass(20);
    const old = line.frame(one, { events: [snapshot('A', time)] });
    expect(old.proven).toEqual([]);
    expect(old.resync).toEqual([{ instruments: ['A'], cause: 'startup', sid: 0 }]);
    expect(line.frame(one, { events: [snapshot('A', time + 999)] }).proven).toEqual(['A']);
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 1_000])[0]);
  });

  it('goes over to another socket with its first book, and keeps what the old one still sends', () => {
    const { line, one } = started();
    const next = line.connection('market-3#1');
    line.keeper.bind(next, 0, ['A']);
    line.frame(next, { events: [absolute('A', line.now, 'bid', 41, 1)] });
    line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 2)] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 2])[0]);
    line.frame(next, { events: [snapshot('A', line.now)] });
    line.frame(one, { events: [absolute('A', line.now, 'bid', 41, 3)] });
    expect(line.keeper.view('A')).toEqual({ proven: true, bids: BIDS, asks: ASKS });
    expect(line.of('book_delta').at(-1)).toMatchObject({ size: 3_000_000, quality: Quality.bookSuspect });
    expect(line.keeper.connectionClosed(one, at(line.now), 'disconnected')).toEqual(['B']);
    expect(line.keeper.view('A')!.proven).toBe(true);
  });

  it('applies to the book of a successor what both sockets sent, as the one change it is', () => {
    const { line, one } = started();
    const next = line.connection('market-3#1');
    const time = line.now;
    const change = absolute('A', time, 'bid', 41, 2);
    line.keeper.bind(next, 0, ['A']);
    line.frame(one, { events: [change] });
    line.frame(next, { events: [snapshot('A', time - 5_000)] });
    line.frame(next, { events: [change] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 2])[0]);
    const changes = line.of('book_delta').filter(({ instrument }) => instrument === 'A');
    expect(changes.map(({ occurrence }) => occurrence)).toEqual([0, 0]);
    line.pass(3);
    expect(line.anchors().at(-1)!.bids[0]).toEqual(levels([41, 2])[0]);
  });

  it('leaves the book alone when an update is sent again after a book took its place', () => {
    const { line, one } = started();
    const time = line.now;
    const change = absolute('A', time, 'bid', 41, 2);
    line.frame(one, { events: [change] });
    line.frame(one, { events: [snapshot('A', time)] });
    line.frame(one, { events: [change] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 10])[0]);
    expect(line.of('book_delta').filter(({ instrument }) => instrument === 'A')).toHaveLength(1);
    expect(
      line
        .of('book_snapshot')
        .filter(({ source }) => source === 'ws')
        .at(-1)!.instant_index,
    ).toBe(1);
  });

  it('numbers equal trades of each socket by themselves, so that copies get the ids of their originals', () => {
    const { line, one } = started();
    const next = line.connection('market-3#1');
    const trade: TestEvent = {
      kind: 'trade',
      venue: 'polymarket',
      instrument: 'A',
      trade_id: 'derived',
      price: 410_000 as Price,
      size: 1_000_000 as Size,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: at(line.now),
    };
    line.keeper.bind(next, 0, ['A']);
    line.frame(one, { events: [trade] });
    line.frame(next, { events: [snapshot('A', line.now)] });
    line.frame(next, { events: [trade] });
    line.frame(one, { events: [trade] });
    line.frame(next, { events: [trade] });
    expect(line.of('trade').map(({ trade_id }) => trade_id)).toEqual([
      'derived',
      'derived',
      'derived-1',
      'derived-1',
    ]);
  });

  it('tells apart equal trades, and copies of one announcement from all sockets', () => {
    const { line, one, two } = started();
    const trade: TestEvent = {
      kind: 'trade',
      venue: 'polymarket',
      instrument: 'A',
      trade_id: 'derived',
      price: 410_000 as Price,
      size: 1_000_000 as Size,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: at(line.now),
    };
    line.frame(one, { events: [trade] });
    line.frame(one, { events: [trade, { ...trade, trade_id: 'other' }] });
    // A socket that does not carry the token says nothing about how many there were.
    line.frame(two, { events: [trade] });
    expect(line.of('trade').map(({ trade_id }) => trade_id)).toEqual([
      'derived',
      'derived-1',
      'other',
      'derived',
    ]);
    const announcement: TestEvent = {
      kind: 'lifecycle',
      venue: 'polymarket',
      market: '0xabc',
      instruments: ['X', 'Y'],
      type: 'new_market',
      details: {},
      exchange_ts: at(line.now),
    };
    const told = [one, two].map((socket) => line.frame(socket, { events: [announcement] }));
    expect(told.map(({ lifecycle }) => lifecycle.length)).toEqual([1, 0]);
    expect(told.map(({ announced }) => announced)).toEqual(['first', 'copy']);
    // Only who carries the token is told of its grid, and nothing is said of the frame after.
    const grid = line.frame(one, { events: [{ ...announcement, type: 'tick_size_change' }] });
    expect([grid.lifecycle.length, grid.announced]).toEqual([1, undefined]);
  });
});
