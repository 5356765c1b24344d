import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameContext } from '#src/venues/decoder.ts';
import { FrameBytes } from '#src/venues/frame-bytes.ts';
import { KalshiDecoder } from '#src/venues/kalshi/decode.ts';
import { QuickKalshiDecoder } from '#src/venues/kalshi/quick-decode.ts';
import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';
import { QuickPolymarketDecoder } from '#src/venues/polymarket/quick-decode.ts';
import { fixtureLines, RECEIVED, recordedFrames } from './fixtures.ts';

const DOCUMENTED = fixtureLines('kalshi-documented.jsonl');
const KALSHI = [
  ...DOCUMENTED.filter((line) => /"type":"(orderbook_delta|trade|ticker)"/.test(line)),
  ...recordedFrames('kalshi-deltas-2026-03-20.jsonl').filter((frame) =>
    frame.startsWith('{"type":"orderbook_delta"'),
  ),
];
const POLYMARKET = fixtureLines('polymarket-frames.jsonl').filter(
  (frame) => frame.includes('best_bid":"0.6"') || frame.includes('0xhash'),
);

const VENUES = [
  { name: 'Kalshi', frames: KALSHI, whole: new KalshiDecoder(), quick: new QuickKalshiDecoder() },
  {
    name: 'Polymarket',
    frames: POLYMARKET,
    whole: new PolymarketDecoder(),
    quick: new QuickPolymarketDecoder(),
  },
];

const contexts: readonly FrameContext[] = [false, true].map((useYesPrice) => ({
  received_at: RECEIVED,
  useYesPrice,
}));

/** Pieces that stand in frames or nearly do. */
const PIECES = [
  '"',
  '\\',
  '\\"',
  '\\u0041',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '-',
  '.',
  '0',
  '00',
  '1e5',
  ' ',
  '\n',
  'null',
  'true',
  'é',
  '😀',
  '\u0141',
  'yes',
  'no',
  'BUY',
  '1.0000',
  '0.0000',
  '',
  '"x":1,',
  '"side":"no",',
  '-0',
  '123456789012345678',
  '0.1234567',
  '2026-02-30T00:00:00Z',
  '0x',
  '\u0000',
  '+1',
  '.5',
  '5.',
];

describe.each(VENUES)('the quick decoder of $name', ({ frames, whole, quick }) => {
  it('takes the plain messages of today', () => {
    expect(frames.length).toBeGreaterThan(2);
    for (const frame of frames) expect(quick.decode(frame, contexts[0]!), frame).not.toBe(null);
  });

  it('says what the decoder proper says, or leaves it to say it', () => {
    const same = (frame: string): void => {
      for (const context of contexts) {
        const result = quick.decode(frame, context);
        if (result !== null)
          expect(JSON.stringify(result), frame).toBe(JSON.stringify(whole.decodeAny(frame, context)));
        if (result !== null) expect(result).toEqual(whole.decodeAny(frame, context));
      }
    };
    for (const frame of frames) same(frame);
    const pick = fc.nat(frames.length - 1).map((index) => frames[index]!);
    fc.assert(
      fc.property(pick, fc.nat(), fc.nat(12), fc.constantFrom(...PIECES), (frame, place, length, piece) => {
        const at = place % (frame.length + 1);
        same(frame.slice(0, at) + piece + frame.slice(at + length));
        same(frame.slice(0, at) + piece + frame.slice(at));
      }),
      { numRuns: 6_000 },
    );
    fc.assert(
      fc.property(pick, fc.nat(), fc.string(), (frame, place, piece) => {
        const values = [...frame.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|-?\d+(?:\.\d+)?(?=[,}])|true|false/g)];
        const { index, 0: value } = values[place % values.length]!;
        const put = (text: string): string =>
          frame.slice(0, index) + text + frame.slice(index + value.length);
        same(put(JSON.stringify(piece)));
        for (const text of PIECES) {
          same(put(JSON.stringify(text)));
          same(put(text));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes neither a point nor a sign alone for a number, wherever a figure stands', () => {
    let figures = 0;
    for (const frame of frames.slice(0, 20)) {
      for (const { index, 0: value } of frame.matchAll(/"-?[\d.]+"/g)) {
        for (const text of ['"."', '"-."', '"-"']) {
          const odd = frame.slice(0, index) + text + frame.slice(index + value.length);
          const result = quick.decode(odd, contexts[0]!);
          if (result !== null) expect(result, odd).toEqual(whole.decodeAny(odd, contexts[0]!));
          figures++;
        }
      }
    }
    expect(figures).toBeGreaterThan(20);
  });

  it('leaves a key that comes twice to the decoder proper, whose last value counts', () => {
    for (const frame of frames) {
      for (const [field] of frame.matchAll(
        /"(price_dollars|yes_price_dollars|yes_bid_dollars|price)":"[^"]+"/g,
      )) {
        const twice = frame.replace(field, `${field.replace(/:"[^"]+"/, ':"0.123"')},${field}`);
        expect(quick.decode(twice, contexts[0]!)).toBe(null);
        expect(whole.decode(twice, contexts[0]!).events).toEqual(whole.decode(frame, contexts[0]!).events);
      }
    }
  });

  it('takes an empty side for what the decoder proper takes it for', () => {
    const fields = /"((?:yes_bid|yes_ask|price)_dollars|best_bid|best_ask)":"[^"]+"/g;
    let taken = 0;
    for (const frame of frames.filter((text) => /"ticker"|best_bid/.test(text))) {
      for (const value of ['0', '0.0000', '1', '1.0000', '', '0.000', '5.', '.5', '1.5', '-0.5']) {
        for (const [field, key] of frame.matchAll(fields)) {
          const changed = frame.replace(field, `"${key}":"${value}"`);
          const result = quick.decode(changed, contexts[0]!);
          if (result === null) continue;
          taken++;
          expect(result, changed).toEqual(whole.decodeAny(changed, contexts[0]!));
        }
      }
    }
    expect(taken).toBeGreaterThan(10);
  });

  it('keeps nothing of the frame before: after a longer frame a shorter, cut one is still cut', () => {
    for (const frame of frames) {
      for (let length = frame.length - 1; length > 0; length -= 7) {
        quick.decode(frame, contexts[0]!);
        expect(quick.decode(frame.slice(0, length), contexts[0]!)).toBe(null);
      }
    }
  });

  it('ends with a text that does not, whatever stands behind it from a frame before', () => {
    for (const frame of frames) {
      const begun = frame.slice(0, frame.indexOf('":"') + 4);
      for (const before of ['x'.repeat(16_384), 'Ł'.repeat(8_192), '€'.repeat(16_384)]) {
        expect(quick.decode(before, contexts[0]!)).toBe(null);
        expect(quick.decode(begun, contexts[0]!)).toBe(null);
      }
    }
  });

  it('leaves a control character or an escape to the decoder proper, at every place of a text', () => {
    for (const frame of frames.slice(0, 5)) {
      for (const { index, 0: value } of frame.matchAll(/"[A-Za-z0-9-]{12,}"(?!:)/g)) {
        for (let at = index + 1; at < index + value.length - 1; at++) {
          for (const odd of ['\u0000', '\u001f', '\n', '\\', 'é'])
            expect(quick.decode(frame.slice(0, at) + odd + frame.slice(at + 1), contexts[0]!)).toBe(null);
          const replaced = `${frame.slice(0, at)}\u007f${frame.slice(at + 1)}`;
          const result = quick.decode(replaced, contexts[0]!);
          if (result !== null) expect(result).toEqual(whole.decodeAny(replaced, contexts[0]!));
        }
      }
    }
  });

  it('leaves frames that are long or not ASCII to the decoder proper', () => {
    for (const frame of frames) {
      const instrument = /"(?:market_ticker|asset_id)":"([^"]+)"/.exec(frame)![1]!;
      for (const odd of ['Ł'.repeat(instrument.length), 'x'.repeat(20_000), '€']) {
        const changed = frame.replaceAll(instrument, odd);
        expect(quick.decode(changed, contexts[0]!)).toBe(null);
        expect(whole.decode(changed, contexts[0]!).events[0]).toMatchObject({ instrument: odd });
      }
    }
  });

  it('takes the keys in any order, and the order may change from frame to frame', () => {
    const shuffle = (value: unknown, random: () => number): unknown => {
      if (Array.isArray(value)) return value.map((item) => shuffle(item, random));
      if (value === null || typeof value !== 'object') return value;
      const entries = Object.entries(value).map(
        ([key, item]) => [random(), key, shuffle(item, random)] as const,
      );
      return Object.fromEntries(entries.sort((a, b) => a[0] - b[0]).map(([, key, item]) => [key, item]));
    };
    const stream = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.nat(frames.length - 1), stream, (index, random) => {
        const frame = JSON.stringify(
          shuffle(JSON.parse(frames[index]!), () => random.next().value as number),
        );
        const result = quick.decode(frame, contexts[0]!);
        if (result !== null) expect(result).toEqual(whole.decodeAny(frame, contexts[0]!));
        expect(whole.decode(frame, contexts[0]!)).toEqual(whole.decodeAny(frame, contexts[0]!));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a decimal in a frame', () => {
  it.each([
    ['999999999', 999_999_999_000_000],
    ['99999999.5', 99_999_999_500_000],
    ['9007199255', Number.NaN],
    ['9999999999', Number.NaN],
    ['999999999.5', Number.NaN],
  ])('%s is left to the other decoder where a double may not hold it', (text, value) => {
    const frame = new FrameBytes();
    frame.load(text);
    expect(frame.millionths(0, text.length)).toBe(value);
  });
});
