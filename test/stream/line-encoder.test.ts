import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StreamLine } from '#src/events/captured.ts';
import { encodeLine, LineEncoder } from '#src/stream/line-encoder.ts';

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
  fc.record(
    {
      ...captured,
      kind: fc.constant('book_snapshot'),
      source: fc.constantFrom('ws', 'rest', 'engine'),
      bids: fc.array(fc.tuple(whole, whole)),
      asks: fc.array(fc.tuple(whole, whole)),
      snapshot_ts: time,
      hash: text,
      depth: fc.nat(),
      instant_index: fc.nat(),
    },
    {
      requiredKeys: [
        ...(Object.keys(captured) as (keyof typeof captured)[]),
        'kind',
        'source',
        'bids',
        'asks',
        'snapshot_ts',
      ],
    },
  ),
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

test('a line written among others is the one it is alone, and touches nothing before it or beyond its room', () => {
  const encoder = new LineEncoder(16);
  let written = 0;
  fc.assert(
    fc.property(line, fc.nat(40), (value, at) => {
      const given = value as unknown as StreamLine;
      const room = encoder.room(given);
      const bytes = new Uint8Array(at + room + 16).fill(0xee);
      const end = encoder.write(new DataView(bytes.buffer, 0, at + room + 16), at, given);
      expect(bytes.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
      expect(bytes.subarray(at + room).every((byte) => byte === 0xee)).toBe(true);
      if (end < 0) return;
      written++;
      expect(Buffer.from(bytes.subarray(at, end)).toString('latin1')).toBe(encodeLine(given));
    }),
    { numRuns: 300 },
  );
  expect(written).toBeGreaterThan(50);
});

test('what no safe integer or short text stands for is left to JSON, and the instruments are as many as one likes', () => {
  const encoder = new LineEncoder();
  const view = new DataView(new ArrayBuffer(8_192));
  const value = {
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: 'X',
    side: 'bid',
    price: 10_000,
    change: -70_000_000,
    exchange_ts: 1_763_712_000_000_000,
    received_at: 1_763_712_000_000_001,
    gatherer: 'a',
    connection: 'c',
    sid: 1,
    seq: 2,
    quality: 0,
    occurrence: 0,
    instant_index: 0,
  };
  const odd = [
    { price: 0.5 },
    { price: Number.NaN },
    { change: 2 ** 60 },
    { exchange_ts: 1_763_712_000_000_000.5 },
    { received_at: Number.POSITIVE_INFINITY },
    { seq: 1.5 },
    { hash: 'a"b' },
    { hash: 'é' },
    { hash: 'h'.repeat(600) },
    { instrument: 'i'.repeat(600) },
    { connection: 'c'.repeat(600) },
  ];
  for (const field of odd) {
    const line = { ...value, ...field } as unknown as StreamLine;
    expect(encoder.write(view, 0, line), JSON.stringify(field)).toBe(-1);
    expect(JSON.parse(encodeLine(line))).toEqual(JSON.parse(JSON.stringify(line)));
  }
  for (let number = 0; number < 70_000; number++) {
    const line = { ...value, instrument: `KXMANY-${number}-${'T'.repeat(number % 97)}` };
    const end = encoder.write(view, 0, line as unknown as StreamLine);
    if (number % 1_000 === 0 || number > 69_990)
      expect(JSON.parse(Buffer.from(view.buffer, 0, end).toString('latin1'))).toEqual(line);
  }
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
