import { describe, expect, it } from 'vitest';
import { polymarketRig, tickers } from '../connections/rig.ts';

const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });

describe('a Polymarket connection', () => {
  it('carries at most its number of tokens, and further sockets are opened as needed', () => {
    const rig = polymarketRig();
    rig.pool.start();
    rig.want(tickers(450, '7'));
    rig.pass(1_000);
    expect(rig.network.live).toHaveLength(3);
    for (const { model } of rig.network.live) expect(model.tokens.size).toBeLessThanOrEqual(200);
    expect(rig.pool.status().instruments).toEqual(SETTLED(450));
  });

  it('says its first message in the first form, later ones as operations', () => {
    const rig = polymarketRig();
    rig.pool.start();
    rig.want(['1', '2']);
    rig.pass(500);
    rig.want(['3']);
    rig.unwant(['1']);
    rig.pass(500);
    expect(rig.network.sockets[0]!.model.received.map((text) => JSON.parse(text))).toEqual([
      { assets_ids: ['1', '2'], type: 'market', custom_feature_enabled: true },
      { assets_ids: ['3'], operation: 'subscribe', custom_feature_enabled: true },
      { assets_ids: ['1'], operation: 'unsubscribe', custom_feature_enabled: true },
    ]);
  });

  it('pings every 10 s, never before the first subscription, and never in the recording', () => {
    const rig = polymarketRig();
    rig.pool.start();
    rig.network.opens = () => {};
    rig.want(['1']);
    rig.pass(5_000);
    rig.unwant(['1']);
    rig.network.sockets[0]!.open();
    rig.pass(5_000);
    expect(rig.network.sockets[0]!.model.received).toEqual([]);
    rig.want(['1']);
    rig.pass(35_000);
    const { received } = rig.network.sockets.at(-1)!.model;
    expect(received.filter((text) => text === 'PING')).toHaveLength(3);
    expect(received[0]).not.toBe('PING');
    expect(rig.recorded.filter(({ frame }) => frame === 'PING')).toEqual([]);
    expect(rig.network.live).toHaveLength(1);
  });

  it('is given up when PING is not answered for 30 s', () => {
    const rig = polymarketRig();
    rig.pool.start();
    rig.network.opens = (socket) => {
      socket.model.answersPings = rig.network.sockets.length > 1;
      socket.open();
    };
    rig.want(['1']);
    rig.pass(35_000);
    expect(rig.network.sockets).toHaveLength(2);
    expect(rig.pool.status().connections[0]!.last_close!.reason).toContain('PONG');
    expect(rig.pool.status().instruments).toEqual(SETTLED(1));
  });

  it('moves a token whose first book does not come to another socket', () => {
    const rig = polymarketRig();
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 1) socket.model.mute.add('5');
      socket.open();
    };
    rig.pool.start();
    rig.want(['4', '5', '6']);
    rig.pass(29_000);
    expect(rig.pool.status().instruments.seeded).toBe(2);
    rig.pass(3_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(3));
    expect([...rig.network.sockets[1]!.model.tokens]).toEqual(['5']);
    expect(rig.network.sockets[0]!.model.tokens.has('5')).toBe(false);
    expect(rig.count('rescue_move')).toBe(1);
    expect(rig.count('rescued')).toBe(1);
  });

  it('asks for the books by REST as a second witness when one is in doubt', async () => {
    const asked: (readonly string[])[] = [];
    const rig = polymarketRig({
      fetchBooks: async (instruments) => {
        asked.push(instruments);
        return [];
      },
    });
    rig.pool.start();
    rig.want(['1', '2', '3']);
    rig.pass(500);
    rig.keeper.nextResync = [{ instruments: ['2'], cause: 'book_mismatch', sid: 0 }];
    rig.network.sockets[0]!.model.change('2');
    rig.pass(500);
    await Promise.resolve();
    expect(asked).toEqual([['2']]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(3));
    expect([...rig.network.sockets[1]!.model.tokens]).toEqual(['2']);
  });

  it('holds every book against one by REST, all of them once in each round, and no more', async () => {
    const asked: string[] = [];
    const requests: number[] = [];
    const rig = polymarketRig({
      timing: { compareEvery: 60_000_000 },
      fetchBooks: async (instruments) => {
        asked.push(...instruments);
        requests.push(instruments.length);
        return [];
      },
    });
    rig.pool.start();
    const all = tickers(250, '4');
    rig.want(all);
    rig.pass(500);
    const round = async () => {
      for (let step = 0; step < 60; step++) {
        rig.pass(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await round();
    await round();
    expect(requests.slice(0, 5)).toEqual([100, 100, 50, 100, 100]);
    expect(asked.slice(0, 250).sort()).toEqual([...all].sort());
    expect(requests.length).toBeLessThanOrEqual(6);
  });

  it('replaces the whole socket when most of its books are in doubt', () => {
    const rig = polymarketRig();
    rig.pool.start();
    const all = tickers(50, '9');
    rig.want(all);
    rig.pass(500);
    rig.keeper.nextResync = [{ instruments: all, cause: 'undecodable_frame', sid: 0 }];
    rig.network.sockets[0]!.events.message('{"event_ty');
    rig.pass(3_000);
    expect(rig.network.live).toHaveLength(1);
    expect(rig.network.sockets).toHaveLength(2);
    expect(rig.pool.status().instruments).toEqual(SETTLED(50));
    expect(rig.count('replaced')).toBe(1);
  });

  it('replaces a socket on which unsubscribing does nothing', () => {
    const rig = polymarketRig();
    rig.network.opens = (socket) => {
      socket.model.obeysUnsubscribe = false;
      socket.open();
    };
    rig.pool.start();
    const all = tickers(40, '3');
    rig.want(all);
    rig.pass(500);
    rig.unwant(all.slice(0, 20));
    rig.pass(40_000, () => {
      for (const { model } of rig.network.live) for (const token of all) model.change(token);
    });
    expect(rig.network.live).toHaveLength(1);
    expect(rig.network.live[0]!.model.tokens.size).toBe(20);
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
  });
});
