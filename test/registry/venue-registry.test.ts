import { describe, expect, it } from 'vitest';
import { HttpError } from '#src/http/http-error.ts';
import type { CatalogueMarket } from '#src/registry/catalogue.ts';
import { FakeCatalogue, Heard, inMillis, marketOf, scene } from './fake-catalogue.ts';

const initialized = (market: string, more: Partial<CatalogueMarket> = {}): CatalogueMarket =>
  marketOf(market, { status: 'initialized', is_open: false, ...more });

describe('the first listing', () => {
  it('opens what is open, knows what will open, and tells of its progress', async () => {
    const { registry, catalogue, heard, time } = scene();
    for (const name of ['A', 'B', 'C']) catalogue.put(marketOf(name));
    catalogue.put(initialized('D', { open_ts: inMillis(time, 3_600_000) }));
    await registry.start();
    expect([...heard.captured]).toEqual(['A', 'B', 'C']);
    expect(registry.counts()).toEqual({ markets: 4, open: 3, instruments: 3 });
    expect(heard.take()).toEqual([
      'changed A active',
      'changed B active',
      'opened A B',
      'changed C active',
      'changed D initialized',
      'opened C',
    ]);
    expect(heard.progresses).toEqual([
      { pages: 1, markets: 2, done: false },
      { pages: 2, markets: 4, done: false },
      { pages: 2, markets: 4, done: true },
    ]);
    registry.stop();
  });

  it('is tried again when it fails midway, keeps what it had, and repeats nothing', async () => {
    const { registry, catalogue, heard, time, notices } = scene();
    for (const name of ['A', 'B', 'C']) catalogue.put(marketOf(name));
    catalogue.failAfterPages = 1;
    const started = registry.start();
    await time.settle();
    expect([...heard.captured]).toEqual(['A', 'B']);
    expect(notices).toMatchObject([{ kind: 'listing_failed', message: 'kalshi: HTML page' }]);
    catalogue.failAfterPages = Number.POSITIVE_INFINITY;
    await time.advance(5_000);
    await started;
    expect(heard.take().filter((call) => call.startsWith('opened'))).toEqual(['opened A B', 'opened C']);
    registry.stop();
  });

  it('lets start resolve when it is stopped before a listing succeeded', async () => {
    const { registry, catalogue, time } = scene();
    catalogue.failure = new Error('away');
    const started = registry.start();
    await time.advance(10_000);
    registry.stop();
    await started;
    expect(registry.counts().markets).toBe(0);
  });
});

describe('a later listing', () => {
  it('tells only what changed, and not that prices moved', async () => {
    const { registry, catalogue, heard, time } = scene();
    catalogue.put(marketOf('A', { details: { price: 1, lasting: 1 } }));
    catalogue.put(marketOf('B'));
    await registry.start();
    heard.take();
    catalogue.put(marketOf('A', { details: { price: 2, lasting: 1 } }));
    catalogue.put(marketOf('C'));
    await time.advance(301_000);
    expect(heard.take()).toEqual(['changed C active', 'opened C']);
    catalogue.put(marketOf('A', { details: { price: 2, lasting: 2 } }));
    await time.advance(301_000);
    expect(heard.take()).toEqual(['changed A active']);
    registry.stop();
  });

  it('takes nothing away when it fails midway', async () => {
    const { registry, catalogue, heard, time } = scene();
    for (const name of ['A', 'B', 'C', 'D']) catalogue.put(marketOf(name));
    await registry.start();
    heard.take();
    catalogue.failAfterPages = 1;
    await time.advance(900_000);
    expect(heard.take()).toEqual([]);
    expect(heard.captured.size).toBe(4);
    expect(catalogue.fetched).toEqual([]);
    registry.stop();
  });

  it('asks about a market that it misses, and closes it after the grace when it has ended', async () => {
    const { registry, catalogue, heard, time } = scene();
    catalogue.put(marketOf('A'));
    catalogue.put(marketOf('B'));
    await registry.start();
    heard.take();
    catalogue.put(marketOf('B', { status: 'finalized', is_open: false }));
    await time.advance(301_500);
    expect(catalogue.fetched).toEqual([['B']]);
    expect(heard.take()).toEqual(['changed B finalized']);
    expect(['A', 'B', 'Z'].filter((market) => registry.isOpen(market))).toEqual(['A']);
    await time.advance(60_000);
    expect(heard.take()).toEqual(['closed B']);
    registry.stop();
  });

  it('closes a market that vanished altogether only when it is missed twice', async () => {
    const { registry, catalogue, heard, time } = scene();
    catalogue.put(marketOf('A'));
    catalogue.put(marketOf('B'));
    await registry.start();
    catalogue.markets.delete('B');
    await time.advance(400_000);
    expect([...heard.captured]).toEqual(['A', 'B']);
    await time.advance(300_000);
    expect([...heard.captured]).toEqual(['A']);
    registry.stop();
  });

  it('reads what changed in between from the shorter listing, with overlap', async () => {
    const catalogue = new FakeCatalogue();
    const asked: number[] = [];
    const updates: CatalogueMarket[][] = [
      [],
      [marketOf('NEW'), marketOf('A', { status: 'closed', is_open: false })],
    ];
    const withUpdates = Object.assign(catalogue, {
      async *listUpdated(since: number) {
        asked.push(since);
        yield updates.shift() ?? [];
      },
    });
    const { registry, heard, time } = scene({}, withUpdates);
    const begun = time.clock();
    catalogue.put(marketOf('A'));
    await registry.start();
    heard.take();
    await time.advance(61_000);
    expect(asked).toEqual([begun - 60_000_000, begun - 30_000_000]);
    expect(heard.take()).toEqual(['changed NEW active', 'changed A closed', 'opened NEW']);
    await time.advance(60_000);
    expect(heard.take()).toEqual(['closed A']);
    registry.stop();
  });
});

describe('the clock', () => {
  it('opens a market at its time, to the second, and closes it after its time and the grace', async () => {
    const { registry, catalogue, heard, time } = scene({ fullIntervalMillis: 10_000_000 });
    catalogue.put(initialized('A', { open_ts: inMillis(time, 100_000), close_ts: inMillis(time, 200_000) }));
    await registry.start();
    heard.take();
    await time.advance(99_900);
    expect(heard.take()).toEqual([]);
    await time.advance(200);
    expect(heard.take()).toEqual(['opened A']);
    expect(registry.counts()).toEqual({ markets: 1, open: 1, instruments: 1 });
    await time.advance(100_000);
    expect(registry.counts()).toEqual({ markets: 1, open: 0, instruments: 1 });
    expect(heard.take()).toEqual([]);
    await time.advance(59_700);
    expect(heard.take()).toEqual([]);
    await time.advance(400);
    expect(heard.take()).toEqual(['closed A']);
    registry.stop();
  });

  it('is believed against a REST answer from a cache, but not for long', async () => {
    const { registry, catalogue, heard, time } = scene({ fullIntervalMillis: 20_000 });
    catalogue.put(initialized('A', { open_ts: inMillis(time, 15_000) }));
    await registry.start();
    heard.take();
    await time.advance(21_000);
    expect([...heard.captured]).toEqual(['A']);
    await time.advance(120_000);
    expect([...heard.captured]).toEqual([]);
    catalogue.put(marketOf('A'));
    await time.advance(25_000);
    expect([...heard.captured]).toEqual(['A']);
    registry.stop();
  });

  it('does not close the markets of a venue that lets them run on', async () => {
    const catalogue = new FakeCatalogue();
    catalogue.keepsToItsClock = false;
    const { registry, heard, time } = scene({}, catalogue);
    catalogue.put(marketOf('A', { close_ts: inMillis(time, 1_000) }));
    await registry.start();
    await time.advance(1_000_000);
    expect([...heard.captured]).toEqual(['A']);
    registry.stop();
  });

  it('follows a closing date that was moved, either way', async () => {
    const { registry, catalogue, heard, time, message } = scene({ fullIntervalMillis: 10_000_000 });
    catalogue.put(marketOf('A', { close_ts: inMillis(time, 100_000) }));
    catalogue.put(marketOf('B', { close_ts: inMillis(time, 10_000_000) }));
    await registry.start();
    heard.take();
    const later = inMillis(time, 500_000);
    message('A', 'close_date_updated', { close_ts: later });
    message('B', 'close_date_updated', { close_ts: time.clock() });
    catalogue.put(marketOf('A', { close_ts: later }));
    catalogue.put(marketOf('B', { status: 'closed', is_open: false }));
    await time.advance(170_000);
    expect([...heard.captured]).toEqual(['A']);
    await time.advance(400_000);
    expect([...heard.captured]).toEqual([]);
    registry.stop();
  });
});

describe('a lifecycle message', () => {
  it('makes a market known before REST lists it', async () => {
    const { registry, heard, time, message, catalogue } = scene();
    await registry.start();
    const whole = initialized('NEW', { open_ts: inMillis(time, 10_000), close_ts: inMillis(time, 900_000) });
    message('NEW', 'created', { whole });
    expect(heard.take()).toEqual(['changed NEW initialized']);
    catalogue.put(marketOf('NEW', { open_ts: whole.open_ts, close_ts: whole.close_ts }));
    await time.advance(11_000);
    expect([...heard.captured]).toEqual(['NEW']);
    registry.stop();
  });

  it('opens at once what was created open', async () => {
    const { registry, heard, time, message } = scene();
    await registry.start();
    const whole = initialized('NEW', { open_ts: inMillis(time, -1_000), close_ts: inMillis(time, 900_000) });
    message('NEW', 'created', { whole });
    expect([...heard.captured]).toEqual(['NEW']);
    registry.stop();
  });

  it('ends a market after the grace, and a lagging REST does not bring it back', async () => {
    const { registry, catalogue, heard, time, message } = scene({ fullIntervalMillis: 40_000 });
    catalogue.put(marketOf('A'));
    await registry.start();
    heard.take();
    message('A', 'determined', { is_open: false, is_final: true });
    await time.advance(59_000);
    expect(heard.take()).toEqual([]);
    const ended = time.clock() - 59_000_000;
    await time.advance(2_000);
    expect(heard.take()).toEqual(['closed A', 'over A']);
    expect(Math.abs(heard.overSince! - ended)).toBeLessThan(1_000_000);
    await time.advance(300_000);
    expect(heard.take()).toEqual([]);
    registry.stop();
  });

  it('ends a market for good long after it closed, and not one that opens again or that nobody wants', async () => {
    const { registry, catalogue, heard, time, message } = scene({
      fullIntervalMillis: 10_000_000,
      filter: { include: [], exclude: ['NOT'] },
    });
    const close_ts = inMillis(time, 10_000);
    for (const name of ['A', 'B', 'NOT']) catalogue.put(marketOf(name, { close_ts }));
    await registry.start();
    await time.advance(80_000);
    expect(heard.take().at(-1)).toBe('closed A B');
    for (const name of ['A', 'B', 'NOT']) {
      catalogue.put(marketOf(name, { status: 'closed', is_open: false, close_ts }));
      message(name, 'metadata_updated', {});
    }
    await time.advance(40_000);
    expect(heard.take().filter((call) => call.startsWith('over'))).toEqual([]);
    message('B', 'activated', { is_open: true });
    catalogue.put(marketOf('B'));
    for (const name of ['A', 'NOT']) message(name, 'determined', { is_open: false, is_final: true });
    expect(heard.take()).toEqual(['opened B', 'over A']);
    expect(heard.overSince! - close_ts).toBeLessThan(1_000_000);
    await time.advance(40_000);
    message('A', 'settled', { is_open: false, is_final: true });
    expect(heard.take().filter((call) => call.startsWith('over'))).toEqual([]);
    registry.stop();
  });

  it('tells of the end of a market of an earlier life, once REST has confirmed it', async () => {
    const { registry, catalogue, heard, time, message } = scene({ fullIntervalMillis: 10_000_000 });
    await registry.start();
    catalogue.put(marketOf('OLD', { status: 'finalized', is_open: false, is_final: true }));
    message('OLD', 'settled', { is_open: false, is_final: true });
    await time.advance(5_000);
    expect(heard.take()).toEqual(['changed OLD finalized', 'over OLD']);
    expect(Math.abs(time.clock() - heard.overSince!)).toBeLessThan(5_000_001);
    registry.stop();
  });

  it('asks about a market of an earlier life, and tells that it is over since the time it closed', async () => {
    const { registry, catalogue, heard, time } = scene({ fullIntervalMillis: 10_000_000 });
    const close_ts = inMillis(time, -90_000);
    const over = { status: 'finalized', is_open: false, is_final: true };
    catalogue.put(marketOf('OLD', { ...over, close_ts }));
    catalogue.put(marketOf('EARLY', { ...over, close_ts: inMillis(time, 90_000) }));
    catalogue.put(marketOf('NEW'));
    await registry.start();
    heard.take();
    for (const name of ['NEW', 'OLD']) registry.inquire(name);
    expect(['NEW', 'OLD'].map((name) => registry.isAwaited(name))).toEqual([false, true]);
    await time.advance(2_000);
    expect(registry.isAwaited('OLD')).toBe(false);
    expect(catalogue.fetched).toEqual([['OLD']]);
    expect(heard.take()).toEqual(['changed OLD finalized', 'over OLD']);
    expect(heard.overSince).toBe(close_ts);
    // Never later than it is heard of, whatever its times say.
    registry.inquire('EARLY');
    await time.advance(2_000);
    expect(heard.overSince).toBeLessThanOrEqual(time.clock());
    registry.stop();
  });

  it('yields to REST in the end', async () => {
    const { registry, catalogue, heard, time, message } = scene({ fullIntervalMillis: 40_000 });
    catalogue.put(marketOf('A'));
    await registry.start();
    message('A', 'determined', { is_open: false, is_final: true });
    await time.advance(100_000);
    expect([...heard.captured]).toEqual([]);
    await time.advance(600_000);
    expect([...heard.captured]).toEqual(['A']);
    registry.stop();
  });

  it('about an unknown market has it looked up, again and again until the venue knows it', async () => {
    const { registry, catalogue, heard, time, message } = scene({ fullIntervalMillis: 10_000_000 });
    await registry.start();
    message('LATE', 'activated', { is_open: true });
    message('LATE', 'activated', { is_open: true });
    await time.advance(120_000);
    expect(catalogue.fetched.length).toBeGreaterThan(3);
    expect(catalogue.fetched.length).toBeLessThan(8);
    catalogue.put(marketOf('LATE'));
    await time.advance(300_000);
    expect([...heard.captured]).toEqual(['LATE']);
    registry.stop();
  });

  it('of a market that the venue never comes to know is given up, and said', async () => {
    const { registry, heard, time, message, notices } = scene({ fullIntervalMillis: 100_000_000 });
    await registry.start();
    message('GHOST', 'new_market', { whole: marketOf('GHOST') });
    expect([...heard.captured]).toEqual(['GHOST']);
    await time.advance(3_600_000);
    expect([...heard.captured]).toEqual([]);
    expect(notices).toMatchObject([{ kind: 'not_found', message: expect.stringContaining('GHOST') }]);
    registry.stop();
  });

  it('that cannot be understood does not throw', async () => {
    const catalogue = new FakeCatalogue();
    catalogue.news = () => {
      throw new TypeError('details are null');
    };
    const { registry, message, notices } = scene({}, catalogue);
    await registry.start();
    message('A', 'created');
    expect(notices).toMatchObject([{ kind: 'message_failed' }]);
    registry.stop();
  });
});

describe('an unknown instrument', () => {
  it('is looked up once, however often it is met', async () => {
    const { registry, catalogue, heard, time } = scene();
    await registry.start();
    catalogue.put(
      marketOf('M', {
        instruments: [
          { instrument: 'yes', outcome: 'Yes' },
          { instrument: 'no', outcome: 'No' },
        ],
      }),
    );
    for (let times = 0; times < 1_000; times++) {
      registry.unknownInstrument('yes');
      registry.unknownInstrument('no');
    }
    await time.advance(5_000);
    expect(catalogue.fetched).toEqual([['yes', 'no']]);
    expect([...heard.captured]).toEqual(['yes', 'no']);
    registry.unknownInstrument('no');
    await time.advance(5_000);
    expect(catalogue.fetched).toHaveLength(1);
    registry.stop();
  });

  it('that nobody knows is asked about a few times and then left alone', async () => {
    const { registry, catalogue, time } = scene({ fullIntervalMillis: 100_000_000 });
    await registry.start();
    for (let second = 0; second < 500; second++) {
      registry.unknownInstrument('ghost');
      await time.advance(1_000);
    }
    expect(catalogue.fetched).toHaveLength(4);
    registry.stop();
  });

  it('that a listing has brought meanwhile is not looked up', async () => {
    const { registry, catalogue, time } = scene();
    catalogue.put(marketOf('A'));
    registry.unknownInstrument('A');
    registry.unknownInstrument('B');
    await registry.start();
    await time.advance(1_000);
    expect(catalogue.fetched).toEqual([['B']]);
    registry.stop();
  });

  it('of a kind that is left out is not looked up', async () => {
    const { registry, catalogue, time } = scene();
    await registry.start();
    registry.unknownInstrument('KXMVESPORTS-1');
    await time.advance(10_000);
    expect(catalogue.fetched).toEqual([]);
    registry.stop();
  });
});

describe('a look-up', () => {
  it('is not spoilt for the others by one name that the venue refuses', async () => {
    const { registry, catalogue, heard, time } = scene();
    await registry.start();
    const details = {
      method: 'GET',
      path: '/markets',
      query: '',
      code: null,
      body: '',
      attempts: 1,
      reason: 'bad ticker',
    } as const;
    catalogue.refused.set('bad', new HttpError({ ...details, outcome: 'refused', status: 400 }));
    for (const name of ['A', 'B', 'C']) catalogue.put(marketOf(name));
    catalogue.fetchInstruments = (names) => catalogue.fetchMarkets(names);
    for (const name of ['A', 'bad', 'B', 'C']) registry.unknownInstrument(name);
    await time.advance(1_000);
    expect([...heard.captured].sort()).toEqual(['A', 'B', 'C']);
    registry.stop();
  });

  it('that fails is tried again and counted as no answer', async () => {
    const { registry, catalogue, heard, time, notices } = scene();
    await registry.start();
    catalogue.put(marketOf('A'));
    const fetchInstruments = catalogue.fetchInstruments.bind(catalogue);
    catalogue.fetchInstruments = () => Promise.reject(new Error('HTML page "502 Bad Gateway"'));
    registry.unknownInstrument('A');
    await time.advance(60_000);
    expect(notices[0]).toMatchObject({ kind: 'lookup_failed' });
    catalogue.fetchInstruments = fetchInstruments;
    await time.advance(60_000);
    expect([...heard.captured]).toEqual(['A']);
    registry.stop();
  });
});

describe('the filter', () => {
  it('captures what an include matches and no exclude does, and still knows the others', async () => {
    const { registry, catalogue, heard } = scene({
      filter: { include: ['^kxbtc', 'mayor'], exclude: ['-T9$'] },
    });
    catalogue.put(marketOf('KXBTC-26-T1'));
    catalogue.put(marketOf('KXBTC-26-T9'));
    catalogue.put(marketOf('KXETH-26-T1'));
    catalogue.put(marketOf('KXNYC-26-A', { title: 'Next Mayor of New York' }));
    await registry.start();
    expect([...heard.captured]).toEqual(['KXBTC-26-T1', 'KXNYC-26-A']);
    expect(registry.counts()).toMatchObject({ markets: 4, instruments: 2 });
    registry.stop();
  });

  it('names a pattern that is none', () => {
    expect(() => scene({ filter: { include: ['('], exclude: [] } })).toThrow(/Invalid regular expression/);
  });
});

describe('listeners', () => {
  it('that throw do not keep others from hearing', async () => {
    const broken = new Heard();
    broken.opened = () => {
      throw new Error('broken');
    };
    const { registry, catalogue, heard, notices } = scene({}, new FakeCatalogue(), [broken]);
    catalogue.put(marketOf('A'));
    await registry.start();
    expect([...heard.captured]).toEqual(['A']);
    expect(notices).toMatchObject([{ kind: 'listener_failed', message: 'kalshi: broken' }]);
    registry.stop();
  });

  it('hear of other instruments of a market, and of those that stay nothing', async () => {
    const { registry, catalogue, heard, time } = scene();
    const tokens = (...names: string[]) => names.map((instrument) => ({ instrument, outcome: instrument }));
    catalogue.put(marketOf('M', { instruments: [] }));
    await registry.start();
    expect(registry.counts()).toEqual({ markets: 1, open: 1, instruments: 0 });
    catalogue.put(marketOf('M', { instruments: tokens('1', '2') }));
    await time.advance(301_000);
    expect([...heard.captured]).toEqual(['1', '2']);
    heard.take();
    catalogue.put(marketOf('M', { instruments: tokens('2', '3') }));
    await time.advance(301_000);
    expect(heard.take()).toEqual(['closed 1', 'opened 3']);
    expect(registry.counts().instruments).toBe(2);
    registry.stop();
  });
});

describe('memory', () => {
  it('does not grow with the markets that ever were', async () => {
    const { registry, catalogue, time } = scene({ closeGraceMillis: 1_000 });
    await registry.start();
    for (let hour = 0; hour < 6; hour++) {
      for (let index = 0; index < 20; index++) catalogue.put(marketOf(`M${hour}-${index}`));
      await time.advance(1_800_000);
      for (let index = 0; index < 20; index++) catalogue.markets.delete(`M${hour}-${index}`);
      await time.advance(1_800_000);
    }
    expect(registry.counts().markets).toBeLessThanOrEqual(60);
    registry.stop();
  });
});
