declare const microsBrand: unique symbol;
/** Time in integer microseconds since the Unix epoch. */
export type Micros = number & { readonly [microsBrand]: true };

/** A time text that cannot be read. Keeps the raw text. */
export class TimeError extends Error {
  override readonly name = 'TimeError';
  readonly raw: string;

  constructor(raw: string) {
    super(`not a time: ${JSON.stringify(raw.length > 80 ? `${raw.slice(0, 80)}…` : raw)}`);
    this.raw = raw;
  }
}

export const MICROS_PER_MILLI = 1_000;
export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND;
export const MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE;
export const MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND;

/** @throws TimeError when the number is not a safe integer of milliseconds. */
export function microsFromMillis(millis: number): Micros {
  const micros = millis * MICROS_PER_MILLI;
  if (!Number.isSafeInteger(micros)) throw new TimeError(String(millis));
  return micros as Micros;
}

/** @throws TimeError when the number is not a safe integer of seconds. */
export function microsFromSeconds(seconds: number): Micros {
  const micros = seconds * MICROS_PER_SECOND;
  if (!Number.isSafeInteger(micros)) throw new TimeError(String(seconds));
  return micros as Micros;
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})$/;

/**
 * RFC 3339 text with up to nine fractional digits, cut zeros included (`22:21:01.84205Z`), as microseconds;
 * digits beyond the sixth are dropped.
 *
 * @throws TimeError when the text is not such a time.
 */
export function parseRfc3339(text: string): Micros {
  const match = RFC3339.exec(text);
  if (match === null) throw new TimeError(text);
  const millis = Date.parse(`${match[1]!.replace(' ', 'T')}${match[3]!.toUpperCase()}`);
  if (Number.isNaN(millis)) throw new TimeError(text);
  const fraction = match[2] === undefined ? 0 : Number(match[2].slice(0, 6).padEnd(6, '0'));
  return (millis * MICROS_PER_MILLI + fraction) as Micros;
}

/** RFC 3339 text in UTC with six fractional digits. */
export function formatRfc3339(time: Micros): string {
  const millis = Math.floor(time / MICROS_PER_MILLI);
  const rest = time - millis * MICROS_PER_MILLI;
  return `${new Date(millis).toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** The day in UTC: `2026-11-20`. */
export const formatDate = (time: Micros): string => formatRfc3339(time).slice(0, 10);

/** Reads the time in microseconds. Passed in wherever time is needed, so that tests are deterministic. */
export type Clock = () => Micros;

/**
 * The wall clock in microseconds. Node's wall clock has milliseconds only, so the high-resolution timer
 * carries it between them; it follows the wall clock whenever the two part by more than two milliseconds.
 */
export function systemClock(): Clock {
  let offset = Date.now() - performance.now();
  return () => {
    const wall = Date.now();
    const fine = offset + performance.now();
    if (Math.abs(wall - fine) > 2) {
      offset = wall - performance.now();
      return (wall * MICROS_PER_MILLI) as Micros;
    }
    return Math.floor(fine * MICROS_PER_MILLI) as Micros;
  };
}
