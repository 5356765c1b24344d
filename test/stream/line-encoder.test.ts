import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StreamLine } from '#src/events/captured.ts';
import { encodeLine } from '#src/stream/line-encoder.ts';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Z0-9.-]{1,30}$/));
const whole = fc.maxSafeInteger();
const time = fc.oneof(
  fc.integer({ min: 1_700_000_000_000_000, max: 1_900_000_000_000_000 }),
  fc.maxSafeNat(),
);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const captured = {
  venue: fc.constantFrom('kalshi', 'polymarket'),
  instrument: text,
  received_at: time,
  exchange_ts: orNull(time),
  gatherer: fc.constantFrom('a', 'b', 'c'),
  connection: text,
  sid: fc.nat(),
  seq: fc.nat(),
  quality: fc.nat({ max: 15 }),
};
const delta = {
  ...captured,
  kind: fc.constant('book_delta'),
  side: fc.constantFrom('bid', 'ask'),
  price: whole,
  occurrence: fc.nat(),
  instant_index: fc.nat(),
};
const line = fc.oneof(
  fc.record({ ...delta, change: whole }),
  fc.record({ ...delta, size: whole, hash: text }),
  fc.record({ ...delta, size: whole }),
  fc.record({
    ...captured,
    kind: fc.constant('trade'),
    trade_id: text,
    price: whole,
    size: whole,
    taker_side: orNull(fc.constantFrom('buy', 'sell')),
    is_block: fc.boolean(),
  }),
  fc.record({
    ...captured,
    kind: fc.constant('ticker'),
    bid: orNull(whole),
    ask: orNull(whole),
    bid_size: orNull(whole),
    ask_size: orNull(whole),
    last: orNull(whole),
    volume: orNull(whole),
    open_interest: orNull(whole),
  }),
  fc.record({
    ...captured,
    kind: fc.constant('lifecycle'),
    market: text,
    instruments: fc.array(text),
    type: text,
    details: fc.dictionary(text, fc.jsonValue()),
  }),
);

test('an encoded line is one line of ASCII that parses to what JSON.stringify would have written', () => {
  fc.assert(
    fc.property(line, (value) => {
      const encoded = encodeLine(value as unknown as StreamLine);
      expect(encoded.indexOf('\n')).toBe(encoded.length - 1);
      expect(Buffer.byteLength(encoded)).toBe(encoded.length);
      expect(JSON.parse(encoded)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 500 },
  );
});

test('times that share a second, follow one of another second, or lie near a boundary stay exact', () => {
  const base = 1_763_712_000_000_000;
  for (const exchange_ts of [
    base,
    base + 1,
    base + 999_999,
    base + 1_000_000,
    base - 1,
    0,
    5,
    999_999,
    1_000_000,
  ]) {
    const value = {
      kind: 'trade',
      venue: 'kalshi',
      instrument: 'X',
      trade_id: 't',
      price: 1,
      size: 1,
      taker_side: null,
      is_block: false,
      exchange_ts,
      received_at: base,
      gatherer: 'a',
      connection: 'c',
      sid: 0,
      seq: 0,
      quality: 0,
    } as unknown as StreamLine;
    expect(JSON.parse(encodeLine(value))).toEqual(value);
  }
});
