import { everyLimit, type RateLimit } from '../../http/rate-limit.ts';
import type { Sleep } from '../../http/sleep.ts';
import { SlidingWindow } from '../../http/sliding-window.ts';
import type { Clock } from '../../units/time.ts';

/** Published requests per ten seconds and address; over the limit the venue delays and sometimes answers 429. */
const PER_TEN_SECONDS = {
  clob: 9_000,
  book: 1_500,
  books: 500,
  pricesHistory: 1_000,
  tickSize: 200,
  gamma: 4_000,
  gammaMarkets: 300,
  gammaEvents: 500,
  gammaListings: 900,
} as const;
const WINDOW_MILLIS = 10_000;

type Group = keyof typeof PER_TEN_SECONDS;

/** The limits that a request of each kind has to keep. */
export type PolymarketLimits = Readonly<
  Record<'clob' | 'book' | 'books' | 'pricesHistory' | 'tickSize' | 'gammaMarkets' | 'gammaEvents', RateLimit>
>;

/**
 * @param share part of the published limits that this process may use: several gatherers may share an address
 * @throws RangeError when the share is not above 0 and at most 1
 */
export function polymarketLimits(share: number, clock: Clock, sleep: Sleep): PolymarketLimits {
  if (!(share > 0 && share <= 1)) {
    throw new RangeError(`share of the rate limits is ${share}, expected 0 < share <= 1`);
  }
  const window = (group: Group): RateLimit => {
    const limit = Math.max(1, Math.floor(PER_TEN_SECONDS[group] * share));
    return new SlidingWindow({ limit, windowMillis: WINDOW_MILLIS }, clock, sleep);
  };
  const clob = window('clob');
  const gamma = window('gamma');
  const listings = window('gammaListings');
  return {
    clob,
    book: everyLimit([window('book'), clob]),
    books: everyLimit([window('books'), clob]),
    pricesHistory: everyLimit([window('pricesHistory'), clob]),
    tickSize: everyLimit([window('tickSize'), clob]),
    gammaMarkets: everyLimit([window('gammaMarkets'), listings, gamma]),
    gammaEvents: everyLimit([window('gammaEvents'), listings, gamma]),
  };
}
