import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecimalError, formatMillionths, parseMillionths, SCALE } from '#src/units/decimal.ts';
import {
  complement,
  fromHundredThousandths,
  ONE_DOLLAR,
  parsePrice,
  priceFromCents,
  toHundredThousandths,
} from '#src/units/price.ts';
import { sizeFromContracts } from '#src/units/size.ts';

/** The same by whole numbers of any length; null where the text is none or does not fit. */
function reference(text: string): bigint | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = ''] = match;
  if (whole + fraction === '' || /[^0]/.test(fraction.slice(6))) return null;
  const value = BigInt(`${whole}${fraction.slice(0, 6).padEnd(6, '0')}`);
  return sign === '-' ? -value : value;
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER) - 10n;

function holds(text: string): void {
  const expected = reference(text);
  if (expected === null || expected > LARGEST + 10n || expected < -LARGEST - 10n) {
    expect(() => parseMillionths(text), text).toThrow(DecimalError);
  } else if (expected <= LARGEST && expected >= -LARGEST) {
    expect(BigInt(parseMillionths(text)), text).toBe(expected);
    expect(Object.is(parseMillionths(text), -0), text).toBe(false);
  }
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 18 });
const decimal = fc
  .tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits)
  .map((parts) => parts.join(''));
const nearly = fc.string({ unit: fc.constantFrom(...'0123456789.-+eE _,x'), maxLength: 12 });

describe('decimal text', () => {
  it('is read as BigInt reads it, or refused where BigInt would need more', () => {
    fc.assert(fc.property(decimal, holds), { numRuns: 5_000 });
    fc.assert(fc.property(nearly, holds), { numRuns: 5_000 });
    fc.assert(fc.property(fc.string(), holds));
  });

  it('comes back from its own writing', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        fc.pre(Math.abs(value) <= Number(LARGEST));
        expect(parseMillionths(formatMillionths(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it.each([
    ['0.4150', 415_000],
    ['.48', 480_000],
    ['1.', 1_000_000],
    ['-7.00', -7_000_000],
    ['+0.000001', 1],
    ['0.1000000000', 100_000],
    ['-0', 0],
    ['123456789', 123_456_789_000_000],
  ])('%s is %i millionths', (text, value) => expect(parseMillionths(text)).toBe(value));

  it.each([
    '',
    '.',
    '-',
    '-.',
    '1e5',
    'NaN',
    'Infinity',
    '0x1',
    ' 1',
    '1 ',
    '1,5',
    '0.0000001',
    '--1',
    '1.2.3',
    '９',
  ])('%j is refused with the raw text', (text) => {
    try {
      parseMillionths(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DecimalError);
      expect((error as DecimalError).raw).toBe(text);
      expect((error as DecimalError).message).toContain(JSON.stringify(text));
    }
  });
});

describe('prices and sizes', () => {
  it('a price and its complement are one dollar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SCALE }), (value) => {
        const price = parsePrice(formatMillionths(value));
        expect(price + complement(price)).toBe(ONE_DOLLAR);
        expect(complement(complement(price))).toBe(price);
      }),
    );
  });

  it('whole cents, contracts and hundred-thousandths convert exactly or not at all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (cents) => {
        expect(priceFromCents(cents)).toBe(cents * 10_000);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (value) => {
        expect(toHundredThousandths(fromHundredThousandths(value))).toBe(value);
      }),
    );
    for (const odd of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => priceFromCents(odd)).toThrow(DecimalError);
      expect(() => sizeFromContracts(odd)).toThrow(DecimalError);
      expect(() => fromHundredThousandths(odd)).toThrow(DecimalError);
    }
    expect(() => toHundredThousandths(parsePrice('0.415001'))).toThrow(DecimalError);
    expect(() => sizeFromContracts(1e12)).toThrow(DecimalError);
  });
});
