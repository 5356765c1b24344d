import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';

const T = 1_795_187_045_000_000;
const received_at = (T + 7) as Micros;
const price = fc.integer({ min: 1, max: 9_999 }).map((step) => (step * 100) as Price);
const size = fc.integer({ min: 1, max: 1_000_000_000 }).map((step) => (step * 10_000) as Size);
const change = fc.tuple(size, fc.boolean()).map(([amount, isLess]) => (isLess ? -amount : amount) as Size);
const side = fc.constantFrom('bid' as const, 'ask' as const);
const levels = (order: 1 | -1) =>
  fc
    .uniqueArray(fc.tuple(price, size), { selector: ([at]) => at, maxLength: 4 })
    .map((list) => list.sort(([a], [b]) => order * (a - b)));
const taker_side = fc.constantFrom('buy' as const, 'sell' as const, null);
const micros = fc.integer({ min: 0, max: 10_000_000 }).map((step) => (T + step) as Micros);
const millis = fc.integer({ min: 0, max: 10_000 }).map((step) => (T + step * 1_000) as Micros);
const orNull = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: null });

/** What Kalshi's socket tells, with times as fine as it gives them. */
const kalshi: fc.Arbitrary<MarketEvent> = fc.oneof(
  fc.record({ side, price, change, exchange_ts: orNull(micros) }).map((rest) => ({
    ...{ kind: 'book_delta', venue: 'kalshi', received_at, instrument: 'K' },
    ...rest,
  })),
  fc.record({ bids: levels(-1), asks: levels(1) }).map((rest) => ({
    ...{ kind: 'book_snapshot', venue: 'kalshi', received_at, instrument: 'K', source: 'ws' },
    ...{ ...rest, snapshot_ts: received_at, exchange_ts: null },
  })),
  fc.record({ price, size, taker_side, is_block: fc.boolean(), exchange_ts: orNull(millis) }).map((rest) => ({
    ...{ kind: 'trade', venue: 'kalshi', received_at, instrument: 'K', trade_id: 't' },
    ...rest,
  })),
  fc
    .record({
      bid: orNull(price),
      ask: orNull(price),
      last: orNull(price),
      volume: orNull(size),
      at: micros,
      size,
    })
    .map(({ at, size: each, ...rest }) => ({
      ...{ kind: 'ticker', venue: 'kalshi', received_at, instrument: 'K', ...rest },
      bid_size: rest.bid === null ? null : each,
      ask_size: rest.ask === null ? null : each,
      ...{ open_interest: each, exchange_ts: at },
    })),
) as fc.Arbitrary<MarketEvent>;

const hashed = fc.constantFrom({}, { hash: 'ab01' });
const polymarket: fc.Arbitrary<MarketEvent> = fc.oneof(
  fc
    .record({ side, price, size: fc.oneof(size, fc.constant(0 as Size)), hashed })
    .map(({ hashed: hash, ...rest }) => ({
      ...{ kind: 'book_delta', venue: 'polymarket', received_at, instrument: 'P', ...rest },
      ...{ exchange_ts: T, ...hash },
    })),
  fc.record({ bids: levels(-1), asks: levels(1), hashed }).map(({ hashed: hash, ...rest }) => ({
    ...{ kind: 'book_snapshot', venue: 'polymarket', received_at, instrument: 'P', source: 'ws' },
    ...{ ...rest, snapshot_ts: T, exchange_ts: T, ...hash },
  })),
  fc.record({ bid: orNull(price), ask: orNull(price) }).map((rest) => ({
    ...{ kind: 'ticker', venue: 'polymarket', received_at, instrument: 'P', ...rest },
    ...{ bid_size: null, ask_size: null, last: null, volume: null, open_interest: null, exchange_ts: T },
  })),
) as fc.Arbitrary<MarketEvent>;

describe.each([
  ['kalshi', kalshi],
  ['polymarket', polymarket],
] as const)('events in the words of %s', (venue, event) => {
  it('are read back as the same events in the same order, without any complaint', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        const definition = venueDefinition(venue);
        const frames = definition.encoder(() => '0xmarket').encode(events);
        const decoder = definition.decoder();
        const decoded = frames.map((frame) => decoder.decode(frame, { received_at, useYesPrice: false }));
        expect(decoded.flatMap(({ problems }) => problems)).toEqual([]);
        expect(decoded.flatMap((found) => found.events)).toEqual(events);
      }),
      { numRuns: 60 },
    );
  });
});
