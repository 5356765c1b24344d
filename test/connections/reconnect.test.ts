import { describe, expect, it } from 'vitest';
import { backoffDelay } from '#src/connections/backoff.ts';
import { seeded } from './fake-time.ts';
import { kalshiRig, polymarketRig, tickers } from './rig.ts';

const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });

describe('a connection that is cut off', () => {
  it('comes back with a new epoch, a fresh signature and all its instruments', () => {
    let signatures = 0;
    const rig = kalshiRig({ signer: () => ({ 'KALSHI-ACCESS-SIGNATURE': `s${++signatures}` }) });
    rig.pool.start();
    rig.want(tickers(50));
    rig.pass(2_000);
    const cutAt = rig.time.now;
    rig.network.sockets[0]!.model.delta(tickers(1)[0]!);
    rig.time.now += 400_000;
    rig.network.sockets[0]!.drop();
    expect(rig.keeper.closed).toEqual([{ name: 'kalshi-book-1#1', at: cutAt, cause: 'disconnected' }]);
    expect(rig.pool.status().instruments).toEqual({ requested: 50, subscribed: 0, seeded: 0 });
    rig.pass(2_000);
    expect(rig.network.sockets.map(({ request }) => request.headers['KALSHI-ACCESS-SIGNATURE'])).toEqual([
      's1',
      's2',
    ]);
    expect(rig.keeper.bound.get(tickers(1)[0]!)).toBe('kalshi-book-1#2/1');
    expect(rig.pool.status().instruments).toEqual(SETTLED(50));
    expect(rig.pool.status().connections[0]).toMatchObject({ reconnects: 1, epoch: 2 });
  });

  it('ignores whatever the old socket still says', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A']);
    rig.pass(500);
    const old = rig.network.sockets[0]!;
    old.events.closed(1006, '');
    rig.pass(2_000);
    const frames = rig.recorded.length;
    old.events.message('{"type":"orderbook_delta","sid":1,"seq":9,"msg":{"market_ticker":"A"}}');
    old.events.closed(1006, '');
    old.events.opened();
    old.events.heartbeat('ping');
    expect(rig.recorded).toHaveLength(frames);
    expect(rig.network.live).toHaveLength(1 + 1);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1));
  });

  it('tries ever more rarely, at most every 30 s, while the venue is away', () => {
    const rig = kalshiRig();
    rig.network.opens = (socket) => socket.drop(1006, 'ECONNREFUSED');
    rig.pool.start();
    rig.want(['A']);
    rig.pass(60_000);
    const first = rig.network.sockets.length;
    expect(first).toBeGreaterThan(5);
    expect(first).toBeLessThan(15);
    rig.pass(300_000);
    expect(rig.network.sockets.length - first).toBeGreaterThanOrEqual(10);
    expect(rig.network.sockets.length - first).toBeLessThanOrEqual(21);
    rig.network.opens = (socket) => socket.open();
    rig.pass(31_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1));
  });

  it('is given up when it does not open in time', () => {
    const rig = kalshiRig();
    rig.network.opens = () => {};
    rig.pool.start();
    rig.want(['A']);
    rig.pass(25_000);
    expect(rig.network.sockets.length).toBeGreaterThanOrEqual(2);
    expect(rig.network.sockets[0]!.isClosed).toBe(true);
  });

  it('does not come back together with all the others', () => {
    const rig = kalshiRig({
      book: { connections: 100, instrumentsPerConnection: 10, minimumPerConnection: 1 },
      timing: { connectsPerSecond: 10, connectBurst: 10 },
    });
    rig.pool.start();
    rig.want(tickers(100));
    rig.pass(1_000);
    expect(rig.network.sockets.length).toBeLessThanOrEqual(20);
    rig.pass(12_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(100));
  });
});

describe('a refused key', () => {
  it.each([401, 403])(
    'is not tried again in a loop (HTTP %i), by no connection, and is told plainly',
    (status) => {
      const rig = kalshiRig({
        book: { connections: 8, minimumPerConnection: 10 },
        feeds: [{ purpose: 'trade', connections: 2 }],
      });
      rig.network.opens = (socket) =>
        socket.refuse(status, '{"error":{"code":"token_authentication_failure"}}');
      rig.pool.start();
      rig.want(tickers(80));
      rig.pass(1_000);
      const tried = rig.network.sockets.length;
      expect(tried).toBeLessThanOrEqual(10);
      rig.pass(290_000);
      expect(rig.network.sockets).toHaveLength(tried);
      expect(rig.pool.status().unauthorized).toBe(true);
      expect(rig.pool.status().connections[0]!.state).toBe('unauthorized');
      expect(rig.notices.find(({ kind }) => kind === 'unauthorized')!.message).toContain(
        'token_authentication_failure',
      );
      rig.pass(310_000);
      expect(rig.network.sockets.length - tried).toBeLessThanOrEqual(2);
      rig.network.opens = (socket) => socket.open();
      rig.pass(310_000);
      expect(rig.pool.status().unauthorized).toBe(false);
      expect(rig.pool.status().instruments).toEqual(SETTLED(80));
    },
  );

  it('that cannot even be signed with keeps the connection waiting and names the reason', () => {
    let isBroken = true;
    const rig = kalshiRig({
      signer: () => {
        if (isBroken) throw new Error('the private key cannot be read');
        return {};
      },
    });
    rig.pool.start();
    rig.want(['A']);
    rig.pass(20_000);
    expect(rig.network.sockets).toHaveLength(0);
    expect(rig.notices.map(({ message }) => message)).toContain('the private key cannot be read');
    expect(rig.count('signing_failed')).toBeLessThan(3);
    isBroken = false;
    rig.pass(31_000);
    expect(rig.pool.status().instruments).toEqual(SETTLED(1));
  });

  it('told by error 9 after the opening counts the same', () => {
    const rig = kalshiRig({ feeds: [{ purpose: 'trade', connections: 1 }] });
    rig.network.opens = (socket) => {
      socket.model.refuse.set('subscribe', 9);
      socket.open();
    };
    rig.pool.start();
    rig.pass(200_000);
    expect(rig.network.sockets.length).toBeLessThanOrEqual(2);
    expect(rig.pool.status().unauthorized).toBe(true);
  });
});

describe('a loop of identical closes', () => {
  it('backs off far beyond 30 s for 1008, and is named with code and reason', () => {
    const rig = polymarketRig();
    rig.network.opens = (socket) => {
      socket.open();
      socket.drop(1008, 'invalid subscription payload');
    };
    rig.pool.start();
    rig.want(['1']);
    rig.pass(600_000);
    const tried = rig.network.sockets.length;
    expect(tried).toBeLessThan(18);
    rig.pass(600_000);
    expect(rig.network.sockets.length - tried).toBeLessThanOrEqual(5);
    const loop = rig.notices.find(({ kind }) => kind === 'close_loop')!;
    expect(loop.message).toContain('1008 invalid subscription payload');
    expect(rig.pool.status().connections[0]!.state).toBe('looping');
  });
});

describe('the delay before the next attempt', () => {
  it('doubles from half a second to the cap, and never all at the same moment', () => {
    const random = seeded(7);
    const settings = { first: 500_000, cap: 30_000_000 };
    for (let failures = 1; failures < 40; failures++) {
      const full = Math.min(30_000_000, 500_000 * 2 ** (failures - 1));
      const delay = backoffDelay(failures, random, settings);
      expect(delay).toBeGreaterThanOrEqual(full / 2);
      expect(delay).toBeLessThanOrEqual(full);
    }
    const spread = new Set(Array.from({ length: 50 }, () => backoffDelay(5, random, settings)));
    expect(spread.size).toBe(50);
  });
});
