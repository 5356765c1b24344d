/** Stream lines for tests, each a right one; what a test is about it gives itself. */
import type { DeliveredRecord } from '#src/storage/stream-records.ts';

/** 2026-03-01T00:00:00Z in microseconds. */
export const DAY = 1_772_323_200_000_000;

const provenance = {
  gatherer: 'a',
  connection: 'kalshi-book-1#1',
  sid: 1,
  seq: 7,
  quality: 0,
  received_at: DAY + 50,
};

export const line = {
  trade: (over: object = {}) => ({
    kind: 'trade',
    venue: 'kalshi',
    instrument: 'KXTEST-1',
    trade_id: 't-1',
    price: 480_000,
    size: 3_000_000,
    taker_side: 'buy',
    is_block: false,
    exchange_ts: DAY,
    ...provenance,
    ...over,
  }),
  delta: (over: object = {}) => ({
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: 'KXTEST-1',
    side: 'bid',
    price: 480_000,
    change: -2_000_000,
    exchange_ts: DAY,
    occurrence: 0,
    instant_index: 0,
    ...provenance,
    ...over,
  }),
  snapshot: (over: object = {}) => ({
    kind: 'book_snapshot',
    venue: 'polymarket',
    instrument: '7132',
    source: 'ws',
    bids: [
      [480_000, 1_000_000],
      [470_000, 2_000_000],
    ],
    asks: [],
    snapshot_ts: DAY,
    exchange_ts: DAY,
    hash: '0xabc',
    ...provenance,
    ...over,
  }),
  ticker: (over: object = {}) => ({
    kind: 'ticker',
    venue: 'kalshi',
    instrument: 'KXTEST-1',
    bid: 480_000,
    ask: null,
    bid_size: 1_000_000,
    ask_size: null,
    last: 470_000,
    volume: 12_000_000,
    open_interest: 0,
    exchange_ts: DAY,
    ...provenance,
    ...over,
  }),
  lifecycle: (over: object = {}) => ({
    kind: 'lifecycle',
    venue: 'kalshi',
    market: 'KXTEST-1',
    instruments: ['KXTEST-1'],
    type: 'activated',
    status: 'open',
    details: { a: [1, 'zwei', null], ü: true },
    exchange_ts: null,
    ...provenance,
    ...over,
  }),
  metrics: (over: object = {}) => ({
    kind: 'book_metrics',
    venue: 'kalshi',
    instrument: 'KXTEST-1',
    gatherer: 'a',
    at: DAY,
    bid: 480_000,
    ask: 490_000,
    mid_twice: 970_000,
    spread: 10_000,
    bid_depth: 5,
    ask_depth: 6,
    bid_depth_near: 3,
    ask_depth_near: 4,
    bid_levels: 2,
    ask_levels: 1,
    crossed: false,
    ...over,
  }),
  gap: (over: object = {}) => ({
    kind: 'gap',
    venue: 'kalshi',
    gap_id: 'a:1:1',
    instruments: ['KXTEST-1'],
    from: DAY,
    to: null,
    cause: 'startup',
    ...provenance,
    ...over,
  }),
  heartbeat: (over: object = {}) => ({
    kind: 'heartbeat',
    gatherer: 'a',
    epoch: '1',
    started_at: DAY,
    durable_until: DAY + 1,
    ...over,
  }),
  market: (over: object = {}) => ({
    kind: 'market',
    venue: 'polymarket',
    gatherer: 'a',
    market: '0xcond',
    event: null,
    series: null,
    title: 'Will it?',
    status: 'active',
    open_ts: null,
    close_ts: DAY,
    instruments: [
      { instrument: '7132', outcome: 'Yes' },
      { instrument: '9981', outcome: 'No' },
    ],
    updated_at: DAY,
    details: {},
    ...over,
  }),
};

let sequence = 0;

/** A record of these lines; a text is taken as it is, anything else becomes JSON. */
export function recordOf(lines: readonly unknown[], over: Partial<DeliveredRecord> = {}): DeliveredRecord {
  const text = lines.map((item) => `${typeof item === 'string' ? item : JSON.stringify(item)}\n`).join('');
  return {
    stream: 'line-a',
    shard: 'shardId-0',
    sequenceNumber: String(++sequence),
    partitionKey: 'lane-1',
    data: Buffer.from(text),
    ...over,
  };
}
