import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BookSnapshotEvent, Level, LifecycleEvent, TickerEvent } from '#src/events/event.ts';
import { contentKey, hashKey } from '#src/events/identity.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';

const ticker: TickerEvent = {
  kind: 'ticker',
  venue: 'kalshi',
  instrument: 'KXTEST',
  bid: 410_000 as Price,
  ask: 430_000 as Price,
  bid_size: 120_500_000 as Size,
  ask_size: null,
  last: 415_000 as Price,
  volume: 9_812_500_000_000 as Size,
  open_interest: 0 as Size,
  exchange_ts: 1 as Micros,
  received_at: 2 as Micros,
};
const levels = (...pairs: [number, number][]) =>
  pairs.map(([at, size]): Level => [at as Price, size as Size]);
const snapshot: BookSnapshotEvent = {
  kind: 'book_snapshot',
  venue: 'kalshi',
  instrument: 'KXTEST',
  source: 'engine',
  bids: levels([400_000, 5_000_000], [390_000, 7_000_000]),
  asks: levels([420_000, 1_000_000]),
  snapshot_ts: 1 as Micros,
  exchange_ts: null,
  received_at: 2 as Micros,
};
const lifecycle: LifecycleEvent = {
  kind: 'lifecycle',
  venue: 'kalshi',
  market: 'KXTEST',
  instruments: ['KXTEST'],
  type: 'determined',
  status: 'determined',
  details: { result: 'yes', nested: { b: [1, 2.5, null], a: true } },
  exchange_ts: null,
  received_at: 2 as Micros,
};

describe('identity keys', () => {
  it('keep their definition: stored rows were written with these values', () => {
    expect([
      hashKey('b8b72c72c6534d1b3a4e7fb47b81672d0e94d5a5'),
      contentKey(ticker),
      contentKey(snapshot),
      contentKey(lifecycle),
    ]).toEqual([1879540669, 1726075901, -2054727661, -1652654245]);
  });

  it('are 32-bit integers, and 0 exactly where there is no hash', () => {
    expect(hashKey(undefined)).toBe(0);
    expect(hashKey('')).toBe(0);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (hash) => {
        const key = hashKey(hash);
        return key !== 0 && key === (key | 0);
      }),
    );
  });

  it('differ for hashes that differ', () => {
    const keys = new Set(
      Array.from({ length: 2_000 }, (_, index) => hashKey(index.toString(16).padStart(40, '0'))),
    );
    expect(keys.size).toBe(2_000);
  });

  it('of a ticker change with every figure and tell an absent one from 0', () => {
    const changed: Partial<TickerEvent>[] = [
      { bid: 420_000 as Price },
      { ask: null },
      { bid_size: null },
      { ask_size: 0 as Size },
      { last: 0 as Price },
      { volume: (9_812_500_000_000 + 2 ** 32) as Size },
      { open_interest: null },
      { bid: ticker.ask, ask: ticker.bid },
    ];
    const keys = new Set([ticker, ...changed.map((change) => ({ ...ticker, ...change }))].map(contentKey));
    expect(keys.size).toBe(changed.length + 1);
  });

  it('of a ticker and a snapshot do not depend on when it was received', () => {
    expect(contentKey({ ...ticker, received_at: 99 as Micros })).toBe(contentKey(ticker));
    expect(contentKey({ ...snapshot, received_at: 99 as Micros })).toBe(contentKey(snapshot));
  });

  it('of a snapshot come from the hash, or from levels and depth', () => {
    expect(contentKey({ ...snapshot, hash: 'abc' })).toBe(hashKey('abc'));
    const keys = [
      snapshot,
      { ...snapshot, depth: 10 },
      { ...snapshot, bids: snapshot.asks, asks: snapshot.bids },
      {
        ...snapshot,
        bids: levels([400_000, 5_000_000]),
        asks: levels([390_000, 7_000_000], [420_000, 1_000_000]),
      },
      { ...snapshot, bids: [] },
    ].map(contentKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('of a lifecycle message do not depend on the order of its keys, but on all of its values', () => {
    const reordered = { nested: { a: true, b: [1, 2.5, null] }, result: 'yes', absent: undefined };
    expect(contentKey({ ...lifecycle, details: reordered })).toBe(contentKey(lifecycle));
    const others: LifecycleEvent[] = [
      { ...lifecycle, details: { result: 'no', nested: { b: [1, 2.5, null], a: true } } },
      { ...lifecycle, details: { result: 'yes', nested: { b: [2.5, 1, null], a: true } } },
      { ...lifecycle, type: 'settled' },
      { ...lifecycle, market: 'KXOTHER' },
    ];
    expect(new Set([lifecycle, ...others].map(contentKey)).size).toBe(others.length + 1);
  });
});
