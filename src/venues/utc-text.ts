import { parseRfc3339 } from '../units/time.ts';

const ZERO = 48;
const DASH = 45;
const COLON = 58;
const POINT = 46;
const LETTER_T = 84;
const LETTER_Z = 90;
const SHORTEST = '2026-03-21T22:21:01Z'.length;
const LONGEST = '2026-03-21T22:21:01.123456789Z'.length;

/**
 * Reads times of the form that venues send in every message, `2026-03-21T22:21:01.84205Z`, in UTC, byte by byte.
 * Messages of one hour seldom differ in their date, so that the last day's start is kept.
 */
export class UtcReader {
  private date = Number.NaN;
  private dayStart = 0;

  /** Microseconds of the time between two places, or -1 where it has any other form or is none. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < SHORTEST || length > LONGEST || bytes[end - 1] !== LETTER_Z) return -1;
    if (bytes[start + 4] !== DASH || bytes[start + 7] !== DASH || bytes[start + 10] !== LETTER_T) return -1;
    if (bytes[start + 13] !== COLON || bytes[start + 16] !== COLON) return -1;
    const year = pair(bytes, start) * 100 + pair(bytes, start + 2);
    const month = pair(bytes, start + 5);
    const day = pair(bytes, start + 8);
    const hour = pair(bytes, start + 11);
    const minute = pair(bytes, start + 14);
    const second = pair(bytes, start + 17);
    if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return -1;
    if (!(hour < 24 && minute < 60 && second < 60)) return -1;
    let fraction = 0;
    if (length > SHORTEST) {
      if (bytes[start + 19] !== POINT || length < SHORTEST + 2) return -1;
      let unit = 100_000;
      for (let at = start + 20; at < end - 1; at++) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) return -1;
        fraction += digit * unit;
        // Digits beyond the sixth are dropped.
        unit = unit === 1 ? 0 : unit / 10;
      }
    }
    const date = (year * 100 + month) * 100 + day;
    if (date !== this.date) {
      // The 31st of a shorter month is the 1st of the next, here as in `parseRfc3339`.
      this.dayStart = Date.UTC(year, month - 1, day) * 1_000;
      this.date = date;
    }
    return this.dayStart + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction;
  }
}

const reader = new UtcReader();
const scratch = Buffer.alloc(LONGEST * 3);

/**
 * Microseconds of an RFC 3339 text. The form that venues send is read here, every other form by `parseRfc3339`.
 *
 * @throws TimeError when the text is not such a time.
 */
export function parseUtcText(text: string): number {
  if (text.length <= LONGEST && scratch.write(text, 0, 'utf8') === text.length) {
    const micros = reader.read(scratch, 0, text.length);
    if (micros >= 0) return micros;
  }
  return parseRfc3339(text);
}

function pair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - ZERO;
  const ones = bytes[at + 1]! - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
