import { DecimalError, formatMillionths, parseMillionths, SCALE } from './decimal.ts';

declare const priceBrand: unique symbol;
/** Price in integer micro-dollars: one dollar is 1,000,000. */
export type Price = number & { readonly [priceBrand]: true };

/** One dollar: what a YES and a NO contract of one market are worth together. */
export const ONE_DOLLAR = SCALE as Price;

/** @throws DecimalError when the text is not a decimal with at most six fractional digits. */
export function parsePrice(text: string): Price {
  return parseMillionths(text) as Price;
}

/** Whole cents (the venues' older form) as a price. @throws DecimalError when not an integer. */
export function priceFromCents(cents: number): Price {
  if (!Number.isSafeInteger(cents)) throw new DecimalError('not a whole number of cents', String(cents));
  return (cents * 10_000) as Price;
}

/** The other outcome's price: a bid for NO at p is an ask for YES at 1 − p. */
export function complement(price: Price): Price {
  return (SCALE - price) as Price;
}

/** Shortest decimal text in dollars. */
export function formatPrice(price: Price): string {
  return formatMillionths(price);
}

/**
 * Hundred-thousandths of a dollar, 0 to 100,000, for consumers of that convention.
 * @throws DecimalError when the price is finer than a hundred-thousandth.
 */
export function toHundredThousandths(price: Price): number {
  if (price % 10 !== 0)
    throw new DecimalError('price is finer than a hundred-thousandth', formatPrice(price));
  return price / 10;
}

/** @throws DecimalError when the value is not a whole number. */
export function fromHundredThousandths(value: number): Price {
  if (!Number.isSafeInteger(value)) {
    throw new DecimalError('not a whole number of hundred-thousandths', String(value));
  }
  return (value * 10) as Price;
}
