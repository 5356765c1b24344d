import { parseRfc3339 } from '../units/time.ts';

const ZERO = 48;
const DASH = 45;
const COLON = 58;
const POINT = 46;

/** The day last read and its start: messages of one minute seldom differ in their date. */
let lastDate = Number.NaN;
let lastDayStart = 0;

/**
 * Microseconds of an RFC 3339 text. The form that venues send in every message, `2026-03-21T22:21:01.84205Z` in UTC,
 * is read digit by digit; every other form is left to `parseRfc3339`.
 *
 * @throws TimeError when the text is not such a time.
 */
export function parseUtcText(text: string): number {
  const micros = readUtc(text, text.length);
  return micros >= 0 ? micros : parseRfc3339(text);
}

function readUtc(text: string, length: number): number {
  if (length < 20 || length > 30 || text.charCodeAt(length - 1) !== 90) return -1;
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH || text.charCodeAt(10) !== 84) return -1;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return -1;
  const year = pair(text, 0) * 100 + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  // The lengths of months are left to the general reader.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return -1;
  if (!(hour < 24 && minute < 60 && second < 60)) return -1;
  let fraction = 0;
  if (length > 20) {
    if (text.charCodeAt(19) !== POINT || length < 22) return -1;
    let unit = 100_000;
    for (let index = 20; index < length - 1; index++) {
      const digit = text.charCodeAt(index) - ZERO;
      if (digit < 0 || digit > 9) return -1;
      fraction += digit * unit;
      // Digits beyond the sixth are dropped.
      unit = unit === 1 ? 0 : unit / 10;
    }
  }
  const date = (year * 100 + month) * 100 + day;
  if (date !== lastDate) {
    lastDayStart = dayStart(year, month, day);
    lastDate = lastDayStart < 0 ? Number.NaN : date;
    if (lastDayStart < 0) return -1;
  }
  return lastDayStart + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction;
}

function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Start of the day in microseconds, or -1 where the month has no such day. */
function dayStart(year: number, month: number, day: number): number {
  const start = Date.UTC(year, month - 1, day);
  return new Date(start).getUTCDate() === day ? start * 1_000 : -1;
}
