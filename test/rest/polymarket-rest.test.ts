import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { AnswerProblem } from '#src/http/answer-shape.ts';
import { systemClock } from '#src/units/time.ts';
import { GammaRest, ShiftingListingError } from '#src/venues/polymarket/gamma.ts';
import { PolymarketRest } from '#src/venues/polymarket/rest.ts';
import { type Received, type Reply, TestServer } from '../http/test-server.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/rest/${name}`, import.meta.url), 'utf8');

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function venue(answer: (request: Received, count: number) => Reply) {
  const server = await TestServer.start(answer);
  servers.push(server);
  const problems: AnswerProblem[] = [];
  const options = {
    baseUrl: server.url,
    clock: systemClock(),
    sleep: async () => {},
    random: () => 0,
    problem: (problem: AnswerProblem) => problems.push(problem),
  };
  return { clob: new PolymarketRest(options), gamma: new GammaRest(options), server, problems };
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

const TOKEN = '104239898038807136052399800151408521467737075933964991162589336683346093173875';

const book = (asset_id: string, more: object = {}) => ({
  market: '0x78443f961b9a65869dcb39359de9960165c7e5cbad0904eac7f29cd77872a63b',
  asset_id,
  timestamp: '1773307215123',
  hash: '0a1b',
  bids: [
    { price: '0.01', size: '100' },
    { price: '.48', size: '30.5' },
  ],
  asks: [
    { price: '0.99', size: '100' },
    { price: '0.52', size: '25' },
    { price: '0.53', size: '0' },
  ],
  min_order_size: '5',
  tick_size: '0.01',
  neg_risk: false,
  last_trade_price: '0.500',
  ...more,
});

describe('the CLOB client', () => {
  it('reads a book with its time and hash, best first', async () => {
    const { clob, server } = await venue(() => ({ body: book(TOKEN) }));
    expect(await clob.book(TOKEN)).toEqual({
      kind: 'book_snapshot',
      venue: 'polymarket',
      received_at: expect.any(Number),
      instrument: TOKEN,
      source: 'rest',
      bids: [
        [480_000, 30_500_000],
        [10_000, 100_000_000],
      ],
      asks: [
        [520_000, 25_000_000],
        [990_000, 100_000_000],
      ],
      snapshot_ts: 1_773_307_215_123_000,
      exchange_ts: 1_773_307_215_123_000,
      hash: '0a1b',
    });
    expect(server.requests[0]!.query.get('token_id')).toBe(TOKEN);
  });

  it('has a null for a token that is unknown, and asks once', async () => {
    const { clob, server } = await venue(() => ({
      status: 404,
      body: { error: 'No orderbook exists for the requested token id' },
    }));
    expect(await clob.book(TOKEN)).toBeNull();
    expect(server.requests).toHaveLength(1);
  });

  it('refuses the book of another token', async () => {
    const { clob } = await venue(() => ({ body: book('12') }));
    await expect(clob.book(TOKEN)).rejects.toThrow(/answered for token 12/);
  });

  it('asks for books 250 at a time and compares what came with what was asked', async () => {
    const { clob, server, problems } = await venue(({ body }) => {
      const asked = JSON.parse(body) as { token_id: string }[];
      const known = asked.filter(({ token_id }) => token_id !== '13');
      return {
        body: known.map(({ token_id }) => book(token_id, token_id === '20' ? { timestamp: 'soon' } : {})),
      };
    });
    const tokens = Array.from({ length: 300 }, (_, index) => String(index));
    const { books, missing } = await clob.books([...tokens, '5']);
    expect(server.requests.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([250, 50]);
    expect(books).toHaveLength(298);
    expect(missing).toEqual(['13', '20']);
    expect(problems).toMatchObject([{ route: '/books', subject: '20', message: 'not a time: "soon"' }]);
  });

  it('holds every book against its own hash, and counts without judging', async () => {
    const hashed = (token: string): object => {
      const {
        market,
        asset_id,
        timestamp,
        bids,
        asks,
        min_order_size,
        tick_size,
        neg_risk,
        last_trade_price,
      } = book(token);
      const fields = {
        market,
        asset_id,
        timestamp,
        hash: '',
        bids,
        asks,
        min_order_size,
        tick_size,
        neg_risk,
      };
      const text = JSON.stringify({ ...fields, last_trade_price });
      return { ...book(token), hash: createHash('sha1').update(text).digest('hex') };
    };
    const { clob } = await venue(() => ({ body: [hashed('1'), book('2'), book('3', { hash: null })] }));
    const { books, hashes } = await clob.books(['1', '2', '3']);
    expect(books).toHaveLength(3);
    expect(hashes).toEqual({ matched: 1, unmatched: 1, not_checkable: 1 });
  });

  it('gives no book that was not asked for', async () => {
    const { clob } = await venue(() => ({ body: [book('1'), book('2')] }));
    const { books } = await clob.books(['1']);
    expect(books.map(({ instrument }) => instrument)).toEqual(['1']);
  });

  it('never reads a token id as a number', async () => {
    const text = JSON.stringify([book(TOKEN)]).replace(`"${TOKEN}"`, TOKEN);
    const { clob, problems } = await venue(() => ({ body: text }));
    expect(await clob.books([TOKEN])).toMatchObject({ books: [], missing: [TOKEN] });
    expect(problems[0]!.message).toContain('asset_id');
  });

  it('walks the recorded market listing to its end marker', async () => {
    const recorded = fixture('clob-markets.json');
    const { clob, server, problems } = await venue((_, count) => ({
      body: count === 1 ? recorded : { data: [], next_cursor: 'LTE=', limit: 100, count: 0 },
    }));
    const markets = await all(clob.markets());
    expect(markets).toHaveLength(3);
    expect(markets[0]!.tokens[0]!.token_id).toBe(
      '10715043962341292242163832255523703116280692082153281340642602592290195499485',
    );
    expect(problems).toEqual([]);
    expect(server.requests.map(({ query }) => query.get('next_cursor'))).toEqual([null, 'MTAw']);
  });

  it('reads the small answers exactly', async () => {
    const answers: Record<string, unknown> = {
      '/tick-size': { minimum_tick_size: 0.001 },
      '/neg-risk': { neg_risk: true },
      '/price': { price: '.48' },
      '/midpoint': { mid: '0.4995' },
      '/spread': { spread: '0.02' },
      '/last-trade-price': { price: '0.5', side: 'BUY' },
      '/time': 1_773_307_215,
      '/prices-history': {
        history: [
          { t: 1_773_307_200, p: 0.505 },
          { t: 1_773_307_260, p: 0.30000000000000004 },
        ],
      },
      '/markets/0x1': { condition_id: '0x1', tokens: [] },
    };
    const { clob, server, problems } = await venue(({ path }) => ({
      body: path === '/ok' ? 'OK' : JSON.stringify(answers[path]),
    }));
    expect(await clob.tickSize(TOKEN)).toBe(1_000);
    expect(await clob.negRisk(TOKEN)).toBe(true);
    expect(await clob.price(TOKEN, 'BUY')).toBe(480_000);
    expect(await clob.midpoint(TOKEN)).toBe(499_500);
    expect(await clob.spread(TOKEN)).toBe(20_000);
    expect(await clob.lastTradePrice(TOKEN)).toBe(500_000);
    expect(await clob.time()).toBe(1_773_307_215_000_000);
    await clob.ok();
    expect(await clob.pricesHistory(TOKEN, { interval: '1h' })).toEqual([
      { at: 1_773_307_200_000_000, price: 505_000 },
    ]);
    expect(problems).toMatchObject([{ message: expect.stringContaining('more than six fractional digits') }]);
    expect(await clob.market('0x1')).toMatchObject({ condition_id: '0x1' });
    expect(server.requests.find(({ path }) => path === '/price')!.query.get('side')).toBe('BUY');
  });
});

/** Gamma's listing over a list that may change between requests. */
function gammaListing(markets: () => readonly object[], cap = 500): (request: Received) => Reply {
  return ({ query }) => {
    const offset = Number(query.get('offset'));
    const limit = Math.min(cap, Number(query.get('limit')));
    return { body: markets().slice(offset, offset + limit) };
  };
}

const gammaMarket = (id: number) => ({ id: String(id), conditionId: `0x${id}`, active: true, closed: false });

describe('the Gamma client', () => {
  it('reads the recorded markets, lists in strings or not', async () => {
    const recorded = JSON.parse(fixture('gamma-markets.json')) as object[];
    const asLists = { ...recorded[0], id: '1', clobTokenIds: ['1', '2'], outcomes: ['Up', 'Down'] };
    const { gamma, problems } = await venue(gammaListing(() => [...recorded, asLists]));
    const markets = await all(gamma.markets({}));
    expect(markets.map(({ id }) => id)).toEqual(['1557558', '1878152', '1812085', '1']);
    expect(problems).toEqual([]);
  });

  it('names a market whose list is none, and keeps the others', async () => {
    const { gamma, problems } = await venue(
      gammaListing(() => [gammaMarket(1), { ...gammaMarket(2), clobTokenIds: '["1"' }, gammaMarket(3)]),
    );
    expect((await all(gamma.markets({}))).map(({ id }) => id)).toEqual(['1', '3']);
    expect(problems).toMatchObject([
      { subject: '0x2', message: expect.stringContaining('clobTokenIds: expected a list') },
    ]);
  });

  it.each([500, 100, 20])('gives every market once when pages hold at most %i', async (cap) => {
    const markets = Array.from({ length: 1_234 }, (_, index) => gammaMarket(index));
    const { gamma, server } = await venue(gammaListing(() => markets, cap));
    const ids = (await all(gamma.markets({ closed: false }))).map(({ id }) => id);
    expect(ids).toEqual(markets.map(({ id }) => id));
    expect(Object.fromEntries(server.requests[0]!.query)).toMatchObject({
      closed: 'false',
      order: 'id',
      ascending: 'true',
    });
  });

  it('skips nothing while markets before the page vanish', async () => {
    let markets = Array.from({ length: 2_000 }, (_, index) => gammaMarket(index));
    const lasting = new Set(
      markets.filter((_, index) => index >= 400 || index % 2 === 0).map(({ id }) => id),
    );
    const listing = gammaListing(() => markets);
    const { gamma } = await venue((request) => {
      const reply = listing(request);
      if (Number(request.query.get('offset')) === 0) markets = markets.filter(({ id }) => lasting.has(id));
      return reply;
    });
    const ids = new Set((await all(gamma.markets({}))).map(({ id }) => id));
    expect([...lasting].filter((id) => !ids.has(id))).toEqual([]);
  });

  it('gives up on a listing that shifts faster than it can be read', async () => {
    let first = 0;
    const { gamma } = await venue(() => {
      first += 1_000;
      return { body: Array.from({ length: 500 }, (_, index) => gammaMarket(first + index)) };
    });
    await expect(all(gamma.markets({}))).rejects.toThrow(ShiftingListingError);
  });

  it('ends where the venue does not heed the offset', async () => {
    const { gamma, server } = await venue(() => ({ body: [gammaMarket(1), gammaMarket(2)] }));
    expect(await all(gamma.markets({}))).toHaveLength(2);
    expect(server.requests.length).toBeLessThan(4);
  });

  it('looks markets up by condition and by token, closed ones too', async () => {
    const open = { ...gammaMarket(1), clobTokenIds: '["11","12"]' };
    const closed = { ...gammaMarket(2), closed: true, clobTokenIds: '["21","22"]' };
    const { gamma, server } = await venue(({ query }) => {
      const wanted = query.get('closed') === 'true' ? [closed] : [open];
      const ids = [...query.getAll('condition_ids'), ...query.getAll('clob_token_ids')];
      return {
        body: wanted.filter((one) =>
          ids.some((id) => one.conditionId === id || one.clobTokenIds.includes(`"${id}"`)),
        ),
      };
    });
    const byCondition = await gamma.marketsByCondition(['0x1', '0x2', '0x3']);
    expect(byCondition.map(({ conditionId }) => conditionId)).toEqual(['0x1', '0x2']);
    expect(server.requests.map(({ query }) => query.getAll('condition_ids'))).toEqual([
      ['0x1', '0x2', '0x3'],
      ['0x2', '0x3'],
    ]);
    const byToken = await gamma.marketsByToken(['12', '22']);
    expect(byToken.map(({ conditionId }) => conditionId)).toEqual(['0x1', '0x2']);
  });

  it('lists events, and has a null for a market that is unknown', async () => {
    const { gamma } = await venue(({ path, query }) => {
      if (path === '/events') return { body: query.get('offset') === '0' ? [{ id: 5, slug: 'e' }] : [] };
      return path === '/markets/9' ? { body: gammaMarket(9) } : { status: 404, body: { error: 'not found' } };
    });
    expect(await all(gamma.events({ active: true }))).toMatchObject([{ id: 5, slug: 'e' }]);
    expect((await gamma.market('9'))?.conditionId).toBe('0x9');
    expect(await gamma.market('10')).toBeNull();
  });
});
