import { describe, expect, it } from 'vitest';
import { fixtureLines, kalshi, RECEIVED, reasons, recordedFrames } from './fixtures.ts';

const DOCUMENTED = fixtureLines('kalshi-documented.jsonl');
const documented = (part: string): string => DOCUMENTED.find((line) => line.includes(part))!;
const TICKER = 'KXDEMO-26DEC31-T50';

const delta = (fields: object = {}): object => ({
  type: 'orderbook_delta',
  sid: 3,
  seq: 2,
  msg: {
    market_ticker: TICKER,
    price_dollars: '0.4150',
    delta_fp: '-7.00',
    side: 'yes',
    ts_ms: 1_795_187_045_123,
    ...fields,
  },
});

describe('Kalshi messages of today', () => {
  it('are all read without a problem', () => {
    for (const line of DOCUMENTED) expect(kalshi(line).problems, line).toEqual([]);
  });

  it('a snapshot becomes a book of YES levels, best first, with NO bids as asks at one dollar less the price', () => {
    const { events, sid, seq } = kalshi(documented('orderbook_snapshot'));
    expect({ sid, seq }).toEqual({ sid: 3, seq: 1 });
    expect(events).toEqual([
      {
        kind: 'book_snapshot',
        venue: 'kalshi',
        received_at: RECEIVED,
        instrument: TICKER,
        source: 'ws',
        bids: [
          [415_000, 7_000_000],
          [410_000, 120_500_000],
        ],
        asks: [[430_000, 30_000_000]],
        snapshot_ts: RECEIVED,
        exchange_ts: null,
      },
    ]);
  });

  it('NO levels stay where they are when the connection asked for YES prices', () => {
    const frame = documented('orderbook_snapshot');
    expect(kalshi(frame, { useYesPrice: true }).events).toMatchObject([{ asks: [[570_000, 30_000_000]] }]);
    expect(kalshi(delta({ side: 'no' }), { useYesPrice: true }).events).toMatchObject([
      { side: 'ask', price: 415_000 },
    ]);
    expect(kalshi(delta({ side: 'no' })).events).toMatchObject([{ side: 'ask', price: 585_000 }]);
  });

  it('a side that is absent, null or empty is an empty side', () => {
    for (const side of [
      {},
      { yes_dollars_fp: null, no_dollars_fp: null },
      { yes_dollars_fp: [], no_dollars_fp: [] },
    ]) {
      const { events, problems } = kalshi({
        type: 'orderbook_snapshot',
        sid: 1,
        seq: 1,
        msg: { market_ticker: 'A', market_id: '', ...side },
      });
      expect(problems).toEqual([]);
      expect(events).toMatchObject([{ bids: [], asks: [] }]);
    }
  });

  it('a change has the venue time in microseconds', () => {
    expect(kalshi(documented('"orderbook_delta","sid"')).events).toEqual([
      {
        kind: 'book_delta',
        venue: 'kalshi',
        received_at: RECEIVED,
        instrument: TICKER,
        side: 'bid',
        price: 415_000,
        change: -7_000_000,
        exchange_ts: 1_795_187_045_123_456,
      },
    ]);
  });

  it('reads times whose zeros are cut, and milliseconds where no text is given', () => {
    const at = (fields: object): unknown => kalshi(delta(fields)).events[0]?.exchange_ts;
    expect(at({ ts: '2026-11-20T15:04:05.84205Z', ts_ms: undefined })).toBe(1_795_187_045_842_050);
    expect(at({ ts: '2026-11-20T15:04:05Z', ts_ms: undefined })).toBe(1_795_187_045_000_000);
    expect(at({ ts: undefined })).toBe(1_795_187_045_123_000);
    expect(at({ ts: undefined, ts_ms: undefined })).toBe(null);
    expect(at({ ts: 1_795_187_045, ts_ms: undefined })).toBe(1_795_187_045_000_000);
  });

  it('a time that cannot be read is replaced by a coarser one and reported, or missing and reported', () => {
    const replaced = kalshi(delta({ ts: '2026-11-20T25:61:05Z' }));
    expect(replaced.events[0]?.exchange_ts).toBe(1_795_187_045_123_000);
    expect(reasons(replaced)).toEqual(['unknown_value']);
    const missing = kalshi(delta({ ts: '2026-11-20T25:61:05Z', ts_ms: 'soon' }));
    expect(missing.events[0]?.exchange_ts).toBe(null);
    expect(missing.problems).toMatchObject(Array(2).fill({ reason: 'bad_time', instrument: TICKER }));
    const disagreeing = kalshi(delta({ ts: '2026-11-20T15:04:07Z' }));
    expect(disagreeing.events[0]?.exchange_ts).toBe(1_795_187_047_000_000);
    expect(reasons(disagreeing)).toEqual(['disagreement']);
  });

  it('a change that the account caused itself keeps nothing of the account', () => {
    const own = kalshi(delta({ client_order_id: 'mine', subaccount: 2 }));
    expect(own.problems).toEqual([]);
    expect(JSON.stringify(own.events)).not.toMatch(/mine|subaccount/);
  });

  it('a ticker gives the top and the figures of the day', () => {
    expect(kalshi(documented('"ticker","sid"')).events).toEqual([
      {
        kind: 'ticker',
        venue: 'kalshi',
        received_at: RECEIVED,
        instrument: TICKER,
        bid: 410_000,
        ask: 430_000,
        bid_size: 120_500_000,
        ask_size: 30_000_000,
        last: 415_000,
        volume: 981_250_000,
        open_interest: 400_000_000,
        exchange_ts: 1_795_187_045_123_456,
      },
    ]);
  });

  it('a ticker of a market without orders and trades has no prices', () => {
    const msg = {
      market_ticker: TICKER,
      price_dollars: '',
      yes_bid_dollars: '0.0000',
      yes_ask_dollars: '1.0000',
      yes_bid_size_fp: '0.00',
      yes_ask_size_fp: '0.00',
      ts: 1_795_187_045,
    };
    const { events, problems } = kalshi({ type: 'ticker', sid: 4, msg });
    expect(problems).toEqual([]);
    expect(events).toMatchObject([
      {
        bid: null,
        ask: null,
        bid_size: null,
        ask_size: null,
        last: null,
        volume: null,
        open_interest: null,
        exchange_ts: 1_795_187_045_000_000,
      },
    ]);
  });

  it('a trade is in YES prices with the side of the taker', () => {
    expect(kalshi(documented('"trade","sid"')).events).toEqual([
      {
        kind: 'trade',
        venue: 'kalshi',
        received_at: RECEIVED,
        instrument: TICKER,
        trade_id: '5f0c1d2e-0000-4000-8000-000000000001',
        price: 415_000,
        size: 2_000_000,
        taker_side: 'buy',
        is_block: false,
        exchange_ts: 1_795_187_045_123_000,
      },
    ]);
  });

  it.each([
    [{ taker_outcome_side: 'no', taker_book_side: 'ask', taker_side: 'no' }, 'sell', []],
    [{ taker_book_side: 'ask' }, 'sell', []],
    [{ taker_side: 'yes' }, 'buy', []],
    [{ side: 'no' }, 'sell', []],
    [{}, null, []],
    [{ taker_outcome_side: '', taker_side: 'yes' }, 'buy', []],
    [{ taker_outcome_side: 'maybe', taker_side: 'yes' }, 'buy', ['unknown_value']],
    [{ taker_outcome_side: 'no', taker_side: 'yes' }, 'sell', ['disagreement']],
  ])('of %j the taker is %s', (sides, taker, problems) => {
    const msg = {
      trade_id: 't',
      market_ticker: TICKER,
      yes_price_dollars: '0.4',
      count_fp: '1',
      is_block_trade: true,
      ts_ms: 1_795_187_045_123,
      ...sides,
    };
    const decoded = kalshi({ type: 'trade', sid: 1, seq: 1, msg });
    expect(decoded.events).toMatchObject([{ taker_side: taker, is_block: true }]);
    expect(reasons(decoded)).toEqual(problems);
  });

  it.each([
    ['created', 'initialized'],
    ['activated', 'active'],
    ['deactivated', 'inactive'],
    ['close_date_updated', undefined],
    ['determined', 'determined'],
    ['settled', 'finalized'],
    ['price_level_structure_updated', undefined],
    ['metadata_updated', undefined],
  ])('%s leaves the market %s and keeps the message whole', (type, status) => {
    const frame = documented(`"event_type":"${type}"`);
    const event = kalshi(frame).events[0]!;
    expect(event).toMatchObject({
      kind: 'lifecycle',
      market: TICKER,
      instruments: [TICKER],
      type,
      exchange_ts: null,
    });
    expect('status' in event ? event.status : undefined).toBe(status);
    expect('details' in event && event.details).toEqual((JSON.parse(frame) as { msg: object }).msg);
  });

  it('messages about an event name the event and no market', () => {
    for (const type of ['event_lifecycle', 'event_fee_update']) {
      const event = kalshi(documented(`"type":"${type}"`)).events[0]!;
      expect(event).toMatchObject({ kind: 'lifecycle', event: 'KXDEMO-26DEC31', instruments: [], type });
      expect(event).not.toHaveProperty('market');
    }
  });

  it('an announcement of a type that is not known is kept and counted', () => {
    const msg = { event_type: 'teleported', market_ticker: TICKER, to: 'elsewhere' };
    const decoded = kalshi({ type: 'market_lifecycle_v2', sid: 6, seq: 1, msg });
    expect(decoded.events).toMatchObject([{ kind: 'lifecycle', type: 'teleported', details: msg }]);
    expect(decoded.events[0]).not.toHaveProperty('status');
    expect(reasons(decoded).sort()).toEqual(['unknown_key', 'unknown_value']);
  });

  it('replies are controls that keep the number they consumed', () => {
    const controls = (part: string): unknown => kalshi(documented(part)).controls;
    expect(controls('"subscribed"')).toEqual([
      { type: 'subscribed', id: 11, channel: 'orderbook_delta', sid: 3 },
    ]);
    expect(controls('"unsubscribed"')).toEqual([{ type: 'unsubscribed', id: 14, sid: 3 }]);
    expect(controls('"id":13')).toEqual([
      { type: 'ok', id: 13, sid: 3, tickers: [TICKER], subscriptions: null },
    ]);
    expect(controls('"id":16')).toEqual([
      {
        type: 'ok',
        id: 16,
        sid: null,
        tickers: null,
        subscriptions: [
          { channel: 'orderbook_delta', sid: 3 },
          { channel: 'ticker', sid: 4 },
        ],
      },
    ]);
    expect(controls('"error"')).toEqual([
      { type: 'error', id: 15, sid: null, code: 11, message: 'Invalid parameter', tickers: [] },
    ]);
    expect(kalshi(documented('"id":13'))).toMatchObject({ sid: 3, seq: 42 });
    expect(kalshi(documented('"unsubscribed"'))).toMatchObject({ sid: 3, seq: 43 });
  });

  it('errors name the subscription and the markets concerned', () => {
    const error = {
      type: 'error',
      sid: 3,
      seq: 9,
      msg: { code: 25, msg: 'overflow', market_tickers: ['A', 'B'] },
    };
    expect(kalshi(error)).toMatchObject({
      sid: 3,
      seq: 9,
      controls: [{ sid: 3, code: 25, tickers: ['A', 'B'] }],
    });
    expect(
      kalshi({ type: 'error', msg: { code: 11, msg: 'no', market_ticker: 'A' } }).controls,
    ).toMatchObject([{ tickers: ['A'] }]);
  });

  it('a recording is read without a problem, one event a message', () => {
    const frames = recordedFrames('kalshi-deltas-2026-03-20.jsonl');
    const decoded = frames.map((frame) => kalshi(frame));
    expect(decoded.flatMap(({ problems }) => problems)).toEqual([]);
    expect(decoded.flatMap(({ events }) => events).length).toBe(frames.length - 1);
    for (const [index, { events }] of decoded.entries()) {
      const { type, msg } = JSON.parse(frames[index]!) as {
        type: string;
        msg: { ts: string; delta_fp: string };
      };
      if (type !== 'orderbook_delta') continue;
      expect(events).toMatchObject([{ change: Math.round(Number(msg.delta_fp) * 1e6) }]);
      expect(Math.floor(events[0]!.exchange_ts! / 1_000)).toBe(Date.parse(msg.ts));
    }
  });
});
