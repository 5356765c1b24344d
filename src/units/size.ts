import { DecimalError, formatMillionths, parseMillionths, SCALE } from './decimal.ts';

declare const sizeBrand: unique symbol;
/** Size, or a signed change of size, in integer micro-contracts: one contract is 1,000,000. */
export type Size = number & { readonly [sizeBrand]: true };

/** @throws DecimalError when the text is not a decimal with at most six fractional digits. */
export function parseSize(text: string): Size {
  return parseMillionths(text) as Size;
}

/** Whole contracts (the venues' older form) as a size. @throws DecimalError when not an integer. */
export function sizeFromContracts(contracts: number): Size {
  if (!Number.isInteger(contracts) || !Number.isSafeInteger(contracts * SCALE)) {
    throw new DecimalError('not a whole number of contracts', String(contracts));
  }
  return (contracts * SCALE) as Size;
}

/** Shortest decimal text in contracts. */
export function formatSize(size: Size): string {
  return formatMillionths(size);
}
