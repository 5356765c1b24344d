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

/** Stands for a field that is not there, as NaN stands for one that cannot be read. */
const ABSENT = -1;

/**
 * The venue's time of a message, the finest there is: `time` or `ts` as RFC 3339 text (microseconds), then
 * `ts_ms`, then `ts` as whole seconds. `ts` is text in changes of a book and seconds elsewhere; its form tells.
 * Null where a message has none; one that cannot be read is reported, and the next finer one taken.
 */
export function readExchangeTime(fields: Fields, result: FrameResult, instrument: string): Micros | null {
  const { ts, ts_ms, time } = fields;
  const fromTime = isAbsent(time) ? ABSENT : microsOfText(time);
  const fromMillis = isAbsent(ts_ms) ? ABSENT : microsOfMillis(ts_ms);
  const isText = isTextTime(ts);
  const fromTs = isAbsent(ts) ? ABSENT : isText ? microsOfText(ts) : microsOfSeconds(ts);
  let found = fromTime > 0 ? fromTime : isText ? fromTs : ABSENT;
  if (found > 0) {
    if (fromMillis > 0 && Math.abs(found - fromMillis) > MICROS_PER_MILLI) {
      const texts = `time ${shown(fromTime > 0 ? time : ts)} and ts_ms ${shown(ts_ms)}`;
      result.problem('disagreement', `${texts} disagree; the former is kept`, instrument);
    }
  } else found = fromMillis > 0 ? fromMillis : fromTs;
  const isFound = found > 0;
  if (Number.isNaN(fromTime)) report('time', time, isFound, result, instrument);
  if (Number.isNaN(fromTs)) report('ts', ts, isFound, result, instrument);
  if (Number.isNaN(fromMillis)) report('ts_ms', ts_ms, isFound, result, instrument);
  return isFound ? (found as Micros) : null;
}

/** Text that begins like a date; digits are a count. */
function isTextTime(value: unknown): boolean {
  return typeof value === 'string' && value.length > 10 && value.charCodeAt(4) === 45;
}

function report(
  key: string,
  value: unknown,
  isReplaced: boolean,
  result: FrameResult,
  instrument: string,
): void {
  const reason = isReplaced ? 'unknown_value' : 'bad_time';
  const remedy = isReplaced ? 'another time of the message is taken' : 'the message has no other';
  result.problem(reason, `${key} is ${shown(value)}, not a time; ${remedy}`, instrument);
}
