import {
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
  MICROS_PER_SECOND,
  type Micros,
  parseRfc3339,
  TimeError,
} from '../units/time.ts';

/** A text that names no time; says what does. */
export class TimeArgumentError extends Error {
  override readonly name = 'TimeArgumentError';
}

const UNITS: Readonly<Record<string, number>> = {
  s: MICROS_PER_SECOND,
  m: MICROS_PER_MINUTE,
  h: 60 * MICROS_PER_MINUTE,
  d: MICROS_PER_DAY,
  w: 7 * MICROS_PER_DAY,
};
/** The unit's first letter tells it; only whole words of it are taken, so that a month is no minute. */
const AGO =
  /^(\d+(?:\.\d+)?)\s*(?:(s)(?:ec(?:ond)?s?)?|(m)(?:in(?:ute)?s?)?|(h)(?:(?:ou)?rs?)?|(d)(?:ays?)?|(w)(?:eeks?)?)(?:\s+ago)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const LOCAL_FORM = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?$/;

/** Epoch times by their number of digits: today's seconds have 10, milliseconds 13, microseconds 16. */
function fromEpoch(text: string): Micros {
  const value = Number(text);
  if (text.length <= 11) return (value * MICROS_PER_SECOND) as Micros;
  if (text.length <= 14) return (value * 1_000) as Micros;
  return value as Micros;
}

/**
 * A time as a person or a program gives it: `now`, `2h ago`, `90s`, RFC 3339, a date or a time without a zone
 * (taken as UTC), or seconds, milliseconds or microseconds since the epoch.
 *
 * @throws TimeArgumentError naming what is accepted.
 */
export function parseTimeArgument(text: string, now: Micros): Micros {
  const trimmed = text.trim();
  if (trimmed === 'now') return now;
  if (/^\d{1,16}$/.test(trimmed)) return fromEpoch(trimmed);
  const ago = AGO.exec(trimmed);
  if (ago !== null) {
    const unit = ago.slice(2).find((letter) => letter !== undefined)!;
    const time = Math.round(now - Number(ago[1]) * UNITS[unit]!) as Micros;
    if (time >= 0) return time;
  }
  try {
    if (DATE.test(trimmed)) return parseRfc3339(`${trimmed}T00:00:00Z`);
    if (LOCAL_FORM.test(trimmed)) return parseRfc3339(`${trimmed}${trimmed.length === 16 ? ':00' : ''}Z`);
    return parseRfc3339(trimmed);
  } catch (error) {
    if (!(error instanceof TimeError)) throw error;
    throw new TimeArgumentError(
      `not a time: ${JSON.stringify(text)}; expected e.g. 2026-11-20T15:04:05Z, 2026-11-20, "2h ago", now, or seconds, milliseconds or microseconds since 1970`,
    );
  }
}
