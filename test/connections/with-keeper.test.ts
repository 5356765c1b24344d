import { describe, expect, it } from 'vitest';
import { createKeeper } from '#src/capture/keeper.ts';
import { ConnectionPool } from '#src/connections/pool.ts';
import { DEFAULT_TIMING, type PoolSettings } from '#src/connections/pool-contract.ts';
import type { GapEvent } from '#src/events/event.ts';
import { kalshiProfile } from '#src/venues/kalshi/session.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { FakeNetwork } from './fake-sockets.ts';
import { FakeTime, seeded } from './fake-time.ts';
import { KalshiModel } from './fake-venues.ts';
import { tickers } from './rig.ts';

function bench(
  maxAge = DEFAULT_TIMING.maxAge,
  feeds: PoolSettings['feeds'] = [{ purpose: 'trade', connections: 1 }],
) {
  const time = new FakeTime();
  const gaps: GapEvent[] = [];
  let failing: string | null = null;
  const network = new FakeNetwork((line) => {
    const model = new KalshiModel(line);
    model.clock = () => time.now;
    return model;
  });
  const keeper = createKeeper({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'test',
    clock: time.clock,
    decoder: venueDefinition('kalshi').decoder(),
    sink: {
      accept: (_lane, line) => {
        if (line.kind === failing) {
          failing = null;
          throw new Error('the sink broke');
        }
        if (line.kind === 'gap') gaps.push(line);
      },
    },
    snapshotInterval: 0,
    snapshotDepth: 10,
    anchorInterval: 0,
  });
  const pool = new ConnectionPool({
    profile: kalshiProfile({ useYesPrice: false, combos: false }),
    settings: {
      url: 'ws://venue.test/ws',
      book: { connections: 4, instrumentsPerConnection: 7_500, minimumPerConnection: 7_500 },
      feeds,
      timing: { ...DEFAULT_TIMING, maxAge },
    },
    keeper,
    recorder: { received: () => {}, sent: () => {} },
    clock: time.clock,
    random: seeded(5),
    socketFactory: network.factory,
    listener: { notice: () => {}, lifecycle: () => {}, unknownInstrument: () => {} },
  });
  time.timers.every(100, () => {
    pool.tick();
    keeper.tick(time.clock());
  });
  pool.start();
  const pass = (millis: number, each: () => void = () => {}) =>
    time.pass(millis, () => {
      network.settle();
      if (Math.floor(time.now / 100_000) % 100 === 0) {
        for (const socket of network.live) if (!socket.isFrozen) socket.events.heartbeat('ping');
      }
      each();
    });
  const want = (names: readonly string[]) => {
    keeper.expect(names, time.clock());
    pool.request(names);
  };
  /** Gaps that no later record closes. */
  const open = () => {
    const byId = new Map(gaps.map((gap) => [gap.gap_id, gap]));
    return [...byId.values()].filter(({ to }) => to === null);
  };
  const books = () =>
    network.live.filter(({ model }) => model.commands[0]?.params.channels?.[0] === 'orderbook_delta');
  /** The sink throws over the next line of that kind. */
  const fail = (kind: string) => {
    failing = kind;
  };
  return { keeper, pool, network, time, pass, want, open, books, gaps, fail };
}

describe('with the real keeper', () => {
  it('all counts agree after the start, and no gap stays open', () => {
    const { keeper, pool, pass, want, open } = bench();
    want(tickers(1_000));
    pass(15_000);
    expect(keeper.counts()).toEqual({ expected: 1_000, bound: 1_000, proven: 1_000 });
    expect(pool.status().instruments).toEqual({ requested: 1_000, subscribed: 1_000, seeded: 1_000 });
    expect(open()).toEqual([]);
  });

  it('a missing sequence number leads to fresh books of the whole subscription, at once', () => {
    const { keeper, books, pass, want, open } = bench();
    want(tickers(1_000));
    pass(5_000);
    const { model } = books()[0]!;
    model.skip(1);
    model.delta(tickers(1)[0]!);
    expect(keeper.counts().proven).toBe(0);
    pass(200);
    expect(keeper.counts().proven).toBe(1_000);
    pass(3_000);
    expect(open()).toEqual([]);
    expect(books()).toHaveLength(1);
    expect(model.offences).toEqual([]);
  });

  it('a frame over which the line itself fails leads to fresh books of its connection, and to a gap until then', () => {
    const { keeper, books, pass, want, open, gaps, fail } = bench();
    want(tickers(500));
    pass(15_000);
    expect(open()).toEqual([]);
    const { model } = books()[0]!;
    fail('book_delta');
    model.delta(tickers(1)[0]!);
    expect(keeper.counts().proven).toBe(0);
    expect(gaps.filter(({ cause }) => cause === 'undecodable_frame').length).toBeGreaterThan(0);
    pass(1_000);
    expect(keeper.counts().proven).toBe(500);
    pass(15_000);
    expect(open()).toEqual([]);
    expect(books()).toHaveLength(1);
  });

  it('a subscription that the venue ended without a word leaves a gap since its last data, not since that was noticed', () => {
    const { books, network, pass, want, open, gaps, time } = bench();
    const [ticker, quiet] = tickers(2);
    want([ticker!, quiet!]);
    pass(1_000);
    const trades = network.live.find(({ model }) => model.commands[0]?.params.channels?.[0] === 'trade')!;
    pass(20_000, () => {
      trades.model.trade(ticker!);
      books()[0]!.model.delta(ticker!);
    });
    expect(open()).toEqual([]);
    const ended = time.now;
    books()[0]!.model.subscriptions.delete(1);
    trades.model.subscriptions.delete(1);
    while (open().length === 0 && time.now < ended + 70_000_000) pass(100);
    pass(70_000);
    const lost = gaps.filter(({ cause, to }) => cause === 'subscription_lost' && to === null);
    const ofBooks = lost.filter(({ all }) => all !== true);
    expect(ofBooks.flatMap(({ instruments }) => instruments).sort()).toEqual(tickers(2));
    const ofTrades = lost.filter(({ all }) => all === true);
    expect(ofTrades).toHaveLength(1);
    for (const { from } of lost) {
      expect(from).toBeLessThanOrEqual(ended);
      expect(from).toBeGreaterThan(ended - 11_000_000);
    }
  });

  describe('what falls silent', () => {
    /** Two tickers on one connection, and trades on another, busy for a minute; gaps that are open then are not the point. */
    function busy() {
      const made = bench();
      const { books, network, pass, want } = made;
      const [ticker, other] = tickers(2);
      want([ticker!, other!]);
      pass(1_000);
      const trades = network.live.find(({ model }) => model.commands[0]?.params.channels?.[0] === 'trade')!;
      const socket = books()[0]!;
      const flow = () => {
        trades.model.trade(ticker!);
        socket.model.delta(ticker!);
      };
      pass(60_000, flow);
      const lasts = made.time.now;
      /** Bounds and instruments of what is open, `*` for all. */
      const stalled = () =>
        made
          .open()
          .filter(({ cause }) => cause === 'stalled')
          .map(({ from, instruments }) => ({ instruments: instruments?.toSorted() ?? '*', from }));
      return { ...made, trades, socket, flow, ticker: ticker!, lasts, stalled };
    }

    it('is a gap since its last data long before it is judged, and the rest of the line is vouched for', () => {
      const { books, keeper, pass, trades, stalled, lasts, socket, ticker, time } = busy();
      socket.isFrozen = true;
      pass(7_000, () => trades.model.trade(ticker));
      expect(books()).toContain(socket);
      expect(stalled()).toMatchObject([{ instruments: tickers(2) }]);
      expect(stalled()[0]!.from).toBeLessThanOrEqual(lasts);
      expect(stalled()[0]!.from).toBeGreaterThan(lasts - 2_000_000);
      expect(keeper.counts().proven).toBe(2);
      expect(time.now - keeper.venueTime(time.clock())!).toBeLessThan(1_000_000);
    });

    it('is none any more when the next number shows that nothing was missing, and its pauses are known then', () => {
      const { pass, flow, socket, stalled, open, gaps, trades, ticker, keeper } = busy();
      pass(8_000, () => trades.model.trade(ticker));
      expect(stalled()).toHaveLength(1);
      flow();
      pass(2_000, flow);
      expect(open()).toEqual([]);
      const doubts = gaps.filter(({ cause }) => cause === 'stalled');
      expect(doubts.map(({ from, to }) => (to ?? from) - from)).toEqual([0, 0]);
      expect(keeper.counts().proven).toBe(2);
      pass(60_000, flow);
      pass(8_000, () => trades.model.trade(ticker));
      expect(stalled()).toEqual([]);
      socket.drop();
    });

    it('leaves a gap from there to the new book when it is found dead', () => {
      const { books, pass, flow, socket, gaps, open, lasts, trades, ticker } = busy();
      socket.isFrozen = true;
      pass(32_000, () => trades.model.trade(ticker));
      expect(socket.isClosed).toBe(true);
      const again = books()[0]!;
      pass(5_000, () => {
        trades.model.trade(ticker);
        again.model.delta(ticker);
      });
      expect(open()).toEqual([]);
      const real = gaps.filter(({ from, to, all }) => all !== true && to !== null && to > from && to > lasts);
      expect(new Set(real.flatMap(({ instruments }) => instruments))).toEqual(new Set(tickers(2)));
      for (const { from, to } of real) {
        expect(from).toBeLessThanOrEqual(lasts);
        expect(to!).toBeGreaterThan(lasts + 29_000_000);
      }
      flow();
    });

    it('of a feed is a gap of everything while no other connection carries it', () => {
      const { pass, socket, stalled, trades, lasts, ticker } = busy();
      pass(7_000, () => socket.model.delta(ticker));
      expect(stalled()).toMatchObject([{ instruments: '*' }]);
      expect(stalled()[0]!.from).toBeLessThanOrEqual(lasts);
      trades.model.trade(ticker);
      pass(1_000, () => socket.model.delta(ticker));
      expect(stalled()).toEqual([]);
    });

    it('and goes on is a gap of a feed without numbers, where all that carry it were silent at once', () => {
      const { network, pass, open, gaps, time } = bench(DEFAULT_TIMING.maxAge, [
        { purpose: 'ticker', connections: 2 },
        { purpose: 'trade', connections: 1 },
      ]);
      const flow = () => {
        for (const { model } of network.live) model.ticker('T');
      };
      pass(60_000, flow);
      expect(open().filter(({ cause }) => cause !== 'startup')).toEqual([]);
      const lasts = time.now;
      pass(40_000);
      flow();
      const back = time.now;
      pass(15_000, flow);
      expect(open().filter(({ cause }) => cause !== 'startup')).toEqual([]);
      const missed = gaps.filter(({ from, to, cause }) => cause === 'stalled' && to !== null && to > from);
      expect(missed.every(({ all }) => all === true)).toBe(true);
      expect(Math.min(...missed.map(({ from }) => from))).toBeLessThanOrEqual(lasts);
      expect(Math.max(...missed.map(({ to }) => to ?? 0))).toBeGreaterThanOrEqual(back - 100_000);
      // The sockets are in order, and nothing more is to be had from others.
      expect(network.live).toHaveLength(3);
      expect(missed).toHaveLength(1);
    });

    it('and sends not even heartbeats is in doubt, however little it had to say', () => {
      const { books, pass, want, open } = bench();
      want(tickers(2));
      pass(15_000);
      books()[0]!.isFrozen = true;
      pass(4_000);
      expect(open().filter(({ all }) => all !== true)).toEqual([]);
      pass(14_000);
      expect(open().filter(({ all }) => all !== true)).toMatchObject([
        { instruments: tickers(2), cause: 'stalled' },
      ]);
    });
  });

  it('a cut, a terminal error and a replaced connection all end with every book proven again', () => {
    const { keeper, pool, books, pass, want, open } = bench(60_000_000);
    want(tickers(500));
    pass(5_000);
    const busy = () => {
      for (const { model } of books()) for (const ticker of tickers(5)) model.delta(ticker);
    };
    books()[0]!.drop();
    pass(5_000, busy);
    expect(keeper.counts().proven).toBe(500);
    books()[0]!.model.kill(1, 25);
    expect(keeper.counts().proven).toBe(0);
    pass(5_000, busy);
    expect(keeper.counts().proven).toBe(500);
    pass(300_000, busy);
    expect(pool.status().counters['replaced']).toBeGreaterThanOrEqual(4);
    while (pool.status().connections.some(({ state }) => state === 'replacing')) pass(100, busy);
    pass(3_000, busy);
    expect(keeper.counts()).toEqual({ expected: 500, bound: 500, proven: 500 });
    expect(open()).toEqual([]);
  });
});
