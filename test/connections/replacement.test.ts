import { describe, expect, it } from 'vitest';
import { kalshiRig, polymarketRig, tickers } from './rig.ts';

const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });
const HOUR = 3_600_000_000;

describe('a connection that grew old', () => {
  it('is closed only after its successor carries and has shown every book', () => {
    const rig = kalshiRig({ timing: { maxAge: HOUR / 60 } });
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 2) for (const ticker of tickers(3)) socket.model.mute.add(ticker);
      socket.open();
    };
    rig.pool.start();
    rig.want(tickers(30));
    rig.pass(62_000);
    const [old, next] = rig.network.sockets;
    expect(rig.network.sockets).toHaveLength(2);
    expect(old!.isClosed).toBe(false);
    expect(rig.pool.status().connections[0]!.state).toBe('replacing');
    next!.model.mute.clear();
    for (const ticker of tickers(3)) next!.model.delta(ticker);
    rig.pass(2_000);
    expect(old!.isClosed).toBe(false);
    for (const ticker of tickers(3)) next!.model.book(ticker);
    rig.pass(2_000);
    expect(old!.isClosed).toBe(true);
    expect(rig.keeper.lost).toEqual([]);
    expect(rig.keeper.bound.get(tickers(1)[0]!)).toContain('kalshi-book-1#2/');
    expect(rig.pool.status().connections).toHaveLength(1);
    expect(rig.count('replaced')).toBe(1);
  });

  it('waits while another is being replaced, though both are due', () => {
    const rig = polymarketRig({
      book: { connections: 10, instrumentsPerConnection: 10, minimumPerConnection: 10 },
      timing: { maxAge: HOUR / 60 },
    });
    const all = tickers(40, '6');
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length > 4) for (const token of all) socket.model.mute.add(token);
      socket.open();
    };
    rig.pool.start();
    rig.want(all);
    rig.pass(70_000);
    expect(rig.network.live).toHaveLength(5);
    const states = rig.pool.status().connections.map(({ state }) => state);
    expect(states.filter((state) => state === 'replacing')).toHaveLength(1);
  });

  it('stays when its successor cannot be opened', () => {
    const rig = kalshiRig({ timing: { maxAge: HOUR / 60 } });
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 1) socket.open();
      else socket.drop(1006, 'no route');
    };
    rig.pool.start();
    rig.want(tickers(30));
    rig.pass(300_000);
    expect(rig.network.sockets[0]!.isClosed).toBe(false);
    expect(rig.network.sockets.length).toBeLessThan(8);
    expect(rig.keeper.lost).toEqual([]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(30));
  });

  it('goes on when its successor fails half way, with fresh books of what had gone over', () => {
    const rig = kalshiRig({ timing: { maxAge: HOUR / 60 } });
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 2) for (const ticker of tickers(10)) socket.model.mute.add(ticker);
      socket.open();
    };
    rig.pool.start();
    rig.want(tickers(30));
    rig.pass(62_000);
    rig.want(['NEW']);
    rig.pass(500);
    rig.network.sockets[1]!.drop();
    expect(rig.keeper.lost.map(({ instruments }) => instruments.length)).toEqual([21]);
    rig.pass(2_000);
    expect(rig.network.sockets[0]!.isClosed).toBe(false);
    expect(rig.network.live).toHaveLength(1);
    expect(rig.pool.status().instruments).toEqual(SETTLED(31));
    expect(rig.keeper.bound.get(tickers(30)[29]!)).toBe('kalshi-book-1#1/1');
    const asked = rig.network.sockets[0]!.model.commands.filter(
      ({ params }) => params?.action === 'get_snapshot',
    );
    expect(asked.flatMap(({ params }) => params.market_tickers!).sort()).toEqual(
      tickers(30).slice(10).sort(),
    );
    expect(rig.network.sockets[0]!.model.offences).toEqual([]);
  });

  it('is taken over by its successor when it dies in between', () => {
    const rig = kalshiRig({ timing: { maxAge: HOUR / 30 } });
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 2) socket.model.mute.add(tickers(1)[0]!);
      socket.open();
    };
    rig.pool.start();
    rig.want(tickers(30));
    rig.pass(122_000);
    rig.network.sockets[0]!.drop();
    rig.network.sockets[1]!.model.mute.clear();
    rig.pass(40_000);
    expect(rig.network.live).toHaveLength(1);
    expect(rig.network.live[0] === rig.network.sockets[1]).toBe(true);
    expect(rig.pool.status().instruments).toEqual(SETTLED(30));
  });

  it('waits until no other is being replaced, and newcomers and leavers meanwhile are carried rightly', () => {
    const rig = polymarketRig({
      book: { connections: 10, instrumentsPerConnection: 20, minimumPerConnection: 10 },
      timing: { maxAge: HOUR / 60 },
    });
    rig.pool.start();
    rig.want(tickers(40, '5'));
    let most = 0;
    let round = 0;
    rig.pass(300_000, () => {
      most = Math.max(most, rig.network.live.length);
      round++;
      if (round % 37 === 0) rig.want([`n${round}`]);
      if (round % 37 === 20) rig.unwant([`n${round - 20}`]);
    });
    rig.pass(1_000);
    while (rig.pool.status().connections.some(({ state }) => state === 'replacing')) rig.pass(100);
    expect(rig.count('replaced')).toBeGreaterThanOrEqual(12);
    const { connections, instruments } = rig.pool.status();
    expect(most).toBeLessThanOrEqual(connections.length + 1);
    expect(instruments.seeded).toBe(instruments.requested);
    expect(rig.keeper.lost).toEqual([]);
    const carried = rig.network.live.flatMap(({ model }) => [...model.tokens]);
    expect(new Set(carried).size).toBe(carried.length);
    expect(carried).toHaveLength(instruments.requested);
  });

  it('of a feed is replaced without the feed being lost', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 1 }], timing: { maxAge: HOUR / 60 } });
    rig.pool.start();
    rig.pass(150_000);
    expect(rig.count('replaced')).toBeGreaterThanOrEqual(2);
    const [, ...carried] = rig.keeper.feeds;
    expect(carried.length).toBeGreaterThanOrEqual(3);
    expect(rig.keeper.closed.length).toBe(carried.length - 1);
  });
});

describe('a connection whose books are in doubt', () => {
  const all = tickers(20, '7');
  const full = { book: { connections: 1, instrumentsPerConnection: 20, minimumPerConnection: 20 } };

  function doubt(rig: ReturnType<typeof polymarketRig>): void {
    rig.keeper.nextResync = [{ instruments: all, cause: 'undecodable_frame', sid: 0 }];
    rig.network.live.at(-1)?.model.change(all[0]!);
    rig.keeper.nextResync = [];
  }

  it('gets another successor when the first brings no books within the deadline', () => {
    const rig = polymarketRig(full);
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 2) for (const token of all) socket.model.mute.add(token);
      socket.open();
    };
    rig.pool.start();
    rig.want(all);
    rig.pass(10_000);
    doubt(rig);
    rig.pass(10_000);
    expect(rig.pool.status().connections[0]!.state).toBe('replacing');
    rig.pass(60_000);
    expect(rig.network.sockets).toHaveLength(3);
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
    expect(rig.pool.status().connections[0]!.state).toBe('open');
  });

  it('has them back within a minute and a half after the last doubt, however many came before', () => {
    const rig = polymarketRig(full);
    rig.pool.start();
    rig.want(all);
    rig.pass(10_000);
    let steps = 0;
    rig.pass(1_200_000, () => {
      steps++;
      if (steps % 10 === 0) doubt(rig);
    });
    expect(rig.pool.status().instruments.seeded).toBeLessThan(20);
    rig.pass(90_000, () => rig.network.live.at(-1)?.model.change(all[0]!));
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
  });
});
