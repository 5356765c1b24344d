import { constants, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Client, type KalshiClient, kalshiKey, type Stage, stage } from './support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

async function on(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  running = await stage(options);
  return running;
}

const openTickers = (scene: Stage): string[] =>
  [...scene.simulation.kalshi.markets.values()]
    .filter(({ status, event }) => status === 'active' && !event.isCombo)
    .map(({ ticker }) => ticker);

const books = (tickers: readonly string[], more: object = {}): Record<string, unknown> => ({
  channels: ['orderbook_delta'],
  market_tickers: tickers,
  ...more,
});

describe('the handshake of the simulated Kalshi', () => {
  async function refusal(
    scene: Stage,
    headers: Record<string, string>,
  ): Promise<{ status: number; body: string }> {
    const client = new Client(scene.simulation.ready.kalshi!.ws, headers);
    return new Promise((resolve, reject) => {
      client.socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      client.socket.once('open', () => reject(new Error('was let in')));
    });
  }

  it('refuses one that is unsigned, too old, for another path or another key, and never with a 200', async () => {
    const scene = await on();
    const good = scene.sign('GET', '/trade-api/ws/v2');
    const unsigned = await refusal(scene, {});
    expect(unsigned.status).toBe(401);
    expect(unsigned.body).toContain('token_authentication_failure');
    expect((await refusal(scene, scene.sign('GET', '/trade-api/ws/v1'))).status).toBe(401);
    expect((await refusal(scene, { ...good, 'KALSHI-ACCESS-KEY': 'another' })).status).toBe(401);
    expect((await refusal(scene, { ...good, 'KALSHI-ACCESS-TIMESTAMP': '1795000000001' })).status).toBe(401);
    scene.clock.advance(31_000_000);
    expect((await refusal(scene, good)).status).toBe(401);
  });

  it('takes RSA keys by PSS with a salt of 32 bytes, and no other salt', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const scene = await on({ kalshiKey: { id: kalshiKey.id, publicKey } });
    const headers = (saltLength: number): Record<string, string> => {
      const timestamp = String(Math.floor(scene.clock.now / 1_000));
      const key = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
      const signature = signBytes('sha256', Buffer.from(`${timestamp}GET/trade-api/ws/v2`), key).toString(
        'base64',
      );
      return {
        'KALSHI-ACCESS-KEY': kalshiKey.id,
        'KALSHI-ACCESS-TIMESTAMP': timestamp,
        'KALSHI-ACCESS-SIGNATURE': signature,
      };
    };
    const client = new Client(scene.simulation.ready.kalshi!.ws, headers(32));
    await client.opened;
    client.socket.terminate();
    expect((await refusal(scene, headers(20))).status).toBe(401);
  });
});

describe('subscriptions of the simulated Kalshi', () => {
  it('numbers subscriptions from 1 on each connection, and messages from 1 on each subscription', async () => {
    const scene = await on();
    const [first, second, third] = openTickers(scene) as [string, string, string];
    for (let connection = 0; connection < 2; connection++) {
      const client = await scene.kalshi();
      const replies = await client.command('subscribe', books([first, second]));
      expect(replies.map(({ type, sid, seq }) => [type, sid, seq])).toEqual([
        ['subscribed', undefined, undefined],
        ['orderbook_snapshot', 1, 1],
        ['orderbook_snapshot', 1, 2],
      ]);
      expect(replies[0]).toMatchObject({ id: 1, msg: { channel: 'orderbook_delta', sid: 1 } });
      const more = await client.command('subscribe', {
        channels: ['ticker', 'trade'],
        market_tickers: [third],
      });
      expect(more.map(({ id, type, msg }) => [id, type, msg.sid])).toEqual([
        [2, 'subscribed', 2],
        [2, 'subscribed', 3],
      ]);
    }
  });

  it('uses up a number for every reply but the first, and gives no number on the ticker channel', async () => {
    const scene = await on();
    const [first, second] = openTickers(scene) as [string, string];
    const client = await scene.kalshi();
    await client.command('subscribe', books([first]));
    const added = await client.command('update_subscription', {
      sid: 1,
      action: 'add_markets',
      market_tickers: [second],
    });
    expect(added.map(({ type, seq }) => [type, seq])).toEqual([
      ['ok', 2],
      ['orderbook_snapshot', 3],
    ]);
    expect(added[0]!.msg).toEqual({ market_tickers: [second] });
    const fresh = await client.command('update_subscription', {
      sids: [1],
      action: 'get_snapshot',
      market_tickers: [first],
    });
    expect(fresh.map(({ id, type, seq }) => [id, type, seq])).toEqual([
      [3, 'ok', 4],
      [3, 'orderbook_snapshot', 5],
    ]);
    const gone = await client.command('update_subscription', {
      sids: [1],
      action: 'delete_markets',
      market_tickers: [first],
    });
    expect(gone.map(({ type, seq }) => [type, seq])).toEqual([['ok', 6]]);
    const ended = await client.command('unsubscribe', { sids: [1] });
    expect(ended).toEqual([{ id: 5, type: 'unsubscribed', sid: 1, seq: 7 }]);
    await client.command('subscribe', { channels: ['ticker'] });
    scene.play(2);
    await client.settle();
    const ticks = client.messages().filter(({ type }) => type === 'ticker');
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.every(({ seq, sid }) => seq === undefined && sid === 2)).toBe(true);
  });

  it('sends every change once, in sequence without a hole, with exchange times whose zeros are cut', async () => {
    const scene = await on();
    const client = await scene.kalshi();
    await client.command('subscribe', books(openTickers(scene)));
    scene.play(5);
    await client.settle();
    const numbered = client.messages().filter(({ seq }) => seq !== undefined);
    expect(numbered.map(({ seq }) => seq)).toEqual(numbered.map((_, index) => index + 1));
    const deltas = numbered.filter(({ type }) => type === 'orderbook_delta');
    expect(deltas.length).toBeGreaterThan(200);
    const times = deltas.map(({ msg }) => msg.ts as string);
    expect(times.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/.test(time))).toBe(true);
    expect(times.some((time) => /\.\d{1,5}Z$/.test(time))).toBe(true);
    const levels = deltas.map(({ msg }) => `${msg.market_ticker} ${msg.side} ${msg.price_dollars} ${msg.ts}`);
    expect(new Set(levels).size).toBeLessThan(levels.length);
  });

  it('states NO levels in NO prices, or in YES prices when that is asked for', async () => {
    const scene = await on();
    const tickers = openTickers(scene);
    const plain = await scene.kalshi();
    const yes = await scene.kalshi();
    await plain.command('subscribe', books(tickers));
    await yes.command('subscribe', books(tickers, { use_yes_price: true }));
    scene.play(2);
    await plain.settle();
    await yes.settle();
    let compared = 0;
    plain.messages().forEach((message, index) => {
      const other = yes.messages()[index];
      if (message.type === 'orderbook_delta' && message.msg.side === 'no') {
        expect(Number(message.msg.price_dollars) + Number(other.msg.price_dollars)).toBeCloseTo(1, 9);
        compared++;
      }
      for (const [at, [price]] of (message.msg?.no_dollars_fp ?? []).entries()) {
        expect(Number(price) + Number(other.msg.no_dollars_fp[at][0])).toBeCloseTo(1, 9);
      }
      expect(other.msg?.yes_dollars_fp).toEqual(message.msg?.yes_dollars_fp);
    });
    expect(compared).toBeGreaterThan(20);
  });

  it('leaves out the key of an empty side', async () => {
    const scene = await on();
    const client = await scene.kalshi();
    const replies = await client.command('subscribe', books(openTickers(scene)));
    const oneSided = replies.filter(
      ({ type, msg }) =>
        type === 'orderbook_snapshot' && !('yes_dollars_fp' in msg && 'no_dollars_fp' in msg),
    );
    expect(oneSided.length).toBeGreaterThan(0);
    expect(
      replies.every(({ msg }) => msg.yes_dollars_fp?.length !== 0 && msg.no_dollars_fp?.length !== 0),
    ).toBe(true);
    expect(replies.every(({ msg }) => !('ts' in msg) && !('ts_ms' in msg))).toBe(true);
  });

  it('answers a second subscription to known tickers with ok and no book', async () => {
    const scene = await on();
    const [first, second] = openTickers(scene) as [string, string];
    const client = await scene.kalshi();
    await client.command('subscribe', books([first]));
    const again = await client.command('subscribe', books([first]));
    expect(again.map(({ type, sid, seq }) => [type, sid, seq])).toEqual([['ok', 1, 2]]);
    const other = await client.command('subscribe', books([first, second]));
    expect(other.map(({ type, msg }) => [type, msg.market_ticker])).toEqual([
      ['subscribed', undefined],
      ['orderbook_snapshot', second],
    ]);
  });

  it('or with a second subscription beside the first, as production did', async () => {
    const scene = await on({ kalshiSocketLimits: { subscribedAgain: 'second_sid' } });
    const [first] = openTickers(scene) as [string];
    const client = await scene.kalshi();
    await client.command('subscribe', books([first]));
    const again = await client.command('subscribe', books([first]));
    expect(again.map(({ type, sid }) => [type, sid])).toEqual([
      ['subscribed', undefined],
      ['orderbook_snapshot', 2],
    ]);
    const list = await client.command('list_subscriptions');
    expect(list).toEqual([
      {
        id: 3,
        type: 'ok',
        msg: [
          { channel: 'orderbook_delta', sid: 1 },
          { channel: 'orderbook_delta', sid: 2 },
        ],
      },
    ]);
  });

  it('omits the tickers of an acknowledgement when asked to', async () => {
    const scene = await on();
    const [first, second] = openTickers(scene) as [string, string];
    const client = await scene.kalshi();
    await client.command('subscribe', books([first], { skip_ticker_ack: true }));
    const [ok] = await client.command('update_subscription', {
      sid: 1,
      action: 'add_markets',
      market_tickers: [second],
    });
    expect(ok).toMatchObject({ type: 'ok', sid: 1, seq: 2, msg: {} });
    expect(ok!.msg.market_tickers).toBeUndefined();
  });

  it('stops sending what was deleted or unsubscribed', async () => {
    const scene = await on();
    const tickers = openTickers(scene);
    const client = await scene.kalshi();
    await client.command('subscribe', books(tickers));
    await client.command('update_subscription', {
      sid: 1,
      action: 'delete_markets',
      market_tickers: tickers.slice(5),
    });
    const before = client.frames.length;
    scene.play(5);
    await client.settle();
    const left = new Set(
      client
        .messages()
        .slice(before)
        .map(({ msg }) => msg.market_ticker),
    );
    expect([...left].every((ticker) => tickers.slice(0, 5).includes(ticker))).toBe(true);
    await client.command('unsubscribe', { sids: [1] });
    const then = client.frames.length;
    scene.play(3);
    await client.settle();
    expect(client.frames.length).toBe(then);
  });

  it('announces lifecycle to everybody, combos on a channel of their own, openings and closings to nobody', async () => {
    const scene = await on({
      settings: {
        ...(await import('./support.ts')).SMALL,
        lifecycle: { created: 60, closed: 60, paused: 30, regridded: 30, renamed: 30 },
      },
    });
    const client = await scene.kalshi();
    await client.command('subscribe', { channels: ['market_lifecycle_v2', 'multivariate_market_lifecycle'] });
    scene.play(60);
    await client.settle();
    const seen = new Map<string, number>();
    for (const { type, msg } of client.messages()) {
      const key = msg.event_type ?? type;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    for (const type of [
      'created',
      'activated',
      'deactivated',
      'close_date_updated',
      'determined',
      'settled',
      'price_level_structure_updated',
      'metadata_updated',
      'event_lifecycle',
    ]) {
      expect(seen.get(type) ?? 0, type).toBeGreaterThan(0);
    }
    expect([...seen.keys()].filter((type) => /open|closed/.test(type))).toEqual([]);
    const combos = client.messages().filter(({ type }) => type === 'multivariate_market_lifecycle');
    expect(combos.length).toBeGreaterThan(0);
    expect(combos.every(({ msg }) => msg.market_ticker.startsWith('KXMVE'))).toBe(true);
    expect(
      client
        .messages()
        .some(({ type, msg }) => type === 'market_lifecycle_v2' && msg.market_ticker.startsWith('KXMVE')),
    ).toBe(false);
  });
});

describe('refusals of the simulated Kalshi', () => {
  const cases: [string, number, string, Record<string, unknown> | undefined][] = [
    ['no params', 2, 'subscribe', undefined],
    ['no channels', 3, 'subscribe', { market_tickers: ['A'] }],
    ['empty channels', 3, 'subscribe', { channels: [] }],
    ['an unknown command', 5, 'buy', {}],
    ['an unknown channel', 8, 'subscribe', { channels: ['ticker_v2'] }],
    ['books without tickers', 14, 'subscribe', { channels: ['orderbook_delta'] }],
    ['books by market id', 11, 'subscribe', { channels: ['orderbook_delta'], market_ids: ['x'] }],
    [
      'both forms of tickers',
      11,
      'subscribe',
      { channels: ['orderbook_delta'], market_ticker: 'A', market_tickers: ['A'] },
    ],
    ['tickers that are no texts', 11, 'subscribe', { channels: ['orderbook_delta'], market_tickers: [7] }],
    ['unsubscribing nothing', 4, 'unsubscribe', {}],
    ['unsubscribing an unknown sid', 7, 'unsubscribe', { sids: [9] }],
    ['updating without a sid', 12, 'update_subscription', { action: 'add_markets', market_tickers: ['A'] }],
    [
      'updating two sids',
      12,
      'update_subscription',
      { sids: [1, 2], action: 'add_markets', market_tickers: ['A'] },
    ],
    [
      'both sid and sids',
      12,
      'update_subscription',
      { sid: 1, sids: [1], action: 'add_markets', market_tickers: ['A'] },
    ],
    [
      'updating an unknown sid',
      7,
      'update_subscription',
      { sid: 9, action: 'add_markets', market_tickers: ['A'] },
    ],
    ['no action', 15, 'update_subscription', { sid: 1, market_tickers: ['A'] }],
    ['an unknown action', 13, 'update_subscription', { sid: 1, action: 'pause', market_tickers: ['A'] }],
    ['an update without tickers', 14, 'update_subscription', { sid: 1, action: 'add_markets' }],
    [
      'a snapshot of the trade channel',
      13,
      'update_subscription',
      { sid: 2, action: 'get_snapshot', market_tickers: ['A'] },
    ],
    [
      'adding to a subscription of all markets',
      11,
      'update_subscription',
      { sid: 2, action: 'add_markets', market_tickers: ['A'] },
    ],
  ];

  it('names each with its code, and does nothing', async () => {
    const scene = await on();
    const client = await scene.kalshi();
    await client.command('subscribe', books(openTickers(scene).slice(0, 1)));
    await client.command('subscribe', { channels: ['trade'] });
    for (const [what, code, cmd, params] of cases) expect(await client.refusal(cmd, params), what).toBe(code);
    const [list] = await client.command('list_subscriptions');
    expect(list!.msg).toEqual([
      { channel: 'orderbook_delta', sid: 1 },
      { channel: 'trade', sid: 2 },
    ]);
    client.send('{"id":1,');
    client.send('[]');
    client.send('{"id":"x","cmd":"subscribe"}');
    await client.settle();
    expect(
      client
        .messages()
        .slice(-3)
        .map(({ msg }) => msg.code),
    ).toEqual([1, 1, 1]);
  });

  async function subscribed(scene: Stage, count: number): Promise<KalshiClient> {
    const client = await scene.kalshi();
    expect(await client.refusal('subscribe', books(openTickers(scene).slice(0, count)))).toBeNull();
    return client;
  }

  it('refuses more markets on a subscription than it may hold, and keeps those there were', async () => {
    const scene = await on({ kalshiSocketLimits: { marketsPerSubscription: 10 } });
    const tickers = openTickers(scene);
    const client = await subscribed(scene, 8);
    expect(
      await client.refusal('update_subscription', {
        sid: 1,
        action: 'add_markets',
        market_tickers: tickers.slice(8, 11),
      }),
    ).toBe(26);
    expect(
      await client.refusal('update_subscription', {
        sid: 1,
        action: 'add_markets',
        market_tickers: tickers.slice(8, 10),
      }),
    ).toBeNull();
    expect(await client.refusal('subscribe', books(tickers.slice(10, 30)))).toBe(26);
  });

  it('refuses too many commands on one subscription within a second', async () => {
    const scene = await on({ kalshiSocketLimits: { commandsPerSubscription: 3 } });
    const client = await subscribed(scene, 1);
    const again = { sid: 1, action: 'get_snapshot', market_tickers: openTickers(scene).slice(0, 1) };
    for (let count = 0; count < 3; count++)
      expect(await client.refusal('update_subscription', again)).toBeNull();
    expect(await client.refusal('update_subscription', again)).toBe(27);
    scene.clock.advance(1_000_000);
    expect(await client.refusal('update_subscription', again)).toBeNull();
  });

  it('ends one subscription with a terminal error and lets the others live', async () => {
    const scene = await on();
    const client = await subscribed(scene, 3);
    await client.command('subscribe', { channels: ['trade'] });
    scene.simulation.listeners.kalshi!.connections[0]!.fail(1, 25);
    await client.settle();
    expect(client.messages().at(-1)).toMatchObject({ type: 'error', sid: 1, msg: { code: 25 } });
    const [list] = await client.command('list_subscriptions');
    expect(list!.msg).toEqual([{ channel: 'trade', sid: 2 }]);
  });
});

describe('heartbeats of the simulated Kalshi', () => {
  it('come every ten seconds with the body "heartbeat"; who does not answer is cut off', async () => {
    const scene = await on();
    const client = await scene.kalshi();
    const deaf = new Client(scene.simulation.ready.kalshi!.ws, scene.sign('GET', '/trade-api/ws/v2'), {
      autoPong: false,
    });
    await deaf.opened;
    for (let round = 0; round < 5; round++) {
      scene.clock.advance(10_000_000);
      scene.simulation.listeners.tick();
      await client.settle();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(client.pings.filter((body) => body === 'heartbeat').length).toBe(5);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    expect((await deaf.closed).code).toBe(1006);
  });
});
