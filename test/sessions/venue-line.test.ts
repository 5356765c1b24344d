import { describe, expect, it } from 'vitest';
import type { VenueLine, VenueLineParts } from '#src/capture/venue-line.ts';
import { createVenueLine } from '#src/capture/venue-line.ts';
import { configurationSchema } from '#src/config/schema.ts';
import type { LineNotice } from '#src/connections/pool-contract.ts';
import { DEFAULT_TIMING } from '#src/connections/pool-contract.ts';
import type { LifecycleEvent } from '#src/events/event.ts';
import type { RegistryListener } from '#src/registry/catalogue.ts';
import type { Micros } from '#src/units/time.ts';
import { frameText } from '#src/venues/frame-bytes.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { FakeKeeper } from '../connections/fake-keeper.ts';
import { FakeNetwork } from '../connections/fake-sockets.ts';
import { FakeTime, seeded } from '../connections/fake-time.ts';
import { PolymarketModel } from '../connections/fake-venues.ts';

interface Bench {
  readonly line: VenueLine;
  readonly time: FakeTime;
  readonly keeper: FakeKeeper;
  readonly network: FakeNetwork<PolymarketModel>;
  readonly listener: RegistryListener;
  readonly applied: LifecycleEvent[];
  readonly notices: LineNotice[];
  readonly told: string[];
  pass(millis: number): void;
}

function bench(keeper = new FakeKeeper()): Bench {
  const time = new FakeTime();
  const network = new FakeNetwork((line) => new PolymarketModel(line));
  const applied: LifecycleEvent[] = [];
  const notices: LineNotice[] = [];
  const told: string[] = [];
  let listener: RegistryListener | null = null;
  const registry: VenueLineParts['registry'] = (given) => {
    listener = given;
    return {
      start: async () => {},
      stop: () => void told.push('registry stopped'),
      apply: (event) => void applied.push(event),
      unknownInstrument: (instrument) => void told.push(`unknown ${instrument}`),
      counts: () => ({ markets: 1, open: 1, instruments: 2 }),
    };
  };
  const line = createVenueLine({
    venue: 'polymarket',
    settings: {
      url: 'ws://venue.test/ws',
      book: { connections: 10, instrumentsPerConnection: 200, minimumPerConnection: 200 },
      feeds: [],
      timing: DEFAULT_TIMING,
      useYesPrice: false,
      combos: false,
    },
    registry,
    keeper,
    recorder: { received: () => {}, sent: () => {} },
    clock: time.clock,
    random: seeded(3),
    socketFactory: network.factory,
    timers: time.timers,
    events: (notice) => notices.push(notice),
  });
  const pass = (millis: number) => time.pass(millis, () => network.settle());
  return { line, time, keeper, network, listener: listener!, applied, notices, told, pass };
}

describe('a venue line', () => {
  it('captures what the registry opens and lets go of what it closes', async () => {
    const { line, keeper, network, listener, pass } = bench();
    await line.start();
    listener.opened(['1', '2']);
    expect([...keeper.expected]).toEqual(['1', '2']);
    pass(500);
    expect(line.status()).toMatchObject({
      instruments: { requested: 2, subscribed: 2, seeded: 2 },
      keeper: { expected: 2, bound: 2, proven: 2 },
      registry: { markets: 1, open: 1, instruments: 2 },
    });
    listener.closed(['1']);
    pass(500);
    expect([...network.sockets[0]!.model.tokens]).toEqual(['2']);
    expect(line.status().keeper).toEqual({ expected: 1, bound: 1, proven: 1 });
    listener.over!(['1'], 5 as Micros);
    expect(keeper.ended).toEqual([['1', 5]]);
  });

  it('hands announcements and unknown instruments to the registry', async () => {
    const event = { kind: 'lifecycle', type: 'new_market' } as LifecycleEvent;
    const keeper = new FakeKeeper();
    const frame = keeper.frame.bind(keeper);
    keeper.frame = (connection, data) =>
      frameText(data).includes('new_market')
        ? { controls: [], problems: [], proven: [], resync: [], touched: ['9'], lifecycle: [event] }
        : frame(connection, data);
    const { line, network, listener, applied, told, pass } = bench(keeper);
    await line.start();
    listener.opened(['1']);
    pass(500);
    network.sockets[0]!.events.message('{"event_type":"new_market"}');
    expect(applied).toEqual([event]);
    expect(told).toEqual(['unknown 9']);
  });

  it('goes on ticking when the keeper throws, and says so', async () => {
    const keeper = new FakeKeeper();
    let ticks = 0;
    keeper.tick = () => {
      ticks++;
      throw new Error('a tick broke');
    };
    const { line, notices, pass } = bench(keeper);
    await line.start();
    pass(1_000);
    expect(ticks).toBe(10);
    expect(notices.filter(({ kind }) => kind === 'internal_error')).toHaveLength(10);
  });

  it('stops the registry, its ticking and its sockets', async () => {
    const { line, network, listener, keeper, told, pass } = bench();
    await line.start();
    listener.opened(['1']);
    pass(500);
    await line.stop();
    expect(told).toEqual(['registry stopped']);
    expect(network.live).toEqual([]);
    expect(keeper.closed).toHaveLength(1);
    pass(60_000);
    expect(network.sockets).toHaveLength(1);
  });
});

describe('settings from the configuration', () => {
  const configuration = configurationSchema.parse({
    environment: 'prod',
    venues: {
      kalshi: { rest_url: 'https://k.test', websocket_url: 'wss://k.test/ws' },
      polymarket: {
        clob_url: 'https://c.test',
        gamma_url: 'https://g.test',
        websocket_url: 'wss://p.test/ws',
      },
    },
  });

  it('give a full Kalshi line 144 book connections and two of each feed', () => {
    const settings = venueDefinition('kalshi').lineSettings(configuration);
    expect(settings.book).toEqual({
      connections: 144,
      instrumentsPerConnection: 7_500,
      minimumPerConnection: 400,
    });
    expect(settings.feeds).toEqual([
      { purpose: 'ticker', connections: 2 },
      { purpose: 'trade', connections: 2 },
      { purpose: 'lifecycle', connections: 2 },
    ]);
    expect(settings.timing.firstEventDeadline).toBe(30_000_000);
  });

  it('give Polymarket at most 200 tokens a socket', () => {
    const settings = venueDefinition('polymarket').lineSettings(configuration);
    expect(settings.book.instrumentsPerConnection).toBe(200);
    expect(settings.feeds).toEqual([{ purpose: 'announcement', connections: 0 }]);
  });
});
