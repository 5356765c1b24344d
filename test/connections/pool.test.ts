import { describe, expect, it } from 'vitest';
import { kalshiRig, polymarketRig, tickers } from './rig.ts';

const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });

describe('requesting instruments', () => {
  it('opens only as many connections as the numbers ask for and spreads the instruments evenly', () => {
    const rig = kalshiRig({ book: { connections: 8, minimumPerConnection: 300 } });
    rig.pool.start();
    rig.want(tickers(1_200));
    rig.pass(1_000);
    expect(rig.network.live).toHaveLength(4);
    expect(rig.pool.status().connections.map(({ instruments }) => instruments.requested)).toEqual([
      300, 300, 300, 300,
    ]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1_200));
    for (const { model } of rig.network.sockets) expect(model.offences).toEqual([]);
  });

  it('levels out when pages of a listing arrive one after the other', () => {
    const rig = kalshiRig({
      book: { connections: 6, instrumentsPerConnection: 1_000, minimumPerConnection: 100 },
    });
    rig.pool.start();
    for (let page = 0; page < 10; page++) {
      rig.want(tickers(123, `PAGE${page}-`));
      rig.pass(200);
    }
    rig.pass(2_000);
    const loads = rig.pool.status().connections.map(({ instruments }) => instruments.requested);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1_230));
  });

  it('never puts more on a connection than it may hold, and tells of those that wait', () => {
    const rig = kalshiRig({
      book: { connections: 2, instrumentsPerConnection: 10, minimumPerConnection: 5 },
    });
    rig.pool.start();
    rig.want(tickers(25));
    rig.pass(1_000);
    const status = rig.pool.status();
    expect(status.connections.map(({ instruments }) => instruments.requested)).toEqual([10, 10]);
    expect(status.unplaced).toBe(5);
    expect(status.instruments.requested).toBe(25);
    expect(rig.count('no_room')).toBe(1);
    rig.unwant(tickers(5));
    rig.pass(3_000);
    expect(rig.pool.status().unplaced).toBe(0);
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
  });

  it('takes 100,000 instruments over 144 connections with a few commands each, and names each of them once', () => {
    const rig = kalshiRig({
      book: { connections: 144, instrumentsPerConnection: 7_500, minimumPerConnection: 400 },
      timing: { connectsPerSecond: 1_000, connectBurst: 1_000 },
    });
    rig.pool.start();
    rig.want(tickers(100_000));
    rig.pass(3_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(100_000));
    expect(rig.network.live).toHaveLength(144);
    const commands = rig.recorded.flatMap(({ direction, frame }) =>
      direction === 'out' ? [JSON.parse(String(frame)) as { params: { market_tickers: string[] } }] : [],
    );
    const named = commands.flatMap(({ params }) => params.market_tickers);
    expect(commands.length).toBeLessThanOrEqual(3 * 144);
    expect([named.length, new Set(named).size]).toEqual([100_000, 100_000]);
  });

  it('ignores an instrument that is requested twice, and carries on when one is released and wanted again', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A', 'B']);
    rig.want(['B']);
    rig.pass(500);
    rig.unwant(['A']);
    rig.want(['A']);
    rig.pass(500);
    expect(rig.pool.status().instruments).toEqual(SETTLED(2));
    expect(rig.network.sockets[0]!.model.offences).toEqual([]);
  });

  it('closes a connection that has nothing left to carry', () => {
    const rig = polymarketRig();
    rig.pool.start();
    rig.want(['1', '2']);
    rig.pass(500);
    rig.unwant(['1', '2']);
    rig.pass(15_000);
    expect(rig.network.live).toHaveLength(0);
    expect(rig.pool.status().connections[0]!.state).toBe('idle');
    rig.want(['3']);
    rig.pass(500);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1));
  });
});

describe('frames', () => {
  it('are recorded before they are decoded, with the commands that led to them', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A']);
    rig.pass(500);
    expect(rig.recorded.map(({ direction }) => direction)).toEqual(['out', 'in', 'in']);
    expect(rig.recorded[0]!.connection).toBe('kalshi-book-1#1');
    rig.keeper.failNext = true;
    rig.network.sockets[0]!.model.delta('A');
    expect(rig.recorded).toHaveLength(4);
    expect(rig.count('internal_error')).toBe(1);
    expect(rig.keeper.failed).toEqual(['kalshi-book-1#1']);
    rig.network.sockets[0]!.model.delta('A');
    expect(rig.recorded).toHaveLength(5);
  });

  it('that are binary are kept as bytes, counted and read as text', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A']);
    rig.pass(500);
    const bytes = new Uint8Array([0xff, 0x00, 0x41]);
    rig.network.sockets[0]!.events.message(bytes);
    expect(rig.recorded.at(-1)!.frame).toBe(bytes);
    expect(rig.pool.status().connections[0]!.binary_frames).toBe(1);
  });

  it('that are not understood are told by kind, with an example and their connection', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A']);
    rig.pass(500);
    rig.network.sockets[0]!.events.message('<html>');
    rig.network.sockets[0]!.events.message('<title>');
    expect(rig.notices.filter(({ kind }) => kind.startsWith('decode_'))).toMatchObject([
      { kind: 'decode_not_json', level: 'warn', message: '<html>', connection: 'kalshi-book-1#1' },
      { kind: 'decode_not_json', message: '<title>' },
    ]);
  });

  it('for instruments nobody asked for are told to the registry', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 1 }] });
    rig.pool.start();
    rig.pass(500);
    rig.network.sockets[0]!.model.trade('NEW');
    expect(rig.unknown).toEqual(['NEW']);
  });
});

describe('feeds', () => {
  it('are subscribed on each of their connections, and the keeper is told of each', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 2 }] });
    rig.pool.start();
    rig.pass(500);
    expect(rig.network.sockets.map(({ sent }) => JSON.parse(sent[0]!).params.channels)).toEqual([
      ['trade'],
      ['trade'],
    ]);
    expect(rig.keeper.feeds).toEqual([
      'trade expected',
      'trade carried by kalshi-trade-1#1',
      'trade carried by kalshi-trade-2#1',
    ]);
    rig.network.sockets[0]!.drop();
    rig.pass(2_000);
    expect(rig.keeper.closed).toMatchObject([{ name: 'kalshi-trade-1#1', cause: 'disconnected' }]);
    expect(rig.keeper.feeds.slice(3)).toEqual(['trade carried by kalshi-trade-1#2']);
  });

  it('come back after a terminal error without touching the socket', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'ticker', connections: 1 }] });
    rig.pool.start();
    rig.pass(500);
    rig.network.sockets[0]!.model.kill(1, 25);
    rig.pass(500);
    expect(rig.network.sockets).toHaveLength(1);
    expect(rig.keeper.feeds.slice(2)).toEqual([
      'kalshi-ticker-1#1 dropped subscription_lost',
      'ticker carried by kalshi-ticker-1#1',
    ]);
  });

  it('are believed to their last heartbeat while they are quiet, and to their last data where data was due', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 1 }] });
    rig.pool.start();
    rig.pass(20_000);
    const quietUntil = rig.time.now;
    rig.network.sockets[0]!.drop();
    expect(rig.keeper.closed[0]!.at).toBeGreaterThan(quietUntil - 10_100_000);
    rig.pass(5_000);
    const busy = rig.network.sockets[1]!;
    for (let second = 0; second < 5; second++) {
      busy.model.trade('A');
      rig.pass(1_000);
    }
    const dataUntil = rig.time.now - 1_000_000;
    rig.pass(40_000);
    busy.drop();
    expect(rig.keeper.closed[1]!.at).toBe(dataUntil);
  });

  it('of which nothing comes any more are found silent, like books', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 2 }] });
    rig.pool.start();
    rig.pass(1_000);
    const [dead, alive] = rig.network.sockets;
    const each = () => alive!.model.trade('A');
    for (let round = 0; round < 300; round++) {
      dead!.model.trade('A');
      rig.pass(100, each);
    }
    rig.pass(90_000, each);
    expect(rig.keeper.closed.map(({ name, cause }) => [name, cause])).toContainEqual([
      'kalshi-trade-1#1',
      'stalled',
    ]);
  });
});

describe('stopping', () => {
  it('closes every socket, says from when on nothing is covered, and opens none again', async () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A']);
    rig.pass(500);
    await rig.pool.stop(() => () => {});
    expect(rig.network.live).toHaveLength(0);
    expect(rig.keeper.closed.at(-1)).toMatchObject({ name: 'kalshi-book-1#1', cause: 'line_down' });
    rig.pass(60_000);
    expect(rig.network.sockets).toHaveLength(1);
  });

  it('believes a connection up to what came over it last, and one that is more silent than usual up to its last data', async () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 2 }] });
    rig.pool.start();
    rig.pass(1_000);
    const [silent, quiet] = rig.network.sockets;
    for (let second = 0; second < 60; second++) {
      silent!.model.trade('A');
      rig.pass(1_000);
    }
    const dataUntil = rig.time.now - 1_000_000;
    // Too soon for the next look at silences, and yet not usual.
    rig.time.now += 19_000_000;
    quiet!.events.heartbeat('ping');
    silent!.events.heartbeat('ping');
    const heardAt = rig.time.now;
    rig.time.now += 500_000;
    await rig.pool.stop(() => () => {});
    const closedAt = new Map(rig.keeper.closed.map(({ name, at }) => [name, at]));
    expect(closedAt.get('kalshi-trade-1#1')).toBe(dataUntil);
    expect(closedAt.get('kalshi-trade-2#1')).toBe(heardAt);
  });
});
