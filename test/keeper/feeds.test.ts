import { describe, expect, it } from 'vitest';
import { ANNOUNCEMENTS } from '#src/capture/line.ts';
import type { TradeEvent } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { absolute, at, book, levels, SECOND, START, type TestEvent, TestLine } from './line.ts';

const MILLI = 1_000;
/** How exact bounds are to be: what events take to arrive, and by how much that may vary. */
const ABOUT = SECOND / 2;

let counter = 0;
const trade = (time: number): Omit<TradeEvent, 'received_at'> => ({
  kind: 'trade',
  venue: 'kalshi',
  instrument: 'A',
  trade_id: `t-${counter++}`,
  price: 410_000 as Price,
  size: 1_000_000 as Size,
  taker_side: 'buy',
  is_block: false,
  exchange_ts: at(time),
});

/** A line with two connections that carry the trades; `skew` is by how much its clock is ahead of the venue's. */
function trades(skew = 0) {
  const line = new TestLine('kalshi');
  line.keeper.feedExpected!('trade', at(line.now), true);
  const seq = new Map<string, number>();
  const open = (name: string) => {
    const connection = line.connection(name);
    line.frame(connection, { controls: [{ type: 'subscribed', id: 1, channel: 'trade', sid: 1 }] });
    line.keeper.feedCarried!('trade', connection, at(line.now));
    seq.set(name, 0);
    return connection;
  };
  const one = open('trade-1#1');
  const two = open('trade-2#1');
  /** A trade reaches these connections, a millisecond after it happened; `skip` numbers are missing before it. */
  const happens = (connections: readonly ReturnType<typeof open>[], skip = 0) => {
    const made = trade(line.now - skew);
    for (const connection of connections) {
      seq.set(connection.name, seq.get(connection.name)! + 1 + skip);
      line.frame(connection, { sid: 1, seq: seq.get(connection.name)!, events: [made] });
    }
  };
  /** Seconds go by, with a trade in each. */
  const flows = (seconds: number, connections: readonly ReturnType<typeof open>[]) => {
    for (let second = 0; second < seconds; second++) {
      happens(connections);
      line.pass(1);
    }
  };
  /** Bounds of all gaps since the start, in venue time. */
  const gaps = () => {
    const byId = new Map(line.of('gap').map((gap) => [gap.gap_id, gap]));
    return [...byId.values()]
      .filter(({ cause, from, to }) => cause !== 'startup' && from !== to)
      .map(({ all, from, to, cause }) => ({ all, from, to, cause }));
  };
  return { line, open, one, two, happens, flows, gaps, venueNow: () => line.now - skew };
}

describe('a feed on two connections', () => {
  it('names the instruments of its trades, so that one that nobody has heard of is asked for', () => {
    const { line, one } = trades();
    const events = [{ ...trade(line.now), instrument: 'NEW' }, trade(line.now)];
    expect(line.frame(one, { sid: 1, seq: 1, events }).touched).toEqual(['NEW', 'A']);
  });

  it('is open from the start until one carries it', () => {
    const { line, flows, one, two } = trades();
    expect(line.openGaps()).toEqual(['* startup']);
    flows(1, [one, two]);
    expect(line.openGaps()).toEqual([]);
    const [, closed] = line.of('gap');
    expect(closed).toMatchObject({ all: true, cause: 'startup', from: START });
    expect(Math.abs(closed!.to! - START)).toBeLessThan(ABOUT);
  });

  it('has no gap while one of them is there, and one with the last', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(3, [one, two]);
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    flows(3, [two]);
    expect(gaps()).toEqual([]);
    const from = line.now;
    line.keeper.connectionClosed(two, at(line.now), 'disconnected');
    line.pass(5);
    expect(line.openGaps()).toEqual(['* disconnected']);
    expect(Math.abs(gaps()[0]!.from - from)).toBeLessThan(2 * ABOUT + SECOND);
    open('trade-1#2');
    line.pass(1);
    expect(line.openGaps()).toEqual([]);
    expect(Math.abs(gaps()[0]!.to! - (from + 5 * SECOND))).toBeLessThan(ABOUT);
  });

  it('has a gap where the one was gone and the other turns out to have been dead', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(20, [one, two]);
    // The second goes dead; for two seconds the first still brings everything, then it is cut.
    flows(2, [one]);
    const from = line.now;
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(4);
    const to = line.now;
    const again = open('trade-1#2');
    flows(2, [again]);
    flows(30, [again]);
    expect(gaps()).toMatchObject([{ all: true, cause: 'stalled' }]);
    expect(gaps()[0]!.from).toBeLessThanOrEqual(from - SECOND + ABOUT);
    expect(gaps()[0]!.from).toBeGreaterThan(from - 3 * SECOND);
    expect(gaps()[0]!.to! - to).toBeGreaterThan(0);
    expect(gaps()[0]!.to! - to).toBeLessThan(ABOUT);
    // It is heard again, and can cover again.
    flows(3, [again, two]);
    line.keeper.connectionClosed(again, at(line.now), 'disconnected');
    flows(3, [two]);
    expect(gaps()).toHaveLength(1);
  });

  it('is a gap from a break on until the one that is to cover it has brought something since', () => {
    const { line, flows, one, two, gaps } = trades();
    flows(5, [one, two]);
    flows(2, [one]);
    const cut = line.now;
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(1.2);
    // A process that is killed now has left it.
    expect(gaps()).toMatchObject([{ all: true, to: null, cause: 'disconnected' }]);
    expect(gaps()[0]!.from).toBeLessThanOrEqual(cut);
    expect(gaps()[0]!.from).toBeGreaterThan(cut - 4 * SECOND);
    line.pass(4.8);
    // What is in doubt is that alone: all else that came is vouched for.
    expect(line.now - line.keeper.venueTime(at(line.now))!).toBeLessThan(SECOND);
    flows(1, [two]);
    expect(gaps()).toEqual([]);
    expect(line.openGaps()).toEqual([]);
  });

  it('is no gap any more once a cover that is quiet would have been found dead', () => {
    const { line, flows, one, two, gaps } = trades();
    flows(5, [one, two]);
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(12);
    expect(gaps()).toMatchObject([{ all: true, to: null, cause: 'disconnected' }]);
    line.pass(2);
    expect(gaps()).toEqual([]);
  });

  it('stays a gap for as long as the only cover is itself in doubt', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(5, [one, two]);
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    open('trade-1#2');
    line.pass(1);
    line.keeper.doubt(two, null, at(line.now));
    line.pass(20);
    expect(gaps()).toMatchObject([{ all: true, to: null, cause: 'disconnected' }]);
    line.keeper.believe(two, null, at(line.now));
    line.pass(1);
    expect(gaps()).toEqual([]);
  });

  it('has that gap too when the dead one is closed, by whoever, before it was found', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(20, [one, two]);
    const dead = line.now - SECOND;
    flows(2, [one]);
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(2);
    const again = open('trade-1#2');
    flows(2, [again]);
    line.keeper.connectionClosed(two, at(dead), 'disconnected');
    line.pass(0.1);
    expect(gaps()).toMatchObject([{ all: true, cause: 'disconnected' }]);
  });

  it('is in doubt while all of them are more silent than usual, whatever carries it from then on', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(20, [one, two]);
    flows(2, [two]);
    const silent = line.now;
    line.keeper.doubt(one, null, at(line.now));
    expect(gaps()).toEqual([]);
    line.keeper.doubt(two, null, at(line.now));
    const doubt = () => gaps().find(({ to, cause }) => to === null && cause === 'stalled');
    expect(doubt()).toMatchObject({ all: true });
    expect(doubt()!.from).toBeLessThanOrEqual(silent);
    expect(doubt()!.from).toBeGreaterThan(silent - 2 * SECOND);
    line.pass(4);
    line.keeper.connectionClosed(one, at(line.now - 6 * SECOND), 'stalled');
    const again = open('trade-1#2');
    flows(5, [again]);
    expect(doubt()).toBeDefined();
    // The other had everything after all.
    line.keeper.believe(two, null, at(line.now));
    flows(1, [again, two]);
    expect(gaps()).toEqual([]);
  });

  it('ends with the line where its connections were last in order, as far as the slower of them was by then', () => {
    const { line, flows, one, two, gaps } = trades();
    flows(20, [one, two]);
    // What comes now has been under way for four seconds.
    const made = trade(line.now);
    line.pass(4);
    for (const connection of [one, two]) line.frame(connection, { sid: 1, seq: 21, events: [made] });
    // What other subscriptions bring is prompt.
    const busy = line.connection('trade-3#1');
    for (let seq = 1; seq <= 1_000; seq++) line.frame(busy, { sid: 1, seq, events: [trade(line.now)] });
    const sound = line.now;
    line.pass(8);
    for (const connection of [one, two]) line.keeper.connectionClosed(connection, at(sound), 'line_down');
    const open = gaps().filter(({ to }) => to === null);
    expect(open).toMatchObject([{ all: true, cause: 'line_down' }]);
    expect((sound - open[0]!.from) / SECOND).toBeGreaterThan(4);
    expect((sound - open[0]!.from) / SECOND).toBeLessThan(12);
  });

  it('is carried only from a break on that comes before the venue’s clock is known', () => {
    const line = new TestLine('kalshi');
    line.keeper.feedExpected!('trade', at(line.now), true);
    const one = line.connection('trade-1#1');
    line.frame(one, { controls: [{ type: 'subscribed', id: 1, channel: 'trade', sid: 1 }] });
    line.keeper.feedCarried!('trade', one, at(line.now));
    line.pass(5);
    // The first two numbers never came; what comes shows the clock.
    const broken = line.now;
    line.frame(one, { sid: 1, seq: 3, events: [trade(line.now)] });
    line.pass(1);
    const startup = line.of('gap').at(-1)!;
    expect(startup).toMatchObject({ all: true, cause: 'startup' });
    expect(startup.to).toBeGreaterThanOrEqual(broken);
    expect(line.openGaps()).toEqual([]);
  });

  it('is proven by the subscription that carries it now, whenever the one before it brought something last', () => {
    const { line, one, two, flows, gaps } = trades();
    flows(5, [one, two]);
    line.keeper.connectionClosed(two, at(line.now), 'disconnected');
    flows(2, [one]);
    line.keeper.feedDropped!(one, at(line.now), 'subscription_lost');
    line.frame(one, { controls: [{ type: 'subscribed', id: 2, channel: 'trade', sid: 2 }] });
    line.keeper.feedCarried!('trade', one, at(line.now));
    for (let number = 1; number <= 100; number++) {
      line.frame(one, { sid: 2, seq: number, events: [trade(line.now)] });
      line.pass(1);
    }
    line.keeper.connectionClosed(one, at(line.now - 50 * SECOND), 'stalled');
    expect(gaps().at(-1)!.from).toBeGreaterThan(line.now - 3 * SECOND);
  });

  it('has a gap where numbers are missing on both, and none where only one misses them', () => {
    const { line, happens, flows, one, two, gaps } = trades();
    flows(3, [one, two]);
    happens([one], 2);
    happens([two]);
    line.pass(0.9);
    expect(gaps()).toEqual([]);
    happens([one, two], 1);
    expect(gaps()).toMatchObject([{ all: true, cause: 'sequence_gap' }]);
    expect(gaps()[0]!.to! - gaps()[0]!.from).toBeLessThan(2 * SECOND);
  });

  it('keeps one that is quiet because nothing happens, and believes its heartbeats', () => {
    const { line, flows, one, two, gaps, open } = trades();
    flows(3, [one, two]);
    line.pass(300);
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(10);
    open('trade-1#2');
    line.pass(10);
    line.keeper.connectionClosed(two, at(line.now - SECOND), 'disconnected');
    line.pass(14);
    expect(gaps()).toEqual([]);
    line.pass(100);
    expect(line.openGaps()).toEqual([]);
  });

  /** A line with a clock that is wrong, both of whose connections are gone for 8 s; from and to of the venue. */
  function skewed(seconds: number) {
    const made = trades(seconds * SECOND);
    const { line, flows, one, two, open, venueNow } = made;
    flows(5, [one, two]);
    const from = venueNow();
    for (const connection of [one, two])
      line.keeper.connectionClosed(connection, at(line.now), 'disconnected');
    line.pass(8);
    const to = venueNow();
    open('trade-1#2');
    line.pass(1);
    return { ...made, from, to };
  }

  it('has its bounds by the venue’s clock where that is ahead of ours', () => {
    const { gaps, from, to } = skewed(-30);
    expect(gaps()).toHaveLength(1);
    expect(gaps()[0]!.from).toBeLessThanOrEqual(from);
    expect(gaps()[0]!.from).toBeGreaterThan(from - 4 * SECOND);
    expect(gaps()[0]!.to).toBeGreaterThanOrEqual(to - 10 * MILLI);
    expect(gaps()[0]!.to).toBeLessThan(to + ABOUT);
  });

  it('says too much rather than too little where ours seems to be ahead: perhaps all that comes is only late', () => {
    const { line, from, to } = skewed(30);
    const bounds = new Map(line.of('gap').map((gap) => [gap.gap_id, gap]));
    // Before its start, by its own clock, a line vouches for nothing.
    for (let time = Math.max(from, START); time < to + 30 * SECOND - SECOND; time += SECOND / 10) {
      const covers = [...bounds.values()].some(
        (gap) => gap.from <= time && (gap.to === null || time < gap.to),
      );
      expect(covers).toBe(true);
    }
    expect(line.openGaps()).toEqual([]);
  });
});

describe('a feed without numbers', () => {
  const tick = (line: TestLine): TestEvent => ({
    kind: 'ticker',
    venue: 'kalshi',
    instrument: 'A',
    bid: 410_000 as Price,
    ask: 430_000 as Price,
    bid_size: null,
    ask_size: null,
    last: null,
    volume: line.now as Size,
    open_interest: null,
    exchange_ts: at(line.now),
  });
  function ticks() {
    const line = new TestLine('kalshi');
    line.keeper.feedExpected!('ticker', at(line.now), true);
    const open = (name: string) => {
      const connection = line.connection(name);
      line.frame(connection, { controls: [{ type: 'subscribed', id: 1, channel: 'ticker', sid: 1 }] });
      line.keeper.feedCarried!('ticker', connection, at(line.now));
      return connection;
    };
    const flows = (seconds: number, connections: readonly ReturnType<typeof open>[]) => {
      for (let second = 0; second < seconds; second++) {
        const events = [tick(line)];
        for (const connection of connections) line.frame(connection, { sid: 1, events });
        line.pass(1);
      }
    };
    const gaps = () => {
      const byId = new Map(line.of('gap').map((gap) => [gap.gap_id, gap]));
      return [...byId.values()].filter(({ cause, from, to }) => cause !== 'startup' && from !== to);
    };
    return { line, open, flows, gaps };
  }
  const UNREADABLE = { problems: [{ reason: 'not_json', message: '{' }] };

  it('has a gap where a frame of its only connection could not be read, because no number would show it', () => {
    const { line, open, flows, gaps } = ticks();
    const one = open('ticker-1#1');
    flows(20, [one]);
    const broken = line.now;
    line.frame(one, UNREADABLE);
    flows(2, [one]);
    expect(gaps()).toMatchObject([{ all: true, cause: 'undecodable_frame' }]);
    expect(gaps()[0]!.from).toBeLessThan(broken);
    expect(gaps()[0]!.to).toBeGreaterThanOrEqual(broken);
    expect(line.openGaps()).toEqual([]);
  });

  it('has none where another connection brought it whole', () => {
    const { line, open, flows, gaps } = ticks();
    const one = open('ticker-1#1');
    const two = open('ticker-2#1');
    flows(20, [one, two]);
    line.frame(one, UNREADABLE);
    flows(20, [one, two]);
    expect(gaps()).toEqual([]);
  });
});

describe('what a venue announces on every connection', () => {
  const BIDS = levels([40, 10]);
  const ASKS = levels([42, 5]);
  function announced() {
    const line = new TestLine('polymarket');
    line.keeper.feedExpected!(ANNOUNCEMENTS, at(line.now), false);
    const open = (name: string, token: string) => {
      const connection = line.connection(name);
      line.keeper.expect([token], at(line.now));
      line.keeper.bind(connection, 0, [token]);
      return connection;
    };
    const all = () => line.of('gap').filter((gap) => gap.all === true);
    return { line, open, all };
  }

  it('is a gap until one of them has brought anything, and again when all are gone', () => {
    const { line, open, all } = announced();
    const one = open('book-1#1', 'A');
    const two = open('book-2#1', 'B');
    line.pass(20);
    expect(line.openGaps()).toContain('* startup');
    line.frame(one, { events: [book('polymarket', 'A', BIDS, ASKS, line.now)] });
    line.frame(two, { events: [absolute('B', line.now, 'bid', 30, 1)] });
    line.pass(1);
    expect(line.openGaps()).not.toContain('* startup');
    // Quiet, while the other is busy: its instruments are.
    for (let second = 0; second < 40; second++) {
      line.frame(one, { events: [absolute('A', line.now, 'bid', 40, second)] });
      line.pass(1);
    }
    line.keeper.connectionClosed(one, at(line.now), 'disconnected');
    line.pass(14);
    expect(line.openGaps().filter((gap) => gap.startsWith('*'))).toEqual([]);
    expect(all().filter(({ from, to }) => to !== null && to > from)).toHaveLength(1);
    line.keeper.connectionClosed(two, at(line.now), 'disconnected');
    expect(all().at(-1)).toMatchObject({ cause: 'disconnected', to: null });
    expect(all().at(-1)!.from).toBeGreaterThan(line.now - 4 * SECOND);
  });

  it('is a gap where frames of all of them could not be read', () => {
    const { line, open, all } = announced();
    const one = open('book-1#1', 'A');
    const two = open('book-2#1', 'B');
    line.frame(one, { events: [book('polymarket', 'A', BIDS, ASKS, line.now)] });
    line.frame(two, { events: [absolute('B', line.now, 'bid', 30, 1)] });
    line.pass(1);
    const unreadable = { problems: [{ reason: 'not_json', message: '{' }] };
    line.frame(two, unreadable);
    expect(all()).toHaveLength(2);
    line.frame(one, unreadable);
    expect(all().at(-1)).toMatchObject({ cause: 'undecodable_frame' });
    expect(all().at(-1)!.to).toBeGreaterThan(line.now - SECOND);
  });
});
