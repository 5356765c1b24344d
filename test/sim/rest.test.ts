import { afterEach, describe, expect, it } from 'vitest';
import { get, SMALL, type Stage, stage } from './support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

async function on(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  running = await stage(options);
  return running;
}

/** Unsigned requests are few; these tests sign theirs. */
function kalshi(scene: Stage) {
  return (path: string) =>
    get(
      `${scene.simulation.ready.kalshi!.rest}${path}`,
      scene.sign('GET', `/trade-api/v2${path.split('?')[0]}`),
    );
}

describe("the simulated Kalshi's REST", () => {
  it('lists all markets in pages whose cursor ends empty, whatever happens to them meanwhile', async () => {
    const scene = await on({ settings: { ...SMALL, lifecycle: { ...SMALL.lifecycle, closed: 60 } } });
    const ask = kalshi(scene);
    const there = [...scene.simulation.kalshi.markets.keys()];
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await ask(`/markets?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(body.markets.length).toBeLessThanOrEqual(7);
      seen.push(...body.markets.map(({ ticker }: { ticker: string }) => ticker));
      cursor = body.cursor;
      scene.play(1);
    } while (cursor !== '');
    expect(seen.slice(0, there.length)).toEqual(there);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('filters by status in the words of the filter, which are not those of the markets', async () => {
    const scene = await on({
      settings: { ...SMALL, kalshiMarkets: 200, lifecycle: { ...SMALL.lifecycle, closed: 120, paused: 60 } },
    });
    scene.play(20);
    const ask = kalshi(scene);
    const words: Record<string, string[]> = {
      unopened: ['initialized'],
      open: ['active'],
      paused: ['inactive'],
      closed: ['closed', 'determined'],
      settled: ['finalized'],
    };
    for (const [word, statuses] of Object.entries(words)) {
      const { body } = await ask(`/markets?limit=1000&status=${word}`);
      expect(body.markets.length, word).toBeGreaterThan(0);
      expect(
        body.markets.every(({ status }: { status: string }) => statuses.includes(status)),
        word,
      ).toBe(true);
    }
    expect((await ask('/markets?status=active')).status).toBe(400);
  });

  it('filters by event, series, tickers, combos and times, and refuses what does not go together', async () => {
    const scene = await on();
    const ask = kalshi(scene);
    const all = (await ask('/markets?limit=1000')).body.markets as { ticker: string; event_ticker: string }[];
    const one = all.find(({ ticker }) => !ticker.startsWith('KXMVE'))!;
    const list = async (query: string) =>
      (await ask(`/markets?limit=1000&${query}`)).body.markets as typeof all;
    expect(
      (await list(`event_ticker=${one.event_ticker}`)).every(
        ({ event_ticker }) => event_ticker === one.event_ticker,
      ),
    ).toBe(true);
    expect((await list(`tickers=${one.ticker},NONE`)).map(({ ticker }) => ticker)).toEqual([one.ticker]);
    expect((await list('mve_filter=only')).length).toBe(4);
    expect((await list('mve_filter=exclude')).length).toBe(all.length - 4);
    expect((await list(`series_ticker=${one.event_ticker.split('-')[0]}`)).length).toBeGreaterThan(0);
    const later = Math.floor(scene.clock.now / 1e6) + 3_600;
    expect((await list(`min_updated_ts=${later}&mve_filter=exclude`)).length).toBe(0);
    for (const query of [
      'min_updated_ts=1&status=open',
      'min_created_ts=1&min_close_ts=1',
      'min_close_ts=1&status=open',
      'limit=1001',
      'limit=0',
      'cursor=xyz',
      'mve_filter=some',
      `event_ticker=${one.event_ticker},B`,
    ]) {
      expect((await ask(`/markets?${query}`)).status, query).toBe(400);
    }
  });

  it('gives books of bids only, ascending, NO in NO prices, many at once by repeated parameters', async () => {
    const scene = await on();
    scene.play(3);
    const ask = kalshi(scene);
    const tickers = [...scene.simulation.kalshi.markets.keys()].slice(0, 30);
    const { body } = await ask(
      `/markets/orderbooks?${tickers.map((ticker) => `tickers=${ticker}`).join('&')}`,
    );
    expect(body.orderbooks.map(({ ticker }: { ticker: string }) => ticker)).toEqual(tickers);
    const single = await ask(`/markets/${tickers[0]}/orderbook`);
    expect(single.body.orderbook_fp).toEqual(body.orderbooks[0].orderbook_fp);
    for (const { orderbook_fp } of body.orderbooks) {
      for (const levels of [orderbook_fp.yes_dollars, orderbook_fp.no_dollars] as [string, string][][]) {
        const prices = levels.map(([price]) => Number(price));
        expect(prices).toEqual(prices.toSorted((a, b) => a - b));
        expect(levels.every(([price, size]) => /^0\.\d{4}$/.test(price) && /^\d+\.\d{2}$/.test(size))).toBe(
          true,
        );
      }
    }
    const cut = await ask(`/markets/${tickers[0]}/orderbook?depth=2`);
    expect(cut.body.orderbook_fp.yes_dollars).toEqual(single.body.orderbook_fp.yes_dollars.slice(-2));
    // A comma list is one ticker that does not exist.
    expect(
      (await ask(`/markets/orderbooks?tickers=${tickers.slice(0, 2).join(',')}`)).body.orderbooks,
    ).toEqual([]);
    expect((await ask('/markets/orderbooks')).status).toBe(400);
    const many = Array.from({ length: 101 }, (_, index) => `tickers=T${index}`).join('&');
    expect((await ask(`/markets/orderbooks?${many}`)).status).toBe(400);
    expect((await ask('/markets/NONE/orderbook')).status).toBe(404);
  });

  it('gives trades newest first, in pages, that are those of the truth log to the millisecond', async () => {
    const scene = await on();
    scene.play(10);
    const ask = kalshi(scene);
    const made = scene.simulation.records.flatMap((record) =>
      record.kind === 'trade' && record.venue === 'kalshi' ? [record] : [],
    );
    const seen: { trade_id: string; created_time: string }[] = [];
    let cursor = '';
    do {
      const { body } = await ask(`/markets/trades?limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.trades);
      cursor = body.cursor;
    } while (cursor !== '');
    expect(seen.map(({ trade_id }) => trade_id)).toEqual(made.map(({ trade_id }) => trade_id).reverse());
    expect(seen.map(({ created_time }) => Date.parse(created_time) * 1_000)).toEqual(
      made.map(({ exchange_ts }) => exchange_ts).reverse(),
    );
    const recent = Math.floor(scene.clock.now / 1e6) - 2;
    const some = (await ask(`/markets/trades?limit=1000&min_ts=${recent}`)).body.trades as typeof seen;
    expect(some.length).toBeGreaterThan(0);
    expect(some.length).toBeLessThan(made.length);
  });

  it('serves candles, events, series, schedule, cutoff and limits', async () => {
    const scene = await on();
    scene.play(10);
    const ask = kalshi(scene);
    const trade = (await ask('/markets/trades?limit=1')).body.trades[0] as { ticker: string };
    const now = Math.floor(scene.clock.now / 1e6);
    const series = trade.ticker.split('-')[0];
    const window = `start_ts=${now - 3_600}&end_ts=${now + 3_600}&period_interval=60`;
    const single = await ask(`/series/${series}/markets/${trade.ticker}/candlesticks?${window}`);
    expect(single.body.candlesticks[0].price.close_dollars).toMatch(/^0\.\d{4}$/);
    const batch = await ask(`/markets/candlesticks?market_tickers=${trade.ticker}&${window}`);
    expect(batch.body.markets).toEqual([
      { market_ticker: trade.ticker, candlesticks: single.body.candlesticks },
    ]);
    expect(
      (
        await ask(
          `/markets/candlesticks?market_tickers=${trade.ticker}&start_ts=1&end_ts=2&period_interval=5`,
        )
      ).status,
    ).toBe(400);
    const events = (await ask('/events?with_nested_markets=true')).body.events as {
      event_ticker: string;
      markets: unknown[];
    }[];
    expect(events.length).toBeGreaterThan(3);
    expect(
      events.every(({ event_ticker, markets }) => markets.length > 0 && !event_ticker.startsWith('KXMVE')),
    ).toBe(true);
    expect((await ask('/events/multivariate')).body.events.length).toBeGreaterThanOrEqual(4);
    expect((await ask(`/events/${events[0]!.event_ticker}`)).body.event.event_ticker).toBe(
      events[0]!.event_ticker,
    );
    expect((await ask('/series')).body.series.length).toBeGreaterThan(1);
    expect((await ask('/exchange/schedule')).body.schedule.maintenance_windows.length).toBe(1);
    expect((await ask('/historical/cutoff')).body.market_settled_ts).toMatch(/^\d{4}-/);
    expect((await ask('/account/limits')).body.read.refill_rate).toBeGreaterThan(0);
    expect((await ask('/account/endpoint_costs')).body.default_cost).toBe(10);
    expect((await ask('/nothing')).status).toBe(404);
    expect((await ask('/markets/NONE')).body.error.code).toBe('not_found');
  });

  it('refuses beyond the token bucket when signed, and much sooner when not, in both known forms', async () => {
    const scene = await on({
      kalshiRestLimits: { refill: 100, capacity: 100, cost: 10, unsignedRefill: 1, unsignedBurst: 3 },
    });
    const ask = kalshi(scene);
    const statuses = async (count: number, request: () => Promise<{ status: number; body: unknown }>) => {
      const answers = [];
      for (let done = 0; done < count; done++) answers.push(await request());
      return answers;
    };
    const signed = await statuses(30, () => ask('/exchange/status'));
    expect(signed.map(({ status }) => status)).toEqual([...Array(10).fill(200), ...Array(20).fill(429)]);
    const bodies = new Set(signed.slice(10).map(({ body }) => JSON.stringify(body)));
    expect(bodies).toEqual(
      new Set([
        '{"error":"too many requests"}',
        '{"error":{"code":"too_many_requests","message":"too many requests"}}',
      ]),
    );
    scene.clock.advance(500_000);
    expect((await statuses(6, () => ask('/exchange/status'))).map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 429,
    ]);
    const url = `${scene.simulation.ready.kalshi!.rest}/exchange/status`;
    expect((await statuses(5, () => get(url))).map(({ status }) => status)).toEqual([
      200, 200, 200, 429, 429,
    ]);
    const wrong = await get(url, {
      ...scene.sign('GET', '/trade-api/v2/exchange/status'),
      'KALSHI-ACCESS-SIGNATURE': 'AAAA',
    });
    expect(wrong.status).toBe(401);
    expect((await get(`${scene.simulation.ready.kalshi!.rest}/account/limits`)).status).toBe(429);
  });
});

describe("the simulated Polymarket's REST", () => {
  it('lists Gamma markets by offset in a lasting order, with lists in strings on some and real ones on others', async () => {
    const scene = await on();
    const { gamma } = scene.simulation.ready.polymarket!;
    const first = (await get(`${gamma}/markets?limit=8&offset=0&order=id&ascending=true`)).body;
    const second = (await get(`${gamma}/markets?limit=100&offset=8&order=id&ascending=true`)).body;
    const ids = [...first, ...second].map(({ conditionId }) => conditionId);
    expect(ids).toEqual([...scene.simulation.polymarket.markets.keys()]);
    const forms = new Set(
      [...first, ...second].map(({ clobTokenIds }) =>
        Array.isArray(clobTokenIds) ? 'list' : typeof clobTokenIds,
      ),
    );
    expect(forms).toEqual(new Set(['list', 'string']));
    const events = (await get(`${gamma}/events?limit=3`)).body;
    expect(events[0].markets[0].conditionId).toMatch(/^0x/);
    expect((await get(`${gamma}/markets?limit=x`)).status).toBe(422);
  });

  it('moves resolved markets to closed, where the order book service gives 404 for their tokens', async () => {
    const scene = await on({
      settings: { ...SMALL, polymarketMarkets: 40, lifecycle: { ...SMALL.lifecycle, closed: 60 } },
    });
    scene.play(20);
    const { gamma, clob } = scene.simulation.ready.polymarket!;
    const closed = (await get(`${gamma}/markets?limit=100&closed=true`)).body;
    expect(closed.length).toBeGreaterThan(0);
    const open = (await get(`${gamma}/markets?limit=100&closed=false`)).body;
    expect(open.every((market: { closed: boolean }) => !market.closed)).toBe(true);
    const { tokens } = scene.simulation.polymarket.markets.get(closed[0].conditionId)!;
    expect((await get(`${clob}/book?token_id=${tokens[0]}`)).status).toBe(404);
    const known = scene.simulation.polymarket.markets.get(open[0].conditionId)!.tokens[0];
    const answer = await fetch(`${clob}/books`, {
      method: 'POST',
      body: JSON.stringify([{ token_id: tokens[0] }, { token_id: known }, { token_id: '1' }]),
    });
    const books = (await answer.json()) as { asset_id: string }[];
    expect(books.map(({ asset_id }) => asset_id)).toEqual([known]);
  });

  it('lists CLOB markets with a cursor that ends in LTE=, and serves the small endpoints', async () => {
    const scene = await on();
    const { clob } = scene.simulation.ready.polymarket!;
    for (const path of ['/markets', '/sampling-markets', '/simplified-markets']) {
      const { body } = await get(`${clob}${path}`);
      expect(body.next_cursor).toBe('LTE=');
      expect(body.count).toBe(body.data.length);
      expect(body.data[0].tokens.length).toBe(2);
    }
    const token = [...scene.simulation.polymarket.tokens.keys()][0];
    expect((await get(`${clob}/time`)).body).toBe(Math.floor(scene.clock.now / 1e6));
    expect((await get(`${clob}/ok`)).body).toBe('OK');
    expect((await get(`${clob}/tick-size?token_id=${token}`)).body.minimum_tick_size).toBeLessThan(0.1);
    const bid = Number((await get(`${clob}/price?token_id=${token}&side=BUY`)).body.price);
    const ask = Number((await get(`${clob}/price?token_id=${token}&side=SELL`)).body.price);
    expect(bid).toBeLessThan(ask);
    expect((await get(`${clob}/book?token_id=1`)).status).toBe(404);
    expect((await get(`${clob}/book?token_id=x`)).status).toBe(400);
    expect((await get(`${clob}/books`)).status).toBe(400);
  });
});
