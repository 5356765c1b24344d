import { parseMillionths, SCALE } from '../units/decimal.ts';
import { DEEPEST, isNestedDeeply } from '../units/nesting.ts';
import { MICROS_PER_MILLI, MICROS_PER_SECOND } from '../units/time.ts';
import type { FrameResult } from './frame-result.ts';
import { parseUtcText } from './utc-text.ts';

/** A JSON object of a message, nothing known about its fields. */
export interface Fields {
  readonly [key: string]: unknown;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Missing, null and the empty text all mean that the venue says nothing. */
export function isAbsent(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === '';
}

/** Non-empty text, or undefined. Ids of any kind are text; a number is never taken for one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Millionths of a decimal given as text or number, NaN where it cannot be read exactly. */
export function millionthsOf(value: unknown): number {
  try {
    if (typeof value === 'string') return parseMillionths(value);
    return typeof value === 'number' ? parseMillionths(String(value)) : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/** Millionths of a whole number given as number or text (cents, contracts), `unit` millionths each; NaN if it is none. */
export function wholeUnitsOf(value: unknown, unit: number): number {
  const millionths = millionthsOf(value);
  return millionths % SCALE === 0 ? exact((millionths / SCALE) * unit) : Number.NaN;
}

/** A whole number given as number or text, undefined where it is none. */
export function integerOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  const digits = typeof value === 'string' ? digitsOf(value) : Number.NaN;
  return Number.isNaN(digits) ? undefined : digits;
}

/** Microseconds of a count of milliseconds since the epoch, as number or digits; NaN where it is none. */
export function microsOfMillis(value: unknown): number {
  return timeOf(value, MICROS_PER_MILLI);
}

/** Microseconds of a count of seconds since the epoch, as number or digits; NaN where it is none. */
export function microsOfSeconds(value: unknown): number {
  return timeOf(value, MICROS_PER_SECOND);
}

/** Microseconds of an RFC 3339 text; NaN where it is none, or is before the epoch (a zero time of the sender's language). */
export function microsOfText(value: unknown): number {
  if (typeof value !== 'string') return Number.NaN;
  try {
    const micros = parseUtcText(value);
    return micros > 0 ? micros : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function timeOf(value: unknown, unit: number): number {
  const count = typeof value === 'string' ? digitsOf(value) : typeof value === 'number' ? value : Number.NaN;
  const micros = count * unit;
  return micros > 0 ? exact(micros) : Number.NaN;
}

function exact(value: number): number {
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

const LONGEST = 16;
const ZERO = 48;

/** The number that a text of 1 to 16 digits stands for, NaN for any other text. */
function digitsOf(text: string): number {
  const { length } = text;
  if (length === 0 || length > LONGEST) return Number.NaN;
  let value = 0;
  for (let index = 0; index < length; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return exact(value);
}

/** The message as it is kept with its event: whole, unless nobody could write it down again. */
export function keptDetails(fields: Fields, message: string, result: FrameResult): Fields {
  if (!isNestedDeeply(fields)) return fields;
  result.problem('unknown_value', `${message}: nested deeper than ${DEEPEST}; kept without its fields`);
  return {};
}

const SHOWN = 80;

/** A value as a person reads it in a message, shortened. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (isNestedDeeply(value)) return 'something nested without an end';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** The keys that a kind of message is known to have; any other is news from the venue, and counted. */
export class KnownKeys {
  private readonly message: string;
  private readonly known: ReadonlySet<string>;

  /** @param message how a person calls the kind of message. */
  constructor(message: string, ...keys: readonly string[]) {
    this.message = message;
    this.known = new Set(keys);
  }

  /** Reports the unknown keys, all of a message in one problem. Returns whether there was none. */
  check(fields: Fields, result: FrameResult, instrument?: string): boolean {
    for (const key in fields) if (!this.known.has(key)) return this.report(fields, result, instrument);
    return true;
  }

  /** The unknown keys of a message. */
  unknownOf(fields: Fields): string[] {
    return Object.keys(fields).filter((key) => !this.known.has(key));
  }

  private report(fields: Fields, result: FrameResult, instrument: string | undefined): false {
    const keys = this.unknownOf(fields).map(shown).join(', ');
    result.problem('unknown_key', `${this.message} has keys that are not known: ${keys}`, instrument);
    return false;
  }
}
