import { describe, expect, it } from 'vitest';
import { Quality } from '#src/events/captured.ts';
import type { LifecycleEvent, TickerEvent } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { at, book, levels, SECOND, START, signed, type TestEvent, TestLine } from './line.ts';

const BIDS = levels([41, 10], [40, 20], [39, 30]);
const ASKS = levels([43, 5]);

/** Two books on sid 1 and one on sid 2 of the same connection, all proven and their first gaps closed. */
function started() {
  const line = new TestLine('kalshi');
  const connection = line.connection('book-1#1');
  line.keeper.expect(['A', 'B', 'C'], at(START));
  line.keeper.bind(connection, 1, ['A', 'B']);
  line.keeper.bind(connection, 2, ['C']);
  const proven = [
    line.frame(connection, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] }),
    line.frame(connection, { sid: 1, seq: 2, events: [book('kalshi', 'B', BIDS, ASKS)] }),
    line.frame(connection, { sid: 2, seq: 1, events: [book('kalshi', 'C', BIDS, ASKS)] }),
  ].flatMap((outcome) => outcome.proven);
  line.frame(connection, { sid: 2, seq: 2, events: [signed('C', line.now, 'bid', 41, 1)] });
  line.pass(3);
  return { line, connection, proven };
}

describe('a line of a venue with sequence numbers', () => {
  it('is in a gap from the moment an instrument is expected until an exact anchor after its first snapshot', () => {
    const { line, proven } = started();
    expect(proven).toEqual(['A', 'B', 'C']);
    expect(line.keeper.counts()).toEqual({ expected: 3, bound: 3, proven: 3 });
    const [opening, ...closings] = line.of('gap');
    expect(opening).toMatchObject({ instruments: ['A', 'B', 'C'], from: START, to: null, cause: 'startup' });
    expect(line.openGaps()).toEqual([]);
    const labels = new Map(line.anchors().map((anchor) => [anchor.instrument, anchor.snapshot_ts]));
    for (const closing of closings) expect(closing.to).toBe(labels.get(closing.instruments![0]!));
  });

  it('labels an anchor with the last change it holds once a later change comes, before applying that', () => {
    const { line, connection } = started();
    const outcome = line.frame(connection, { sid: 1, seq: 3, events: [book('kalshi', 'A', BIDS, ASKS)] });
    expect(outcome.proven).toEqual(['A']);
    const first = line.now;
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', first, 'bid', 41, 2)] });
    line.frame(connection, { sid: 1, seq: 5, events: [signed('A', first, 'bid', 40, 1)] });
    const before = line.anchors().length;
    line.frame(connection, { sid: 1, seq: 6, events: [signed('A', first + 5, 'bid', 39, 1)] });
    const anchor = line.anchors().at(-1)!;
    expect(line.anchors().length).toBe(before + 1);
    expect(anchor).toMatchObject({
      instrument: 'A',
      snapshot_ts: first,
      bids: levels([41, 12], [40, 21], [39, 30]),
    });
  });

  it('says that every book of a subscription is in doubt when a number is missing, and no other book', () => {
    const { line, connection } = started();
    const lastGood = line.now;
    line.frame(connection, { sid: 1, seq: 3, events: [signed('B', line.now, 'bid', 41, 2)] });
    line.pass(2);
    const outcome = line.frame(connection, { sid: 1, seq: 5, events: [signed('A', line.now, 'bid', 41, 2)] });
    expect(outcome.resync).toEqual([{ instruments: ['A', 'B'], cause: 'sequence_gap', sid: 1 }]);
    expect(line.keeper.counts().proven).toBe(1);
    expect(line.openGaps()).toEqual(['A sequence_gap', 'B sequence_gap']);
    const gap = line.of('gap').at(-1)!;
    expect(gap.from).toBeGreaterThan(lastGood - SECOND);
    expect(gap.from).toBeLessThanOrEqual(lastGood + 1_000);
    // What came is kept, marked as it is.
    expect(line.of('book_delta').at(-1)).toMatchObject({
      instrument: 'A',
      quality: Quality.bookSuspect,
      seq: 5,
    });
    line.frame(connection, { sid: 2, seq: 3, events: [signed('C', line.now, 'bid', 41, 2)] });
    expect(line.of('book_delta').at(-1)!.quality).toBe(0);
  });

  it('closes the gap only with a new snapshot, and marks what comes first after it', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 4, events: [signed('B', line.now, 'bid', 41, 2)] });
    line.pass(3);
    expect(line.openGaps()).toEqual(['A sequence_gap', 'B sequence_gap']);
    const changed = levels([44, 1]);
    line.frame(connection, { sid: 1, seq: 5, events: [book('kalshi', 'A', changed, [])] });
    expect(line.keeper.view('A')).toEqual({ proven: true, bids: changed, asks: [] });
    const { quality } = line.of('book_snapshot').at(-1)!;
    expect(quality).toBe(Quality.fromSnapshot | Quality.afterGap);
    line.frame(connection, { sid: 1, seq: 6, events: [signed('A', line.now, 'bid', 44, 1)] });
    expect(line.of('book_delta').at(-1)!.quality).toBe(0);
    line.pass(3);
    expect(line.openGaps()).toEqual(['B sequence_gap']);
  });

  it('counts replies to commands as numbers of the subscription', () => {
    const { line, connection } = started();
    line.frame(connection, {
      sid: 1,
      seq: 3,
      controls: [{ type: 'ok', id: 7, sid: 1, tickers: ['A', 'B'], subscriptions: null }],
    });
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now, 'bid', 41, 1)] });
    expect(line.keeper.counters.sequence_gaps).toBe(0);
  });

  it('drops a frame that comes twice and keeps one that comes late', () => {
    const { line, connection } = started();
    const frame = { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] };
    line.frame(connection, frame);
    line.frame(connection, frame);
    expect(line.of('book_delta').filter(({ instrument }) => instrument === 'A').length).toBe(1);
    line.frame(connection, { sid: 1, seq: 5, events: [signed('A', line.now, 'bid', 40, 1)] });
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now, 'bid', 39, 1)] });
    expect(line.of('book_delta').filter(({ instrument }) => instrument === 'A').length).toBe(3);
    expect(line.keeper.counters).toMatchObject({ duplicate_frames: 1, late_frames: 1, sequence_gaps: 1 });
  });

  it('keeps changes of a superseded subscription without letting them near the book', () => {
    const { line, connection } = started();
    const next = line.connection('book-2#1');
    line.keeper.bind(next, 1, ['A']);
    // Until the new one has sent its snapshot the old one goes on.
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 11])[0]);
    const outcome = line.frame(next, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    expect(outcome.proven).toEqual(['A']);
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now, 'bid', 41, 3)] });
    expect(line.keeper.view('A')).toEqual({ proven: true, bids: BIDS, asks: ASKS });
    expect(line.of('book_delta').at(-1)).toMatchObject({
      change: 3_000_000,
      quality: Quality.bookSuspect,
      connection: 'book-1#1',
    });
    expect(line.keeper.counters.superseded).toBe(1);
    // The change from one to the other is a short gap, closed with the next anchor.
    expect(line.openGaps()).toEqual(['A resubscribed']);
    line.pass(3);
    expect(line.openGaps()).toEqual([]);
  });

  it('numbers what a successor sends from the start, so that a change that both sent is one event', () => {
    const { line, connection } = started();
    const next = line.connection('book-2#1');
    const time = line.now;
    line.keeper.bind(next, 1, ['A']);
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', time, 'bid', 41, 1)] });
    // The successor's snapshot was made before the change, so that the change follows there too.
    line.frame(next, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(next, { sid: 1, seq: 2, events: [signed('A', time, 'bid', 41, 1)] });
    line.frame(next, { sid: 1, seq: 3, events: [signed('A', time, 'bid', 41, 1)] });
    const changes = line.of('book_delta').filter(({ instrument }) => instrument === 'A');
    expect(changes.map(({ occurrence }) => occurrence)).toEqual([0, 0, 1]);
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 12])[0]);
  });

  it('numbers equal changes that do not reach the book as well: each is an event', () => {
    const { line, connection } = started();
    const next = line.connection('book-2#1');
    const time = line.now;
    line.keeper.bind(next, 1, ['A']);
    const change = signed('A', time, 'bid', 41, 1);
    // Before a subscription carries the book and after it has done so; out of order; of one that nobody expects.
    line.frame(connection, { sid: 1, seq: 3, events: [change] });
    line.frame(next, { sid: 1, seq: 1, events: [change] });
    line.frame(next, { sid: 1, seq: 2, events: [change] });
    line.frame(next, { sid: 1, seq: 3, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(next, { sid: 1, seq: 4, events: [change] });
    line.frame(connection, { sid: 1, seq: 5, events: [change] });
    line.frame(connection, { sid: 1, seq: 4, events: [change] });
    const numbers = (instrument: string, name: string) =>
      line
        .of('book_delta')
        .filter((one) => one.instrument === instrument && one.connection === name)
        .map(({ occurrence }) => occurrence);
    expect(numbers('A', 'book-2#1')).toEqual([0, 1, 2]);
    expect(numbers('A', 'book-1#1')).toEqual([0, 1, 2]);
    const stray = signed('X', time, 'bid', 41, 1);
    line.frame(next, { sid: 1, seq: 5, events: [stray, stray] });
    expect(numbers('X', 'book-2#1')).toEqual([0, 1]);
  });

  it('loses nothing when the numbering begins anew, not even its first frame', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] });
    const now = levels([41, 11], [40, 20], [39, 30]);
    line.frame(connection, { sid: 1, seq: 1, events: [book('kalshi', 'A', now, ASKS)] });
    line.frame(connection, { sid: 1, seq: 2, events: [signed('A', line.now, 'bid', 41, 2)] });
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 4)] });
    expect(line.keeper.counters).toMatchObject({ duplicate_frames: 0, sequence_gaps: 1 });
    expect(line.keeper.view('A')).toMatchObject({ proven: true, bids: levels([41, 17], [40, 20], [39, 30]) });
    // The book of A is proven by its snapshot, and its gap is over with the anchor before the last change.
    expect(line.of('gap').at(-1)).toMatchObject({ instruments: ['A'], cause: 'sequence_gap' });
    expect(line.openGaps()).toEqual(['B sequence_gap']);
  });

  it('asks once for a snapshot when a change comes before the first one, however many follow', () => {
    const line = new TestLine('kalshi');
    const connection = line.connection('book-1#1');
    line.keeper.bind(connection, 1, ['A']);
    const resyncs = [1, 2, 3].map(
      (seq) =>
        line.frame(connection, { sid: 1, seq, events: [signed('A', line.now, 'bid', 41, 1)] }).resync.length,
    );
    expect(resyncs).toEqual([1, 0, 0]);
    expect(line.keeper.counters.changes_before_snapshot).toBe(3);
    expect(line.of('book_delta').length).toBe(3);
    line.pass(16);
    const again = line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now, 'bid', 41, 1)] });
    expect(again.resync).toEqual([{ instruments: ['A'], cause: 'startup', sid: 1 }]);
  });

  it('knows that its book was wrong when a size falls below zero, since the snapshot it began with', () => {
    const { line, connection } = started();
    const outcome = line.frame(connection, {
      sid: 1,
      seq: 3,
      events: [signed('A', line.now, 'bid', 41, -11)],
    });
    expect(outcome.resync).toEqual([{ instruments: ['A'], cause: 'book_mismatch', sid: 1 }]);
    expect(line.keeper.view('A')!.proven).toBe(false);
    const gap = line.of('gap').at(-1)!;
    expect(gap).toMatchObject({ instruments: ['A'], cause: 'book_mismatch', to: null });
    expect(gap.from).toBeLessThanOrEqual(START + 1_000);
    expect(line.keeper.view('B')!.proven).toBe(true);
  });

  it('has books of a silent subscription in doubt, until something else carries them or they are lost', () => {
    const { line, connection } = started();
    line.pass(3);
    line.keeper.doubt(connection, 1, at(line.now));
    line.keeper.doubt(connection, 1, at(line.now));
    expect(line.openGaps()).toEqual(['A stalled', 'B stalled']);
    expect(line.keeper.counts().proven).toBe(3);
    const next = line.connection('book-2#1');
    line.keeper.bind(next, 1, ['A']);
    line.frame(next, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.pass(3);
    expect(line.openGaps()).toEqual(['B stalled']);
    line.keeper.connectionClosed(connection, at(line.now), 'disconnected');
    expect(line.openGaps()).toEqual(['B disconnected', 'C disconnected']);
  });

  it('leaves a gap since the last frame of a subscription when its socket fails, and a short one when the line ends', () => {
    const lostBy = (cause: 'disconnected' | 'line_down', isDoubted = false) => {
      const { line, connection } = started();
      line.pass(600);
      if (isDoubted) line.keeper.doubt(connection, 1, at(line.now));
      line.keeper.connectionClosed(connection, at(line.now), cause);
      const gap = line
        .of('gap')
        .find((record) => record.cause === cause && record.instruments?.includes('A') === true)!;
      expect(gap.to).toBeNull();
      return (line.now - gap.from) / SECOND;
    };
    expect(lostBy('disconnected')).toBeGreaterThan(600);
    expect(lostBy('line_down')).toBeGreaterThanOrEqual(3);
    expect(lostBy('line_down')).toBeLessThan(4);
    // A line that ends believes no silence that it did not believe before.
    expect(lostBy('line_down', true)).toBeGreaterThan(600);
  });

  it('loses what a closed connection carried, and nothing else', () => {
    const { line, connection } = started();
    const other = line.connection('book-2#1');
    line.keeper.bind(other, 1, ['D']);
    line.frame(other, { sid: 1, seq: 1, events: [book('kalshi', 'D', BIDS, ASKS)] });
    line.pass(3);
    const lost = line.keeper.connectionClosed(connection, at(line.now), 'disconnected');
    expect([...lost].sort()).toEqual(['A', 'B', 'C']);
    expect(line.keeper.counts()).toEqual({ expected: 4, bound: 1, proven: 1 });
    expect(line.openGaps()).toEqual(['A disconnected', 'B disconnected', 'C disconnected']);
    // Numbers begin anew on the next connection.
    const again = line.connection('book-1#2');
    line.keeper.bind(again, 1, ['A', 'B', 'C']);
    line.frame(again, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    expect(line.keeper.counters.sequence_gaps).toBe(0);
    expect(line.keeper.view('A')!.proven).toBe(true);
  });

  it('no longer vouches for what is released, and still keeps what comes of it', () => {
    const { line, connection } = started();
    line.keeper.lose(['A'], at(line.now), 'stalled');
    expect(line.openGaps()).toEqual(['A stalled']);
    line.keeper.release(['A', 'B'], at(line.now));
    expect(line.openGaps()).toEqual(['A stalled', 'B released']);
    expect(line.of('gap').at(-1)!.from).toBeLessThan(line.now);
    expect(line.keeper.counts()).toEqual({ expected: 1, bound: 1, proven: 1 });
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] });
    expect(line.of('book_delta').at(-1)).toMatchObject({ instrument: 'A', quality: Quality.bookSuspect });
    expect(line.keeper.counters.unexpected).toBe(1);
    line.pass(60);
    expect(line.openGaps()).toEqual(['A stalled', 'B released']);
  });

  it('vouches for what was released only when it is proven again', () => {
    const { line, connection } = started();
    line.keeper.release(['B'], at(line.now));
    const from = line.of('gap').at(-1)!.from;
    line.pass(200);
    line.keeper.expect(['B'], at(line.now));
    expect(line.openGaps()).toEqual(['B not_subscribed']);
    const [begun, closed] = line.of('gap').slice(-2);
    expect(closed).toMatchObject({ cause: 'released', from, to: line.now });
    expect(begun).toMatchObject({ cause: 'not_subscribed', from: line.now, to: null });
    line.keeper.bind(connection, 1, ['B']);
    line.frame(connection, { sid: 1, seq: 3, events: [book('kalshi', 'B', BIDS, ASKS)] });
    line.pass(3);
    expect(line.openGaps()).toEqual([]);
  });

  it('has nothing to miss of what is over, from when it was over, and takes no word about what it captures', () => {
    const { line } = started();
    const ended = at(line.now - 5 * SECOND);
    line.keeper.over!(['B'], ended);
    expect(line.openGaps()).toEqual([]);
    line.keeper.release(['A', 'B'], at(line.now));
    const left = line.of('gap').at(-1)!.from;
    line.pass(60);
    line.keeper.over!(['A'], at(line.now - 20 * SECOND));
    line.keeper.over!(['B', 'Z'], ended);
    expect(line.openGaps()).toEqual(['A market_over', 'B market_over', 'Z market_over']);
    const last = (instrument: string, cause: string) =>
      line.of('gap').findLast((gap) => gap.cause === cause && gap.instruments!.includes(instrument));
    // A may have gone on until its market was over, B was over when it was left.
    expect(last('A', 'released')).toMatchObject({ from: left, to: line.now - 20 * SECOND });
    expect(last('A', 'market_over')).toMatchObject({ from: line.now - 20 * SECOND, to: null });
    expect(last('B', 'released')).toMatchObject({ from: left, to: left });
    expect(last('B', 'market_over')).toMatchObject({ from: left, to: null });
    expect(last('Z', 'market_over')).toMatchObject({ from: ended, to: null });
  });

  it('misses nothing of a market that closed while its subscription had nothing to tell, unless that was in doubt', () => {
    const missed = (isDoubted: boolean) => {
      const { line, connection } = started();
      line.pass(600);
      const ended = at(line.now);
      line.pass(10);
      if (isDoubted) line.keeper.doubt(connection, 1, at(line.now));
      line.keeper.release(['A'], at(line.now));
      line.keeper.over!(['A'], ended);
      const { from, to } = line.of('gap').findLast((gap) => gap.cause === 'released')!;
      expect(line.openGaps()).toContain('A market_over');
      return (to! - from) / SECOND;
    };
    expect(missed(false)).toBe(0);
    expect(missed(true)).toBeGreaterThan(600);
  });

  it('has missed of what was released what its subscription turns out to have missed by then, until that is heard again', () => {
    const missed = (how: 'closed' | 'number' | 'doubt' | 'lost' | 'heard' | 'line') => {
      const { line, connection } = started();
      line.pass(14);
      const silent = line.now - 14 * SECOND;
      line.keeper.release(['A'], at(line.now));
      line.pass(1);
      const left = line.of('gap').findLast((gap) => gap.cause === 'released')!;
      line.pass(20);
      if (how === 'heard') {
        line.frame(connection, { sid: 1, seq: 3, events: [signed('B', line.now, 'bid', 41, 1)] });
        line.pass(1);
      }
      if (how === 'number')
        line.frame(connection, { sid: 1, seq: 9, events: [signed('B', line.now, 'bid', 41, 1)] });
      else if (how === 'doubt') line.keeper.doubt(connection, 1, at(line.now));
      else if (how === 'lost') line.keeper.lose(['B'], at(line.now), 'stalled');
      else
        line.keeper.connectionClosed(connection, at(line.now), how === 'line' ? 'line_down' : 'disconnected');
      line.pass(1);
      const told = line.of('gap').filter(({ from, to, instruments }) => {
        return instruments?.includes('A') && from < left.from && to === left.from;
      });
      for (const { from } of told) expect(from).toBeLessThanOrEqual(silent);
      return told.length;
    };
    expect(['closed', 'number', 'doubt', 'lost'].map((how) => missed(how as 'closed'))).toEqual([1, 1, 1, 1]);
    expect([missed('heard'), missed('line')]).toEqual([0, 0]);
  });

  it('tells a receive time as the venue’s, by the slowest subscription, once an event has shown how the clocks stand', () => {
    const ahead = 30 * SECOND;
    const line = new TestLine('kalshi');
    const connection = line.connection('book-1#1');
    line.keeper.expect(['A', 'C'], at(line.now));
    line.keeper.bind(connection, 1, ['A']);
    line.keeper.bind(connection, 2, ['C']);
    line.frame(connection, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(connection, { sid: 2, seq: 1, events: [book('kalshi', 'C', BIDS, ASKS)] });
    expect(line.keeper.venueTime!(at(line.now))).toBeNull();
    for (let seq = 2; seq < 40; seq++) {
      line.frame(connection, { sid: 1, seq, events: [signed('A', line.now - ahead, 'bid', 41, 1)] });
    }
    const venueNow = () => line.now - ahead;
    expect(line.keeper.venueTime!(at(line.now))! - venueNow()).toBeLessThanOrEqual(0);
    expect(line.keeper.venueTime!(at(line.now))! - venueNow()).toBeGreaterThan(-SECOND / 10);
    // What another subscription brings is four seconds old.
    line.frame(connection, { sid: 2, seq: 2, events: [signed('C', venueNow() - 4 * SECOND, 'bid', 41, 1)] });
    for (let seq = 40; seq < 500; seq++) {
      line.frame(connection, { sid: 1, seq, events: [signed('A', venueNow(), 'bid', 41, 1)] });
    }
    expect(line.keeper.venueTime!(at(line.now))! - venueNow()).toBeLessThan(-4 * SECOND);
    // However long one lags, the line as a whole is not held up without end.
    line.frame(connection, {
      sid: 2,
      seq: 3,
      events: [signed('C', venueNow() - 900 * SECOND, 'bid', 41, 1)],
    });
    expect(line.keeper.venueTime!(at(line.now))! - venueNow()).toBeGreaterThan(-21 * SECOND);
  });

  it('reckons the end of a market by the venue’s clock where that is ahead', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now + 2 * SECOND, 'bid', 41, 1)] });
    line.keeper.over!(['Z'], at(line.now));
    expect(line.of('gap').at(-1)!.from).toBeGreaterThanOrEqual(line.now + 1.9 * SECOND);
  });

  it('says that the receive time cannot be trusted when it lies before the venue’s, or steps back', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now + SECOND, 'bid', 41, 1)] });
    expect(line.of('book_delta').at(-1)!.quality).toBe(Quality.receiveTimeSuspect);
    line.now -= 10_000;
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now - SECOND, 'bid', 41, 1)] });
    expect(line.of('book_delta').at(-1)!.quality).toBe(Quality.receiveTimeSuspect);
    line.frame(connection, { sid: 1, seq: 5, events: [signed('A', line.now - SECOND, 'bid', 41, 1)] });
    expect(line.of('book_delta').at(-1)!.quality).toBe(0);
  });
});

describe('a line that is so busy from the start that all it gets is late', () => {
  it('does not take that for its clock: what happened before the first book came is a gap', () => {
    const line = new TestLine('kalshi');
    const connection = line.connection('book-1#1');
    line.keeper.feedExpected!('trade', at(line.now), true);
    line.keeper.expect(['A', 'B'], at(line.now));
    line.keeper.bind(connection, 1, ['A', 'B']);
    line.keeper.feedCarried!('trade', line.connection('trade-1#1'), at(line.now));
    line.pass(8);
    // All of it waited for five seconds, the book that was asked for last did not.
    line.frame(connection, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(connection, { sid: 1, seq: 2, events: [signed('A', line.now - 5 * SECOND, 'bid', 41, 1)] });
    line.frame(connection, { sid: 1, seq: 3, events: [book('kalshi', 'B', BIDS, ASKS)] });
    const seeded = line.now;
    line.pass(20);
    expect(line.openGaps()).toEqual([]);
    const closed = line
      .of('gap')
      .findLast(({ instruments, to }) => to !== null && instruments?.includes('B'));
    expect(closed!.to).toBeGreaterThanOrEqual(seeded);
    const feed = line.of('gap').find(({ all, to }) => all && to !== null);
    expect(feed!.to).toBeGreaterThanOrEqual(START);
  });
});

describe('an anchor that a late change contradicts', () => {
  it('is followed by a gap that ends with a later anchor', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] });
    line.pass(40);
    const label = Math.max(
      ...line
        .anchors()
        .filter(({ instrument }) => instrument === 'A')
        .map(({ snapshot_ts }) => snapshot_ts),
    );
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', label - 5, 'bid', 40, 1)] });
    expect(line.of('gap').at(-1)).toMatchObject({ instruments: ['A'], from: label - 5, to: null });
    // A change so late says that delays are long: the line waits longer before it calls a book still.
    line.pass(15);
    const closing = line.of('gap').at(-1)!;
    expect(closing.to).toBeGreaterThan(label);
    expect(line.anchors().at(-1)).toMatchObject({
      instrument: 'A',
      snapshot_ts: closing.to,
      bids: levels([41, 11], [40, 21], [39, 30]),
    });
  });
});

describe('bounds of gaps and labels', () => {
  it('allow for frames without a time, which may have been long under way', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 41, 1)] });
    line.now += 4 * SECOND;
    // Held up for seconds on its way, as what came after it was; nothing in it tells.
    line.frame(connection, { sid: 1, seq: 4, events: [book('kalshi', 'B', BIDS, ASKS)] });
    const lost = line.now - 3 * SECOND;
    line.frame(connection, { sid: 1, seq: 6, events: [book('kalshi', 'B', BIDS, ASKS)] });
    const gap = line
      .of('gap')
      .filter(({ cause, to }) => cause === 'sequence_gap' && to === null)
      .at(-1)!;
    expect(gap.instruments).toEqual(['A', 'B']);
    expect(gap.from).toBeLessThan(lost);
  });

  it('call a book still only after a second without a change', () => {
    const { line, connection } = started();
    line.frame(connection, { sid: 1, seq: 3, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.pass(0.9);
    const time = line.now;
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', time, 'bid', 41, 1)] });
    line.pass(0.5);
    line.frame(connection, { sid: 1, seq: 5, events: [signed('A', time, 'bid', 40, 1)] });
    line.pass(5);
    expect(line.anchors().at(-1)).toMatchObject({
      instrument: 'A',
      bids: levels([41, 11], [40, 21], [39, 30]),
    });
    expect(line.of('gap').filter(({ cause }) => cause === 'book_mismatch')).toEqual([]);
  });
});

describe('a takeover that is itself taken over', () => {
  it('leaves nothing behind with the connection in between', () => {
    const { line, connection } = started();
    const [second, third] = [line.connection('book-2#1'), line.connection('book-3#1')];
    line.keeper.bind(second, 1, ['A']);
    line.keeper.bind(third, 1, ['A']);
    expect(line.keeper.connectionClosed(second, at(line.now), 'disconnected')).toEqual([]);
    line.frame(third, { sid: 1, seq: 1, events: [book('kalshi', 'A', BIDS, ASKS)] });
    expect([...line.keeper.connectionClosed(connection, at(line.now), 'disconnected')].sort()).toEqual([
      'B',
      'C',
    ]);
    expect(line.keeper.view('A')!.proven).toBe(true);
    // One that is lost while it waits to take over has to be subscribed again, though its book is still carried.
    line.keeper.bind(second, 1, ['A']);
    expect(line.keeper.connectionClosed(second, at(line.now), 'disconnected')).toEqual(['A']);
    expect(line.keeper.view('A')!.proven).toBe(true);
  });
});

describe('reports of books', () => {
  it('give the best levels and the figures of a changed book once per interval, never of one in doubt', () => {
    const { line, connection } = started();
    line.pass(15);
    const reports = () => line.of('book_snapshot').filter(({ depth }) => depth !== undefined);
    expect(
      reports()
        .map(({ instrument }) => instrument)
        .sort(),
    ).toEqual(['A', 'B', 'C']);
    for (let seq = 3; seq < 13; seq++) {
      line.frame(connection, { sid: 1, seq, events: [signed('A', line.now, 'bid', 41, 1)] });
    }
    line.pass(16);
    expect(reports().length).toBe(4);
    expect(reports().at(-1)).toMatchObject({
      instrument: 'A',
      source: 'engine',
      depth: 2,
      bids: levels([41, 20], [40, 20]),
      asks: ASKS,
      snapshot_ts: reports().at(-1)!.received_at,
    });
    expect(line.of('book_metrics').at(-1)).toMatchObject({
      instrument: 'A',
      bid: 410_000,
      bid_levels: 3,
      spread: 20_000,
    });
    line.frame(connection, { sid: 1, seq: 13, events: [signed('B', line.now, 'bid', 41, 1)] });
    line.keeper.lose(['B'], at(line.now), 'stalled');
    line.pass(20);
    expect(reports().length).toBe(4);
  });

  it('of very many books are spread over ticks', () => {
    const line = new TestLine('kalshi');
    const connection = line.connection('book-1#1');
    const names = Array.from({ length: 5_000 }, (_, index) => `M${index}`);
    line.keeper.bind(connection, 1, names);
    names.forEach((name, index) => {
      line.keeper.frame(
        connection,
        JSON.stringify({ sid: 1, seq: index + 1, events: [book('kalshi', name, BIDS, ASKS)] }),
        at(line.now),
      );
    });
    line.now += 16 * SECOND;
    const perTick = [1, 2, 3, 4].map(() => {
      const before = line.keeper.counters.engine_snapshots;
      line.keeper.tick(at(line.now));
      return line.keeper.counters.engine_snapshots - before;
    });
    expect(perTick).toEqual([2_000, 2_000, 1_000, 0]);
  });
});

describe('copies from a second connection', () => {
  const trade: TestEvent = {
    kind: 'trade',
    venue: 'kalshi',
    instrument: 'A',
    trade_id: 't-1',
    price: 410_000 as Price,
    size: 1_000_000 as Size,
    taker_side: 'buy',
    is_block: false,
    exchange_ts: at(START),
  };
  const ticker: Omit<TickerEvent, 'received_at'> = {
    kind: 'ticker',
    venue: 'kalshi',
    instrument: 'A',
    bid: 410_000 as Price,
    ask: 430_000 as Price,
    bid_size: null,
    ask_size: null,
    last: null,
    volume: null,
    open_interest: null,
    exchange_ts: at(START),
  };
  const lifecycle: Omit<LifecycleEvent, 'received_at'> = {
    kind: 'lifecycle',
    venue: 'kalshi',
    market: 'A',
    instruments: ['A'],
    type: 'deactivated',
    details: { market_ticker: 'A' },
    exchange_ts: null,
  };

  it('of trades and ticks are dropped, and another price or another id is not a copy', () => {
    const line = new TestLine('kalshi');
    const one = line.connection('trade-1#1');
    const two = line.connection('trade-2#1');
    // A copy is data of its connection, too: it shows that the connection is alive, and how old what it brings is.
    for (const connection of [one, two]) {
      const outcome = line.frame(connection, { sid: 1, seq: 1, events: [trade] });
      expect(outcome).toMatchObject({ hasData: true, exchange_ts: START });
    }
    for (const connection of [two, one]) {
      const outcome = line.frame(connection, { sid: 2, events: [ticker] });
      expect(outcome).toMatchObject({ hasData: true, exchange_ts: START });
    }
    expect(line.frame(one, { controls: [{ type: 'pong' }] }).hasData).toBe(false);
    line.frame(two, { sid: 1, seq: 2, events: [{ ...trade, trade_id: 't-2' }] });
    line.frame(two, { sid: 2, events: [{ ...ticker, bid: 400_000 as Price }] });
    expect(line.of('trade').map(({ trade_id, connection }) => [trade_id, connection])).toEqual([
      ['t-1', 'trade-1#1'],
      ['t-2', 'trade-2#1'],
    ]);
    expect(line.of('ticker').length).toBe(2);
    expect(line.keeper.counters.copies).toBe(2);
  });

  it('of lifecycle messages without time are dropped, but what one connection says twice happened twice', () => {
    const line = new TestLine('kalshi');
    const one = line.connection('lifecycle-1#1');
    const two = line.connection('lifecycle-2#1');
    const told = [one, two, one, two, two].map(
      (connection) => line.frame(connection, { sid: 1, events: [lifecycle] }).lifecycle.length,
    );
    expect(told).toEqual([1, 0, 1, 0, 1]);
    line.now += 11 * SECOND;
    expect(line.frame(one, { sid: 1, events: [lifecycle] }).lifecycle.length).toBe(1);
    expect(line.of('lifecycle').length).toBe(4);
  });

  it('of lifecycle messages are known for copies, and marked as late, when the line stood still before it read them', () => {
    const line = new TestLine('kalshi');
    const one = line.connection('lifecycle-1#1');
    const two = line.connection('lifecycle-2#1');
    const told = (connection: typeof one) =>
      line.frame(connection, { sid: 1, events: [lifecycle] }).lifecycle.length;
    line.pass(1);
    expect(told(one)).toBe(1);
    // The process stands still for a minute; what the sockets hold is read before and after the first tick.
    line.now += 60 * SECOND;
    expect([told(one), told(two)]).toEqual([1, 0]);
    line.pass(0.1);
    expect([told(two), told(one), told(two)]).toEqual([0, 1, 0]);
    const marks = () => line.of('lifecycle').map(({ quality }) => quality & Quality.receiveTimeSuspect);
    expect(marks()).toEqual([0, 2, 2]);
    line.pass(70);
    expect([told(one), told(two)]).toEqual([1, 0]);
    expect(marks()).toEqual([0, 2, 2, 0]);
  });

  it('of lifecycle messages are marked as late while changes show that the clock is ahead, or reading behind', () => {
    const { line, connection } = started();
    const announcing = line.connection('lifecycle-1#1');
    let seq = 3;
    const changed = (delay: number) =>
      line.frame(connection, { sid: 1, seq: seq++, events: [signed('A', line.now - delay, 'bid', 41, 1)] });
    const marked = () => {
      line.pass(11);
      line.frame(announcing, { sid: 1, events: [lifecycle] });
      return line.of('lifecycle').at(-1)!.quality & Quality.receiveTimeSuspect;
    };
    changed(SECOND / 10);
    expect(marked()).toBe(0);
    changed(30 * SECOND);
    expect(marked()).toBe(Quality.receiveTimeSuspect);
    for (let change = 0; change < 300; change++) changed(SECOND / 10);
    expect(marked()).toBe(0);
  });
});

describe('a numbered message of books that says nothing', () => {
  it('is a problem with a name, once, and puts the books of its subscription in doubt', () => {
    const { line, connection } = started();
    const outcome = line.frame(connection, { sid: 1, seq: 3, events: [] });
    expect(outcome.problems.map(({ reason }) => reason)).toEqual(['nothing_in_it']);
    expect(line.openGaps()).not.toEqual([]);
    expect(line.frame(connection, { sid: 1, seq: 4, events: [] }).problems).toHaveLength(1);
  });
});

describe('a venue time far ahead', () => {
  const DAY = 86_400 * SECOND;

  it('puts its own book in doubt and leaves all others, their labels and their numbering alone', () => {
    const { line, connection } = started();
    const absurd = line.now + DAY;
    const change = { sid: 1, seq: 3, events: [signed('A', absurd, 'bid', 41, 1)] };
    expect(line.frame(connection, change).resync).toEqual([
      { instruments: ['A'], cause: 'undecodable_frame', sid: 1 },
    ]);
    expect(line.openGaps()).toEqual(['A undecodable_frame']);
    expect(line.of('book_delta').at(-1)).toMatchObject({
      exchange_ts: absurd,
      occurrence: 0,
      quality: expect.toSatisfy((quality: number) => (quality & Quality.withoutVenueTime) !== 0),
    });
    line.frame(connection, { sid: 1, seq: 4, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(connection, { sid: 1, seq: 5, events: [book('kalshi', 'B', BIDS, ASKS)] });
    const time = line.now;
    line.frame(connection, { sid: 1, seq: 6, events: [signed('A', time, 'bid', 41, 1)] });
    line.frame(connection, { sid: 1, seq: 7, events: [signed('A', time, 'bid', 41, 1)] });
    expect(
      line
        .of('book_delta')
        .map(({ occurrence }) => occurrence)
        .slice(-2),
    ).toEqual([0, 1]);
    line.pass(20);
    expect(line.openGaps()).toEqual([]);
    for (const { snapshot_ts } of line.anchors()) expect(snapshot_ts).toBeLessThanOrEqual(line.now);
  });

  it('is believed once several agree, as after a step of our own clock', () => {
    const { line, connection } = started();
    for (let seq = 3; seq < 20; seq++)
      line.frame(connection, { sid: 1, seq, events: [signed('A', line.now + DAY, 'bid', 41, 1)] });
    line.frame(connection, { sid: 1, seq: 20, events: [book('kalshi', 'A', BIDS, ASKS)] });
    line.frame(connection, { sid: 1, seq: 21, events: [signed('A', line.now + DAY, 'bid', 41, 1)] });
    expect(line.keeper.view('A')).toMatchObject({ proven: true });
    expect(line.keeper.view('A')!.bids[0]).toEqual(levels([41, 11])[0]);
  });
});

describe('frames that cannot be read', () => {
  it('show as a missing number with the next frame of the subscription', () => {
    const { line, connection } = started();
    line.frame(connection, 'garbage');
    expect(line.keeper.counts().proven).toBe(3);
    line.frame(connection, { sid: 1, seq: 4, events: [signed('A', line.now, 'bid', 41, 1)] });
    expect(line.keeper.counts().proven).toBe(1);
    expect(line.keeper.counters).toMatchObject({ undecodable: 1, sequence_gaps: 1 });
  });

  it('put one market in doubt when they name it, all of the subscription when they do not', () => {
    const { line, connection } = started();
    const bad = { reason: 'bad_price', message: 'price_dollars is "NaN"' };
    const named = line.frame(connection, { sid: 1, seq: 3, problems: [{ ...bad, instrument: 'A' }] });
    expect(named.resync).toEqual([{ instruments: ['A'], cause: 'undecodable_frame', sid: 1 }]);
    expect(line.keeper.counts().proven).toBe(2);
    line.frame(connection, { sid: 1, seq: 4, problems: [bad] });
    expect(line.keeper.counts().proven).toBe(1);
    expect(line.openGaps()).toEqual(['A undecodable_frame', 'B undecodable_frame']);
  });

  it('may have been changes when a number of a book subscription comes with nothing that is known', () => {
    const { line, connection } = started();
    const lastGood = line.now;
    line.pass(2);
    const unknown = { reason: 'unknown_type', message: 'the type "orderbook_move" is not known' };
    const outcome = line.frame(connection, { sid: 1, seq: 3, problems: [unknown] });
    expect(outcome.resync).toEqual([{ instruments: ['A', 'B'], cause: 'undecodable_frame', sid: 1 }]);
    expect(line.openGaps()).toEqual(['A undecodable_frame', 'B undecodable_frame']);
    expect(line.of('gap').at(-1)!.from).toBeLessThanOrEqual(lastGood + 1_000);
    expect(line.keeper.view('C')!.proven).toBe(true);
    expect(line.keeper.counters.undecodable).toBe(1);
    // Nor does a number alone say that nothing happened.
    line.frame(connection, { sid: 2, seq: 3 });
    expect(line.keeper.view('C')!.proven).toBe(false);
  });

  it('of a kind that comes again and again put the books in doubt each time, and ask for them now and then', () => {
    const { line, connection } = started();
    const problems = [{ reason: 'unknown_type', message: 'the type "orderbook_pulse" is not known' }];
    let seq = 2;
    let asked = 0;
    for (let second = 0; second < 60; second++) {
      const outcome = line.frame(connection, { sid: 1, seq: ++seq, problems });
      asked += outcome.resync.length;
      expect(line.keeper.view('A')!.proven).toBe(false);
      // The books come at once, as asked for.
      if (outcome.resync.length > 0) {
        for (const name of ['A', 'B'])
          line.frame(connection, { sid: 1, seq: ++seq, events: [book('kalshi', name, BIDS, ASKS)] });
      }
      line.pass(1);
    }
    expect(asked).toBe(4);
    // They stop: what is still in doubt is asked for, once.
    line.pass(20);
    const after = [1, 2, 3].map(() => {
      const event = signed('B', line.now, 'bid', 41, 1);
      return line.frame(connection, { sid: 1, seq: ++seq, events: [event] }).resync;
    });
    expect(after.flat().map(({ instruments }) => instruments)).toContainEqual(['A', 'B']);
    expect(after[2]).toEqual([]);
  });

  it('are a gap of all that their connection carries when the line fails over one of them', () => {
    const { line, connection } = started();
    const feed = line.connection('trade-1#1');
    line.frame(feed, { controls: [{ type: 'subscribed', id: 1, channel: 'trade', sid: 1 }] });
    line.keeper.feedExpected!('trade', at(line.now), true);
    line.keeper.feedCarried!('trade', feed, at(line.now - SECOND));
    line.frame(feed, { sid: 1, seq: 1, events: [] });
    const { resync, proven } = line.keeper.frameFailed(connection, at(line.now));
    expect(resync.map(({ instruments, cause, sid }) => [instruments, cause, sid])).toEqual([
      [['A', 'B'], 'undecodable_frame', 1],
      [['C'], 'undecodable_frame', 2],
    ]);
    expect(proven).toEqual([]);
    expect(line.openGaps()).toEqual(['A', 'B', 'C'].map((instrument) => `${instrument} undecodable_frame`));
    expect(line.of('gap').some(({ all, cause }) => all && cause !== 'startup')).toBe(false);
    line.keeper.frameFailed(feed, at(line.now));
    expect(line.of('gap').at(-1)).toMatchObject({ all: true, cause: 'undecodable_frame' });
    expect(line.keeper.frameFailed(line.connection('unknown#1'), at(line.now)).resync).toEqual([]);
  });

  it('mean nothing to a book when a feed brings them, nor when an event or a reply comes with them', () => {
    const { line, connection } = started();
    const unknown = { reason: 'unknown_key', message: 'not known' };
    const feed = line.connection('trade-1#1');
    line.frame(feed, { controls: [{ type: 'subscribed', id: 1, channel: 'trade', sid: 1 }] });
    line.frame(feed, { sid: 1, seq: 1, problems: [{ ...unknown, reason: 'unknown_type' }] });
    line.frame(connection, {
      sid: 1,
      seq: 3,
      events: [signed('A', line.now, 'bid', 41, 1)],
      problems: [unknown],
    });
    line.frame(connection, {
      sid: 1,
      seq: 4,
      controls: [{ type: 'ok', id: 7, sid: 1, tickers: null, subscriptions: null }],
      problems: [unknown],
    });
    expect(line.keeper.counts().proven).toBe(3);
    expect(line.of('gap').filter(({ cause }) => cause === 'undecodable_frame')).toEqual([]);
  });

  it('mean nothing when only what is new in them is not known', () => {
    const { line, connection } = started();
    for (const reason of [
      'unknown_type',
      'unknown_key',
      'unknown_value',
      'disagreement',
      'price_out_of_range',
    ]) {
      line.frame(connection, { problems: [{ reason, message: '', instrument: 'A' }] });
    }
    expect(line.keeper.counts().proven).toBe(3);
    expect(line.keeper.counters.problems).toBe(5);
  });

  it('do no harm even if the decoder throws', () => {
    const line = new TestLine('kalshi', {
      venue: 'kalshi',
      decode() {
        throw new Error('broken');
      },
    });
    const outcome = line.frame(line.connection('book-1#1'), 'anything');
    expect(outcome.problems).toMatchObject([{ reason: 'decoder_failed' }]);
  });
});

describe('books by REST', () => {
  it('are kept, and ask for a fresh book only when they disagree again while the line’s stands still', () => {
    const { line, connection } = started();
    const rest = (bids = levels([50, 1])) =>
      line.keeper.restSnapshot({
        ...(book('kalshi', 'A', bids, ASKS) as Extract<TestEvent, { kind: 'book_snapshot' }>),
        source: 'rest',
        snapshot_ts: at(line.now),
        received_at: at(line.now),
      });
    expect(rest(BIDS).resync).toEqual([]);
    expect(rest().resync).toEqual([]);
    line.frame(connection, { sid: 1, seq: 3, events: [signed('A', line.now, 'bid', 39, 1)] });
    expect(rest().resync).toEqual([]);
    expect(rest().resync).toEqual([{ instruments: ['A'], cause: 'book_mismatch', sid: 1 }]);
    expect(rest().resync).toEqual([]);
    expect(line.keeper.view('A')!.proven).toBe(true);
    expect(line.keeper.counters).toMatchObject({ rest_matched: 1, rest_differing: 4 });
    expect(line.of('book_snapshot').filter(({ source }) => source === 'rest').length).toBe(5);
  });
});
