import { generateKeyPairSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { AnswerProblem } from '#src/http/answer-shape.ts';
import { HttpError } from '#src/http/http-error.ts';
import { type Micros, parseRfc3339, systemClock } from '#src/units/time.ts';
import { KalshiRest, type KalshiRestOptions } from '#src/venues/kalshi/rest.ts';
import { kalshiCandle } from '#src/venues/kalshi/rest-candles.ts';
import { kalshiRestBook, kalshiRestTrade } from '#src/venues/kalshi/rest-events.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { type Received, type Reply, TestServer } from '../http/test-server.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Venue {
  readonly rest: KalshiRest;
  readonly server: TestServer;
  readonly problems: AnswerProblem[];
}

/** A client of a local server; `answers` by path, or one answer for all. */
async function venue(
  answer: (request: Received, count: number) => Reply,
  more: Partial<KalshiRestOptions> = {},
): Promise<Venue> {
  const server = await TestServer.start(answer);
  servers.push(server);
  const problems: AnswerProblem[] = [];
  const rest = new KalshiRest({
    baseUrl: `${server.url}/trade-api/v2`,
    clock: systemClock(),
    sleep: async () => {},
    random: () => 0,
    problem: (problem) => problems.push(problem),
    ...more,
  });
  return { rest, server, problems };
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

const at = 1_795_187_046_000_000 as Micros;
const market = (ticker: string, more: object = {}) => ({
  ticker,
  event_ticker: 'KXDEMO-26',
  status: 'active',
  ...more,
});

describe('a Kalshi REST order book', () => {
  it('turns NO bids into YES asks and puts the best first, whatever the order it came in', () => {
    const body = {
      orderbook_fp: {
        yes_dollars: [
          ['0.4100', '120.50'],
          ['0.4150', '7.00'],
          ['0.0100', '3'],
        ] as [string, string][],
        no_dollars: [
          ['0.5700', '30.00'],
          ['0.5500', '1.25'],
        ] as [string, string][],
      },
    };
    const book = kalshiRestBook('KXDEMO-26-T50', body, at);
    expect(book).toEqual({
      kind: 'book_snapshot',
      venue: 'kalshi',
      received_at: at,
      instrument: 'KXDEMO-26-T50',
      source: 'rest',
      bids: [
        [415_000, 7_000_000],
        [410_000, 120_500_000],
        [10_000, 3_000_000],
      ],
      asks: [
        [430_000, 30_000_000],
        [450_000, 1_250_000],
      ],
      snapshot_ts: at,
      exchange_ts: null,
    });
  });

  it('reads cents and contracts by the key, and prefers dollars beside them', () => {
    const cents = kalshiRestBook('T', { orderbook: { yes: [[41, 120]], no: [[57, 3]] } }, at);
    expect(cents.bids).toEqual([[410_000, 120_000_000]]);
    expect(cents.asks).toEqual([[430_000, 3_000_000]]);
    const both = { orderbook: { yes: [[41, 120]], yes_dollars: [['0.4150', 120]], no: null } };
    expect(kalshiRestBook('T', both as never, at).bids).toEqual([[415_000, 120_000_000]]);
  });

  it('takes null, absent and [] for an empty side', () => {
    for (const no_dollars of [null, undefined, []]) {
      const book = kalshiRestBook('T', { orderbook_fp: { yes_dollars: [], no_dollars } }, at);
      expect([book.bids, book.asks]).toEqual([[], []]);
    }
  });

  it.each([
    ['a price that is no number', [['NaN', '1']], /not a decimal number: "NaN"/],
    ['a price above a dollar', [['1.01', '1']], /outside 0 to/],
    ['a size with nine digits after the point', [['0.5', '1.123456789']], /more than six fractional digits/],
    ['a size below zero', [['0.5', '-1']], /below zero/],
    [
      'a price named twice',
      [
        ['0.5', '1'],
        ['0.50', '2'],
      ],
      /named twice/,
    ],
  ])('is refused for %s', (_, yes_dollars, reason) => {
    const body = { orderbook_fp: { yes_dollars: yes_dollars as [string, string][] } };
    expect(() => kalshiRestBook('T', body, at)).toThrow(reason);
  });

  it('is the same for every order of its levels', () => {
    const levels = fc.uniqueArray(fc.integer({ min: 1, max: 9_999 }), { maxLength: 30 });
    fc.assert(
      fc.property(levels, fc.infiniteStream(fc.nat()), (ticks, random) => {
        const side = ticks.map((tick): [string, string] => [`0.${String(tick).padStart(4, '0')}`, '1.00']);
        const shuffled = side
          .map((level) => ({ level, key: random.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ level }) => level);
        const book = kalshiRestBook('T', { orderbook_fp: { yes_dollars: shuffled, no_dollars: side } }, at);
        const prices = book.bids.map(([price]) => price);
        expect(prices).toEqual([...ticks].sort((a, b) => b - a).map((tick) => tick * 100));
        expect(book.asks.map(([price]) => price)).toEqual(prices.map((price) => 1_000_000 - price));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a Kalshi REST trade', () => {
  const today = {
    trade_id: '5f0c1d2e-0000-4000-8000-000000000001',
    ticker: 'KXDEMO-26DEC31-T50',
    count_fp: '3.25',
    yes_price_dollars: '0.6150',
    no_price_dollars: '0.3850',
    taker_side: 'no',
    taker_outcome_side: 'no',
    taker_book_side: 'ask',
    created_time: '2026-11-20T15:04:05.123456Z',
    is_block_trade: false,
  };

  it('is in the form of the tape', () => {
    expect(kalshiRestTrade(today, at)).toEqual({
      kind: 'trade',
      venue: 'kalshi',
      received_at: at,
      instrument: 'KXDEMO-26DEC31-T50',
      trade_id: '5f0c1d2e-0000-4000-8000-000000000001',
      price: 615_000,
      size: 3_250_000,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: parseRfc3339('2026-11-20T15:04:05.123456Z'),
    });
  });

  it('finds the taker in whichever field is there, and says unknown where none is', () => {
    const none = {
      ...today,
      taker_side: undefined,
      taker_outcome_side: undefined,
      taker_book_side: undefined,
    };
    expect(kalshiRestTrade(none, at).taker_side).toBeNull();
    expect(kalshiRestTrade({ ...none, taker_side: 'yes' }, at).taker_side).toBe('buy');
    expect(kalshiRestTrade({ ...none, taker_book_side: 'bid' }, at).taker_side).toBe('buy');
  });

  it('reads the older form in cents and contracts', () => {
    const older = { ...today, yes_price_dollars: '', count_fp: null, yes_price: 61, count: 3 };
    expect(kalshiRestTrade(older, at)).toMatchObject({ price: 610_000, size: 3_000_000 });
  });
});

describe('a Kalshi candle', () => {
  const candle = {
    end_ts: 1_795_188_000_000_000,
    price: { open: 400_000, high: 420_000, low: 390_000, close: 410_000 },
    yes_bid: { open: 390_000, high: null, low: null, close: 400_000 },
    volume: 12_500_000,
    open_interest: 7_000_000,
    previous: 380_000,
  };

  it('is the same under the live and the historical naming', () => {
    const live = kalshiCandle({
      end_period_ts: 1_795_188_000,
      price: {
        open_dollars: '0.40',
        high_dollars: '0.42',
        low_dollars: '0.39',
        close_dollars: '0.41',
        previous_dollars: '0.38',
      },
      yes_bid: { open_dollars: '0.39', close_dollars: '0.40' },
      volume_fp: '12.50',
      open_interest_fp: '7.00',
    });
    const historical = kalshiCandle({
      end_period_ts: 1_795_188_000,
      price: {
        open: '0.4000',
        high: '0.4200',
        low: '0.3900',
        close: '0.4100',
        mean: '0.4033',
        previous: '0.38',
      },
      yes_bid: { open: '0.3900', close: '0.4000' },
      volume: '12.50',
      open_interest: '7.00',
    });
    expect(live).toMatchObject(candle);
    expect(historical).toEqual(live);
  });

  it('has no prices for a period without trades', () => {
    const quiet = kalshiCandle({
      end_period_ts: 1_795_188_000,
      price: { previous_dollars: '0.38' },
      volume_fp: '0.00',
    });
    expect(quiet.price).toEqual({ open: null, high: null, low: null, close: null });
    expect(quiet.previous).toBe(380_000);
    expect(quiet.volume).toBe(0);
  });
});

describe('the Kalshi REST client', () => {
  it('walks a listing page by page with its filters', async () => {
    const { rest, server } = await venue(({ query }) =>
      query.get('cursor') === null
        ? { body: { markets: [market('A'), market('B')], cursor: 'next' } }
        : { body: { markets: [market('C')], cursor: '' } },
    );
    const markets = await all(rest.markets({ status: 'open', mve_filter: 'exclude' }));
    expect(markets.map(({ ticker }) => ticker)).toEqual(['A', 'B', 'C']);
    expect(server.requests.map(({ query }) => Object.fromEntries(query))).toEqual([
      { limit: '1000', status: 'open', mve_filter: 'exclude' },
      { limit: '1000', status: 'open', mve_filter: 'exclude', cursor: 'next' },
    ]);
    expect(server.requests[0]!.path).toBe('/trade-api/v2/markets');
  });

  it('keeps a market with fields and values that nobody knew, and names one that it cannot read', async () => {
    const { rest, problems } = await venue(() => ({
      body: {
        markets: [market('A', { status: 'brand_new', surprise: { deep: 1 } }), { ticker: 7 }, market('C')],
        cursor: null,
      },
    }));
    const markets = await all(rest.markets({}));
    expect(markets.map(({ ticker }) => ticker)).toEqual(['A', 'C']);
    expect(markets[0]).toMatchObject({ status: 'brand_new', surprise: { deep: 1 } });
    expect(problems).toMatchObject([{ route: '/markets', raw: { ticker: 7 } }]);
    expect(problems[0]!.message).toMatch(/^ticker: /);
  });

  it('does not take an answer of another shape for an empty listing', async () => {
    const { rest } = await venue(() => ({ body: { data: [] } }));
    await expect(all(rest.markets({}))).rejects.toThrow(/markets: .*may have changed/);
  });

  it('reads the recorded events', async () => {
    const body = readFileSync(new URL('../fixtures/rest/kalshi-events.json', import.meta.url), 'utf8');
    const { rest, problems } = await venue(() => ({ body }));
    const events = await all(rest.events({ status: 'open' }));
    expect(events.map(({ event_ticker }) => event_ticker)).toContain('KXNEWPOPE-70');
    expect(events).toHaveLength(5);
    expect(problems).toEqual([]);
  });

  it('has a null for a market that is gone', async () => {
    const { rest } = await venue(({ path }) =>
      path.endsWith('/KXDEMO-26-T115.5')
        ? { body: { market: market('KXDEMO-26-T115.5') } }
        : { status: 404, body: { code: 'not_found' } },
    );
    expect((await rest.market('KXDEMO-26-T115.5'))?.ticker).toBe('KXDEMO-26-T115.5');
    expect(await rest.market('GONE')).toBeNull();
    expect(await rest.orderbook('GONE')).toBeNull();
  });

  it('asks for books by repeated tickers, a hundred at a time, and says which did not come', async () => {
    const { rest, server, problems } = await venue(({ query }) => ({
      body: {
        orderbooks: query
          .getAll('tickers')
          .filter((ticker) => ticker !== 'T7')
          .map((ticker) => ({
            ticker,
            orderbook_fp: { yes_dollars: [['0.4', ticker === 'T9' ? 'many' : '1.00']], no_dollars: null },
          })),
      },
    }));
    const tickers = Array.from({ length: 150 }, (_, index) => `T${index}`);
    const { books, missing } = await rest.orderbooks(tickers);
    expect(server.requests.map(({ query }) => query.getAll('tickers').length)).toEqual([100, 50]);
    expect(books).toHaveLength(148);
    expect(missing).toEqual(['T7', 'T9']);
    expect(problems).toMatchObject([{ subject: 'T9', message: 'not a decimal number: "many"' }]);
    expect(books[0]!.received_at).toBeGreaterThan(1.7e15);
  });

  it('does not take a body without a book for an empty book', async () => {
    const { rest } = await venue(() => ({ body: {} }));
    await expect(rest.orderbook('T')).rejects.toThrow(/expected orderbook_fp or orderbook/);
  });

  it('gives trades newest first over pages, and leaves out only what it cannot read', async () => {
    const trade = (id: string, price = '0.5000') => ({
      trade_id: id,
      ticker: 'T',
      count_fp: '1.00',
      yes_price_dollars: price,
      created_time: '2026-11-20T15:04:05.1Z',
    });
    const { rest, problems } = await venue(({ query }) =>
      query.get('cursor') === null
        ? { body: { trades: [trade('3'), trade('2', 'x')], cursor: 'c' } }
        : { body: { trades: [trade('1')], cursor: '' } },
    );
    expect((await all(rest.trades({ ticker: 'T', min_ts: 5 }))).map(({ trade_id }) => trade_id)).toEqual([
      '3',
      '1',
    ]);
    expect(problems).toMatchObject([{ route: '/markets/trades', subject: 'T' }]);
  });

  it('reads the state of the exchange from a failure status, too', async () => {
    const { rest, server } = await venue(() => ({
      status: 503,
      body: { exchange_active: false, trading_active: false, exchange_estimated_resume_time: null },
    }));
    expect(await rest.exchangeStatus()).toMatchObject({ exchange_active: false });
    expect(server.requests).toHaveLength(1);
  });

  it('tries on when a failure status brings no state', async () => {
    const { rest, server } = await venue((_, count) =>
      count === 1
        ? { status: 503, body: '<html>' }
        : { body: { exchange_active: true, trading_active: true } },
    );
    expect((await rest.exchangeStatus()).trading_active).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('reaches every other endpoint at its path', async () => {
    const candles = { candlesticks: [{ end_period_ts: 60 }] };
    const { rest, server, problems } = await venue(({ path }) => {
      if (path.endsWith('candlesticks') && !path.endsWith('/markets/candlesticks'))
        return { body: { ticker: 'T', ...candles } };
      if (path.endsWith('/markets/candlesticks'))
        return { body: { markets: [{ market_ticker: 'T', ...candles }] } };
      if (path.endsWith('/series')) return { body: { series: [{ ticker: 'KX' }] } };
      if (path.endsWith('/series/KX')) return { body: { series: { ticker: 'KX' } } };
      if (path.endsWith('/events/KX-1')) return { body: { event: { event_ticker: 'KX-1' }, markets: [] } };
      if (path.endsWith('/multivariate'))
        return { body: { events: [{ event_ticker: 'KXMVE-1' }], cursor: '' } };
      if (path.endsWith('/cutoff')) return { body: { market_settled_ts: 'x', trades_created_ts: 'y' } };
      if (path.endsWith('/schedule'))
        return { body: { schedule: { standard_hours: [], maintenance_windows: [] } } };
      if (path.endsWith('/historical/trades')) return { body: { trades: [], cursor: '' } };
      if (path.endsWith('/historical/markets')) return { body: { markets: [market('OLD')], cursor: '' } };
      return { body: { market: market('OLD') } };
    });
    const query = { start_ts: 0, end_ts: 120, period_interval: 1 } as const;
    expect(await rest.candlesticks('KX', 'T', query)).toHaveLength(1);
    expect(await rest.historicalCandlesticks('T', query)).toHaveLength(1);
    expect((await rest.candlesticksOf(['T', 'U'], query)).get('T')).toHaveLength(1);
    expect(await rest.series({ category: 'World' })).toMatchObject([{ ticker: 'KX' }]);
    expect(await rest.oneSeries('KX')).toMatchObject({ ticker: 'KX' });
    expect(await rest.event('KX-1')).toMatchObject({ event_ticker: 'KX-1' });
    expect(await all(rest.multivariateEvents({}))).toHaveLength(1);
    expect(await rest.historicalCutoff()).toMatchObject({ market_settled_ts: 'x' });
    expect(await rest.exchangeSchedule()).toMatchObject({ schedule: {} });
    expect(await all(rest.historicalTrades({}))).toEqual([]);
    expect(await all(rest.historicalMarkets({}))).toHaveLength(1);
    expect(await rest.historicalMarket('OLD')).toMatchObject({ ticker: 'OLD' });
    expect(problems).toEqual([]);
    expect(server.requests.map(({ path }) => path.replace('/trade-api/v2', ''))).toEqual([
      '/series/KX/markets/T/candlesticks',
      '/historical/markets/T/candlesticks',
      '/markets/candlesticks',
      '/series',
      '/series/KX',
      '/events/KX-1',
      '/events/multivariate',
      '/historical/cutoff',
      '/exchange/schedule',
      '/historical/trades',
      '/historical/markets',
      '/historical/markets/OLD',
    ]);
    expect(server.requests[2]!.query.get('market_tickers')).toBe('T,U');
  });

  describe('with a key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const signer = kalshiSigner('key-1', privateKey, systemClock());
    const signed = ({ method, path, headers }: Received): boolean => {
      const text = `${headers['kalshi-access-timestamp']}${method}${path}`;
      const signature = Buffer.from(String(headers['kalshi-access-signature']), 'base64');
      return verify(null, Buffer.from(text), publicKey, signature);
    };

    it('signs every request as the server checks it', async () => {
      const { rest } = await venue(
        (request) =>
          signed(request) ? { body: { market: market('T') } } : { status: 401, body: { error: 'no' } },
        { signer },
      );
      expect(await rest.market('T')).toMatchObject({ ticker: 'T' });
    });

    it('keeps to the limits and costs that the venue tells', async () => {
      const { rest } = await venue(
        ({ path }) =>
          path.endsWith('/limits')
            ? {
                body: {
                  usage_tier: 'premier',
                  read: { refill_rate: 1200, bucket_capacity: 3600 },
                  write: { refill_rate: 1, bucket_capacity: 1 },
                },
              }
            : {
                body: {
                  default_cost: 8,
                  endpoint_costs: [{ method: 'GET', path: '/markets/{t}/orderbook', cost: 3 }],
                },
              },
        { signer, rateShare: 0.25 },
      );
      expect(rest.budget.bucket.settings).toEqual({ refillPerSecond: 50, capacity: 50 });
      await rest.adoptLimits();
      expect(rest.budget.bucket.settings).toEqual({ refillPerSecond: 300, capacity: 900 });
      expect(rest.budget.cost('GET', '/markets/{ticker}/orderbook')).toBe(3);
      expect(rest.budget.cost('GET', '/markets')).toBe(8);
    });

    it('keeps to the limits it had when the venue does not tell, and says so', async () => {
      const { rest, problems } = await venue(() => ({ status: 404, body: '' }), { signer });
      await rest.adoptLimits();
      expect(rest.budget.bucket.settings).toEqual({ refillPerSecond: 200, capacity: 200 });
      expect(problems).toMatchObject([{ message: expect.stringContaining('rate limits stay as they were') }]);
    });

    it('understands the older form of the limits', async () => {
      const { rest } = await venue(
        ({ path }) =>
          path.endsWith('/limits')
            ? { body: { read_limit: 30, write_limit: 30 } }
            : { body: { endpoint_costs: [] } },
        { signer },
      );
      await rest.adoptLimits();
      expect(rest.budget.bucket.settings).toEqual({ refillPerSecond: 30, capacity: 30 });
    });

    it('says what to check when it is turned away, and tries no more', async () => {
      const { rest, server } = await venue(
        () => ({ status: 401, body: { error: { code: 'token_authentication_failure' } } }),
        { signer },
      );
      const error = await rest.market('T').catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(HttpError);
      expect((error as HttpError).message).toContain('token_authentication_failure');
      expect((error as HttpError).message).toContain('check key id');
      expect(server.requests).toHaveLength(1);
    });
  });

  it('asks for no limits without a key', async () => {
    const { rest, server } = await venue(() => ({}));
    await rest.adoptLimits();
    expect(server.requests).toHaveLength(0);
  });
});
