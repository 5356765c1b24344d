import type { Micros } from '../../units/time.ts';
import { MICROS_PER_MILLI } from '../../units/time.ts';
import {
  type Fields,
  isAbsent,
  microsOfMillis,
  microsOfSeconds,
  microsOfText,
  shown,
} from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';

/**
 * The venue's time of a message, the finest there is: `time` or `ts` as RFC 3339 text (microseconds), then
 * `ts_ms`, then `ts` as whole seconds. `ts` is text in changes of a book and seconds elsewhere; its form tells.
 * Null where a message has none; one that cannot be read is reported, and the next finer one taken.
 */
export function readExchangeTime(fields: Fields, result: FrameResult, instrument: string): Micros | null {
  const { ts, ts_ms: millis, time } = fields;
  const text = typeof time === 'string' && time !== '' ? time : isRfc3339(ts) ? ts : undefined;
  const coarse = isAbsent(millis) ? null : microsOfMillis(millis);
  if (text !== undefined) {
    const fine = microsOfText(text);
    if (!Number.isNaN(fine)) {
      if (coarse !== null && !(Math.abs(fine - coarse) <= MICROS_PER_MILLI)) {
        result.problem(
          'disagreement',
          `time ${shown(text)} and ts_ms ${shown(millis)} disagree; the former is kept`,
          instrument,
        );
      }
      return fine as Micros;
    }
  }
  if (coarse !== null && !Number.isNaN(coarse)) {
    if (text !== undefined) unreadable('unknown_value', text, 'ts_ms is taken', result, instrument);
    return coarse as Micros;
  }
  const seconds = text === ts || isAbsent(ts) ? Number.NaN : microsOfSeconds(ts);
  const worst = text ?? (coarse === null ? undefined : millis) ?? (isAbsent(ts) ? undefined : ts);
  if (!Number.isNaN(seconds)) {
    if (worst !== ts) unreadable('unknown_value', worst, 'ts is taken', result, instrument);
    return seconds as Micros;
  }
  if (worst !== undefined) unreadable('bad_time', worst, 'no other is given', result, instrument);
  return null;
}

function isRfc3339(value: unknown): value is string {
  return typeof value === 'string' && value.length > 10 && value.charCodeAt(4) === 45;
}

function unreadable(
  reason: string,
  value: unknown,
  remedy: string,
  result: FrameResult,
  instrument: string,
): void {
  result.problem(reason, `time ${shown(value)} cannot be read; ${remedy}`, instrument);
}
