import { formatRfc3339, MICROS_PER_MILLI, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';

/** An integer count of millionths as text with exactly `decimals` fractional digits. */
export function fixed(millionths: number, decimals: number): string {
  const unit = 10 ** (6 - decimals);
  const magnitude = Math.abs(millionths);
  if (magnitude % unit !== 0)
    throw new RangeError(`${millionths} millionths do not fit ${decimals} decimals`);
  const digits = String(magnitude / unit).padStart(decimals + 1, '0');
  const cut = digits.length - decimals;
  return `${millionths < 0 ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

/** Dollars with four decimals, as in today's messages. */
export const dollars = (price: number): string => fixed(price, 4);

/** Contracts with two decimals. */
export const contracts = (size: number): string => fixed(size, 2);

/** RFC 3339 with microseconds, zeros at the end cut, as the deltas have it. */
export function cutTime(time: Micros): string {
  return formatRfc3339(time).replace(/\.?0+Z$/, 'Z');
}

export const wholeSeconds = (time: Micros): number => Math.floor(time / MICROS_PER_SECOND);
export const wholeMillis = (time: Micros): number => Math.floor(time / MICROS_PER_MILLI);
