import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { LifecycleEvent } from '#src/events/event.ts';
import { systemSleep } from '#src/http/sleep.ts';
import type { CatalogueMarket } from '#src/registry/catalogue.ts';
import { VenueRegistry } from '#src/registry/venue-registry.ts';
import { type Micros, microsFromSeconds, parseRfc3339, systemClock } from '#src/units/time.ts';
import { KalshiCatalogue } from '#src/venues/kalshi/markets.ts';
import { KalshiRest } from '#src/venues/kalshi/rest.ts';
import { GammaRest } from '#src/venues/polymarket/gamma.ts';
import { PolymarketCatalogue, polymarketMarket } from '#src/venues/polymarket/markets.ts';
import type { GammaMarket } from '#src/venues/polymarket/rest-schema.ts';
import { type Received, type Reply, TestServer } from '../http/test-server.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function optionsFor(answer: (request: Received) => Reply) {
  const server = await TestServer.start(answer);
  servers.push(server);
  return {
    server,
    options: { baseUrl: server.url, clock: systemClock(), sleep: async () => {}, random: () => 0 },
  };
}

const never = new AbortController().signal;

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

function lifecycle(
  venue: 'kalshi' | 'polymarket',
  market: string,
  type: string,
  details: object,
  more: object = {},
): LifecycleEvent {
  return {
    kind: 'lifecycle',
    venue,
    received_at: 1 as Micros,
    market,
    instruments: [market],
    type,
    details: details as Record<string, unknown>,
    exchange_ts: null,
    ...more,
  };
}

const kalshi = {
  ticker: 'KXHIGHNY-26NOV21-B80.5',
  event_ticker: 'KXHIGHNY-26NOV21',
  market_type: 'binary',
  status: 'active',
  title: 'Highest temperature in New York',
  yes_sub_title: '80 to 81',
  open_time: '2026-11-20T15:00:00Z',
  close_time: '2026-11-22T04:59:00Z',
  yes_bid_dollars: '0.4100',
  volume_fp: '10.00',
  updated_time: '2026-11-20T16:00:00Z',
  price_level_structure: 'linear_cent',
};

describe("Kalshi's catalogue", () => {
  it('lists what is unopened, open and paused, without combos', async () => {
    const { server, options } = await optionsFor(({ query }) => ({
      body: {
        markets: [
          { ...kalshi, ticker: `${query.get('status')}-1` },
          { ...kalshi, ticker: 'KXMVESPORTS-S2026-1' },
        ],
        cursor: '',
      },
    }));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    const markets = await all(catalogue.listOpen(never));
    expect(markets.map(({ market }) => market)).toEqual(['unopened-1', 'open-1', 'paused-1']);
    expect(server.requests.map(({ query }) => query.get('mve_filter'))).toEqual([
      'exclude',
      'exclude',
      'exclude',
    ]);
    const withCombos = await all(new KalshiCatalogue(new KalshiRest(options), true).listOpen(never));
    expect(withCombos.map(({ market }) => market)).toContain('KXMVESPORTS-S2026-1');
    expect(server.requests.at(-1)!.query.get('mve_filter')).toBeNull();
  });

  it.each([
    ['active', false],
    ['closed', false],
    ['determined', true],
    ['disputed', true],
    ['amended', true],
    ['finalized', true],
    ['something new', false],
  ])('takes a market that is %s for over for good: %s', async (status, final) => {
    const { options } = await optionsFor(() => ({ body: { markets: [{ ...kalshi, status }], cursor: '' } }));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    const [market] = await catalogue.fetchMarkets([kalshi.ticker], never);
    expect(market!.is_final).toBe(final);
  });

  it('makes a ticker the one instrument of its market, with its series and times', async () => {
    const { server, options } = await optionsFor(() => ({ body: { markets: [kalshi], cursor: '' } }));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    const [market] = await catalogue.fetchMarkets([kalshi.ticker], never);
    expect(server.requests[0]!.query.get('tickers')).toBe(kalshi.ticker);
    expect(market).toEqual({
      venue: 'kalshi',
      market: 'KXHIGHNY-26NOV21-B80.5',
      event: 'KXHIGHNY-26NOV21',
      series: 'KXHIGHNY',
      title: 'Highest temperature in New York',
      status: 'active',
      is_open: true,
      is_final: false,
      open_ts: parseRfc3339('2026-11-20T15:00:00Z'),
      close_ts: parseRfc3339('2026-11-22T04:59:00Z'),
      instruments: [{ instrument: 'KXHIGHNY-26NOV21-B80.5', outcome: 'YES' }],
      details: kalshi,
    });
  });

  it('counts a change of rules as one and a change of prices as none', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    const content = (more: object): string =>
      JSON.stringify(catalogue.content({ details: { ...kalshi, ...more } } as unknown as CatalogueMarket));
    const before = content({});
    expect(
      content({ yes_bid_dollars: '0.5', volume_fp: '11.00', updated_time: 'x', last_price_dollars: '0.1' }),
    ).toBe(before);
    expect(content({ price_level_structure: 'deci_cent' })).not.toBe(before);
    expect(content({ brand_new: 1 })).not.toBe(before);
  });

  it('asks for changes since a time in seconds', async () => {
    const { server, options } = await optionsFor(() => ({ body: { markets: [], cursor: '' } }));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    await all(catalogue.listUpdated(1_795_187_045_999_999 as Micros, never));
    expect(Object.fromEntries(server.requests[0]!.query)).toEqual({
      limit: '1000',
      min_updated_ts: '1795187045',
      mve_filter: 'exclude',
    });
  });

  const created = {
    event_type: 'created',
    market_ticker: 'KXDEMO-26DEC31-T50',
    open_ts: 1_795_190_000,
    close_ts: 1_798_700_000,
    additional_metadata: { name: '50+', title: 'Demo', event_ticker: 'KXDEMO-26DEC31' },
  };

  it('reads a created market from its message', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    const news = catalogue.news(lifecycle('kalshi', 'KXDEMO-26DEC31-T50', 'created', created));
    expect(news?.whole).toMatchObject({
      event: 'KXDEMO-26DEC31',
      series: 'KXDEMO',
      title: 'Demo',
      status: 'initialized',
      is_open: false,
      open_ts: microsFromSeconds(1_795_190_000),
      close_ts: microsFromSeconds(1_798_700_000),
    });
  });

  it.each([
    ['activated', {}, { is_open: true }],
    ['close_date_updated', { close_ts: 5 }, { close_ts: 5_000_000 }],
    ['close_date_updated', { close_ts: 'soon' }, {}],
    ['determined', { result: 'yes' }, { is_open: false, is_final: true }],
    ['settled', {}, { is_open: false, is_final: true }],
    ['deactivated', {}, {}],
    ['a_type_of_tomorrow', {}, {}],
  ])('knows what %s with %j means', async (type, details, meaning) => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    expect(catalogue.news(lifecycle('kalshi', 'T', type, details))).toEqual({
      market: 'T',
      ...meaning,
      confirm: true,
    });
  });

  it('has no ear for combos and events', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new KalshiCatalogue(new KalshiRest(options), false);
    expect(catalogue.news(lifecycle('kalshi', 'KXMVE-1', 'created', created))).toBeNull();
    expect(
      catalogue.news({ ...lifecycle('kalshi', 'x', 'event_lifecycle', {}), market: undefined as never }),
    ).toBeNull();
    expect(catalogue.ignores('KXMVE-1')).toBe(true);
    expect(catalogue.ignores('KXHIGHNY-1')).toBe(false);
  });

  it('fills a registry over HTTP, keeps it up to date, and stops cleanly', async () => {
    const markets = new Map([['A', { ...kalshi, ticker: 'A' }]]);
    const { server, options } = await optionsFor(({ query }) => {
      const wanted = query.get('tickers')?.split(',');
      const byStatus: Record<string, string> = {
        unopened: 'initialized',
        open: 'active',
        paused: 'inactive',
      };
      const status = byStatus[query.get('status') ?? ''];
      const found = [...markets.values()].filter(
        (market) =>
          (wanted?.includes(market.ticker) ?? true) && (status === undefined || market.status === status),
      );
      return { body: { markets: found, cursor: '' } };
    });
    const opened: string[] = [];
    const registry = new VenueRegistry({
      catalogue: new KalshiCatalogue(new KalshiRest(options), false),
      settings: {
        filter: { include: [], exclude: [] },
        fullIntervalMillis: 60_000,
        incrementalIntervalMillis: 100,
        closeGraceMillis: 0,
      },
      clock: systemClock(),
      sleep: systemSleep,
      random: Math.random,
      listeners: [{ opened: (names) => opened.push(...names), closed() {}, changed() {}, progress() {} }],
    });
    await registry.start();
    expect(opened).toEqual(['A']);
    markets.set('B', { ...kalshi, ticker: 'B', close_time: '2099-01-01T00:00:00Z' });
    await expect.poll(() => opened, { timeout: 60_000 }).toEqual(['A', 'B']);
    registry.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const asked = server.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.requests.length).toBe(asked);
  });
});

describe("Polymarket's catalogue", () => {
  const recorded = JSON.parse(
    readFileSync(new URL('../fixtures/rest/gamma-markets.json', import.meta.url), 'utf8'),
  ) as GammaMarket[];

  it('makes each outcome token an instrument', () => {
    expect(polymarketMarket(recorded[0]!)).toMatchObject({
      venue: 'polymarket',
      market: '0x78443f961b9a65869dcb39359de9960165c7e5cbad0904eac7f29cd77872a63b',
      event: '260654',
      title: 'Bitcoin Up or Down - March 12, 5:20AM-5:25AM ET',
      status: 'active',
      is_open: true,
      close_ts: parseRfc3339('2026-03-12T09:25:00Z'),
      instruments: [
        {
          instrument: '104239898038807136052399800151408521467737075933964991162589336683346093173875',
          outcome: 'Up',
        },
        {
          instrument: '71183960810705820955071415844881728181970340514894896943812046065452395013351',
          outcome: 'Down',
        },
      ],
    });
  });

  it.each([
    [{ closed: true }, false],
    [{ archived: true }, false],
    [{ active: false }, false],
    [{ enableOrderBook: false }, false],
    [{ enableOrderBook: undefined }, false],
    [{ clobTokenIds: '[]' }, false],
    [{ acceptingOrders: false }, true],
  ])('captures a market with %j: %s', (more, captured) => {
    const market = polymarketMarket({ ...recorded[0]!, ...more } as GammaMarket);
    expect(market.is_open).toBe(captured);
    expect(market.is_final).toBe('closed' in more);
  });

  it('keeps what it received', async () => {
    const { options } = await optionsFor(({ query }) => ({
      body: query.get('offset') === '0' ? recorded : [],
    }));
    const markets = await all(new PolymarketCatalogue(new GammaRest(options)).listOpen(never));
    expect(markets.map(({ details }) => details)).toEqual(recorded);
  });

  it('can be filtered by slug, because its ids say nothing', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new PolymarketCatalogue(new GammaRest(options));
    expect(catalogue.labels(polymarketMarket(recorded[0]!))).toContain('btc-updown-5m-1773307200');
  });

  it('counts a change of the grid as one and a change of prices as none', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new PolymarketCatalogue(new GammaRest(options));
    const content = (more: object): string =>
      JSON.stringify(catalogue.content(polymarketMarket({ ...recorded[0]!, ...more } as GammaMarket)));
    expect(content({ outcomePrices: '["0.1","0.9"]', volumeNum: 1, updatedAt: 'x' })).toBe(content({}));
    expect(content({ orderPriceMinTickSize: 0.001 })).not.toBe(content({}));
  });

  it('finds new markets by reading from the newest until it meets old ones', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      ...recorded[0]!,
      id: String(5_000 - index),
      conditionId: `0x${5_000 - index}`,
      createdAt: new Date(1_773_300_000_000 - index * 1_000).toISOString(),
    }));
    const { server, options } = await optionsFor(({ query }) => {
      const offset = Number(query.get('offset'));
      return { body: many.slice(offset, offset + 500) };
    });
    const catalogue = new PolymarketCatalogue(new GammaRest(options));
    const found = await all(catalogue.listUpdated((1_773_300_000_000_000 - 600_000_000) as Micros, never));
    expect(found.length).toBeGreaterThan(600);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[0]!.query.get('ascending')).toBe('false');
  });

  it('captures an announced market at once', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new PolymarketCatalogue(new GammaRest(options));
    const details = {
      question: 'Will it?',
      outcomes: ['Yes', 'No'],
      event_message: { id: 77, slug: 'will-it' },
      active: true,
    };
    const news = catalogue.news(
      lifecycle('polymarket', '0xabc', 'new_market', details, { instruments: ['11', '12'], exchange_ts: 5 }),
    );
    expect(news).toMatchObject({ market: '0xabc', confirm: true });
    expect(news?.whole).toMatchObject({
      event: '77',
      title: 'Will it?',
      is_open: true,
      instruments: [
        { instrument: '11', outcome: 'Yes' },
        { instrument: '12', outcome: 'No' },
      ],
    });
    expect(catalogue.labels(news!.whole!)).toContain('will-it');
  });

  it('waits for Gamma where an announcement has no tokens, and ends what is resolved', async () => {
    const { options } = await optionsFor(() => ({}));
    const catalogue = new PolymarketCatalogue(new GammaRest(options));
    const bare = lifecycle('polymarket', '0xabc', 'new_market', {}, { instruments: [] });
    expect(catalogue.news(bare)).toEqual({ market: '0xabc', confirm: true });
    expect(catalogue.news(lifecycle('polymarket', '0xabc', 'market_resolved', {}))).toEqual({
      market: '0xabc',
      is_open: false,
      is_final: true,
      confirm: true,
    });
  });
});
