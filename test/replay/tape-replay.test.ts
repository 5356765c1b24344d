import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Client as Session } from 'pg';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { MarketEvent } from '#src/events/event.ts';
import { hashKey } from '#src/events/identity.ts';
import { playEvents } from '#src/replay/event-playback.ts';
import { type Clock, type Micros, systemClock } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { replayCommand } from '../../cli/commands/replay.ts';
import { Replay, type ReplayOptions } from '../../sim/replay/replay.ts';
import { delta, lifecycle, type Row, snapshot, store, T0, ticker, trade } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { Client, get, KalshiClient, kalshiKey, privatePem } from '../sim/support.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const folder = mkdtempSync(join(tmpdir(), 'tape-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Polymarket's times are whole milliseconds. */
const START = T0 - (T0 % 1_000_000);
const at = (seconds: number): number => START + seconds * 1_000_000;
let database: TestDatabase;
let session: Session;
let files = 0;
let shared: Promise<string> | null = null;
const running: Replay[] = [];
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await Promise.all(running.splice(0).map((replay) => replay.stop()));
});

const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 7 });
const put = (table: string, rows: Row[]) => store(session, table, rows.map(onTape));

/** A Kalshi market and a Polymarket token over ten seconds; the token's market has another name. */
async function fill(): Promise<void> {
  database = await databases.fresh('production');
  session = await database.connect();
  const p = { venue: 'polymarket', instrument: 'P1' };
  const hashed = (hash: string) => ({ ...p, is_absolute: true, hash, hash_key: hashKey(hash) });
  await session.query(
    `INSERT INTO instruments (venue, market, instrument, outcome, position, updated_at) VALUES ('polymarket', '0xm', 'P1', 'Yes', 0, 0)`,
  );
  await put('order_book_snapshots', [
    snapshot({
      instrument: 'K1',
      snapshot_ts: at(0),
      source: 'engine',
      bids: [400_000, 5_000_000],
      asks: [600_000, 7_000_000],
    }),
    // Equal to what the changes make of the book: no news.
    snapshot({
      instrument: 'K1',
      snapshot_ts: at(3),
      source: 'engine',
      bids: [400_000, 7_000_000],
      asks: [600_000, 7_000_000],
    }),
    // As after a gap: not what the changes make.
    snapshot({
      instrument: 'K1',
      snapshot_ts: at(6),
      source: 'engine',
      bids: [410_000, 1_000_000],
      asks: [],
    }),
    snapshot({
      ...p,
      snapshot_ts: at(0),
      exchange_ts: at(0),
      source: 'ws',
      bids: [300_000, 1_500_000],
      asks: [310_000, 2_000_000],
    }),
    snapshot({
      ...p,
      snapshot_ts: at(5),
      exchange_ts: at(5),
      source: 'ws',
      bids: [],
      asks: [320_000, 9_000_000],
      hash: 'bb',
      hash_key: hashKey('bb'),
      instant_index: 1,
    }),
  ]);
  await put('order_book_deltas', [
    delta({
      instrument: 'K1',
      exchange_ts: at(2) + 17,
      side: 'bid',
      price: 400_000,
      amount: 2_000_000,
      received_at: at(2) + 100,
    }),
    delta({
      instrument: 'K1',
      exchange_ts: at(7),
      side: 'ask',
      price: 555_500,
      amount: 120_000,
      received_at: at(7) + 9,
    }),
    delta({
      ...hashed('aa'),
      exchange_ts: at(4),
      side: 'bid',
      price: 305_000,
      amount: 4_000_000,
      instant_index: 0,
      received_at: at(4) + 5,
    }),
    delta({
      ...hashed('ab'),
      exchange_ts: at(4),
      side: 'bid',
      price: 300_000,
      amount: 0,
      instant_index: 1,
      received_at: at(4) + 5,
    }),
    delta({
      ...hashed('ac'),
      exchange_ts: at(5),
      side: 'bid',
      price: 305_000,
      amount: 0,
      instant_index: 0,
      received_at: at(5) + 1,
    }),
    delta({
      ...hashed('ad'),
      exchange_ts: at(5),
      side: 'ask',
      price: 321_000,
      amount: 1_000_000,
      instant_index: 1,
      received_at: at(5) + 3,
    }),
  ]);
  await put('trades', [
    trade({
      instrument: 'K1',
      trade_id: 'k',
      exchange_ts: at(2),
      price: 600_000,
      size: 1_000_000,
      taker_side: 'buy',
      received_at: at(2) + 50,
    }),
  ]);
  await put('tickers', [ticker({ instrument: 'K1', exchange_ts: at(8), received_at: at(8) + 5 })]);
  await put('market_lifecycle', [
    lifecycle({
      subject: 'K1',
      instruments: ['K1'],
      type: 'determined',
      status: 'determined',
      details: { market_ticker: 'K1', event_type: 'determined' },
      at: at(9),
      exchange_ts: null,
      received_at: at(9),
    }),
  ]);
}

/** The span of the tape as a recording, made by the command. */
async function recorded(...values: string[]): Promise<string> {
  const file = join(folder, `${files++}.jsonl.zst`);
  await recordedAs(file, ...values);
  return file;
}

async function recordedAs(file: string, ...values: string[]): Promise<void> {
  const openDatabase = async () => ({ client: await database.connect(), close: async () => {} });
  await outputOf(replayCommand({ openDatabase }), '--save', file, ...values);
}

async function eventsOf(file: string): Promise<MarketEvent[]> {
  const events: MarketEvent[] = [];
  for await (const event of playEvents([file])) events.push(event);
  return events;
}

const whole = ['--from', String(at(1)), '--to', String(at(10))];

/** The same for every test that only plays it. */
async function sharedRecording(): Promise<string> {
  shared ??= fill().then(() => recorded(...whole));
  return await shared;
}

async function served(file: string, options: Partial<ReplayOptions> = {}): Promise<Replay> {
  const replay = await Replay.start({
    paths: [file],
    speed: 'max',
    clock: systemClock(),
    kalshiKey,
    waitSubscriptions: 99,
    ...options,
  });
  running.push(replay);
  return replay;
}

async function kalshi(ready: Replay['ready']): Promise<KalshiClient> {
  const sign = kalshiSigner(kalshiKey.id, privatePem, systemClock());
  const client = new KalshiClient(ready.kalshi!.ws, { ...sign('GET', '/trade-api/ws/v2') });
  clients.push(client);
  await client.opened;
  return client;
}

async function plain(url: string): Promise<Client> {
  const client = new Client(url, {});
  clients.push(client);
  await client.opened;
  return client;
}

/** Waits for as many messages as there are to come. */
async function arrived(client: Client, count: number): Promise<Row[]> {
  while (client.messages().length < count)
    await new Promise((resolve) => client.socket.once('message', resolve));
  return client.messages();
}

const post = async (url: string, body: unknown): Promise<Row> =>
  (await (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).json()) as Row;

describe('a span of the tape as the venues would send it', () => {
  it('is read back by the venues’ decoders as what the tape holds, books first', async () => {
    await fill();
    const events = (await eventsOf(await recorded(...whole))) as unknown as Row[];
    const shown = events.map(({ kind, instrument, market, exchange_ts, received_at, ...rest }) => [
      kind,
      instrument ?? market,
      exchange_ts === null ? null : ((exchange_ts as number) - START) / 1_000_000,
      (received_at as number) - START,
      rest,
    ]);
    const book = (kind: string, bids: unknown, asks: unknown, more: Row = {}) =>
      expect.objectContaining({ venue: kind, source: 'ws', bids, asks, ...more });
    expect(shown).toEqual([
      [
        'book_snapshot',
        'K1',
        null,
        1_000_000,
        book('kalshi', [[400_000, 5_000_000]], [[600_000, 7_000_000]]),
      ],
      [
        'book_snapshot',
        'P1',
        0.999,
        1_000_000,
        book('polymarket', [[300_000, 1_500_000]], [[310_000, 2_000_000]]),
      ],
      [
        'trade',
        'K1',
        2,
        2_000_050,
        expect.objectContaining({
          trade_id: 'k',
          price: 600_000,
          size: 1_000_000,
          taker_side: 'buy',
          is_block: false,
        }),
      ],
      [
        'book_delta',
        'K1',
        2.000017,
        2_000_100,
        { venue: 'kalshi', side: 'bid', price: 400_000, change: 2_000_000 },
      ],
      [
        'book_delta',
        'P1',
        4,
        4_000_005,
        { venue: 'polymarket', side: 'bid', price: 305_000, size: 4_000_000, hash: 'aa' },
      ],
      [
        'book_delta',
        'P1',
        4,
        4_000_005,
        { venue: 'polymarket', side: 'bid', price: 300_000, size: 0, hash: 'ab' },
      ],
      [
        'book_delta',
        'P1',
        5,
        5_000_001,
        { venue: 'polymarket', side: 'bid', price: 305_000, size: 0, hash: 'ac' },
      ],
      [
        'book_snapshot',
        'P1',
        5,
        expect.any(Number),
        book('polymarket', [], [[320_000, 9_000_000]], { hash: 'bb' }),
      ],
      [
        'book_delta',
        'P1',
        5,
        5_000_003,
        { venue: 'polymarket', side: 'ask', price: 321_000, size: 1_000_000, hash: 'ad' },
      ],
      ['book_snapshot', 'K1', null, expect.any(Number), book('kalshi', [[410_000, 1_000_000]], [])],
      ['book_delta', 'K1', 7, 7_000_009, { venue: 'kalshi', side: 'ask', price: 555_500, change: 120_000 }],
      ['ticker', 'K1', 8, 8_000_005, expect.objectContaining({ bid: 400_000 })],
      [
        'lifecycle',
        'K1',
        null,
        9_000_000,
        expect.objectContaining({ type: 'determined', status: 'determined' }),
      ],
    ]);
  });

  it('is the same bytes whenever it is made, and only of the instruments asked for', async () => {
    await fill();
    const [once, again] = [await recorded(...whole), await recorded(...whole)];
    expect(await eventsOf(once)).toEqual(await eventsOf(again));
    const some = await eventsOf(await recorded(...whole, '--instrument', 'P1'));
    expect(new Set(some.map((event) => ('instrument' in event ? event.instrument : null)))).toEqual(
      new Set(['P1']),
    );
  });

  it('has what came without a venue time once, as a line saw it that was there', async () => {
    await fill();
    const untimed = (line: number, seconds: number): Row => ({
      exchange_ts: at(seconds) + line,
      received_at: at(seconds) + line,
      quality: 16,
      lines: line,
    });
    // Line a is in a gap from 4 to 6 s, b begins to expect K1 at 5 s, c never did.
    const gap = (line: string, from: number, to: number, cause: string): Promise<unknown> =>
      session.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ($1, $2, 'kalshi', 'K1', $3, $4, $5)`,
        [line, `${line}:${from}`, at(from), at(to), cause],
      );
    await gap('a', -10, -9, 'startup');
    await gap('a', 4, 6, 'disconnected');
    await gap('b', 5, 5, 'not_subscribed');
    for (const [second, lines] of [
      [2, [1]],
      [4.5, [1]],
      [5.5, [1, 2]],
      [7, [1, 2]],
    ] as const) {
      for (const line of lines) {
        const row = { instrument: 'K1', price: 10_000 * second, amount: 1_000_000, ...untimed(line, second) };
        await store(session, 'order_book_deltas', [{ ...onTape(delta(row)), lines: line }]);
        await store(session, 'tickers', [
          { ...onTape(ticker({ instrument: 'K1', ...untimed(line, second) })), lines: line },
        ]);
      }
    }
    // Its id says that it is one, whoever saw it.
    const seenByB = trade({ instrument: 'K1', trade_id: 'b', ...untimed(2, 3) });
    await store(session, 'trades', [{ ...onTape(seenByB), lines: 2 }]);
    const events = await eventsOf(await recorded(...whole, '--venue', 'kalshi'));
    const untimedOf = (kind: string): number[] =>
      events
        .filter((event) => event.kind === kind && event.exchange_ts === null)
        .map(({ received_at }) => received_at - START);
    expect(untimedOf('trade')).toEqual([3_000_002]);
    for (const kind of ['book_delta', 'ticker'])
      expect(untimedOf(kind), kind).toEqual([2_000_001, 4_500_001, 5_500_002, 7_000_001]);
  });

  it('has of an event or a series what was announced of it and of its markets, and nothing else', async () => {
    await fill();
    await session.query(
      `INSERT INTO markets (venue, market, event, series, title, status, details, updated_at) VALUES
         ('kalshi', 'K1', 'E1', 'S', '', 'active', '{}', 1), ('polymarket', '0xm', 'E2', 'S2', '', 'active', '{}', 1)`,
    );
    await session.query(
      `INSERT INTO instruments (venue, market, instrument, outcome, position, updated_at) VALUES ('kalshi', 'K1', 'K1', 'YES', 0, 0)`,
    );
    const told = (subject: string, more: Row = {}): Row =>
      lifecycle({
        ...{ subject, type: 'activated', at: at(9), received_at: at(9), instruments: [] },
        details: { market_ticker: subject, event_type: 'activated' },
        ...more,
      });
    await put('market_lifecycle', [
      told('K2'),
      told('E1', { is_event: true, type: 'event_lifecycle', details: { event_ticker: 'E1' } }),
      told('E9', { is_event: true, type: 'event_lifecycle', details: { event_ticker: 'E9' } }),
    ]);
    const announced = async (...values: string[]): Promise<unknown[]> => {
      const events = await eventsOf(await recorded(...whole, ...values));
      return events
        .flatMap((event) => (event.kind === 'lifecycle' ? [event.market ?? event.event] : []))
        .sort();
    };
    expect(await announced()).toEqual(['E1', 'E9', 'K1', 'K2']);
    expect(await announced('--event', 'E1')).toEqual(['E1', 'K1']);
    expect(await announced('--series', 'S')).toEqual(['E1', 'K1']);
    expect(await announced('--event', 'E2')).toEqual([]);
  });

  it('says in one line what it does not take', async () => {
    session = await (await databases.fresh('production')).connect();
    const run = (...values: string[]) =>
      outputOf(
        replayCommand({ openDatabase: async () => ({ client: session, close: async () => {} }) }),
        ...values,
      );
    await expect(run()).rejects.toThrow('name recordings, or --from and --to for a span of the tape');
    for (const option of ['venue', 'instrument', 'event', 'series', 'from', 'to', 'save'])
      await expect(run('some.jsonl', `--${option}`, 'kalshi')).rejects.toThrow(
        `--${option}: for a span of the tape; recordings are served whole`,
      );
    const command = replayCommand().options.map(({ long }) => long);
    expect(command).not.toContain('--limit');
    await expect(run('--from', String(at(2)), '--to', String(at(1)))).rejects.toThrow(
      '--from has to be before',
    );
    await expect(run(...whole, '--save', join(folder, 'empty.jsonl'))).rejects.toThrow(
      'the tape has nothing',
    );
  });
});

describe('a recording of the tape that is saved under a link', () => {
  it('goes into a pipe that has no name any more, compressed as the name that was given says', async () => {
    await fill();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Where nothing was written, reading fails and does not wait.
    const end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      rmSync(pipe);
      const link = join(folder, 'into-a-pipe.jsonl.gz');
      symlinkSync(`/dev/fd/${end}`, link);
      await recordedAs(link, ...whole);
      const got = Buffer.alloc(65_536);
      const text = gunzipSync(got.subarray(0, readSync(end, got))).toString();
      expect(JSON.parse(text.split('\n')[0]!)).toMatchObject({ conn: expect.any(String) });
    } finally {
      closeSync(end);
    }
  });

  it('takes the place of the file that the link leads to, compressed as the name that was given says', async () => {
    await fill();
    const file = join(folder, 'kept-elsewhere');
    writeFileSync(file, 'before');
    const link = join(folder, 'link.jsonl.zst');
    symlinkSync(file, link);
    await recordedAs(link, ...whole);
    expect(zstdDecompressSync(readFileSync(file)).length).toBeGreaterThan(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });
});

describe('a replay of the tape', () => {
  it('gives clients of both venues the books first, then what they subscribed to, with best prices beside changes', async () => {
    const replay = await served(await sharedRecording());
    const [trader, other, poly] = [
      await kalshi(replay.ready),
      await kalshi(replay.ready),
      await plain(replay.ready.polymarket!.ws),
    ];
    const opening = await trader.command('subscribe', {
      channels: ['orderbook_delta'],
      market_tickers: ['K1'],
    });
    expect(opening[1]).toMatchObject({
      type: 'orderbook_snapshot',
      seq: 1,
      msg: { yes_dollars_fp: [['0.4000', '5.00']], no_dollars_fp: [['0.4000', '7.00']] },
    });
    await other.command('subscribe', { channels: ['trade'] });
    poly.send({ type: 'market', assets_ids: ['P1'] });
    await arrived(poly, 1);
    replay.begin();
    await replay.ended;
    for (const client of clients) await client.settle();
    expect(
      trader
        .messages()
        .slice(2)
        .map(({ type, seq, msg }) => [type, seq, msg.price_dollars ?? null]),
    ).toEqual([
      ['orderbook_delta', 2, '0.4000'],
      ['orderbook_snapshot', 3, null],
      ['orderbook_delta', 4, '0.4445'],
    ]);
    expect(
      other
        .messages()
        .slice(1)
        .map(({ msg }) => msg.trade_id),
    ).toEqual(['k']);
    expect(
      poly
        .messages()
        .map(({ event_type, market, price_changes }) => [
          event_type,
          market,
          price_changes?.map((entry: Row) => [
            entry['price'],
            entry['size'],
            entry['best_bid'],
            entry['best_ask'],
          ]),
        ]),
    ).toEqual([
      ['book', '0xm', undefined],
      [
        'price_change',
        '0xm',
        [
          ['0.305', '4', '0.305', '0.31'],
          ['0.3', '0', '0.305', '0.31'],
        ],
      ],
      ['price_change', '0xm', [['0.305', '0', '0', '0.31']]],
      ['book', '0xm', undefined],
      ['price_change', '0xm', [['0.321', '1', '0', '0.32']]],
    ]);
  });

  it('goes to another time when it is told to, and gives the books as they were then', async () => {
    const replay = await served(await sharedRecording());
    const client = await kalshi(replay.ready);
    await client.command('subscribe', { channels: ['orderbook_delta'], market_tickers: ['K1'] });
    replay.begin();
    await replay.ended;
    await client.settle();
    const before = client.messages().length;
    const control = replay.ready.control;
    expect(await post(`${control}/control/seek`, { at: 'tomorrow' })).toEqual({
      error: expect.stringContaining('not a time'),
    });
    await post(`${control}/control/seek`, { at: at(5) });
    const since = (await arrived(client, before + 3)).slice(before);
    expect(since.map(({ type, seq }) => [type, seq])).toEqual([
      ['orderbook_snapshot', 5],
      ['orderbook_snapshot', 6],
      ['orderbook_delta', 7],
    ]);
    expect(since[0]!['msg']).toMatchObject({ yes_dollars_fp: [['0.4000', '7.00']] });
  });

  it('stands still while it is paused, and opens sessions with addresses and a clock of their own', async () => {
    let now = systemClock()();
    const clock: Clock = () => now;
    const replay = await served(await sharedRecording(), { clock, speed: 1, waitSubscriptions: 0 });
    const control = `${replay.ready.control}/control`;
    const opened = (await post(`${control}/sessions`, { speed: 'max' })) as unknown as Replay['ready'];
    const status = async (ready: Replay['ready']) => (await get(`${ready.control}/control/status`)).body;
    while ((await status(opened)).state !== 'ended');
    expect((await status(opened)).played).toBeGreaterThan(10);
    // Two books and no time: nothing after them has happened on the first clock.
    while ((await status(replay.ready)).played < 2);
    await post(`${control}/pause`, {});
    now = (now + 60_000_000) as Micros;
    // Would be told to play on at once.
    await post(`${control}/speed`, { speed: 'max' });
    const another = (await post(`${control}/sessions`, { speed: 'max' })) as unknown as Replay['ready'];
    while ((await status(another)).state !== 'ended');
    expect((await status(replay.ready)).played).toBe(2);
    await post(`${control}/resume`, {});
    await replay.ended;
    expect((await status(replay.ready)).played).toBe((await status(opened)).played);
  });
});

describe('the stream of events', () => {
  it('gives everybody what they ask for at their own pace, from the books at their own time', async () => {
    const replay = await served(await sharedRecording());
    const { stream } = replay.ready;
    const all = await plain(`${stream}`);
    const some = await plain(
      `${stream}?instrument=K1&kind=book_snapshot,book_delta&from=${at(5)}&to=${at(7)}`,
    );
    const [everything, part] = [await arrived(all, 14), await arrived(some, 3)];
    expect(everything.at(-1)).toEqual({ ended: true });
    expect(part.map(({ kind, source, bids }) => [kind, source, bids])).toEqual([
      ['book_snapshot', 'engine', [[400_000, 7_000_000]]],
      ['book_snapshot', 'ws', [[410_000, 1_000_000]]],
      [undefined, undefined, undefined],
    ]);
    some.send({ cmd: 'seek', at: at(1) });
    expect((await arrived(some, 7)).slice(3).map(({ kind, ended }) => kind ?? ended)).toEqual([
      'book_snapshot',
      'book_delta',
      'book_snapshot',
      true,
    ]);
    some.send({ cmd: 'sing' });
    expect((await arrived(some, 8)).at(-1)).toEqual({ error: expect.stringContaining('cmd must be') });
  });

  it('refuses what it does not know, in words', async () => {
    const replay = await served(await sharedRecording());
    for (const [query, words] of [
      ['kind=candle', /kind must be of trade, /],
      ['from=yesterday', /not a time/],
      ['speed=0', /speed must be a number above 0/],
    ] as const) {
      const client = new Client(`${replay.ready.stream}?${query}`, {});
      const answer = new Promise<string>((resolve) => {
        client.socket.once('unexpected-response', (_, response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on('end', () => resolve(`${response.statusCode} ${text}`));
        });
      });
      expect(await answer).toMatch(words);
      expect(await answer).toMatch(/^400 /);
    }
  });
});
