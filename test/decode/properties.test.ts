import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodedFrame } from '#src/venues/decoder.ts';
import { kalshiMessageSchema } from '#src/venues/kalshi/message-schema.ts';
import { polymarketMessageSchema } from '#src/venues/polymarket/message-schema.ts';
import { fixtureLines, kalshi, losses, polymarket, recordedFrames } from './fixtures.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Schema {
  safeParse(value: unknown): { success: boolean };
}

interface VenueFrames {
  readonly name: string;
  readonly decode: (frame: unknown) => DecodedFrame;
  readonly frames: readonly Json[];
  readonly schema: Schema & { readonly options: readonly Schema[] };
}

const parsed = (lines: readonly string[]): Json[] => lines.map((line) => JSON.parse(line) as Json);

const VENUES: readonly VenueFrames[] = [
  {
    name: 'Kalshi',
    decode: (frame) => kalshi(frame),
    frames: parsed([
      ...fixtureLines('kalshi-documented.jsonl'),
      ...recordedFrames('kalshi-deltas-2026-03-20.jsonl').slice(1, 30),
    ]),
    schema: kalshiMessageSchema,
  },
  {
    name: 'Polymarket',
    decode: polymarket,
    frames: parsed(fixtureLines('polymarket-frames.jsonl')),
    schema: polymarketMessageSchema,
  },
];

/** The same value with the keys of all objects in another order. */
function permuted(value: Json, random: () => number): Json {
  if (Array.isArray(value)) return value.map((item) => permuted(item, random));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [random(), key, permuted(item, random)] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, key, item]) => [key, item]),
  );
}

/** Every place of a JSON value, as the path to it. */
function places(value: Json, path: (string | number)[] = []): (string | number)[][] {
  if (value === null || typeof value !== 'object') return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, item]) =>
      places(item, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: Json, path: readonly (string | number)[], by: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, Json>;
  const inner = replaced(copy[key]!, rest, by);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy as Json;
}

const frameOf = ({ frames }: VenueFrames) => fc.nat(frames.length - 1).map((index) => frames[index]!);
const anyJson = fc.jsonValue() as fc.Arbitrary<Json>;

describe.each(VENUES)('frames of $name', (venue) => {
  const { decode, frames, schema } = venue;

  it('mean the same with their keys in any order', () => {
    fc.assert(
      fc.property(
        frameOf(venue),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (frame, stream) => {
          const shuffled = permuted(frame, () => stream.next().value as number);
          expect(decode(shuffled)).toEqual(decode(frame));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('mean the same with white space around everything', () => {
    for (const frame of frames) expect(decode(JSON.stringify(frame, null, 2))).toEqual(decode(frame));
  });

  it('keep their meaning with keys that nobody knows, which are counted', () => {
    const key = fc.string({ minLength: 1, maxLength: 8 }).map((text) => `new_${text}`);
    fc.assert(
      fc.property(
        frameOf(venue),
        key,
        fc.oneof(fc.string(), fc.integer(), fc.boolean()),
        (frame, name, value) => {
          const fields = frame as { [key: string]: Json };
          const message = fields['msg'];
          const isNested = message !== undefined && !Array.isArray(message) && typeof message === 'object';
          const extended = isNested
            ? { ...fields, msg: { ...message, [name]: value } }
            : { ...fields, [name]: value };
          const before = decode(frame);
          const after = decode(extended);
          const strip = (events: DecodedFrame['events']): unknown =>
            events.map((event) => ({ ...event, details: null }));
          expect(strip(after.events)).toEqual(strip(before.events));
          expect(after.controls).toEqual(before.controls);
          expect(after.tops).toEqual(before.tops);
          if (isNested && before.controls.length > 0) return;
          expect(after.problems).toMatchObject([
            { reason: 'unknown_key', message: expect.stringContaining(JSON.stringify(name)) },
          ]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never throw, whatever stands in any place of them', () => {
    fc.assert(
      fc.property(frameOf(venue), fc.nat(), fc.option(anyJson, { nil: undefined }), (frame, pick, value) => {
        const all = places(frame);
        const broken = replaced(frame, all[pick % all.length]!, value);
        const decoded = decode(broken === undefined ? '' : broken);
        for (const { reason, message } of decoded.problems)
          expect(`${reason}${message}`).toMatch(/^[a-z_]+.+/s);
        for (const event of decoded.events) {
          if (event.exchange_ts !== null) expect(Number.isSafeInteger(event.exchange_ts)).toBe(true);
          if (event.kind === 'trade' || event.kind === 'book_delta')
            expect(Number.isSafeInteger(event.price)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('never throw when they are cut anywhere, or are any text at all', () => {
    fc.assert(
      fc.property(frameOf(venue), fc.nat(), (frame, pick) => {
        const text = JSON.stringify(frame);
        const cut = text.slice(0, pick % text.length);
        expect(decode(cut).events).toEqual([]);
        expect(decode(cut).problems.length).toBe(1);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void decode(text)));
    fc.assert(fc.property(anyJson, (value) => void decode(JSON.stringify(value))));
  });

  it('are here of every kind that the schema knows', () => {
    expect(schema.options.length).toBeGreaterThan(6);
    schema.options.forEach((kind, index) => {
      expect(
        frames.some((frame) => kind.safeParse(frame).success),
        `kind ${index} of the schema`,
      ).toBe(true);
    });
  });

  it('that fit the schema of today lose nothing, and those that do not are named', () => {
    const type = venue.name === 'Kalshi' ? 'type' : 'event_type';
    let accepted = 0;
    let refused = 0;
    for (const frame of frames) {
      if ((frame as Record<string, unknown>)[type] === undefined) continue;
      // The schema is of today: the older forms among the recorded frames do not fit it and are read all the same.
      if (schema.safeParse(frame).success) {
        accepted++;
        expect(losses(decode(frame)), JSON.stringify(frame)).toEqual([]);
      } else continue;
      for (const path of places(frame).filter((place) => place.length > 0)) {
        for (const value of [undefined, 'x', { a: 1 }] as const) {
          const broken = replaced(frame, path, value)!;
          if (schema.safeParse(broken).success) continue;
          refused++;
          const text = JSON.stringify(broken);
          if (isUnread(path) || (value === undefined && mayLack(path, broken))) continue;
          expect(
            decode(broken).problems.length,
            `${path.join('.')} = ${JSON.stringify(value)} in ${text}`,
          ).toBeGreaterThan(0);
        }
      }
    }
    expect(accepted).toBeGreaterThan(8);
    expect(refused).toBeGreaterThan(100);
  });
});

const UNREAD = new Set([
  ...['market_id', 'dollar_volume', 'dollar_open_interest', 'last_trade_size_fp'],
  ...[
    'settlement_value',
    'open_ts',
    'close_ts',
    'old_tick_size',
    'fee_rate_bps',
    'tick_size',
    'last_trade_price',
  ],
]);

/** Fields that are nothing to the decoder, or left to `details` as they are. */
function isUnread(path: readonly (string | number)[]): boolean {
  return (
    UNREAD.has(String(path.at(-1))) ||
    path.includes('price_ranges') ||
    (path.length === 1 && path[0] === 'market')
  );
}

const OLDER_LACK = new Set([
  ...[
    'sid',
    'seq',
    'id',
    'ts',
    'ts_ms',
    'time',
    'event_type',
    'side',
    'bids',
    'asks',
    'best_bid',
    'best_ask',
  ],
  ...[
    'price_dollars',
    'yes_bid_dollars',
    'yes_ask_dollars',
    'yes_bid_size_fp',
    'yes_ask_size_fp',
    'volume_fp',
  ],
  ...['open_interest_fp', 'yes_price_dollars', 'no_price_dollars', 'taker_side', 'taker_outcome_side'],
  ...['taker_book_side', 'is_block_trade', 'count_fp'],
]);

/** Fields that the schema of today requires and that older frames lack; what must be there for all that is not here. */
function mayLack(path: readonly (string | number)[], broken: Json): boolean {
  const { type } = broken as { type?: string };
  const key = String(path.at(-1));
  if (type === 'orderbook_delta' || type === 'trade') {
    if (['price_dollars', 'delta_fp', 'side', 'count_fp', 'market_ticker', 'trade_id'].includes(key))
      return false;
  }
  if (key === 'assets_ids') return 'clob_token_ids' in (broken as object);
  return OLDER_LACK.has(key);
}
