/** Every price and size is held as an integer count of millionths. */
export const SCALE = 1_000_000;
const SCALE_DIGITS = 6;

/** A decimal text that is not one, or that needs more digits than the scale holds. Keeps the raw text. */
export class DecimalError extends Error {
  override readonly name = 'DecimalError';
  readonly raw: string;

  constructor(reason: string, raw: string) {
    super(`${reason}: ${JSON.stringify(raw.length > 80 ? `${raw.slice(0, 80)}…` : raw)}`);
    this.raw = raw;
  }
}

const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
/** Integers up to here times ten plus nine stay exact in a double. */
const SAFE_BEFORE_DIGIT = Math.floor((Number.MAX_SAFE_INTEGER - 9) / 10);

/**
 * Reads a decimal text into an integer count of millionths, digit by digit, never through a float.
 * Accepts a sign, a missing leading zero (`.48`) and a missing fraction; trailing zeros beyond the sixth
 * fractional digit are allowed because they change nothing.
 *
 * @throws DecimalError for anything else: empty text, exponents, NaN, more than six significant fractional
 *   digits, or a value beyond 2^53 millionths.
 */
export function parseMillionths(text: string): number {
  const length = text.length;
  let index = 0;
  let negative = false;
  const first = text.charCodeAt(0);
  if (first === MINUS || first === PLUS) {
    negative = first === MINUS;
    index = 1;
  }
  let value = 0;
  let digits = 0;
  let code = 0;
  for (; index < length; index++) {
    code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) break;
    if (value > SAFE_BEFORE_DIGIT) throw new DecimalError('decimal is too large', text);
    value = value * 10 + (code - ZERO);
    digits++;
  }
  let fraction = 0;
  if (index < length && code === POINT) {
    for (index++; index < length; index++) {
      code = text.charCodeAt(index);
      if (code < ZERO || code > NINE) break;
      digits++;
      if (fraction === SCALE_DIGITS) {
        if (code !== ZERO) throw new DecimalError('decimal has more than six fractional digits', text);
        continue;
      }
      if (value > SAFE_BEFORE_DIGIT) throw new DecimalError('decimal is too large', text);
      value = value * 10 + (code - ZERO);
      fraction++;
    }
  }
  if (digits === 0 || index < length) throw new DecimalError('not a decimal number', text);
  for (; fraction < SCALE_DIGITS; fraction++) {
    if (value > SAFE_BEFORE_DIGIT) throw new DecimalError('decimal is too large', text);
    value *= 10;
  }
  return negative && value !== 0 ? -value : value;
}

/**
 * Millionths as the shortest decimal text: `415000` gives `0.415`, `-7000000` gives `-7`.
 *
 * @param leastDecimals zeros are kept up to so many fractional digits: with 4, `415000` gives `0.4150`.
 */
export function formatMillionths(value: number, leastDecimals = 0): string {
  const magnitude = Math.abs(value);
  const whole = Math.floor(magnitude / SCALE);
  const rest = magnitude - whole * SCALE;
  const sign = value < 0 ? '-' : '';
  if (rest === 0 && leastDecimals === 0) return `${sign}${whole}`;
  const fraction = rest === 0 ? '' : String(rest).padStart(SCALE_DIGITS, '0').replace(/0+$/, '');
  return `${sign}${whole}.${fraction.padEnd(leastDecimals, '0')}`;
}
