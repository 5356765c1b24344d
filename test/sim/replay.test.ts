import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { readRecording } from '#src/recording/read-recording.ts';
import { Ownership } from '#src/replay/ownership.ts';
import { PlaybackPace, PlaybackSpeedError, parseSpeed } from '#src/replay/pace.ts';
import { type RecordedMessage, recordedMessages } from '#src/replay/recorded-message.ts';
import { RecordingWriter } from '#src/replay/recording-writer.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { Replay, type ReplayOptions } from '../../sim/replay/replay.ts';
import type { OpenedSession } from '../../sim/replay/replay-control.ts';
import { Client, get, KalshiClient, kalshiKey, privatePem } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let running: Replay | null = null;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await running?.stop();
  running = null;
});

const T = 1_774_062_525_000_000;

function recording(name: string, lines: readonly (readonly [at: number, content: unknown])[]): string {
  const text = lines
    .map(([at, content]) =>
      JSON.stringify({
        t: T + at,
        conn: 'k',
        ...(typeof content === 'string' ? { frame: content } : (content as object)),
      }),
    )
    .join('\n');
  const file = join(folder, name);
  writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return file;
}

const frame = (body: unknown): { frame: string } => ({ frame: JSON.stringify(body) });
const delta = (ticker: string, side: string, price: string, change: string, seq: number) => ({
  type: 'orderbook_delta',
  sid: 8,
  seq,
  msg: {
    market_ticker: ticker,
    market_id: '',
    price_dollars: price,
    delta_fp: change,
    side,
    ts: '2026-03-21T22:47:50.31247Z',
    ts_ms: 1_774_133_270_312,
  },
});
const snapshot = (ticker: string, seq: number, yes: [string, string][], no: [string, string][]) => ({
  type: 'orderbook_snapshot',
  sid: 8,
  seq,
  msg: { market_ticker: ticker, market_id: 'm', yes_dollars_fp: yes, no_dollars_fp: no },
});

const KALSHI = [
  [0, frame({ type: 'subscribed', id: 1, msg: { channel: 'orderbook_delta', sid: 8 } })],
  [0, frame(snapshot('KXA-1-T5', 1, [['0.4000', '10.00']], [['0.5000', '5.00']]))],
  [0, frame(snapshot('KXB-1-T5', 2, [['0.1000', '1.00']], []))],
  [100, frame(delta('KXA-1-T5', 'yes', '0.4000', '2.50', 3))],
  [200, 'this is no JSON'],
  [300_000, frame(delta('KXB-1-T5', 'no', '0.7000', '4.00', 4))],
  [
    400_000,
    frame({
      type: 'trade',
      sid: 9,
      seq: 1,
      msg: {
        market_ticker: 'KXA-1-T5',
        trade_id: 't1',
        yes_price_dollars: '0.4000',
        count_fp: '1.00',
        taker_side: 'no',
        ts_ms: 1,
      },
    }),
  ],
  [500_000, frame(snapshot('KXA-1-T5', 5, [['0.4000', '12.50']], []))],
  [600_000, frame(delta('KXC-1-T5', 'yes', '0.2000', '1.00', 6))],
] as const;

async function replayed(paths: string[], options: Partial<ReplayOptions> = {}): Promise<Replay> {
  running = await Replay.start({
    paths,
    speed: 'max',
    clock: systemClock(),
    kalshiKey,
    waitSubscriptions: 99,
    ...options,
  });
  return running;
}

async function kalshi(replay: Replay): Promise<KalshiClient> {
  const sign = kalshiSigner(kalshiKey.id, privatePem, systemClock());
  const client = new KalshiClient(replay.ready.kalshi!.ws, { ...sign('GET', '/trade-api/ws/v2') });
  clients.push(client);
  await client.opened;
  return client;
}

async function polymarket(replay: Replay): Promise<Client> {
  const client = new Client(replay.ready.polymarket!.ws, {});
  clients.push(client);
  await client.opened;
  return client;
}

const books = (...tickers: string[]) => ({ channels: ['orderbook_delta'], market_tickers: tickers });

describe('a Kalshi recording that is replayed', () => {
  it('gives a client its own numbers, the first book when it subscribes, and the rest as it was recorded', async () => {
    const replay = await replayed([recording('kalshi.jsonl.gz', KALSHI)]);
    const client = await kalshi(replay);
    const opening = await client.command('subscribe', books('KXA-1-T5', 'KXB-1-T5'));
    expect(opening.map(({ type, seq }) => [type, seq])).toEqual([
      ['subscribed', undefined],
      ['orderbook_snapshot', 1],
      ['orderbook_snapshot', 2],
    ]);
    expect(opening[1]!.msg).toEqual(snapshot('KXA-1-T5', 1, [['0.4000', '10.00']], [['0.5000', '5.00']]).msg);
    replay.begin();
    await replay.ended;
    await client.settle();
    const rest = client.messages().slice(3);
    expect(rest.map(({ type, sid, seq, msg }) => [type, sid, seq, msg])).toEqual([
      ['orderbook_delta', 1, 3, delta('KXA-1-T5', 'yes', '0.4000', '2.50', 0).msg],
      ['orderbook_delta', 1, 4, delta('KXB-1-T5', 'no', '0.7000', '4.00', 0).msg],
      ['orderbook_snapshot', 1, 5, snapshot('KXA-1-T5', 0, [['0.4000', '12.50']], []).msg],
    ]);
    expect(replay.status()).toMatchObject({ state: 'ended', played: 7, messages: 7, skipped: 1 });
  });

  it('sends what a channel has only to who subscribed it', async () => {
    const replay = await replayed([recording('channels.jsonl', KALSHI)]);
    const client = await kalshi(replay);
    await client.command('subscribe', { channels: ['trade'] });
    replay.begin();
    await replay.ended;
    await client.settle();
    expect(
      client
        .messages()
        .slice(1)
        .map(({ type, seq }) => [type, seq]),
    ).toEqual([['trade', 1]]);
  });

  it('gives one who comes late the book as it has become', async () => {
    const replay = await replayed([recording('late.jsonl', KALSHI.slice(0, 6))]);
    replay.begin();
    await replay.ended;
    const client = await kalshi(replay);
    const replies = await client.command('subscribe', books('KXA-1-T5', 'KXB-1-T5'));
    expect(replies[1]!.msg).toMatchObject({
      yes_dollars_fp: [['0.4000', '12.50']],
      no_dollars_fp: [['0.5000', '5.00']],
    });
    expect(replies[2]!.msg).toMatchObject({
      yes_dollars_fp: [['0.1000', '1.00']],
      no_dollars_fp: [['0.7000', '4.00']],
    });
  });

  it('turns NO prices into the convention that the client asks for, whichever it was recorded in', async () => {
    const sent = {
      sent: JSON.stringify({
        id: 1,
        cmd: 'subscribe',
        params: { channels: ['orderbook_delta'], use_yes_price: true },
      }),
    };
    for (const isYes of [false, true]) {
      const lines = [...(isYes ? [[0, sent] as const] : []), ...KALSHI];
      const replay = await replayed([recording(`convention-${isYes}.jsonl`, lines)]);
      for (const asksYes of [false, true]) {
        const client = await kalshi(replay);
        await client.command('subscribe', { ...books('KXA-1-T5', 'KXB-1-T5'), use_yes_price: asksYes });
      }
      replay.begin();
      await replay.ended;
      for (const client of clients) await client.settle();
      const [plain, yes] = clients.map(
        (client) => client.messages().find(({ msg }) => msg.side === 'no')!.msg.price_dollars,
      );
      const [opening, yesOpening] = clients.map(
        (client) => client.messages().find(({ msg }) => 'no_dollars_fp' in msg)!.msg.no_dollars_fp,
      );
      expect([plain, yes]).toEqual(isYes ? ['0.3000', '0.7000'] : ['0.7000', '0.3000']);
      expect([opening, yesOpening]).toEqual([[['0.5000', '5.00']], [['0.5000', '5.00']]]);
      for (const client of clients.splice(0)) client.socket.terminate();
      await replay.stop();
      running = null;
    }
  });

  it('is listed by REST with its books, so that a registry finds every market', async () => {
    const replay = await replayed([recording('listed.jsonl', KALSHI)]);
    const rest = replay.ready.kalshi!.rest;
    const { body } = await get(`${rest}/markets?limit=1000&status=open&mve_filter=exclude`);
    expect(
      body.markets.map(({ ticker, event_ticker, status }: Record<string, string>) => [
        ticker,
        event_ticker,
        status,
      ]),
    ).toEqual([
      ['KXA-1-T5', 'KXA-1', 'active'],
      ['KXB-1-T5', 'KXB-1', 'active'],
      ['KXC-1-T5', 'KXC-1', 'active'],
    ]);
    const found = await get(`${rest}/markets/orderbooks?tickers=KXA-1-T5&tickers=KXC-1-T5`);
    expect(found.body.orderbooks).toEqual([
      {
        ticker: 'KXA-1-T5',
        orderbook_fp: { yes_dollars: [['0.4000', '10.00']], no_dollars: [['0.5000', '5.00']] },
      },
      { ticker: 'KXC-1-T5', orderbook_fp: { yes_dollars: [], no_dollars: [] } },
    ]);
    expect(replay.ready.polymarket).toBeUndefined();
  });

  it('waits until enough connections have subscribed every instrument and channel', async () => {
    const replay = await replayed([recording('waits.jsonl', KALSHI)], { waitSubscriptions: 2 });
    const first = await kalshi(replay);
    const second = await kalshi(replay);
    for (const client of [first, second]) await client.command('subscribe', { channels: ['trade'] });
    await first.command('subscribe', books('KXA-1-T5', 'KXB-1-T5', 'KXC-1-T5'));
    await second.command('subscribe', books('KXA-1-T5', 'KXB-1-T5'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(replay.state).toBe('waiting');
    expect(replay.unsubscribed()).toEqual(['KXC-1-T5']);
    await second.command('update_subscription', {
      sid: 2,
      action: 'add_markets',
      market_tickers: ['KXC-1-T5'],
    });
    await replay.ended;
    for (const client of [first, second]) {
      await client.settle();
      expect(client.messages().filter(({ type }) => type === 'orderbook_delta').length).toBe(3);
    }
  });

  it('frees the places of sessions that are closed, or over and without sockets', async () => {
    const file = recording('sessions.jsonl', KALSHI);
    const replay = await replayed([file], { waitSubscriptions: 0, mostSessions: 2 });
    const state = async (control: string) => (await get(`${control}/control/status`)).body.state;
    const open = async (): Promise<OpenedSession> => {
      const session = (await replay.open('max'))!;
      while ((await state(session.control)) !== 'ended');
      return session;
    };
    const [first, second] = [await open(), await open()];
    const stream = new Client(`${second.stream}?speed=max`, {});
    clients.push(stream);
    await stream.opened;
    const third = await open();
    await expect(state(first.control)).rejects.toThrow('fetch failed');
    expect(await state(second.control)).toBe('ended');
    const venue = new Client(`${third.stream}?speed=max`, {});
    clients.push(venue);
    await venue.opened;
    const control = `${replay.ready.control}/control/sessions`;
    const asked = async (method: string, path = ''): Promise<number> =>
      (await fetch(`${control}${path}`, { method })).status;
    expect(await asked('POST')).toBe(429);
    expect(await asked('DELETE', '/99')).toBe(404);
    expect(await asked('DELETE', `/${third.session}`)).toBe(200);
    await expect(state(third.control)).rejects.toThrow('fetch failed');
    expect(await asked('POST')).toBe(200);
  });

  it('keeps the distances of the recording, N times as fast', async () => {
    const replay = await replayed([recording('timed.jsonl', KALSHI)], { speed: 2 });
    const client = await kalshi(replay);
    await client.command('subscribe', books('KXA-1-T5', 'KXB-1-T5'));
    const times: number[] = [];
    client.socket.on('message', () => times.push(Date.now()));
    const started = Date.now();
    replay.begin();
    await replay.ended;
    const took = Date.now() - started;
    expect(took).toBeGreaterThanOrEqual(295);
    expect(took).toBeLessThan(1_500);
    await client.settle();
    expect(times[1]! - times[0]!).toBeGreaterThan(120);
  });
});

const YES = '111111111111111111';
const NO = '222222222222222222';
const POLYMARKET = [
  [
    0,
    {
      frame: JSON.stringify([
        {
          market: '0xa',
          asset_id: YES,
          timestamp: '1',
          hash: 'h1',
          bids: [{ price: '0.4', size: '10' }],
          asks: [{ price: '0.6', size: '3' }],
          tick_size: '0.01',
          event_type: 'book',
        },
        {
          market: '0xa',
          asset_id: NO,
          timestamp: '1',
          hash: 'h2',
          bids: [{ price: '0.4', size: '3' }],
          asks: [{ price: '0.6', size: '10' }],
          event_type: 'book',
        },
      ]),
    },
  ],
  [0, 'PONG'],
  [
    10,
    frame({
      market: '0xa',
      timestamp: '2',
      event_type: 'price_change',
      price_changes: [
        {
          asset_id: YES,
          price: '0.41',
          size: '7',
          side: 'BUY',
          hash: 'h3',
          best_bid: '0.41',
          best_ask: '0.6',
        },
        {
          asset_id: NO,
          price: '0.59',
          size: '7',
          side: 'SELL',
          hash: 'h4',
          best_bid: '0.4',
          best_ask: '0.59',
        },
      ],
    }),
  ],
  [
    20,
    frame({
      market: '0xa',
      asset_id: YES,
      price: '0.41',
      size: '1',
      side: 'SELL',
      timestamp: '2',
      event_type: 'last_trade_price',
    }),
  ],
  [
    30,
    frame({
      market: '0xa',
      asset_id: YES,
      best_bid: '0.41',
      best_ask: '0.6',
      timestamp: '2',
      event_type: 'best_bid_ask',
    }),
  ],
  [40, frame({ market: '0xb', assets_ids: ['5', '6'], timestamp: '3', event_type: 'new_market' })],
  [
    50,
    frame({
      market: '0xa',
      asset_id: YES,
      timestamp: '4',
      hash: 'h5',
      bids: [],
      asks: [],
      event_type: 'book',
    }),
  ],
] as const;

describe('a Polymarket recording that is replayed', () => {
  it('gives the first books as one array, and then each message to whom it concerns', async () => {
    const replay = await replayed([recording('polymarket.jsonl', POLYMARKET)]);
    const plain = await polymarket(replay);
    const extra = await polymarket(replay);
    plain.send({ assets_ids: [YES, NO], type: 'market' });
    extra.send({ assets_ids: [NO], type: 'market', custom_feature_enabled: true });
    for (const client of [plain, extra]) await client.settle();
    expect(JSON.parse(plain.frames[0]!).map(({ hash }: { hash: string }) => hash)).toEqual(['h1', 'h2']);
    replay.begin();
    await replay.ended;
    for (const client of [plain, extra]) await client.settle();
    expect(plain.frames.slice(1).map((text) => JSON.parse(text).event_type)).toEqual([
      'price_change',
      'last_trade_price',
      'book',
    ]);
    expect(plain.frames[1]).toBe((POLYMARKET[2][1] as { frame: string }).frame);
    expect(extra.frames.slice(1).map((text) => JSON.parse(text).event_type)).toEqual([
      'price_change',
      'new_market',
    ]);
  });

  it('is listed by Gamma and the CLOB, with the books as they have become', async () => {
    const replay = await replayed([recording('polymarket-rest.jsonl', POLYMARKET.slice(0, 3))]);
    const { gamma, clob } = replay.ready.polymarket!;
    const { body } = await get(
      `${gamma}/markets?limit=500&offset=0&order=id&ascending=true&closed=false&archived=false`,
    );
    expect(body.length).toBe(1);
    expect(JSON.parse(body[0].clobTokenIds)).toEqual([YES, NO]);
    expect(body[0]).toMatchObject({ conditionId: '0xa', enableOrderBook: true, active: true, closed: false });
    expect((await get(`${clob}/book?token_id=${YES}`)).body).toMatchObject({
      hash: 'h1',
      bids: [{ price: '0.4', size: '10' }],
    });
    replay.begin();
    await replay.ended;
    expect((await get(`${clob}/book?token_id=${YES}`)).body).toMatchObject({
      hash: 'h3',
      timestamp: '2',
      bids: [
        { price: '0.4', size: '10' },
        { price: '0.41', size: '7' },
      ],
      asks: [{ price: '0.6', size: '3' }],
    });
    expect((await get(`${clob}/book?token_id=9`)).status).toBe(404);
  });
});

describe('a recording', () => {
  it('that holds nothing to replay, or is not there, is refused by name', async () => {
    const empty = recording('empty.jsonl', [[0, 'PONG']]);
    await expect(replayed([empty])).rejects.toThrow(/empty\.jsonl: no message/);
    await expect(replayed([join(folder, 'absent.jsonl')])).rejects.toThrow(/absent/);
  });

  it('of both venues is served on both, and a folder stands for the recordings in it', async () => {
    const inner = mkdtempSync(join(folder, 'both-'));
    for (const [name, lines] of [
      ['a.jsonl', KALSHI],
      ['b.jsonl.gz', POLYMARKET],
    ] as const) {
      const file = recording(name, lines as typeof KALSHI);
      writeFileSync(join(inner, name), (await import('node:fs')).readFileSync(file));
    }
    writeFileSync(join(inner, 'notes.txt'), 'not a recording');
    const replay = await replayed([inner]);
    expect([...replay.survey.tickers]).toEqual(['KXA-1-T5', 'KXB-1-T5', 'KXC-1-T5']);
    expect([...replay.survey.tokens.keys()]).toEqual([YES, NO]);
    expect(replay.ready.kalshi).toBeDefined();
    expect(replay.ready.polymarket).toBeDefined();
  });

  it('is taken apart into messages by form: replies and heartbeats are none, junk is null', () => {
    expect(recordedMessages('PONG')).toEqual([]);
    expect(recordedMessages('{"id":1,"type":"ok","sid":1,"seq":4,"msg":{}}')).toEqual([]);
    for (const junk of ['{', '7', '"x"', 'null', '{}', '{"type":"x","msg":7}', '[{}]'])
      expect(recordedMessages(junk), junk).toBeNull();
    expect(
      recordedMessages(
        '{"market":"0xa","price_changes":[{"asset_id":"1"},{"asset_id":"2"},{"asset_id":"1"}]}',
      ),
    ).toMatchObject([{ venue: 'polymarket', type: 'price_change', instruments: ['1', '2'] }]);
  });
});

describe('the connections of a recording', () => {
  it('count one at a time for each market: the one that brought the last whole book', () => {
    const ownership = new Ownership();
    const [opening, change] = [
      snapshot('KXA-1-T5', 1, [], []),
      delta('KXA-1-T5', 'yes', '0.4000', '1.00', 2),
    ].map((body) => recordedMessages(JSON.stringify(body))![0]!) as [RecordedMessage, RecordedMessage];
    expect(ownership.accepts(change, 'first#1')).toBe(true);
    expect(ownership.accepts(change, 'second#1')).toBe(false);
    expect(ownership.accepts(opening, 'second#1')).toBe(true);
    expect(ownership.accepts(change, 'second#1')).toBe(true);
    expect(ownership.accepts(change, 'first#1')).toBe(false);
    expect(ownership.accepts({ ...change, sid: 9 } as RecordedMessage, 'second#1')).toBe(false);
    const [trade] = recordedMessages('{"asset_id":"1","event_type":"last_trade_price"}')!;
    expect([
      ownership.accepts(trade!, 'x'),
      ownership.accepts(trade!, 'y'),
      ownership.accepts(trade!, 'x'),
    ]).toEqual([true, false, true]);
  });
});

describe('a recording that is written', () => {
  it('holds frames, commands and binary frames as they were, plain or compressed', async () => {
    for (const name of ['w.jsonl', 'w.jsonl.gz', 'w.jsonl.zst']) {
      const file = join(folder, name);
      const writer = new RecordingWriter(file, () => {});
      writer.sent(5 as Micros, 'a#1', '{"cmd":"subscribe"}');
      writer.received(6 as Micros, 'a#1', '{"type":"x"}');
      writer.received(7 as Micros, 'a#1', new Uint8Array([1, 255]));
      expect(writer.frames).toBe(2);
      await writer.close();
      const lines = [];
      for await (const { recorded } of readRecording(file)) lines.push(recorded);
      expect(lines).toEqual([
        { t: 5, conn: 'a#1', sent: '{"cmd":"subscribe"}' },
        { t: 6, conn: 'a#1', frame: '{"type":"x"}' },
        { t: 7, conn: 'a#1', binary: 'Af8=' },
      ]);
    }
  });

  it('tells once that it cannot be written', async () => {
    const failed: Error[] = [];
    const writer = new RecordingWriter(join(folder, 'none', 'w.jsonl'), (error) => failed.push(error));
    writer.received(6 as Micros, 'a#1', '{}');
    while (failed.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    writer.received(7 as Micros, 'a#1', '{}');
    await expect(writer.close()).rejects.toThrow('ENOENT');
    expect(failed.length).toBe(1);
  });
});

describe('a recording on a full disk', () => {
  it.skipIf(!existsSync('/dev/full')).each(['full.jsonl', 'full.jsonl.gz', 'full.jsonl.zst'])(
    'fails as %s, and keeps nobody waiting who waits for the file',
    async (name) => {
      const file = join(folder, name);
      symlinkSync('/dev/full', file);
      const failed: Error[] = [];
      const writer = new RecordingWriter(file, (error) => failed.push(error));
      // More than any buffer on the way takes, and nothing that could be packed.
      const frame = randomBytes(1 << 20);
      while (failed.length === 0) {
        writer.received(6 as Micros, 'a#1', frame);
        await writer.written();
      }
      expect(writer.written()).toBeUndefined();
      await expect(writer.close()).rejects.toThrow('ENOSPC');
      expect(failed).toHaveLength(1);
    },
  );
});

describe('the pace of a replay', () => {
  it('divides distances by the speed, cuts long pauses, and never goes back', () => {
    const pace = new PlaybackPace(2, 1_000 as Micros, 50);
    const due = [100, 120, 110, 130, 1_130].map((at) => pace.due(at as Micros));
    expect(due).toEqual([1_000, 1_010, 1_010, 1_015, 1_065]);
    pace.delay(7);
    expect(pace.due(1_130 as Micros)).toBe(1_072);
    const fast = new PlaybackPace('max', 5 as Micros);
    expect([1, 1_000_000].map((at) => fast.due(at as Micros))).toEqual([5, 5]);
  });

  it('is read from a factor or max', () => {
    expect(parseSpeed('max')).toBe('max');
    expect(parseSpeed('0.5')).toBe(0.5);
    for (const text of ['', '0', '-1', 'fast', 'Infinity'])
      expect(() => parseSpeed(text)).toThrow(PlaybackSpeedError);
  });
});
