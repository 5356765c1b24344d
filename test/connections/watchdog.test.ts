import { describe, expect, it } from 'vitest';
import { DataWatch } from '#src/connections/data-watch.ts';
import type { Micros } from '#src/units/time.ts';
import { kalshiRig, polymarketRig, tickers } from './rig.ts';

const SETTLED = (count: number) => ({ requested: count, subscribed: count, seeded: count });
const SECOND = 1_000_000;

describe('a subscription that falls silent', () => {
  it('is reconnected although it answers pings, when others have data', () => {
    const rig = polymarketRig({
      book: { connections: 10, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.pool.start();
    const all = tickers(20, '8');
    rig.want(all);
    rig.pass(120_000, () => {
      for (const { model } of rig.network.live) for (const token of all) model.change(token);
    });
    const silent = rig.network.sockets[0]!;
    const lastData = rig.time.now;
    const isTalking = () => {
      for (const { model } of rig.network.live)
        if (model !== silent.model) for (const token of all) model.change(token);
    };
    rig.pass(4_900, isTalking);
    expect(rig.network.sockets).toHaveLength(2);
    rig.pass(3_000, isTalking);
    expect(rig.network.sockets).toHaveLength(3);
    expect(silent.isClosed).toBe(true);
    expect(rig.keeper.lost[0]).toMatchObject({ since: lastData, cause: 'stalled' });
    expect(rig.keeper.closed[0]!.cause).toBe('stalled');
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
    expect(rig.count('stalled')).toBe(1);
  });

  it('is left alone when it never had much to say', () => {
    const rig = polymarketRig({
      book: { connections: 10, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.pool.start();
    const all = tickers(20, '8');
    rig.want(all);
    rig.pass(500);
    const [quiet, busy] = rig.network.sockets;
    let steps = 0;
    rig.pass(1_800_000, () => {
      steps++;
      for (const token of all) {
        busy!.model.change(token);
        if (steps % 3_000 === 0) quiet!.model.change(token);
      }
    });
    expect(rig.network.sockets).toHaveLength(2);
  });

  it('is one of many when the venue rests: one at a time is tried anew', () => {
    const rig = polymarketRig({
      book: { connections: 10, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.pool.start();
    const all = tickers(50, '8');
    rig.want(all);
    rig.pass(120_000, () => {
      for (const { model } of rig.network.live) for (const token of all) model.change(token);
    });
    expect(rig.network.sockets).toHaveLength(5);
    rig.pass(130_000);
    expect(rig.network.sockets.length).toBeGreaterThanOrEqual(6);
    expect(rig.network.sockets.length).toBeLessThanOrEqual(7);
    expect(rig.count('venue_silent')).toBeGreaterThanOrEqual(1);
  });

  it('is not judged by its heartbeats: pings and pongs do not count as data', () => {
    const rig = kalshiRig({
      book: { connections: 2, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.pool.start();
    rig.want(tickers(20));
    rig.pass(120_000, () => {
      for (const { model } of rig.network.live) for (const ticker of tickers(20)) model.delta(ticker);
    });
    const silent = rig.network.sockets[1]!;
    rig.pass(65_000, () => {
      for (const ticker of tickers(20)) rig.network.sockets[0]!.model.delta(ticker);
    });
    expect(silent.isClosed).toBe(true);
    expect(silent.pings).toBeGreaterThan(10);
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
  });
});

describe('a subscription that was silent and goes on', () => {
  const all = tickers(40, '8');
  const settings = { book: { connections: 10, instrumentsPerConnection: 10, minimumPerConnection: 10 } };
  type Polymarket = ReturnType<typeof polymarketRig>;
  const talk = (rig: Polymarket) => () => {
    for (const { model } of rig.network.live) for (const token of all) model.change(token);
  };

  it('is in doubt since its last data, and its books are proven anew on another socket', () => {
    const rig = polymarketRig(settings);
    rig.pool.start();
    rig.want(all);
    rig.pass(60_000, talk(rig));
    const lastData = rig.time.now;
    // Also where all of them are silent, so that none is taken for the one at fault.
    rig.pass(12_000);
    expect(rig.network.sockets).toHaveLength(4);
    expect(rig.keeper.interruptions).toEqual([]);
    const names = rig.pool.status().connections.map(({ name }) => `${name}#1`);
    talk(rig)();
    expect(rig.keeper.interruptions).toEqual(
      names.map((name) => ({ name, since: lastData, at: rig.time.now })),
    );
    expect(rig.pool.status().instruments.seeded).toBe(0);
    rig.pass(8_000, talk(rig));
    expect(rig.pool.status().instruments).toEqual(SETTLED(40));
    expect(rig.network.sockets).toHaveLength(8);
    expect(rig.network.live).toHaveLength(4);
    expect(rig.keeper.interruptions).toHaveLength(4);
  });

  describe('beside others that were silent, too', () => {
    /** Four busy connections for a minute, and since then a fifth that brought its books, and once a change. */
    function beside() {
      const rig = polymarketRig(settings);
      rig.pool.start();
      rig.want(all);
      rig.pass(60_000, talk(rig));
      const others = () => {
        for (const { model } of rig.network.sockets.slice(0, 4)) for (const token of all) model.change(token);
      };
      rig.want(tickers(5, '9'));
      rig.pass(3_000, others);
      expect(rig.network.sockets).toHaveLength(5);
      const calm = rig.network.sockets[4]!;
      calm.model.change('90');
      const lastChange = rig.time.now;
      rig.pass(1_000, others);
      const name = (number: number) => `${rig.pool.status().connections[number - 1]!.name}#1`;
      return { rig, others, calm, lastChange, silentSince: rig.time.now, name };
    }

    it('is in doubt although it is new, and however seldom it brings anything', () => {
      const { rig, others, lastChange, name } = beside();
      rig.pass(6_000);
      // Until somebody is heard, nobody vouches for it.
      expect(rig.keeper.doubted).toContain(name(5));
      // A venue at rest sends first books, too: they say nothing of the rest.
      rig.want(['7']);
      rig.pass(1_000);
      expect(rig.keeper.interruptions).toEqual([]);
      rig.network.sockets[0]!.model.change(all[0]!);
      expect(rig.keeper.interruptions).toContainEqual({ name: name(5), since: lastChange, at: rig.time.now });
      rig.pass(8_000, others);
      expect(rig.pool.status().instruments).toEqual(SETTLED(46));
    });

    it('is in doubt although it was opened while they were, unless that was only just', () => {
      const { rig, silentSince, name } = beside();
      rig.pass(1_000);
      rig.want(tickers(10, '7'));
      rig.pass(5_500);
      rig.want(tickers(10, '6'));
      rig.pass(1_500);
      expect(rig.network.sockets).toHaveLength(7);
      expect(rig.keeper.doubted).toContain(name(6));
      expect(rig.keeper.doubted).not.toContain(name(7));
      rig.network.sockets[0]!.model.change(all[0]!);
      const interrupted = rig.keeper.interruptions;
      expect(interrupted).toContainEqual({ name: name(6), since: silentSince, at: rig.time.now });
      expect(interrupted.map((one) => one.name)).not.toContain(name(7));
    });

    it('is in doubt although all were told what the venue announces meanwhile', () => {
      const { rig, lastChange, silentSince, name } = beside();
      for (let round = 0; round < 8; round++) {
        for (const { model } of rig.network.live) model.announce(`0xamid${round}`);
        rig.pass(2_500);
      }
      expect(rig.keeper.doubted).toContain(name(5));
      rig.network.sockets[0]!.model.change(all[0]!);
      const sinces = rig.keeper.interruptions.map(({ since }) => since);
      expect(sinces).toEqual([silentSince, silentSince, silentSince, silentSince, lastChange]);
    });

    it('is in doubt although this process stood still now and then meanwhile', () => {
      const { rig } = beside();
      for (let round = 0; round < 10; round++) {
        rig.pass(2_800);
        rig.time.now += 1_200_000;
      }
      rig.network.sockets[0]!.model.change(all[0]!);
      expect(rig.keeper.interruptions).toHaveLength(5);
    });

    it('is asked for its books again, and not given up, once they go on', () => {
      const { rig, others } = beside();
      rig.pass(20_000);
      rig.network.sockets[0]!.model.change(all[0]!);
      rig.pass(500);
      rig.pass(3_000, others);
      expect(rig.keeper.interruptions).toHaveLength(5);
      expect(rig.count('stalled')).toBe(0);
    });

    it('vouches for nothing since its last data when the line ends meanwhile', () => {
      const { rig, lastChange } = beside();
      rig.pass(9_000);
      for (const socket of rig.network.sockets) socket.events.heartbeat('ping');
      void rig.pool.stop((done) => rig.time.timers.after(1_000, done));
      expect(rig.keeper.closed).toHaveLength(5);
      for (const { at } of rig.keeper.closed) expect(at).toBeLessThanOrEqual(lastChange + 1_000_000);
    });

    it('is in doubt although this process was late to read what ended it', () => {
      const { rig, silentSince } = beside();
      rig.pass(10_000);
      rig.time.now += 1_500_000;
      rig.network.sockets[0]!.model.change(all[0]!);
      expect(rig.keeper.interruptions.map(({ name }) => name)).toHaveLength(5);
      expect(rig.keeper.interruptions[0]!.since).toBe(silentSince);
    });

    it('is believed where the others are gone, or nothing is due on them any more', () => {
      const { rig, calm } = beside();
      let steps = 0;
      rig.network.opens = (socket) => socket.refuse(503);
      for (const socket of rig.network.sockets.slice(0, 4)) socket.drop();
      const before = rig.keeper.interruptions.length;
      rig.pass(60_000, () => {
        if (++steps % 70 === 0) calm.model.change('90');
      });
      expect(rig.keeper.interruptions).toHaveLength(before);
    });
  });

  describe('while others brought what the venue announces to everybody', () => {
    let markets = 0;
    /** Two connections, of which only the first has changes; each announcement goes to those that are named. */
    function announcing(copies: number) {
      const rig = polymarketRig(settings);
      rig.pool.start();
      rig.want(tickers(20, '8'));
      rig.pass(1_000);
      const [busy, calm] = rig.network.sockets;
      const announce = (seconds: number, ...to: (typeof busy)[]) => {
        for (let second = 0; second < seconds; second++) {
          markets++;
          for (const socket of to) if (socket!.isAlive) socket!.model.announce(`0x${markets}`);
          rig.pass(1_000, () => busy!.model.change('80'));
        }
      };
      announce(copies, busy, calm);
      const name = rig.pool.status().connections[1]!.name;
      return { rig, busy, calm, announce, lastData: rig.time.now - 1_000_000, name };
    }

    it('is in doubt after ten seconds, and its books are proven anew', () => {
      const { rig, busy, announce, lastData, name } = announcing(25);
      announce(10, busy);
      expect(rig.keeper.doubted).not.toContain(`${name}#1`);
      expect(rig.network.sockets).toHaveLength(2);
      announce(3, busy);
      expect(rig.count('stalled')).toBe(1);
      expect(rig.keeper.lost).toContainEqual(expect.objectContaining({ since: lastData, cause: 'stalled' }));
      expect(rig.pool.status().instruments).toEqual(SETTLED(20));
      // The new one is judged once it has brought some, and others have shown again that all do.
      const anew = rig.network.live.find((socket) => socket !== busy)!;
      announce(60, busy, anew);
      expect(rig.count('stalled')).toBe(1);
      announce(13, busy);
      expect(rig.count('stalled')).toBe(2);
    });

    it('is found however many announcements come at once', () => {
      const { rig, busy } = announcing(25);
      for (let market = 0; market < 300; market++) busy!.model.announce(`0xburst${market}`);
      rig.pass(13_000, () => busy!.model.change('80'));
      expect(rig.count('stalled')).toBe(1);
    });

    it('is left alone where the venue does not tell it any, whatever it tells others', () => {
      const { rig, busy, calm, announce } = announcing(25);
      rig.want(tickers(10, '7'));
      announce(300, busy, calm);
      expect(rig.network.sockets).toHaveLength(3);
      expect(rig.keeper.interruptions).toEqual([]);
    });

    it('is believed where nothing shows yet that the venue sends them to everybody', () => {
      const { rig, busy, announce } = announcing(15);
      announce(60, busy);
      expect(rig.count('stalled')).toBe(0);
      expect(rig.keeper.doubted).toEqual(new Set());
    });

    it('is believed after a few times where the venue sends them to some only', () => {
      const { rig, busy, announce } = announcing(15);
      for (let round = 0; round < 30; round++) {
        announce(20, busy);
        announce(4, ...rig.network.live);
      }
      expect(rig.count('stalled')).toBeLessThanOrEqual(3);
      expect(rig.keeper.interruptions).toEqual([]);
    });

    it('is believed while this process did not read, and while nothing is announced', () => {
      const { rig, busy, calm, announce } = announcing(25);
      rig.pass(30_000, () => busy!.model.change('80'));
      busy!.model.announce('0xlast');
      rig.time.now += 15_000_000;
      busy!.model.change('80');
      calm!.model.announce('0xlast');
      announce(20, busy, calm);
      expect(rig.count('stalled')).toBe(0);
      expect(rig.keeper.interruptions).toEqual([]);
    });

    it('is left its time where it has not brought anything yet', () => {
      const { rig, busy, calm, announce } = announcing(25);
      rig.network.opens = (socket) => {
        for (const token of tickers(10, '7')) socket.model.mute.add(token);
        socket.open();
      };
      rig.want(tickers(10, '7'));
      announce(25, busy, calm);
      expect(rig.network.sockets).toHaveLength(3);
      expect(rig.count('stalled')).toBe(0);
    });

    it('is in doubt all the same when the clock was set back meanwhile', () => {
      const { rig, busy, announce } = announcing(25);
      announce(2, busy);
      rig.time.now -= 3_600_000_000;
      // The pool itself goes by the clock, too: it is called as before.
      for (let second = 0; second < 14; second++) {
        busy!.model.announce(`0xback${second}`);
        for (let tenth = 0; tenth < 10; tenth++) {
          rig.time.now += 100_000;
          busy!.model.change('80');
          rig.pool.tick();
        }
      }
      expect(rig.count('stalled')).toBe(1);
    });

    it('is believed where there is nothing else to bring, although all pause at once', () => {
      const { rig, announce, busy, calm } = announcing(25);
      for (let round = 0; round < 40; round++) {
        rig.pass(((round * 7) % 13) * 1_000);
        announce(2, busy, calm);
      }
      expect(rig.keeper.interruptions.filter(({ name }) => name.includes('book-2'))).toEqual([]);
    });
  });

  it('is believed where its data comes in bursts', () => {
    const rig = polymarketRig(settings);
    rig.pool.start();
    rig.want(all);
    let steps = 0;
    rig.pass(900_000, () => {
      steps++;
      if (steps % 150 < 10 + (steps % 7)) talk(rig)();
    });
    expect(rig.keeper.interruptions).toEqual([]);
    expect(rig.network.sockets).toHaveLength(4);
  });

  it('is doubted four times at most when its flow ebbs for good', () => {
    const rig = polymarketRig(settings);
    rig.pool.start();
    rig.want(all);
    rig.pass(120_000, talk(rig));
    let steps = 0;
    rig.pass(900_000, () => {
      steps++;
      if (steps % 130 === 0) talk(rig)();
    });
    expect(rig.keeper.interruptions.length).toBeLessThanOrEqual(4 * 4);
    expect(rig.keeper.interruptions.length).toBeGreaterThanOrEqual(4);
  });

  it('is believed when this process itself did not read', () => {
    const rig = polymarketRig(settings);
    rig.pool.start();
    rig.want(all);
    rig.pass(60_000, talk(rig));
    rig.time.now += 20_000_000;
    // What the sockets held is read before any timer fires.
    talk(rig)();
    rig.pass(30_000, talk(rig));
    expect(rig.keeper.interruptions).toEqual([]);
    expect(rig.network.sockets).toHaveLength(4);
  });

  it('is let go with all others when this process stood still for longer than can be made up for', () => {
    const rig = polymarketRig(settings);
    rig.pool.start();
    rig.want(all);
    rig.pass(10_000, talk(rig));
    const lastData = rig.time.now;
    rig.time.now += 119_000_000;
    talk(rig)();
    rig.pass(10_000, talk(rig));
    expect(rig.network.sockets).toHaveLength(4);
    const before = rig.time.now;
    rig.time.now += 121_000_000;
    rig.network.live[0]!.model.change(all.find((token) => rig.network.live[0]!.model.tokens.has(token))!);
    expect(rig.keeper.closed.map(({ at }) => at)).toEqual([before]);
    rig.pass(5_000, talk(rig));
    expect(before).toBeGreaterThan(lastData);
    expect(rig.keeper.closed.map(({ at }) => at)).toEqual([before, before, before, before]);
    expect(rig.pool.status().instruments).toEqual(SETTLED(40));
  });

  it('is believed where messages are numbered', () => {
    const rig = kalshiRig(settings);
    rig.pool.start();
    rig.want(tickers(20));
    const isTalking = () => {
      for (const { model } of rig.network.live) for (const ticker of tickers(20)) model.delta(ticker);
    };
    rig.pass(60_000, isTalking);
    rig.pass(20_000);
    rig.pass(5_000, isTalking);
    expect(rig.keeper.interruptions).toEqual([]);
    expect(rig.network.sockets).toHaveLength(2);
  });
});

describe('what is usual for a subscription', () => {
  it('is not lowered by silence, and is lowered by doubt', () => {
    const watch = new DataWatch(0 as Micros);
    let now = 0;
    for (; now < 600 * SECOND; now += SECOND) watch.data(now as Micros, false);
    expect(watch.isStalled((now + 30 * SECOND) as Micros, 60 * SECOND)).toBe(false);
    expect(watch.isStalled((now + 61 * SECOND) as Micros, 60 * SECOND)).toBe(true);
    expect(watch.isStalled((now + 100_000 * SECOND) as Micros, 60 * SECOND)).toBe(true);
    watch.doubt();
    expect(watch.isStalled((now + 61 * SECOND) as Micros, 60 * SECOND)).toBe(false);
    expect(watch.isStalled((now + 100 * SECOND) as Micros, 60 * SECOND)).toBe(true);
  });

  it('does not include the flood of first books', () => {
    const watch = new DataWatch(0 as Micros);
    for (let book = 0; book < 5_000; book++) watch.data(SECOND as Micros, true);
    expect(watch.isStalled((3_600 * SECOND) as Micros, 60 * SECOND)).toBe(false);
  });
});

describe('an instrument without a first event', () => {
  it('is looked at a second time soon, for a market may have been asked for before it had a book', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(tickers(100));
    rig.pass(500);
    const { model } = rig.network.sockets[0]!;
    model.mute.add('NEW');
    rig.want(['NEW']);
    rig.pass(1_000);
    model.mute.clear();
    rig.pass(1_500);
    expect(rig.pool.status().instruments).toEqual(SETTLED(101));
    expect(rig.pool.status().counters).toEqual({ connected: 1, early_refresh: 1 });
  });

  it('is left its time when there are many: they are merely under way', () => {
    const rig = kalshiRig();
    rig.network.opens = (socket) => {
      for (const ticker of tickers(80)) socket.model.mute.add(ticker);
      socket.open();
    };
    rig.pool.start();
    rig.want(tickers(80));
    rig.pass(29_000);
    expect(rig.pool.status().counters).toEqual({ connected: 1 });
  });

  it('gets a fresh book, then leaves and comes back, then moves to another connection', () => {
    const rig = kalshiRig({
      book: { connections: 2, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.network.opens = (socket) => {
      if (rig.network.sockets.length === 1) socket.model.mute.add('MUTE');
      socket.open();
    };
    rig.pool.start();
    rig.want(['MUTE', 'B']);
    rig.pass(29_000);
    const first = rig.network.sockets[0]!.model;
    const actions = () =>
      first.commands
        .filter(({ cmd }) => cmd !== 'list_subscriptions')
        .map(({ cmd, params }) => params.action ?? cmd);
    expect(actions()).toEqual(['subscribe', 'get_snapshot']);
    rig.pass(2_000);
    expect(actions()).toEqual(['subscribe', 'get_snapshot', 'get_snapshot']);
    rig.pass(30_000);
    expect(actions().slice(3, 5)).toEqual(['delete_markets', 'add_markets']);
    rig.pass(120_000);
    expect(rig.network.sockets).toHaveLength(2);
    expect(rig.keeper.bound.get('MUTE')).toContain('kalshi-book-2#1/');
    expect(rig.pool.status().instruments).toEqual(SETTLED(2));
    expect(rig.pool.status().counters).toMatchObject({
      rescue_refresh: 1,
      rescue_reseat: 1,
      rescue_move: 1,
      rescued: 1,
    });
    expect(first.offences).toEqual([]);
  });

  it('has its whole deadline from when it was asked for, however long that took', () => {
    const rig = kalshiRig();
    rig.network.opens = (socket) => {
      socket.model.refuse.set('subscribe', 18);
      socket.model.mute.add('MUTE');
      socket.open();
    };
    rig.pool.start();
    rig.want(['MUTE']);
    rig.pass(16_000);
    rig.network.sockets[0]!.model.refuse.clear();
    rig.pass(29_000);
    expect(rig.pool.status().instruments.subscribed).toBe(1);
    expect(rig.count('rescue_refresh')).toBe(0);
    rig.pass(32_000);
    expect(rig.count('rescue_refresh')).toBe(1);
  });

  it('does not set off rescues when this process itself stood still', () => {
    const rig = kalshiRig();
    rig.network.opens = (socket) => {
      for (const ticker of tickers(5)) socket.model.mute.add(ticker);
      socket.open();
    };
    rig.pool.start();
    rig.want(tickers(5));
    rig.pass(500);
    rig.time.now += 31_000_000;
    rig.pool.tick();
    expect(rig.count('rescue_refresh')).toBe(0);
    rig.pass(6_000);
    expect(rig.count('rescue_refresh')).toBe(5);
  });

  it('is named when the counts still differ after the deadline', () => {
    const rig = kalshiRig({
      book: { connections: 1, instrumentsPerConnection: 10, minimumPerConnection: 10 },
    });
    rig.network.opens = (socket) => {
      socket.model.mute.add('MUTE');
      socket.open();
    };
    rig.pool.start();
    rig.want(['MUTE', 'B']);
    rig.pass(180_000);
    const notice = rig.notices.find(({ kind }) => kind === 'counts_differ')!;
    expect(notice.message).toContain('requested 2, expected 2, subscribed 2, seeded 1; 1 overdue: MUTE');
  });

  it('says nothing while all counts agree', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(tickers(20));
    rig.pass(300_000);
    expect(rig.kinds().filter((kind) => kind !== 'connected')).toEqual([]);
  });
});

describe('a book that the keeper silently stopped to vouch for', () => {
  it('is found by comparing the counts, and a fresh one is asked for', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(tickers(20));
    rig.pass(5_000);
    for (const ticker of tickers(3)) rig.keeper.proven.delete(ticker);
    rig.pass(5_000);
    expect(rig.keeper.proven.size).toBe(20);
    expect(rig.pool.status().counters).toMatchObject({ reconciled: 3, rescue_refresh: 3, rescued: 3 });
    expect(rig.pool.status().instruments).toEqual(SETTLED(20));
  });
});

describe('a book that relapses all the time', () => {
  it('is resynchronised ever more rarely, and at once again after a quiet time', () => {
    const rig = kalshiRig();
    rig.pool.start();
    rig.want(['A', 'B']);
    rig.pass(500);
    const { model } = rig.network.sockets[0]!;
    const snapshots = () => model.commands.filter(({ params }) => params?.action === 'get_snapshot').length;
    rig.pass(120_000, () => {
      rig.keeper.nextResync = [{ instruments: ['A'], cause: 'book_mismatch', sid: 1 }];
      model.delta('B');
    });
    expect(snapshots()).toBeGreaterThan(3);
    expect(snapshots()).toBeLessThan(15);
    rig.keeper.nextResync = [];
    rig.pass(400_000, () => model.delta('B'));
    expect(rig.pool.status().instruments).toEqual(SETTLED(2));
    const before = snapshots();
    rig.keeper.nextResync = [{ instruments: ['A'], cause: 'sequence_gap', sid: 1 }];
    model.delta('B');
    rig.pass(200);
    expect(snapshots()).toBe(before + 1);
  });
});
