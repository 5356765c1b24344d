import { afterEach, describe, expect, it } from 'vitest';
import { verifyBookHash } from '#src/venues/polymarket/book-hash.ts';
import { type Client, get, SMALL, type Stage, stage } from './support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

async function on(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  running = await stage(options);
  return running;
}

const tokensOf = (scene: Stage): string[] => [...scene.simulation.polymarket.tokens.keys()];

async function subscribed(scene: Stage, tokens: readonly string[], more: object = {}): Promise<Client> {
  const client = await scene.polymarket();
  client.send({ assets_ids: tokens, type: 'market', ...more });
  await client.settle();
  return client;
}

const ofType = (client: Client, type: string) =>
  client.messages().filter(({ event_type }) => event_type === type);

describe('the market channel of the simulated Polymarket', () => {
  it('closes a socket that sends PING before its first subscription, or no subscription at all, with 1008', async () => {
    const scene = await on();
    for (const opening of ['PING', '{"assets_ids":"all"}', 'hello', '{"assets_ids":[],"type":"user"}']) {
      const client = await scene.polymarket();
      client.send(opening);
      expect(await client.closed, opening).toEqual({ code: 1008, reason: 'invalid subscription payload' });
    }
  });

  it('answers PING with the text PONG after that, and cuts off who does not send it', async () => {
    const scene = await on();
    const client = await subscribed(scene, []);
    const silent = await subscribed(scene, []);
    client.send('PING');
    await client.settle();
    expect(client.frames).toEqual(['PONG']);
    for (let second = 0; second < 35; second += 5) {
      scene.clock.advance(5_000_000);
      client.send('PING');
      await client.settle();
      scene.simulation.listeners.tick();
    }
    expect((await silent.closed).code).toBe(1006);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('gives the initial books as one array frame, worst level first, hashed with the ten fields of REST', async () => {
    const scene = await on();
    const tokens = tokensOf(scene);
    const client = await subscribed(scene, tokens);
    expect(client.frames.length).toBe(1);
    const books = JSON.parse(client.frames[0]!);
    expect(books.map(({ asset_id }: { asset_id: string }) => asset_id)).toEqual(tokens);
    for (const book of books) {
      const prices = (side: string): number[] =>
        book[side].map(({ price }: { price: string }) => Number(price));
      expect(prices('bids')).toEqual(prices('bids').toSorted((a, b) => a - b));
      expect(prices('asks')).toEqual(prices('asks').toSorted((a, b) => b - a));
      expect(book).not.toHaveProperty('min_order_size');
      expect(book).not.toHaveProperty('neg_risk');
      expect(Object.keys(book)[0]).not.toBe('event_type');
    }
    const { body } = await get(`${scene.simulation.ready.polymarket!.clob}/book?token_id=${tokens[0]}`);
    expect(verifyBookHash(body, { last_trade_price: [] })).toMatchObject({
      verdict: 'matched',
      form: 'today',
    });
    expect(books[0].hash).toBe(body.hash);
  });

  it('gives no initial book beyond its limit of tokens, but their changes', async () => {
    const scene = await on({ polymarketSocketLimits: { tokensWithBook: 6 } });
    const tokens = tokensOf(scene);
    const client = await subscribed(scene, tokens);
    expect(JSON.parse(client.frames[0]!).length).toBe(6);
    scene.play(10);
    await client.settle();
    const changed = new Set(
      ofType(client, 'price_change').flatMap(({ price_changes }) =>
        price_changes.map(({ asset_id }: { asset_id: string }) => asset_id),
      ),
    );
    expect([...changed].filter((token) => !tokens.slice(0, 6).includes(token)).length).toBeGreaterThan(5);
  });

  it('tells of a change on both tokens in one message, mirrored, with best prices and hashes that verify', async () => {
    const scene = await on();
    const tokens = tokensOf(scene);
    const client = await subscribed(scene, tokens);
    scene.play(5);
    await client.settle();
    const changes = ofType(client, 'price_change');
    expect(changes.length).toBeGreaterThan(100);
    const state = new Map<
      string,
      { bids: Map<string, string>; asks: Map<string, string>; last: string; tick: string }
    >();
    for (const book of JSON.parse(client.frames[0]!)) {
      const side = (levels: { price: string; size: string }[]) =>
        new Map(levels.map(({ price, size }) => [price, size]));
      state.set(book.asset_id, {
        bids: side(book.bids),
        asks: side(book.asks),
        last: book.last_trade_price,
        tick: book.tick_size,
      });
    }
    let matched = 0;
    let checked = 0;
    for (const message of changes) {
      const entries = message.price_changes;
      for (let index = 0; index < entries.length; index += 2) {
        expect(Number(entries[index].price) + Number(entries[index + 1].price)).toBeCloseTo(1, 9);
        expect(entries[index].size).toBe(entries[index + 1].size);
        expect(entries[index].side).not.toBe(entries[index + 1].side);
      }
      for (const { asset_id, price, size, side, hash, best_bid, best_ask } of entries) {
        const book = state.get(asset_id)!;
        const levels = side === 'BUY' ? book.bids : book.asks;
        if (size === '0') levels.delete(price);
        else levels.set(price, size);
        const sorted = (of: Map<string, string>, sign: number) =>
          [...of]
            .map(([at, amount]) => ({ price: at, size: amount }))
            .sort((a, b) => sign * (Number(a.price) - Number(b.price)));
        const bids = sorted(book.bids, 1);
        const asks = sorted(book.asks, -1);
        expect(best_bid).toBe(bids.at(-1)?.price ?? '0');
        expect(best_ask).toBe(asks.at(-1)?.price ?? '1');
        const { market } = scene.simulation.polymarket.tokens.get(asset_id)!;
        const whole = {
          market: message.market,
          asset_id,
          timestamp: message.timestamp,
          hash,
          bids,
          asks,
          min_order_size: '5',
          tick_size: book.tick,
          neg_risk: market.negRisk,
          last_trade_price: book.last,
        };
        checked++;
        if (verifyBookHash(whole, { last_trade_price: [] }).verdict === 'matched') matched++;
      }
    }
    // Books after trades are hashed with a price that is announced later; until then they cannot match here.
    expect(matched).toBeGreaterThan(checked / 4);
    expect(matched).toBeLessThan(checked);
  });

  it('sends the books right after a trade, and the trade itself later', async () => {
    const scene = await on();
    const client = await subscribed(scene, tokensOf(scene));
    scene.play(5);
    await client.settle();
    const messages = client.messages().slice(tokensOf(scene).length);
    const trades = messages.filter(({ event_type }) => event_type === 'last_trade_price');
    expect(trades.length).toBeGreaterThan(10);
    for (const trade of trades) {
      const at = messages.indexOf(trade);
      const book = messages.findIndex(
        ({ event_type, asset_id, timestamp }) =>
          event_type === 'book' && asset_id === trade.asset_id && timestamp === trade.timestamp,
      );
      expect(book).toBeGreaterThanOrEqual(0);
      expect(book).toBeLessThan(at);
      expect(messages[book]).not.toHaveProperty('last_trade_price');
      expect(trade.transaction_hash).toMatch(/^0x[0-9a-f]{64}$/);
    }
    const contents = trades.map((trade) => JSON.stringify(trade));
    expect(new Set(contents).size).toBeLessThanOrEqual(contents.length);
  });

  it('resends updates with the same hash, and never makes two different changes that are equal', async () => {
    const scene = await on({ settings: { ...SMALL, resends: 0.3 } });
    const client = await subscribed(scene, tokensOf(scene));
    scene.play(10);
    await client.settle();
    const frames = client.frames.filter((frame) => frame.includes('"price_change"'));
    expect(new Set(frames).size).toBeLessThan(frames.length);
    const made = scene.simulation.records.flatMap((record) =>
      record.kind === 'book_delta' && record.venue === 'polymarket'
        ? [
            `${record.instrument} ${record.exchange_ts} ${record.side} ${record.price} ${record.size} ${record.hash}`,
          ]
        : [],
    );
    expect(new Set(made).size).toBe(made.length);
  });

  it('never makes a level the same twice in one millisecond, however busy a market is', async () => {
    const scene = await on({
      settings: { ...SMALL, kalshiMarkets: 0, polymarketMarkets: 1, rate: 20_000, resends: 0 },
    });
    scene.play(3);
    const made = scene.simulation.records.flatMap((record) =>
      record.kind === 'book_delta'
        ? [`${record.instrument} ${record.exchange_ts} ${record.side} ${record.price} ${record.size}`]
        : [],
    );
    expect(made.length).toBeGreaterThan(5_000);
    expect(new Set(made).size).toBe(made.length);
  });

  it('sends best prices and announcements only to who asked for them, announcements whatever the tokens', async () => {
    const scene = await on({
      settings: { ...SMALL, lifecycle: { ...SMALL.lifecycle, created: 60, closed: 30 } },
    });
    const tokens = tokensOf(scene);
    const plain = await subscribed(scene, tokens);
    const extra = await subscribed(scene, tokens.slice(0, 2), { custom_feature_enabled: true });
    const bare = await subscribed(scene, [], { custom_feature_enabled: true });
    scene.play(20);
    for (const client of [plain, extra, bare]) await client.settle();
    expect(
      ofType(plain, 'best_bid_ask').length +
        ofType(plain, 'new_market').length +
        ofType(plain, 'market_resolved').length,
    ).toBe(0);
    for (const client of [extra, bare]) {
      expect(ofType(client, 'new_market').length).toBeGreaterThan(0);
      expect(ofType(client, 'market_resolved').length).toBeGreaterThan(0);
    }
    expect(ofType(bare, 'best_bid_ask').length).toBe(0);
    expect(ofType(extra, 'best_bid_ask').every(({ asset_id }) => tokens.slice(0, 2).includes(asset_id))).toBe(
      true,
    );
  });

  it('knows an announced market on Gamma at once and in the order book service some time later', async () => {
    const scene = await on({
      settings: { ...SMALL, lifecycle: { ...SMALL.lifecycle, created: 60 }, clobDelay: 3_000_000 },
    });
    const client = await subscribed(scene, [], { custom_feature_enabled: true });
    while (ofType(client, 'new_market').length === 0) {
      scene.play(0.5);
      await client.settle();
    }
    const { condition_id, clob_token_ids } = ofType(client, 'new_market')[0]!;
    const { clob, gamma } = scene.simulation.ready.polymarket!;
    const listed = await get(`${gamma}/markets?condition_ids=${condition_id}`);
    expect(listed.body[0]).toMatchObject({ conditionId: condition_id, active: true, enableOrderBook: true });
    expect((await get(`${clob}/book?token_id=${clob_token_ids[0]}`)).status).toBe(404);
    const early = await subscribed(scene, clob_token_ids);
    expect(early.frames).toEqual([]);
    scene.play(4);
    expect((await get(`${clob}/book?token_id=${clob_token_ids[0]}`)).status).toBe(200);
  });

  it('refines the grid when the price leaves 0.04 to 0.96', async () => {
    const scene = await on({ settings: { ...SMALL, polymarketMarkets: 120, rate: 2_000 } });
    const client = await subscribed(scene, tokensOf(scene));
    scene.play(25);
    await client.settle();
    const changes = ofType(client, 'tick_size_change');
    expect(changes.length).toBeGreaterThan(0);
    expect(changes[0]).toMatchObject({ old_tick_size: '0.01', new_tick_size: '0.001' });
  });

  it('sends nothing more for tokens that were unsubscribed, unless told to be deaf to that', async () => {
    for (const honoursUnsubscribe of [true, false]) {
      const scene = await on({ polymarketSocketLimits: { honoursUnsubscribe } });
      const tokens = tokensOf(scene);
      const client = await subscribed(scene, tokens);
      client.send({ assets_ids: tokens, operation: 'unsubscribe' });
      await client.settle();
      const before = client.frames.length;
      scene.play(3);
      await client.settle();
      expect(client.frames.length > before).toBe(!honoursUnsubscribe);
      await scene.stop();
      running = null;
    }
  });
});
