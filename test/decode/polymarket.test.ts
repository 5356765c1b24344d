import { describe, expect, it } from 'vitest';
import { derivedTradeId, withOrdinal } from '#src/venues/polymarket/trade-id.ts';
import { fixtureLines, losses, polymarket, RECEIVED, reasons } from './fixtures.ts';

const FRAMES = fixtureLines('polymarket-frames.jsonl');
const TOKEN = '71321045679252212594626385532706912750332728571942532289631379312455583992563';
const change = (fields: object = {}): object => ({
  asset_id: TOKEN,
  price: '0.51',
  side: 'BUY',
  size: '150.0',
  ...fields,
});
const changes = (...entries: unknown[]): object => ({
  event_type: 'price_change',
  market: '0x1',
  timestamp: '1703875201000',
  price_changes: entries,
});
const book = (fields: object = {}): object => ({
  event_type: 'book',
  market: '0x1',
  asset_id: TOKEN,
  timestamp: '1703875200000',
  bids: [],
  asks: [],
  ...fields,
});

describe('Polymarket messages', () => {
  it('of every recorded form are read without a problem', () => {
    const kinds = FRAMES.map((frame) => {
      const decoded = polymarket(frame);
      expect(decoded.problems, frame.slice(0, 200)).toEqual([]);
      return decoded.events.map(({ kind }) => kind);
    });
    expect(kinds).toEqual([
      ['book_snapshot'],
      ['book_delta'],
      ['book_delta', 'book_delta', 'book_delta'],
      ['trade'],
      ['lifecycle'],
      ['book_snapshot'],
      ['book_delta'],
      ['trade'],
      ['lifecycle'],
      ['ticker'],
      ['lifecycle'],
      ['lifecycle'],
      ['book_delta', 'book_delta'],
    ]);
  });

  it('a book comes out best first with the venue time and hash', () => {
    const { bids, asks, ...rest } = polymarket(FRAMES[0]!).events[0] as unknown as Record<
      string,
      [number, number][]
    >;
    expect(rest).toEqual({
      kind: 'book_snapshot',
      venue: 'polymarket',
      received_at: RECEIVED,
      instrument: '48331043336612883890938759509493159234755048973500640148014422747788308965732',
      source: 'ws',
      snapshot_ts: 1_728_799_418_260_000,
      exchange_ts: 1_728_799_418_260_000,
      hash: '655a38d4977427b086c25b985993691b753ed166',
    });
    expect(bids![0]).toEqual([511_000, 1_304_720_000]);
    expect(asks![0]).toEqual([514_000, 20_230_870_000]);
    expect(bids!.map(([price]) => price)).toEqual(bids!.map(([price]) => price).sort((a, b) => b - a));
    expect(asks!.map(([price]) => price)).toEqual(asks!.map(([price]) => price).sort((a, b) => a - b));
  });

  it('the older sides are called buys and sells, and levels may come in any order', () => {
    const levels = [
      { price: '.48', size: '30' },
      { price: '.50', size: '15' },
      { price: '.49', size: '20' },
    ];
    expect(
      polymarket(book({ bids: undefined, asks: undefined, buys: levels, sells: [] })).events,
    ).toMatchObject([
      {
        bids: [
          [500_000, 15_000_000],
          [490_000, 20_000_000],
          [480_000, 30_000_000],
        ],
        asks: [],
      },
    ]);
    expect(polymarket(book({ bids: null, asks: levels })).events).toMatchObject([
      {
        bids: [],
        asks: [
          [480_000, 30_000_000],
          [490_000, 20_000_000],
          [500_000, 15_000_000],
        ],
      },
    ]);
  });

  it('a change sets an absolute size, with the hash of its entry and the best prices after it', () => {
    const { events, tops } = polymarket(FRAMES[2]!);
    const instrument = '52114319501245915516055106046884209969926127482827954674443846427813813222426';
    expect(events[1]).toEqual({
      kind: 'book_delta',
      venue: 'polymarket',
      received_at: RECEIVED,
      instrument,
      side: 'bid',
      price: 500_000,
      size: 3_400_000_000,
      exchange_ts: 1_729_084_877_448_000,
      hash: 'af32b3746fff40c76c98021b7f3f07261169dd27',
    });
    expect(tops).toEqual(
      [0, 1, 2].map((after) => ({ after, top: { instrument, bid: 600_000, ask: 700_000 } })),
    );
  });

  it('both older forms of a change are read: entries of one token, and one change at the top', () => {
    const older = {
      event_type: 'price_change',
      asset_id: TOKEN,
      market: '0x1',
      timestamp: '1703875201000',
      hash: 'h',
    };
    const entry = { price: '0.4', size: '3300', side: 'SELL' };
    const expected = {
      kind: 'book_delta',
      instrument: TOKEN,
      side: 'ask',
      price: 400_000,
      size: 3_300_000_000,
      hash: 'h',
    };
    expect(polymarket({ ...older, changes: [entry, { ...entry, price: '0.5', size: '0' }] })).toMatchObject({
      problems: [],
      tops: [],
      events: [expected, { ...expected, price: 500_000, size: 0 }],
    });
    expect(polymarket({ ...older, ...entry })).toMatchObject({ problems: [], events: [expected] });
  });

  it.each([
    [
      { best_bid: '0', best_ask: '1' },
      { bid: null, ask: null },
    ],
    [
      { best_bid: '', best_ask: '' },
      { bid: null, ask: null },
    ],
    [
      { best_bid: '0.2', best_ask: '0' },
      { bid: 200_000, ask: null },
    ],
    [
      { best_bid: '.2', best_ask: '.3' },
      { bid: 200_000, ask: 300_000 },
    ],
  ])('best prices %j mean %j', (fields, top) => {
    expect(polymarket(changes(change(fields))).tops).toEqual([
      { after: 0, top: { instrument: TOKEN, ...top } },
    ]);
  });

  it('a top is stated only where both sides are', () => {
    expect(polymarket(changes(change(), change({ best_bid: '0.2' }))).tops).toEqual([]);
    const unreadable = polymarket(changes(change({ best_bid: 'x', best_ask: '0.3' })));
    expect(unreadable.tops).toEqual([]);
    expect(unreadable.events.length).toBe(1);
    expect(reasons(unreadable)).toEqual(['unknown_value']);
  });

  it('a trade gets an id of its content; equal trades are told apart by their ordinal', () => {
    const event = polymarket(FRAMES[3]!).events[0]!;
    expect(event).toMatchObject({
      kind: 'trade',
      price: 491_000,
      size: 85_360_000,
      taker_side: 'sell',
      is_block: false,
      exchange_ts: 1_724_564_136_087_000,
    });
    const id = event.kind === 'trade' ? event.trade_id : '';
    expect(id).toBe('acb14753d26d130f4e3097ff265e90ed');
    expect(withOrdinal(id, 0)).toBe(id);
    expect(withOrdinal(id, 2)).toBe(`${id}-2`);
  });

  it('the id of a trade depends on every part of its content and on nothing else', () => {
    const frame = {
      event_type: 'last_trade_price',
      asset_id: TOKEN,
      market: '0x1',
      price: '0.51',
      size: '25.0',
      side: 'BUY',
      fee_rate_bps: '0',
      timestamp: '1703875202000',
      transaction_hash: '0xab',
    };
    const idOf = (fields: object): unknown => {
      const event = polymarket({ ...frame, ...fields }).events[0];
      return event?.kind === 'trade' ? event.trade_id : undefined;
    };
    const same = [
      {},
      { price: '.510' },
      { size: 25 },
      { fee_rate_bps: '10' },
      { market: '0x2' },
      { timestamp: 1703875202000 },
    ];
    expect(new Set(same.map(idOf)).size).toBe(1);
    const other = [
      { asset_id: '1' },
      { price: '0.52' },
      { size: '26' },
      { side: 'SELL' },
      { side: undefined },
      { timestamp: '1703875202001' },
      { transaction_hash: '0xac' },
      { transaction_hash: undefined },
    ];
    expect(new Set([{}, ...other].map(idOf)).size).toBe(other.length + 1);
    expect(idOf({})).toBe(
      derivedTradeId({
        instrument: TOKEN,
        exchange_ts: 1_703_875_202_000_000,
        taker_side: 'buy',
        price: 510_000,
        size: 25_000_000,
        transaction: '0xab',
      } as never),
    );
  });

  it('best_bid_ask is a ticker without sizes', () => {
    expect(polymarket(FRAMES[9]!).events).toMatchObject([
      {
        kind: 'ticker',
        bid: 730_000,
        ask: 770_000,
        bid_size: null,
        ask_size: null,
        last: null,
        volume: null,
        open_interest: null,
        exchange_ts: 1_766_789_469_958_000,
      },
    ]);
  });

  it('a change of the grid is told to the book and is an event of the market', () => {
    const decoded = polymarket(FRAMES[4]!);
    const instrument = '115474063863764126958837769719736461272619491980773624567012766320777398670353';
    expect(decoded.tickSizes).toEqual([{ instrument, tick: 1_000 }]);
    expect(decoded.events).toMatchObject([
      {
        kind: 'lifecycle',
        market: '0xbacdf04bf7f22a670dc4fb408878ec56b76f9934599829455b9371693ba84b8b',
        instruments: [instrument],
        type: 'tick_size_change',
        exchange_ts: 1_739_068_041_853_000,
      },
    ]);
  });

  it('announcements name market, tokens and status, and keep the message whole', () => {
    const tokens = [
      '76043073756653678226373981964075571318267289248134717369284518995922789326425',
      '31690934263385727664202099278545688007799199447969475608906331829650099442770',
    ];
    const market = '0x311d0c4b6671ab54af4970c06fcf58662516f5168997bdda209ec3db5aa6b0c1';
    for (const [index, type, status] of [
      [10, 'new_market', 'active'],
      [11, 'market_resolved', 'resolved'],
    ] as const) {
      expect(polymarket(FRAMES[index]!).events).toEqual([
        {
          kind: 'lifecycle',
          venue: 'polymarket',
          received_at: RECEIVED,
          market,
          instruments: tokens,
          type,
          status,
          details: JSON.parse(FRAMES[index]!) as object,
          exchange_ts: 1_766_790_415_550_000,
        },
      ]);
    }
    const inactive = { ...(JSON.parse(FRAMES[10]!) as object), active: false };
    expect(polymarket(inactive).events[0]).not.toHaveProperty('status');
  });
});

describe('frames of Polymarket', () => {
  it('hold an object or an array of them; PONG is a control', () => {
    expect(polymarket(`[${FRAMES.join(',')}]`).events.length).toBe(16);
    expect(polymarket('PONG')).toMatchObject({ controls: [{ type: 'pong' }], events: [], problems: [] });
    expect(reasons(polymarket(''))).toEqual(['empty']);
    expect(reasons(polymarket('[]'))).toEqual(['empty']);
  });

  it('one bad element spoils no other, in an array of messages and in a list of changes', () => {
    const array = polymarket([book(), null, 5, { event_type: 'new_thing' }, book({ asset_id: 7 }), book()]);
    expect(array.events.length).toBe(2);
    expect(reasons(array)).toEqual(['wrong_shape', 'wrong_shape', 'unknown_type', 'missing_field']);
    const list = polymarket(
      changes(
        change({ best_bid: '0.1', best_ask: '0.2' }),
        change({ price: 'x' }),
        'none',
        change({ side: 'HOLD' }),
        change({ size: '-1' }),
        change({ best_bid: '0.3', best_ask: '0.4' }),
      ),
    );
    expect(list.events.length).toBe(2);
    expect(list.tops.map(({ after, top }) => [after, top.bid])).toEqual([
      [0, 100_000],
      [1, 300_000],
    ]);
    expect(reasons(list)).toEqual(['bad_price', 'wrong_shape', 'bad_side', 'bad_size']);
    expect(list.problems.filter(({ reason }) => reason !== 'wrong_shape')).toMatchObject(
      Array(3).fill({ instrument: TOKEN }),
    );
  });

  it.each([
    ['{"event_type":"book"', 'not_json'],
    ['INVALID OPERATION', 'not_json'],
    ['7', 'wrong_shape'],
    ['{"market":"0x1"}', 'missing_field'],
    ['{"event_type":"wonder","asset_id":"1"}', 'unknown_type'],
    ['{"event_type":"last_trade_price","price":"0.5"}', 'missing_field'],
    ['{"event_type":"new_market"}', 'missing_field'],
    ['{"event_type":"tick_size_change"}', 'missing_field'],
    ['{"event_type":"best_bid_ask","asset_id":"1","timestamp":"1"}', 'missing_field'],
    ['{"event_type":"price_change","timestamp":"1","price_changes":7}', 'wrong_shape'],
    ['{"event_type":"price_change","timestamp":"1"}', 'missing_field'],
  ])('%s: %s', (frame, reason) => {
    const decoded = polymarket(frame);
    expect(decoded.events).toEqual([]);
    expect(reasons(decoded)).toEqual([reason]);
  });

  it.each([
    [{ bids: [{ price: '0.5' }] }, 'missing_field'],
    [{ bids: [{ price: '0.5', size: 'NaN' }] }, 'bad_size'],
    [{ asks: [['0.5', '1']] }, 'wrong_shape'],
    [
      {
        asks: [
          { price: '0.5', size: '1' },
          { price: '0.50', size: '2' },
        ],
      },
      'wrong_shape',
    ],
    [{ bids: undefined, asks: undefined }, 'missing_field'],
    [{ bids: undefined, asks: 'none' }, 'wrong_shape'],
  ])('a book with %j would be a book with a hole and is not emitted: %s', (fields, reason) => {
    const decoded = polymarket(book(fields));
    expect(decoded.events).toEqual([]);
    expect(decoded.problems).toMatchObject([{ reason, instrument: TOKEN }]);
  });

  it('a token id that came as a number has lost its digits and is refused', () => {
    const frame = `{"event_type":"last_trade_price","asset_id":${TOKEN},"price":"0.5","size":"1","side":"BUY","timestamp":"1"}`;
    expect(polymarket(frame).events).toEqual([]);
    expect(losses(polymarket(frame))).toMatchObject([
      { reason: 'missing_field', message: expect.stringContaining('asset_id') },
    ]);
  });

  it('a message without a time that can be read is kept without one and reported', () => {
    for (const timestamp of [undefined, '', 'soon', '-5', '12.5', '99999999999999999']) {
      const decoded = polymarket(changes(change()));
      expect(decoded.problems).toEqual([]);
      const broken = polymarket({ ...changes(change()), timestamp });
      expect(broken.events).toMatchObject([{ exchange_ts: null }]);
      expect(reasons(broken)).toEqual(['bad_time']);
    }
    expect(polymarket(book({ timestamp: '' })).events).toMatchObject([
      { exchange_ts: null, snapshot_ts: RECEIVED },
    ]);
  });

  it('a price outside 0 to 1 is kept and flagged', () => {
    const decoded = polymarket(changes(change({ price: '1.2' })));
    expect(decoded.events).toMatchObject([{ price: 1_200_000 }]);
    expect(reasons(decoded)).toEqual(['price_out_of_range']);
  });
});
