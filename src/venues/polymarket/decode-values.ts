import { ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';
import { type Fields, isAbsent, microsOfMillis, millionthsOf, shown } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';

/** The price at `key` in micro-dollars, or null where it is missing or unreadable, which is reported. */
export function readPrice(
  fields: Fields,
  key: string,
  message: string,
  result: FrameResult,
  instrument: string,
): Price | null {
  const value = fields[key];
  const price = millionthsOf(value);
  if (Number.isNaN(price)) {
    const reason = isAbsent(value) ? 'missing_field' : 'bad_price';
    result.problem(
      reason,
      `${message}: ${key} is ${shown(value)}, not dollars with at most six decimals`,
      instrument,
    );
    return null;
  }
  if (price <= 0 || price >= ONE_DOLLAR) {
    const text = `${message}: ${key} ${shown(value)} is not between 0 and 1; kept`;
    result.problem('price_out_of_range', text, instrument);
  }
  return price as Price;
}

/** The size at `key` in micro-contracts, zero or more, or null where it is missing or unreadable, which is reported. */
export function readSize(
  fields: Fields,
  key: string,
  message: string,
  result: FrameResult,
  instrument: string,
): Size | null {
  const value = fields[key];
  const size = millionthsOf(value);
  if (size >= 0) return size as Size;
  const reason = isAbsent(value) ? 'missing_field' : 'bad_size';
  const text = `${message}: ${key} is ${shown(value)}, not a size with at most six decimals`;
  result.problem(reason, text, instrument);
  return null;
}

/** `timestamp`, milliseconds as text, in microseconds; null where it cannot be read, which is reported. */
export function readTimestamp(
  fields: Fields,
  message: string,
  result: FrameResult,
  instrument?: string,
): Micros | null {
  const value = fields['timestamp'];
  const micros = microsOfMillis(value);
  if (!Number.isNaN(micros)) return micros as Micros;
  result.problem('bad_time', `${message}: timestamp is ${shown(value)}, not milliseconds`, instrument);
  return null;
}

/**
 * A stated best price: null where the side is empty, which the venue writes as the empty text, as 0, or for an ask
 * as 1; undefined where nothing is stated or it cannot be read, which is reported.
 */
export function readTop(
  fields: Fields,
  key: 'best_bid' | 'best_ask',
  message: string,
  result: FrameResult,
  instrument: string,
): Price | null | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (value === null || value === '') return null;
  const price = millionthsOf(value);
  if (Number.isNaN(price)) {
    const text = `${message}: ${key} is ${shown(value)}, not dollars with at most six decimals`;
    result.problem('unknown_value', text, instrument);
    return undefined;
  }
  if (price === 0 || (key === 'best_ask' && price === ONE_DOLLAR)) return null;
  return price as Price;
}
