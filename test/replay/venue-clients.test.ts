import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClobClient, PriceHistoryInterval, Side } from '@polymarket/clob-client';
import {
  AccountApi,
  Configuration,
  EventsApi,
  ExchangeApi,
  type GetMarketCandlesticksPeriodIntervalEnum,
  type Market,
  MarketApi,
} from 'kalshi-typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatRfc3339, type Micros, systemClock } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { replayCommand } from '../../cli/commands/replay.ts';
import { kalshiKey as madeKey } from '../../sim/arguments.ts';
import { Replay, type ReplayOptions } from '../../sim/replay/replay.ts';
import { ReplayedPolymarketListing } from '../../sim/replay/replay-listings.ts';
import { delta, type Row, snapshot, store, T0, trade } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { type Stage, stage } from '../sim/support.ts';
import { useDatabases } from '../storage/database.ts';

// The venues' own npm clients, told nothing but the base URL.

const databases = useDatabases();
const folder = mkdtempSync(join(tmpdir(), 'venue-clients-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a replay makes it. One for all: this client of Kalshi signs everything in a process with the first it is given. */
const kalshiKey = madeKey('made', undefined);
const privateKeyPem = readFileSync(kalshiKey.privateKeyFile!, 'utf8');
rmSync(dirname(kalshiKey.privateKeyFile!), { recursive: true });

const TICKER = 'KXA-1-T5';
const TOKEN = '71321045679252212594626385532706912750332728571942532289631379312455583992563';
const START = T0 - (T0 % 60_000_000);
const at = (seconds: number): number => START + seconds * 1_000_000;
const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 7 });
/** For what a seek brings about; a busy machine takes its time. */
const PATIENCE = { timeout: 60_000 };
let tape: string;
let running: Replay | null = null;
let playing: Stage | null = null;

/** A Kalshi market and a Polymarket token over ten seconds, from the tape. */
beforeAll(async () => {
  const database = await databases.fresh('production');
  const client = await database.connect();
  const put = (table: string, rows: Row[]) => store(client, table, rows.map(onTape));
  const k = { instrument: TICKER };
  const p = { venue: 'polymarket', instrument: TOKEN };
  await client.query(
    `INSERT INTO instruments (venue, market, instrument, outcome, position, updated_at) VALUES ('polymarket', '0xm', $1, 'Yes', 0, 0)`,
    [TOKEN],
  );
  await put('order_book_snapshots', [
    snapshot({
      ...k,
      snapshot_ts: at(0),
      source: 'engine',
      bids: [400_000, 5_000_000],
      asks: [600_000, 7_000_000],
    }),
    snapshot({
      ...{ ...p, snapshot_ts: at(0), exchange_ts: at(0), source: 'ws' },
      bids: [300_000, 1_500_000],
      asks: [310_000, 2_000_000],
    }),
  ]);
  await put('order_book_deltas', [
    delta({ ...k, exchange_ts: at(2), side: 'bid', price: 400_000, amount: 2_000_000, received_at: at(2) }),
    delta({ ...k, exchange_ts: at(7), side: 'ask', price: 555_500, amount: 120_000, received_at: at(7) }),
    delta({
      ...{ ...p, is_absolute: true, exchange_ts: at(4), received_at: at(4) },
      ...{ side: 'bid', price: 305_000, amount: 4_000_000 },
    }),
  ]);
  const trades = [
    { ...k, trade_id: 'first', exchange_ts: at(3), price: 600_000, size: 1_000_000, taker_side: 'buy' },
    {
      ...k,
      trade_id: 'block',
      exchange_ts: at(5),
      price: 555_500,
      size: 250_000,
      taker_side: 'sell',
      is_block: true,
    },
    { ...p, trade_id: 'p1', exchange_ts: at(6), price: 310_000, size: 3_000_000, taker_side: 'buy' },
    { ...p, trade_id: 'p2', exchange_ts: at(8), price: 305_000, size: 1_500_000, taker_side: 'sell' },
  ];
  await put(
    'trades',
    trades.map((row) => trade({ ...row, received_at: row.exchange_ts })),
  );
  tape = join(folder, 'tape.jsonl.zst');
  const openDatabase = async () => ({ client: await database.connect(), close: async () => {} });
  const span = ['--from', String(at(1)), '--to', String(at(10))];
  await outputOf(replayCommand({ openDatabase }), '--save', tape, ...span);
});

afterEach(async () => {
  await running?.stop();
  await playing?.stop();
  running = null;
  playing = null;
});

async function served(path: string, options: Partial<ReplayOptions> = {}): Promise<Replay> {
  running = await Replay.start({
    ...{ paths: [path], speed: 'max', clock: systemClock(), kalshiKey, waitSubscriptions: 99 },
    ...options,
  });
  return running;
}

async function played(path: string): Promise<Replay> {
  const replay = await served(path);
  replay.begin();
  await replay.ended;
  return replay;
}

const configured = (basePath: string): Configuration =>
  new Configuration({ basePath, apiKey: kalshiKey.id, privateKeyPem });

/** A Polymarket client keeps what it once heard of a token. */
const clob = (host: string): ClobClient => new ClobClient(host, 137);

type RequiredNames<T> = { [Name in keyof T]-?: object extends Pick<T, Name> ? never : Name }[keyof T];
/** What the venue's client promises its users to be on every market; the compiler says when it promises more. */
const onEveryMarket: Record<RequiredNames<Market>, true> = {
  ticker: true,
  event_ticker: true,
  market_type: true,
  yes_sub_title: true,
  no_sub_title: true,
  created_time: true,
  updated_time: true,
  open_time: true,
  close_time: true,
  latest_expiration_time: true,
  settlement_timer_seconds: true,
  status: true,
  yes_bid_dollars: true,
  yes_bid_size_fp: true,
  yes_ask_dollars: true,
  yes_ask_size_fp: true,
  no_bid_dollars: true,
  no_ask_dollars: true,
  last_price_dollars: true,
  volume_fp: true,
  volume_24h_fp: true,
  result: true,
  can_close_early: true,
  open_interest_fp: true,
  notional_value_dollars: true,
  previous_yes_bid_dollars: true,
  previous_yes_ask_dollars: true,
  previous_price_dollars: true,
  expiration_value: true,
  rules_primary: true,
  rules_secondary: true,
  price_level_structure: true,
  price_ranges: true,
};

describe('kalshi-typescript against a replay', () => {
  it('lists the market of a span of the tape with its book, before the play and after it', async () => {
    const replay = await served(tape);
    const markets = new MarketApi(configured(replay.ready.kalshi!.rest));
    const listed = async (): Promise<Market> => {
      const { data } = await markets.getMarkets(100, undefined, undefined, 'KXA');
      expect(data.markets.map(({ ticker }) => ticker)).toEqual([TICKER]);
      for (const name of Object.keys(onEveryMarket)) expect(data.markets[0], name).toHaveProperty(name);
      expect((await markets.getMarket(TICKER)).data.market).toEqual(data.markets[0]);
      return data.markets[0]!;
    };
    expect(await listed()).toMatchObject({
      yes_bid_dollars: '0.4000',
      yes_bid_size_fp: '5.00',
      yes_ask_dollars: '0.6000',
      no_bid_dollars: '0.4000',
      last_price_dollars: '0.0000',
      volume_fp: '0.00',
      price_level_structure: 'linear_cent',
    });
    expect((await markets.getTrades()).data).toEqual({ trades: [], cursor: '' });
    replay.begin();
    await replay.ended;
    expect(await listed()).toMatchObject({
      yes_bid_size_fp: '7.00',
      yes_ask_dollars: '0.5555',
      yes_ask_size_fp: '0.12',
      no_bid_dollars: '0.4445',
      last_price_dollars: '0.5555',
      previous_price_dollars: '0.6000',
      volume_fp: '1.25',
      price_level_structure: 'deci_cent',
    });
    const { orderbook_fp } = (await markets.getMarketOrderbook(TICKER)).data;
    expect(orderbook_fp).toEqual({
      yes_dollars: [['0.4000', '7.00']],
      no_dollars: [
        ['0.4000', '7.00'],
        ['0.4445', '0.12'],
      ],
    });
    const { orderbooks } = (await markets.getMarketOrderbooks([TICKER, 'KXNONE'])).data;
    expect(orderbooks).toEqual([{ ticker: TICKER, orderbook_fp }]);
    await expect(markets.getMarket('KXNONE')).rejects.toMatchObject({ response: { status: 404 } });
  });

  it('gets the trades of the span, newest first, by page and filter, and candles of them', async () => {
    const replay = await played(tape);
    const markets = new MarketApi(configured(replay.ready.kalshi!.rest));
    const first = (await markets.getTrades(1)).data;
    expect(first.trades).toEqual([
      {
        trade_id: 'block',
        ticker: TICKER,
        count_fp: '0.25',
        yes_price_dollars: '0.5555',
        no_price_dollars: '0.4445',
        taker_side: 'no',
        taker_outcome_side: 'no',
        taker_book_side: 'ask',
        created_time: formatRfc3339(at(5) as Micros),
        is_block_trade: true,
      },
    ]);
    const second = (await markets.getTrades(1, first.cursor)).data;
    expect([second.trades.map(({ trade_id }) => trade_id), second.cursor]).toEqual([['first'], '']);
    const ids = async (...asked: Parameters<MarketApi['getTrades']>): Promise<string[]> =>
      (await markets.getTrades(...asked)).data.trades.map(({ trade_id }) => trade_id);
    expect(await ids(10, undefined, TICKER, at(4) / 1_000_000)).toEqual(['block']);
    expect(await ids(10, undefined, TICKER, undefined, at(4) / 1_000_000)).toEqual(['first']);
    expect(await ids(10, undefined, undefined, undefined, undefined, false)).toEqual(['first']);
    expect(await ids(10, undefined, 'KXNONE')).toEqual([]);
    const [from, to] = [at(0) / 1_000_000, at(60) / 1_000_000];
    const minute: GetMarketCandlesticksPeriodIntervalEnum = 1;
    const { candlesticks } = (await markets.getMarketCandlesticks('KXA', TICKER, from, to, minute)).data;
    expect(candlesticks).toMatchObject([
      {
        end_period_ts: to,
        price: { open_dollars: '0.6000', low_dollars: '0.5555', close_dollars: '0.5555' },
        volume_fp: '1.25',
        open_interest_fp: '0.00',
        yes_bid: { close_dollars: '0.4000' },
      },
    ]);
  });

  it('is told the trades before the time that it is sent back to, and no later ones', async () => {
    const replay = await played(tape);
    const markets = new MarketApi(configured(replay.ready.kalshi!.rest));
    const { clob: host } = replay.ready.polymarket!;
    replay.pause();
    replay.seek(at(4) as Micros);
    await expect
      .poll(async () => (await markets.getTrades()).data.trades.map(({ trade_id }) => trade_id), PATIENCE)
      .toEqual(['first']);
    expect(await clob(host).getMarketTradesEvents('0xm')).toEqual([]);
    expect((await clob(host).getOrderBook(TOKEN)).timestamp).toBe(String(at(1) / 1_000 - 1));
  });

  it('signs with the key that a replay makes, and is refused with another', async () => {
    const { rest } = (await served(tape)).ready.kalshi!;
    expect((await new AccountApi(configured(rest)).getAccountApiLimits()).data).toMatchObject({
      usage_tier: 'premier',
    });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const headers = kalshiSigner(kalshiKey.id, pem, systemClock())('GET', '/trade-api/v2/account/limits');
    expect((await fetch(`${rest}/account/limits`, { headers: { ...headers } })).status).toBe(401);
  });

  it('walks every market of a recording page by page', async () => {
    const file = fileURLToPath(
      new URL('../fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz', import.meta.url),
    );
    const replay = await played(file);
    const configuration = configured(replay.ready.kalshi!.rest);
    const markets = new MarketApi(configuration);
    const tickers: string[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await markets.getMarkets(300, cursor);
      tickers.push(...data.markets.map(({ ticker }) => ticker));
      cursor = data.cursor;
    } while (cursor !== '');
    expect(tickers).toEqual([...replay.survey.tickers]);
    const { event_ticker } = (await markets.getMarket(tickers[0]!)).data.market;
    const { data } = await new EventsApi(configuration).getEvent(event_ticker, true);
    expect(data.event.markets?.map(({ ticker }) => ticker)).toContain(tickers[0]);
    expect((await new ExchangeApi(configuration).getExchangeStatus()).data.trading_active).toBe(true);
  });
});

describe('@polymarket/clob-client against a replay', () => {
  it('lists the market of a span of the tape with its book and prices, before the play and after it', async () => {
    const replay = await served(tape);
    const host = replay.ready.polymarket!.clob;
    expect(await clob(host).getOk()).toBe('OK');
    expect(Math.abs((await clob(host).getServerTime()) - Date.now() / 1_000)).toBeLessThan(600);
    const { data, next_cursor } = await clob(host).getMarkets();
    expect([data.map(({ condition_id }) => condition_id), next_cursor]).toEqual([['0xm'], 'LTE=']);
    for (const listing of [
      'getSimplifiedMarkets',
      'getSamplingMarkets',
      'getSamplingSimplifiedMarkets',
    ] as const)
      expect(
        (await clob(host)[listing]()).data.map(({ condition_id }) => condition_id),
        listing,
      ).toEqual(['0xm']);
    expect((await clob(host).getMarket('0xm')).tokens).toMatchObject([{ token_id: TOKEN, price: 0.5 }]);
    const opening = await clob(host).getOrderBook(TOKEN);
    expect(opening).toMatchObject({ asset_id: TOKEN, market: '0xm', tick_size: '0.01', neg_risk: false });
    expect(await clob(host).getTickSize(TOKEN)).toBe('0.01');

    replay.begin();
    await replay.ended;
    const book = await clob(host).getOrderBook(TOKEN);
    expect(book).toMatchObject({
      bids: [
        { price: '0.3', size: '1.5' },
        { price: '0.305', size: '4' },
      ],
      asks: [{ price: '0.31', size: '2' }],
      min_order_size: '5',
      tick_size: '0.001',
      last_trade_price: '0.305',
    });
    const hashed = ['market', 'asset_id', 'timestamp', 'hash', 'bids', 'asks', 'min_order_size'];
    expect(Object.keys(book)).toEqual([...hashed, 'tick_size', 'neg_risk', 'last_trade_price']);
    expect(await clob(host).getOrderBooks([{ token_id: TOKEN, side: Side.BUY }])).toEqual([book]);
    expect(await clob(host).getTickSize(TOKEN)).toBe('0.001');
    expect(await clob(host).getNegRisk(TOKEN)).toBe(false);
    expect(await clob(host).getFeeRateBps(TOKEN)).toBe(0);
    expect(await clob(host).getMidpoint(TOKEN)).toEqual({ mid: '0.3075' });
    expect(await clob(host).getSpread(TOKEN)).toEqual({ spread: '0.005' });
    expect(await clob(host).getPrice(TOKEN, 'SELL')).toEqual({ price: '0.31' });
    expect(await clob(host).getOrderBook('7')).toMatchObject({ status: 404 });
  });

  it('gets prices of many tokens at once, the same as one by one, and no others', async () => {
    const host = (await played(tape)).ready.polymarket!.clob;
    const ask = (...sides: Side[]) => sides.map((side) => ({ token_id: TOKEN, side }));
    const asked = [...ask(Side.BUY), { token_id: '7', side: Side.BUY }];
    expect(await clob(host).getMidpoints(asked)).toEqual({ [TOKEN]: '0.3075' });
    expect(await clob(host).getSpreads(asked)).toEqual({ [TOKEN]: '0.005' });
    expect(await clob(host).getPrices(asked)).toEqual({ [TOKEN]: { BUY: '0.305' } });
    expect(await clob(host).getPrices(ask(Side.BUY, Side.SELL))).toEqual({
      [TOKEN]: { BUY: '0.305', SELL: '0.31' },
    });
    expect(await clob(host).getLastTradesPrices(asked)).toEqual([
      { token_id: TOKEN, price: '0.305', side: 'SELL' },
    ]);
    expect(await clob(host).getMidpoints([])).toEqual({});
    expect(await clob(host).getMidpoints({} as never)).toMatchObject({ status: 400 });
  });

  it('gets the last sides of any number of tokens without going through the trades', async () => {
    const host = (await played(tape)).ready.polymarket!.clob;
    const trades = vi.spyOn(ReplayedPolymarketListing.prototype, 'trades');
    try {
      const asked = [{ token_id: TOKEN, side: Side.BUY }];
      expect(await clob(host).getLastTradesPrices(asked)).toMatchObject([{ side: 'SELL' }]);
      expect(await clob(host).getLastTradePrice(TOKEN)).toMatchObject({ side: 'SELL' });
      expect(trades).not.toHaveBeenCalled();
    } finally {
      trades.mockRestore();
    }
  });

  it('gets the prices over time out of the trades, one for each step', async () => {
    const host = (await played(tape)).ready.polymarket!.clob;
    const [first, last] = [at(6) / 1_000_000, at(8) / 1_000_000];
    const history = (more: object) => clob(host).getPricesHistory({ market: TOKEN, ...more });
    expect(await history({ interval: PriceHistoryInterval.MAX })).toEqual({
      history: [{ t: last, p: 0.305 }],
    });
    expect(await history({ startTs: first, endTs: last - 1 })).toEqual({ history: [{ t: first, p: 0.31 }] });
    expect(await history({ startTs: first, fidelity: 1 / 60 })).toEqual({
      history: [
        { t: first, p: 0.31 },
        { t: last, p: 0.305 },
      ],
    });
    expect(await history({ endTs: first - 1 })).toEqual({ history: [] });
    expect(await history({ startTs: 'soon' })).toMatchObject({ status: 400 });
  });

  it('gets the trades of the span, the last one first', async () => {
    const host = (await played(tape)).ready.polymarket!.clob;
    const told = await clob(host).getMarketTradesEvents('0xm');
    expect(told.map(({ price, size, side, timestamp }) => [price, size, side, timestamp])).toEqual([
      ['0.305', '1.5', 'SELL', String(at(8) / 1_000)],
      ['0.31', '3', 'BUY', String(at(6) / 1_000)],
    ]);
    expect(told[0]).toMatchObject({ market: { condition_id: '0xm', asset_id: TOKEN }, outcome_index: 0 });
    expect(await clob(host).getLastTradePrice(TOKEN)).toEqual({ price: '0.305', side: 'SELL' });
    expect((await clob(host).getMarket('0xm')).tokens).toMatchObject([{ price: 0.305 }]);
    expect(await clob(host).getMarketTradesEvents('0xnone')).toEqual([]);
  });
});

describe('what the frames of a recording say', () => {
  const about = { market: '0xm', asset_id: TOKEN };
  const levels = { bids: [{ price: '0.3', size: '1' }], asks: [{ price: '0.4', size: '1' }] };
  const frames = [
    {
      ...about,
      ...levels,
      timestamp: '1000',
      event_type: 'book',
      tick_size: '0.1',
      last_trade_price: '0.35',
    },
    {
      ...about,
      old_tick_size: '0.1',
      new_tick_size: '0.0001',
      timestamp: '2000',
      event_type: 'tick_size_change',
    },
    {
      ...{
        ...about,
        price: '0.4',
        size: '2',
        side: 'BUY',
        timestamp: '3000',
        event_type: 'last_trade_price',
      },
      ...{ fee_rate_bps: '7', transaction_hash: '0xt' },
    },
    // An older form, without a time of the venue, of more digits than today's.
    {
      type: 'trade',
      sid: 1,
      seq: 1,
      msg: { trade_id: 'old', market_ticker: TICKER, yes_price_dollars: '0.123456', count_fp: '1.000001' },
    },
  ];

  it('is told by REST as they say it: steps of prices, last prices, transactions, times of arrival', async () => {
    const file = join(folder, 'frames.jsonl');
    const line = (frame: unknown, index: number): string =>
      JSON.stringify({ t: at(index), conn: 'c', frame: JSON.stringify(frame) });
    writeFileSync(file, frames.map(line).join('\n'));
    const replay = await served(file);
    const { polymarket, kalshi } = replay.ready;
    const told = async () => {
      const client = clob(polymarket!.clob);
      const { tick_size, last_trade_price } = await client.getOrderBook(TOKEN);
      const { tokens, minimum_tick_size } = await client.getMarket('0xm');
      return { tick_size, minimum_tick_size, last_trade_price, price: tokens[0].price };
    };
    const first = { tick_size: '0.1', minimum_tick_size: 0.1, last_trade_price: '0.35', price: 0.35 };
    expect(await told()).toEqual(first);
    replay.begin();
    await replay.ended;
    expect(await told()).toEqual({
      tick_size: '0.0001',
      minimum_tick_size: 0.0001,
      last_trade_price: '0.4',
      price: 0.4,
    });
    const [event] = await clob(polymarket!.clob).getMarketTradesEvents('0xm');
    expect(event).toMatchObject({ transaction_hash: '0xt', fee_rate_bps: '7', timestamp: '3000' });
    const { trades } = (await new MarketApi(configured(kalshi!.rest)).getTrades()).data;
    expect(trades).toMatchObject([
      {
        trade_id: 'old',
        yes_price_dollars: '0.123456',
        no_price_dollars: '0.876544',
        count_fp: '1.000001',
        created_time: formatRfc3339(at(3) as Micros),
      },
    ]);
    expect(trades[0]).not.toHaveProperty('taker_side');
    replay.pause();
    replay.seek(at(0) as Micros);
    await expect.poll(told, PATIENCE).toEqual(first);
  });
});

describe('the venues’ clients against the simulated exchange', () => {
  it('list markets, get books and the trades that were made', async () => {
    playing = await stage({ kalshiKey }, Date.now() * 1_000);
    playing.play(3);
    const { kalshi, polymarket } = playing.simulation.ready;
    const markets = new MarketApi(configured(kalshi!.rest));
    const { data } = await markets.getMarkets(1_000, undefined, ...Array<undefined>(9), 'open');
    for (const market of data.markets)
      for (const name of Object.keys(onEveryMarket)) expect(market, name).toHaveProperty(name);
    const { trades } = (await markets.getTrades(1_000)).data;
    expect(trades.length).toBeGreaterThan(0);
    const { ticker } = trades[0]!;
    const { orderbook_fp } = (await markets.getMarketOrderbook(ticker)).data;
    expect(orderbook_fp.yes_dollars.length + orderbook_fp.no_dollars.length).toBeGreaterThan(0);

    const client = clob(polymarket!.clob);
    const listed = (await client.getSamplingMarkets()).data;
    const told = await Promise.all(
      listed.map(({ condition_id }) => client.getMarketTradesEvents(condition_id)),
    );
    const [last] = told.flat();
    const { asset_id, condition_id } = last!.market;
    const { tokens } = await client.getMarket(condition_id);
    expect(tokens[last!.outcome_index]).toMatchObject({ token_id: asset_id, outcome: last!.outcome });
    const book = await client.getOrderBook(asset_id);
    expect(await client.getOrderBookHash({ ...book })).toBe(book.hash);
  });
});
