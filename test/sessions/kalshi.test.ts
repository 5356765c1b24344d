import { describe, expect, it } from 'vitest';
import { MarketLimits, TickerQueue } from '#src/venues/kalshi/session-chunks.ts';
import type { KalshiModel } from '../connections/fake-venues.ts';
import type { Rig } from '../connections/rig.ts';
import { kalshiRig, tickers } from '../connections/rig.ts';

const ONE = { book: { connections: 1, instrumentsPerConnection: 7_500, minimumPerConnection: 7_500 } };
const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });

function started(options = ONE, chunk = 400): Rig<KalshiModel> {
  const rig = kalshiRig(options, chunk);
  rig.pool.start();
  return rig;
}

function model(rig: Rig<KalshiModel>): KalshiModel {
  return rig.network.sockets[0]!.model;
}

describe('a Kalshi book connection', () => {
  it('makes one subscription and lets it grow in chunks', () => {
    const rig = started();
    rig.want(tickers(1_000));
    rig.pass(1_000);
    const { commands, offences } = model(rig);
    expect(commands.map(({ cmd, params }) => [params.action ?? cmd, params.market_tickers?.length])).toEqual([
      ['subscribe', 400],
      ['add_markets', 400],
      ['add_markets', 200],
    ]);
    expect(commands[0]!.params.use_yes_price).toBe(false);
    expect(offences).toEqual([]);
    expect(new Set(commands.map(({ id }) => id)).size).toBe(3);
  });

  it('halves its chunk on error 26 until the venue accepts it, and remembers what worked', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.maxPerCommand = 60;
      socket.open();
    };
    rig.want(tickers(500));
    rig.pass(2_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(500));
    expect(model(rig).offences).toEqual([]);
    rig.network.sockets[0]!.drop();
    rig.pass(3_000);
    const second = rig.network.sockets[1]!.model;
    expect(second.commands[0]!.params.market_tickers!.length).toBeLessThanOrEqual(60);
    expect(rig.pool.status().instruments).toEqual(SETTLED(500));
  });

  it('opens another subscription on the same socket when one is full', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.maxPerSubscription = 1_000;
      socket.open();
    };
    rig.want(tickers(2_500));
    rig.pass(5_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(2_500));
    expect([...model(rig).subscriptions.values()].map(({ tickers: held }) => held.size)).toEqual([
      1_000, 1_000, 500,
    ]);
    expect(model(rig).offences).toEqual([]);
    const refused = rig.count('chunk_halved');
    rig.network.sockets[0]!.drop();
    rig.pass(5_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(2_500));
    expect(rig.count('chunk_halved')).toBe(refused);
  });

  it('finds the one ticker that the venue refuses, and carries all the others', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.unknown.add('KXDEMO-26DEC31-T123');
      socket.open();
    };
    rig.want(tickers(300));
    rig.pass(2_000);
    expect(rig.pool.status().instruments).toEqual({ requested: 300, subscribed: 299, seeded: 299 });
    expect(rig.notices.filter(({ kind }) => kind === 'instrument_refused')).toHaveLength(1);
    expect(rig.notices.find(({ kind }) => kind === 'instrument_refused')!.message).toContain(
      'T123: error 11',
    );
    const asked = model(rig).commands.filter(({ cmd }) => cmd !== 'list_subscriptions').length;
    rig.pass(30_000);
    expect(model(rig).commands.filter(({ cmd }) => cmd !== 'list_subscriptions')).toHaveLength(asked);
    model(rig).unknown.clear();
    rig.pass(60_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(300));
  });

  it('waits after error 27 and then goes on', () => {
    const rig = started();
    rig.want(tickers(10));
    rig.pass(500);
    model(rig).refuse.set('add_markets', 27);
    rig.want(['LATE']);
    rig.pass(900);
    const asked = model(rig).commands.length;
    rig.pass(500);
    expect(model(rig).commands.length - asked).toBeLessThanOrEqual(1);
    model(rig).refuse.clear();
    rig.pass(3_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(11));
    expect(model(rig).offences).toEqual([]);
  });

  it('takes an instrument out before it puts it in again', () => {
    const rig = started();
    rig.want(tickers(3));
    rig.pass(500);
    rig.unwant(tickers(1));
    rig.want(tickers(1));
    rig.pass(500);
    expect(model(rig).commands.map(({ cmd, params }) => params.action ?? cmd)).toEqual([
      'subscribe',
      'delete_markets',
      'add_markets',
    ]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(3));
    expect(model(rig).offences).toEqual([]);
  });

  it('unsubscribes what was released while its subscription was still under way', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.isDeaf = true;
      socket.open();
    };
    rig.want(['A', 'B']);
    rig.pass(500);
    rig.unwant(['A']);
    const socket = rig.network.sockets[0]!;
    socket.model.isDeaf = false;
    socket.model.receive(socket.sent[0]!);
    rig.pass(500);
    expect([...model(rig).subscriptions.get(1)!.tickers]).toEqual(['B']);
    expect(rig.keeper.bound.has('A')).toBe(false);
  });

  it.each([10, 25])('loses on terminal error %i only the instruments of that subscription', (code) => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.maxPerSubscription = 10;
      socket.open();
    };
    rig.want(tickers(20));
    rig.pass(1_000);
    model(rig).kill(1, code);
    expect(rig.keeper.lost).toEqual([
      { instruments: tickers(10), since: rig.time.now, cause: 'subscription_lost' },
    ]);
    rig.pass(1_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
    expect(rig.network.sockets).toHaveLength(1);
    expect(model(rig).offences).toEqual([]);
  });

  it('adds nothing while a deletion is under way', () => {
    const rig = started();
    rig.want(['A', 'B']);
    rig.pass(500);
    model(rig).isDeaf = true;
    rig.unwant(['A']);
    rig.want(['A', 'C']);
    rig.pass(1_000);
    const actions = () => model(rig).commands.map(({ cmd, params }) => params.action ?? cmd);
    expect(actions()).toEqual(['subscribe', 'delete_markets']);
    model(rig).isDeaf = false;
    model(rig).receive(rig.network.sockets[0]!.sent[1]!);
    rig.pass(500);
    expect(actions().at(-1)).toBe('add_markets');
    expect(rig.pool.status().instruments).toEqual(SETTLED(3));
    expect(model(rig).offences).toEqual([]);
  });

  it('asks once only for what was under way when its subscription died', () => {
    const rig = started();
    rig.want(['A']);
    rig.pass(500);
    model(rig).isDeaf = true;
    rig.want(['B', 'C']);
    rig.pass(200);
    model(rig).kill(1, 25);
    model(rig).isDeaf = false;
    rig.pass(2_000);
    model(rig).receive(rig.network.sockets[0]!.sent[1]!);
    rig.pass(2_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(3));
    expect(model(rig).offences).toEqual([]);
    expect([...model(rig).subscriptions.values()].map(({ tickers: held }) => [...held].sort())).toEqual([
      ['A', 'B', 'C'],
    ]);
  });

  it('finds by listing that the venue dropped a subscription, and that it has one too many', () => {
    const rig = started();
    rig.want(tickers(5));
    rig.pass(500);
    model(rig).subscriptions.clear();
    model(rig).receive(
      JSON.stringify({
        id: 999,
        cmd: 'subscribe',
        params: {
          channels: ['orderbook_delta'],
          market_tickers: ['STRAY'],
          use_yes_price: false,
          skip_ticker_ack: true,
        },
      }),
    );
    rig.pass(70_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(5));
    expect([...model(rig).subscriptions.values()].map(({ tickers: held }) => [...held].sort())).toEqual([
      tickers(5),
    ]);
  });

  it('asks for fresh books after a sequence gap and leaves the subscription as it is', () => {
    const rig = started();
    rig.want(tickers(900));
    rig.pass(1_000);
    rig.keeper.nextResync = [{ instruments: tickers(900), cause: 'sequence_gap', sid: 1 }];
    model(rig).delta(tickers(1)[0]!);
    expect(rig.pool.status().instruments.seeded).toBe(0);
    rig.pass(300);
    const asked = model(rig).commands.filter(({ params }) => params?.action === 'get_snapshot');
    expect(asked.map(({ params }) => params.market_tickers!.length)).toEqual([400, 400, 100]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(900));
    expect(rig.count('rescued')).toBe(900);
  });

  it('begins a new subscription when fresh books are refused', () => {
    const rig = started();
    rig.want(tickers(900));
    rig.pass(1_000);
    model(rig).refuse.set('get_snapshot', 13);
    rig.keeper.nextResync = [{ instruments: tickers(900), cause: 'sequence_gap', sid: 1 }];
    model(rig).delta(tickers(1)[0]!);
    rig.pass(1_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(900));
    expect([...model(rig).subscriptions.keys()]).toEqual([2]);
    expect(model(rig).offences).toEqual([]);
  });

  it('gives a socket up that answers no command, and connects again', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.model.isDeaf = rig.network.sockets.length === 1;
      socket.open();
    };
    rig.want(tickers(5));
    rig.pass(60_000);
    expect(rig.network.sockets.length).toBe(2);
    expect(rig.pool.status().connections[0]!.last_close!.reason).toContain('not answered');
    expect(rig.pool.status().instruments).toEqual(SETTLED(5));
  });

  it('pings, and gives the socket up when neither ping nor pong comes for 30 s', () => {
    const rig = started();
    rig.want(['A']);
    rig.pass(25_000);
    expect(rig.network.sockets[0]!.pings).toBeGreaterThanOrEqual(2);
    rig.network.sockets[0]!.isAlive = false;
    rig.pass(45_000);
    expect(rig.network.sockets).toHaveLength(2);
    expect(rig.keeper.closed[0]!.at).toBeLessThan(rig.time.now - 30_000_000);
  });
});

describe('a Kalshi socket that never pings', () => {
  it('is judged by its pongs alone', () => {
    const rig = started();
    rig.network.opens = (socket) => {
      socket.isPinging = false;
      socket.open();
    };
    rig.want(['A']);
    rig.pass(120_000);
    expect(rig.network.sockets).toHaveLength(1);
    rig.network.sockets[0]!.isAlive = false;
    rig.pass(45_000);
    expect(rig.network.sockets).toHaveLength(2);
  });
});

describe('what is known of the unpublished limits', () => {
  it('converges on the largest subscription and never tries beyond it again', () => {
    const limits = new MarketLimits(400);
    const LIMIT = 1_337;
    let held = 0;
    let chunk = limits.chunk;
    let refusals = 0;
    while (chunk > 0) {
      const count = Math.min(chunk, limits.allowed(held));
      if (count === 0) break;
      if (held + count <= LIMIT) held += count;
      else {
        refusals++;
        chunk = limits.refused(held, count);
      }
    }
    expect(held).toBeGreaterThan(LIMIT - 16);
    expect(refusals).toBeLessThan(10);
    expect(limits.allowed(held)).toBe(0);
  });

  it('never joins portions that were given back', () => {
    const queue = new TickerQueue();
    queue.push(['a', 'b']);
    queue.giveBack(['c', 'd', 'e']);
    queue.giveBack(['f']);
    expect(queue.take(2)).toEqual(['c', 'd']);
    expect(queue.take(9)).toEqual(['e']);
    expect(queue.remove('f')).toBe(true);
    expect(queue.take(9)).toEqual(['a', 'b']);
    expect(queue.size).toBe(0);
  });
});
