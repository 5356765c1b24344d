import { describe, expect, it } from 'vitest';
import { kalshi, losses, reasons } from './fixtures.ts';

const snapshot = (msg: object): object => ({
  type: 'orderbook_snapshot',
  sid: 1,
  seq: 1,
  msg: { market_ticker: 'A', ...msg },
});
const delta = (msg: object): object => ({
  type: 'orderbook_delta',
  sid: 1,
  seq: 2,
  msg: {
    market_ticker: 'A',
    price_dollars: '0.40',
    delta_fp: '1',
    side: 'yes',
    ts_ms: 1_795_187_045_123,
    ...msg,
  },
});
const trade = (msg: object): object => ({
  type: 'trade',
  sid: 1,
  seq: 2,
  msg: { market_ticker: 'A', trade_id: 't', ts: 1_746_000_000, ...msg },
});

describe('Kalshi messages of before', () => {
  it('cents and contracts of 2025 are read by key, not by magnitude', () => {
    expect(
      kalshi(
        snapshot({
          yes: [
            [1, 10],
            [41, 120],
          ],
          no: [['57', '30']],
        }),
      ).events,
    ).toMatchObject([
      {
        bids: [
          [410_000, 120_000_000],
          [10_000, 10_000_000],
        ],
        asks: [[430_000, 30_000_000]],
      },
    ]);
    expect(kalshi(snapshot({ yes_dollars: [['0.45', 100]] })).events).toMatchObject([
      { bids: [[450_000, 100_000_000]] },
    ]);
    expect(
      kalshi(delta({ price_dollars: undefined, delta_fp: undefined, price: 1, delta: -3 })).events,
    ).toMatchObject([{ price: 10_000, change: -3_000_000 }]);
    expect(kalshi(trade({ yes_price: 96, no_price: 4, count: 25, taker_side: 'no' })).events).toMatchObject([
      { price: 960_000, size: 25_000_000, taker_side: 'sell', exchange_ts: 1_746_000_000_000_000 },
    ]);
  });

  it('a ticker of 2025 has cents, an opaque clock and an empty price in dollars', () => {
    const msg = {
      market_ticker: 'A',
      price: 48,
      yes_bid: 45,
      yes_ask: 53,
      price_dollars: '',
      yes_bid_dollars: '0.45',
      yes_ask_dollars: '0.53',
      volume: 33_896,
      open_interest: 20_422,
      Clock: 13_281_241_747,
      ts: 1_746_000_000,
    };
    const decoded = kalshi({ type: 'ticker', sid: 11, msg });
    expect(decoded.problems).toEqual([]);
    expect(decoded.events).toMatchObject([
      { last: 480_000, bid: 450_000, ask: 530_000, volume: 33_896_000_000, open_interest: 20_422_000_000 },
    ]);
  });

  it('numbers and text mean the same', () => {
    expect(kalshi(delta({ price_dollars: 0.415, delta_fp: -7 })).events).toMatchObject([
      { price: 415_000, change: -7_000_000 },
    ]);
    expect(kalshi(delta({ ts_ms: '1795187045123' })).events[0]?.exchange_ts).toBe(1_795_187_045_123_000);
    expect(kalshi({ ...delta({}), sid: '7', seq: '9' })).toMatchObject({ sid: 7, seq: 9 });
  });

  it('where both forms are there and disagree dollars are kept and the disagreement is counted', () => {
    const off = kalshi(delta({ price_dollars: '0.40', price: 45, delta_fp: '2.00', delta: 9 }));
    expect(off.events).toMatchObject([{ price: 400_000, change: 2_000_000 }]);
    expect(reasons(off)).toEqual(['disagreement', 'disagreement']);
    expect(
      kalshi(delta({ price_dollars: '0.4150', price: 41, delta_fp: '2.50', delta: 2 })).problems,
    ).toEqual([]);
    const sides = kalshi(snapshot({ yes_dollars_fp: [['0.40', '10']], yes: [[41, 10]] }));
    expect(sides.events).toMatchObject([{ bids: [[400_000, 10_000_000]] }]);
    expect(reasons(sides)).toEqual(['disagreement']);
    expect(
      kalshi(
        snapshot({
          yes_dollars_fp: [
            ['0.40', '10'],
            ['0.41', '3'],
          ],
          yes: [
            [40, 10],
            [41, 3],
          ],
        }),
      ).problems,
    ).toEqual([]);
  });

  it('ok of 2025 has its tickers beside msg', () => {
    expect(kalshi({ id: 3, type: 'ok', sid: 1, seq: 4, market_tickers: ['A'] })).toMatchObject({
      seq: 4,
      problems: [],
      controls: [{ type: 'ok', id: 3, sid: 1, tickers: ['A'] }],
    });
    expect(kalshi({ id: 3, type: 'ok', sid: 1, seq: 4 }).controls).toMatchObject([
      { tickers: null, subscriptions: null },
    ]);
  });

  it('a looked-up combination is an event of its market', () => {
    const msg = { collection_ticker: 'C', event_ticker: 'E', market_ticker: 'M', selected_markets: [] };
    expect(kalshi({ type: 'multivariate_lookup', sid: 1, seq: 1, msg })).toMatchObject({
      problems: [],
      events: [{ kind: 'lifecycle', market: 'M', type: 'multivariate_lookup', details: msg }],
    });
  });
});

describe('what is wrong with a Kalshi frame is named and never thrown', () => {
  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['{"type":"trade","msg":{"trade_id', 'not_json'],
    ['<html>502</html>', 'not_json'],
    ['[]', 'wrong_shape'],
    ['null', 'wrong_shape'],
    ['"text"', 'wrong_shape'],
    ['{}', 'missing_field'],
    ['{"type":"orderbook_delta","sid":1,"seq":2}', 'wrong_shape'],
    ['{"type":"orderbook_delta","sid":1,"seq":2,"msg":[]}', 'wrong_shape'],
    ['{"type":"brand_new","sid":1,"seq":2,"msg":{}}', 'unknown_type'],
    ['{"type":7,"msg":{}}', 'unknown_type'],
    ['{"type":"fill","sid":9,"msg":{}}', 'unknown_type'],
    ['{"type":"subscribed","msg":{"channel":"ticker"}}', 'missing_field'],
    ['{"type":"unsubscribed"}', 'missing_field'],
  ])('%s: %s', (frame, reason) => {
    const decoded = kalshi(frame);
    expect(decoded.events).toEqual([]);
    expect(reasons(decoded)).toEqual([reason]);
  });

  it('the sequence number is known even where the message is not', () => {
    expect(kalshi('{"type":"brand_new","sid":4,"seq":12,"msg":{}}')).toMatchObject({ sid: 4, seq: 12 });
    expect(kalshi('{"type":"trade","sid":4,"seq":13,"msg":{}}')).toMatchObject({ sid: 4, seq: 13 });
  });

  it.each([
    [{ price_dollars: 'NaN' }, 'bad_price'],
    [{ price_dollars: '0.12345678' }, 'bad_price'],
    [{ price_dollars: '1e-2' }, 'bad_price'],
    [{ price_dollars: true }, 'bad_price'],
    [{ price_dollars: '' }, 'missing_field'],
    [{ price_dollars: undefined, price: 41.5 }, 'bad_price'],
    [{ delta_fp: '0.123456789' }, 'bad_size'],
    [{ delta_fp: '99999999999999' }, 'bad_size'],
    [{ delta_fp: null }, 'missing_field'],
    [{ side: 'maybe' }, 'bad_side'],
    [{ side: undefined }, 'bad_side'],
  ])('a change with %j is not guessed: %s', (fields, reason) => {
    const decoded = kalshi(delta(fields));
    expect(decoded.events).toEqual([]);
    expect(decoded.problems).toMatchObject([{ reason, instrument: 'A' }]);
    expect(decoded.problems[0]!.message).toMatch(Object.keys(fields).at(-1)!);
  });

  it('a size of nine digits is a size', () => {
    expect(kalshi(delta({ delta_fp: '123456789.00' })).events).toMatchObject([
      { change: 123_456_789_000_000 },
    ]);
  });

  it('a market that is not named concerns nobody in particular', () => {
    for (const market_ticker of [undefined, '', null, 5]) {
      expect(kalshi(delta({ market_ticker })).problems).toEqual([
        { reason: 'missing_field', message: expect.stringContaining('market_ticker') },
      ]);
    }
  });

  it('a price outside 0 to 1 is kept and flagged', () => {
    for (const price_dollars of ['1.20', '-0.10', '0', '1']) {
      const decoded = kalshi(delta({ price_dollars }));
      expect(decoded.events).toMatchObject([{ price: Number(price_dollars) * 1_000_000 }]);
      expect(reasons(decoded)).toEqual(['price_out_of_range']);
    }
    const book = kalshi(
      snapshot({
        yes_dollars_fp: [
          ['1.50', '3'],
          ['0.20', '1'],
        ],
      }),
    );
    expect(book.events).toMatchObject([
      {
        bids: [
          [1_500_000, 3_000_000],
          [200_000, 1_000_000],
        ],
      },
    ]);
    expect(reasons(book)).toEqual(['price_out_of_range']);
  });

  it.each([
    [
      {
        yes_dollars_fp: [
          ['0.40', '10'],
          ['0.4x', '1'],
        ],
      },
      'bad_price',
    ],
    [{ yes_dollars_fp: [['0.40', '-1']] }, 'bad_size'],
    [{ yes_dollars_fp: [['0.40']] }, 'wrong_shape'],
    [{ yes_dollars_fp: [{ price: '0.40', size: '1' }] }, 'wrong_shape'],
    [{ no_dollars_fp: 'none' }, 'wrong_shape'],
    [
      {
        no_dollars_fp: [
          ['0.40', '1'],
          ['0.4', '2'],
        ],
      },
      'wrong_shape',
    ],
  ])('a book with %j would be a book with a hole and is not emitted: %s', (sides, reason) => {
    const decoded = kalshi(snapshot(sides));
    expect(decoded.events).toEqual([]);
    expect(decoded.problems).toMatchObject([{ reason, instrument: 'A' }]);
  });

  it('a side under a new name does not pass for an empty side', () => {
    const decoded = kalshi(snapshot({ yes_dollars_v3: [['0.40', '10']] }));
    expect(decoded.events).toEqual([]);
    expect(losses(decoded)).toMatchObject([{ reason: 'wrong_shape', instrument: 'A' }]);
  });

  it('levels in any order come out best first, and levels of no size not at all', () => {
    const levels = [
      ['0.10', '1'],
      ['0.40', '2'],
      ['0.20', '3'],
      ['0.30', '0'],
    ];
    expect(kalshi(snapshot({ yes_dollars_fp: levels, no_dollars_fp: levels })).events).toMatchObject([
      {
        bids: [
          [400_000, 2_000_000],
          [200_000, 3_000_000],
          [100_000, 1_000_000],
        ],
        asks: [
          [600_000, 2_000_000],
          [800_000, 3_000_000],
          [900_000, 1_000_000],
        ],
      },
    ]);
  });

  it('a figure of a ticker that cannot be read is null and costs no other', () => {
    const msg = {
      market_ticker: 'A',
      yes_bid_dollars: 'x',
      yes_ask_dollars: '0.50',
      volume_fp: '-',
      ts_ms: 1_795_187_045_123,
    };
    const decoded = kalshi({ type: 'ticker', sid: 1, msg });
    expect(decoded.events).toMatchObject([{ bid: null, ask: 500_000, volume: null }]);
    expect(reasons(decoded)).toEqual(['bad_price', 'bad_size']);
  });

  it('a trade without id, price or count is not one', () => {
    const whole = { yes_price_dollars: '0.4', count_fp: '1' };
    for (const lacking of ['trade_id', 'yes_price_dollars', 'count_fp']) {
      const decoded = kalshi(trade({ ...whole, [lacking]: undefined }));
      expect(decoded.events).toEqual([]);
      expect(decoded.problems).toMatchObject([{ reason: 'missing_field', instrument: 'A' }]);
    }
    expect(kalshi(trade({ no_price_dollars: '0.6', count_fp: '1' })).events).toMatchObject([
      { price: 400_000 },
    ]);
    expect(reasons(kalshi(trade({ ...whole, no_price_dollars: '0.5' })))).toEqual(['disagreement']);
  });
});
