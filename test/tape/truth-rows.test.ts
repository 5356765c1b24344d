import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '#src/events/event.ts';
import { hashKey } from '#src/events/identity.ts';
import { comparedTables, TapeGapIndex } from '#src/storage/production/truth-source.ts';
import { comparedEvent } from '#src/tape/truth-identity.ts';
import type { Micros } from '#src/units/time.ts';

const at = 1_700_000_000_123_000;
const us = (value: number): Micros => value as Micros;

/** An event as the truth log has it, the tape's row of it, and one wrong value for every column that is compared. */
interface Pair {
  readonly table: keyof typeof comparedTables;
  readonly event: Readonly<Record<string, unknown>>;
  readonly row: Readonly<Record<string, unknown>>;
  readonly wrong: Readonly<Record<string, unknown>>;
}

const pairs: readonly Pair[] = [
  {
    table: 'trades',
    event: {
      kind: 'trade',
      venue: 'kalshi',
      instrument: 'K',
      trade_id: 't',
      price: 400_000,
      size: 2_000_000,
      taker_side: 'sell',
      is_block: true,
      exchange_ts: at,
    },
    row: {
      venue: 'kalshi',
      instrument: 'K',
      trade_id: 't',
      price: '400000',
      size: '2000000',
      taker_side: 'sell',
      is_block: true,
      exchange_ts: String(at),
    },
    wrong: {
      venue: 'polymarket',
      instrument: 'L',
      trade_id: 'u',
      price: '1',
      size: '1',
      taker_side: null,
      is_block: false,
      exchange_ts: String(at + 1_000),
    },
  },
  {
    table: 'order_book_deltas',
    event: {
      kind: 'book_delta',
      venue: 'polymarket',
      instrument: '1',
      side: 'bid',
      price: 400_000,
      size: 0,
      hash: 'h',
      exchange_ts: at,
    },
    row: {
      venue: 'polymarket',
      instrument: '1',
      side: 'bid',
      price: '400000',
      amount: '0',
      hash_key: hashKey('h'),
      exchange_ts: String(at),
    },
    wrong: {
      instrument: '2',
      side: 'ask',
      price: '1',
      amount: '1',
      hash_key: 0,
      exchange_ts: String(at + 1),
    },
  },
  {
    table: 'tickers',
    event: {
      kind: 'ticker',
      venue: 'kalshi',
      instrument: 'K',
      bid: 1,
      ask: 2,
      bid_size: 3,
      ask_size: 4,
      last: null,
      volume: 0,
      open_interest: 7,
      exchange_ts: at,
    },
    row: {
      venue: 'kalshi',
      instrument: 'K',
      bid: '1',
      ask: '2',
      bid_size: '3',
      ask_size: '4',
      last: null,
      volume: '0',
      open_interest: '7',
      exchange_ts: String(at),
    },
    wrong: {
      instrument: 'L',
      bid: '0',
      ask: '0',
      bid_size: '0',
      ask_size: '0',
      last: '0',
      volume: null,
      open_interest: null,
      exchange_ts: String(at + 1),
    },
  },
  {
    table: 'order_book_snapshots',
    event: {
      kind: 'book_snapshot',
      venue: 'polymarket',
      instrument: '1',
      source: 'ws',
      bids: [
        [400_000, 5],
        [300_000, 6],
      ],
      asks: [],
      hash: 'h',
      snapshot_ts: at,
      exchange_ts: at,
    },
    row: {
      venue: 'polymarket',
      instrument: '1',
      bids: ['400000', '5', '300000', '6'],
      asks: [],
      hash_key: hashKey('h'),
      exchange_ts: String(at),
    },
    wrong: {
      instrument: '2',
      bids: ['400000', '5'],
      asks: ['400000', '5'],
      hash_key: 0,
      exchange_ts: String(at + 1),
    },
  },
  {
    table: 'market_lifecycle',
    event: {
      kind: 'lifecycle',
      venue: 'kalshi',
      market: 'K',
      instruments: ['K'],
      type: 'determined',
      status: 'determined',
      details: { result: 'yes' },
      exchange_ts: null,
    },
    row: {
      venue: 'kalshi',
      subject: 'K',
      is_event: false,
      instruments: ['K'],
      type: 'determined',
      status: 'determined',
      details: { result: 'yes' },
      at: String(at),
      exchange_ts: null,
    },
    wrong: {
      venue: 'polymarket',
      subject: 'L',
      is_event: true,
      type: 'settled',
      status: null,
      details: {},
      exchange_ts: '1',
    },
  },
];

describe('a row of the tape as it is compared with the truth', () => {
  for (const { table, event, row, wrong } of pairs) {
    it(`is the same event as the exchange made, in ${table}`, () => {
      const made = comparedEvent({ ...event, received_at: at } as unknown as MarketEvent);
      expect(comparedTables[table].read(row)).toEqual(made);
    });

    it(`is another event when any column is wrong, in ${table}`, () => {
      const right = comparedTables[table].read(row).identity;
      for (const [column, value] of Object.entries(wrong)) {
        expect(comparedTables[table].read({ ...row, [column]: value }).identity, column).not.toBe(right);
      }
    });

    it(`is read with every column that is compared, in ${table}`, () => {
      for (const column of Object.keys(row)) expect(comparedTables[table].select).toMatch(`${column}`);
    });
  }
});

describe('the gaps of the tape', () => {
  const index = new TapeGapIndex();
  const gap = (instrument: string, from: number, to: number | null): void =>
    index.add({ venue: 'kalshi', instrument, from: us(from), to: to === null ? null : us(to) });
  gap('*', 0, 10);
  gap('K', 5, 30);
  gap('K', 50, null);
  gap('L', 5, 20);

  it('are those of the instrument and those of its venue', () => {
    expect(index.of('kalshi', 'K')).toEqual([
      { from: 0, to: 30 },
      { from: 50, to: null },
    ]);
    expect(index.of('kalshi', 'unknown')).toEqual([{ from: 0, to: 10 }]);
    expect(index.of('polymarket', 'K')).toEqual([]);
  });

  it('name the instruments that a line expected', () => {
    expect(index.names('kalshi', 'K')).toBe(true);
    expect(index.names('kalshi', 'unknown')).toBe(false);
    expect(index.names('polymarket', 'K')).toBe(false);
  });

  it('tell when the first instrument was proven, in this run and not in an earlier one', () => {
    expect(index.firstProof(us(0))).toBe(20);
    expect(index.firstProof(us(20))).toBe(30);
    expect(index.firstProof(us(30))).toBeNull();
  });
});
