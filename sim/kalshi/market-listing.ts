import { MICROS_PER_SECOND } from '#src/units/time.ts';
import { BadRequest, wholeNumber } from './query.ts';
import type { KalshiRestData, ListedMarket } from './rest-data.ts';

/** The filter's words and the statuses they stand for; the two vocabularies differ. */
const STATUSES: Readonly<Record<string, readonly string[]>> = {
  unopened: ['initialized'],
  open: ['active'],
  paused: ['inactive'],
  closed: ['closed', 'determined', 'disputed', 'amended'],
  settled: ['finalized'],
};

/** Time filters exclude each other, and each goes with some statuses only. */
const TIMES: Readonly<
  Record<
    string,
    { readonly of: (market: ListedMarket) => number | null; readonly statuses: readonly (string | null)[] }
  >
> = {
  created: { of: (market) => market.createdAt, statuses: ['unopened', 'open', null] },
  close: { of: (market) => market.closeAt, statuses: ['closed', null] },
  settled: { of: (market) => market.settledAt, statuses: ['settled', null] },
};
const BESIDE_UPDATED = new Set(['min_updated_ts', 'mve_filter', 'series_ticker', 'limit', 'cursor']);
const LARGEST_PAGE = 1_000;
const USUAL_PAGE = 100;

type Test = (market: ListedMarket) => boolean;

function timeTests(query: URLSearchParams, status: string | null): Test[] {
  const tests: Test[] = [];
  const families = Object.keys(TIMES).filter(
    (name) => query.has(`min_${name}_ts`) || query.has(`max_${name}_ts`),
  );
  if (families.length > 1)
    throw new BadRequest(`min_${families[1]}_ts`, 'timestamp filters are mutually exclusive');
  for (const family of families) {
    const { of, statuses } = TIMES[family]!;
    if (!statuses.includes(status))
      throw new BadRequest(`min_${family}_ts`, `not compatible with status ${status}`);
    const least = wholeNumber(query, `min_${family}_ts`, 0);
    const most = wholeNumber(query, `max_${family}_ts`, 0);
    tests.push((market) => {
      const time = of(market);
      if (time === null) return false;
      return (
        (least === null || time >= least * MICROS_PER_SECOND) &&
        (most === null || time <= most * MICROS_PER_SECOND)
      );
    });
  }
  const updated = wholeNumber(query, 'min_updated_ts', 0);
  if (updated !== null) {
    const other = [...query.keys()].find((name) => !BESIDE_UPDATED.has(name));
    if (other !== undefined)
      throw new BadRequest('min_updated_ts', `min_updated_ts cannot be combined with ${other}`);
    tests.push((market) => market.updatedAt >= updated * MICROS_PER_SECOND);
  }
  return tests;
}

function otherTests(query: URLSearchParams, status: string | null): Test[] {
  const tests: Test[] = [];
  if (status !== null) {
    const words = STATUSES[status];
    if (words === undefined)
      throw new BadRequest('status', `status must be one of ${Object.keys(STATUSES).join(', ')}`);
    tests.push((market) => words.includes(market.status));
  }
  const combos = query.get('mve_filter');
  if (combos !== null) {
    if (combos !== 'only' && combos !== 'exclude')
      throw new BadRequest('mve_filter', 'mve_filter must be only or exclude');
    tests.push((market) => market.event.isCombo === (combos === 'only'));
  }
  const event = query.get('event_ticker');
  if (event !== null) {
    if (event.includes(',')) throw new BadRequest('event_ticker', 'event_ticker takes one event');
    tests.push((market) => market.event.event_ticker === event);
  }
  const series = query.get('series_ticker');
  if (series !== null) tests.push((market) => market.event.series_ticker === series);
  const tickers = query.get('tickers');
  if (tickers !== null && tickers !== '') {
    const wanted = new Set(tickers.split(','));
    tests.push((market) => wanted.has(market.ticker));
  }
  return tests;
}

/** `GET /markets`: the filtered markets, page by page. @throws BadRequest for filters that do not go together */
export function listMarkets(
  data: KalshiRestData,
  query: URLSearchParams,
): { markets: unknown[]; cursor: string } {
  const status = query.get('status') || null;
  const tests = [...otherTests(query, status), ...timeTests(query, status)];
  const limit = wholeNumber(query, 'limit', 1, LARGEST_PAGE) ?? USUAL_PAGE;
  const after = position(query.get('cursor'));
  const markets: unknown[] = [];
  // The cursor is a place in the order of creation, so that it holds whatever happens to the markets' status.
  let index = after;
  for (const market of data.markets(after)) {
    index++;
    if (!tests.every((test) => test(market))) continue;
    if (markets.length === limit)
      return { markets, cursor: Buffer.from(`m${index - 1}`).toString('base64url') };
    markets.push(data.object(market.ticker));
  }
  return { markets, cursor: '' };
}

function position(cursor: string | null): number {
  if (cursor === null || cursor === '') return 0;
  const match = /^m(\d+)$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (match === null) throw new BadRequest('cursor', 'unknown cursor');
  return Number(match[1]);
}
