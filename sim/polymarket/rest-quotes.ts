import { formatPrice, type Price, parsePrice } from '#src/units/price.ts';
import type { PrintedTrade } from './market.ts';
import type { PolymarketRestData } from './rest-data.ts';

/** Best prices of a book; null where a side is empty. */
interface Quote {
  readonly bid: Price | null;
  readonly ask: Price | null;
}

/** Of the body of `GET /book`, whose levels come worst first. */
export function quoteOf(book: Readonly<Record<string, unknown>>): Quote {
  const best = (levels: unknown): Price | null => {
    const last = (levels as readonly { price: string }[]).at(-1);
    return last === undefined ? null : parsePrice(last.price);
  };
  return { bid: best(book['bids']), ask: best(book['asks']) };
}

/** Null where a side is empty. */
export const midpointOf = ({ bid, ask }: Quote): string | null =>
  bid === null || ask === null ? null : formatPrice(Math.floor((bid + ask) / 2) as Price);

/** Null where a side is empty. */
export const spreadOf = ({ bid, ask }: Quote): string | null =>
  bid === null || ask === null ? null : formatPrice((ask - bid) as Price);

/** 0 for an empty side; undefined where there is no such side. */
export function priceOf({ bid, ask }: Quote, side: string | null | undefined): string | undefined {
  const price = side === 'BUY' ? bid : side === 'SELL' ? ask : undefined;
  return price === undefined ? undefined : formatPrice(price ?? (0 as Price));
}

/** One of what a request names many of. */
interface AskedToken {
  readonly token_id: string;
  readonly side?: string;
}

type Books = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

function byToken(books: Books, tell: (quote: Quote) => string | null): Record<string, string> {
  return Object.fromEntries(
    [...books].flatMap(([token, book]) => {
      const told = tell(quoteOf(book));
      return told === null ? [] : [[token, told]];
    }),
  );
}

function pricesOf(books: Books, asked: readonly AskedToken[]): Record<string, Record<string, string>> {
  const told: Record<string, Record<string, string>> = {};
  for (const { token_id, side } of asked) {
    const book = books.get(token_id);
    if (book === undefined) continue;
    for (const each of side === undefined ? ['BUY', 'SELL'] : [side]) {
      const price = priceOf(quoteOf(book), each);
      if (price !== undefined) told[token_id] = { ...told[token_id], [each]: price };
    }
  }
  return told;
}

export type BatchForm = (data: PolymarketRestData, asked: readonly AskedToken[]) => unknown;

/** The forms that ask about many tokens at once, by path. Tokens that are not known are left out. */
export const batchForms: ReadonlyMap<string, BatchForm> = new Map<string, BatchForm>([
  ['/books', (data, asked) => [...booksOf(data, asked).values()]],
  ['/midpoints', (data, asked) => byToken(booksOf(data, asked), midpointOf)],
  ['/spreads', (data, asked) => byToken(booksOf(data, asked), spreadOf)],
  ['/prices', (data, asked) => pricesOf(booksOf(data, asked), asked)],
  [
    '/last-trades-prices',
    (data, asked) =>
      [...booksOf(data, asked)].map(([token_id, book]) => ({
        token_id,
        price: book['last_trade_price'],
        side: data.lastSide(token_id),
      })),
  ],
]);

function booksOf(data: PolymarketRestData, asked: readonly AskedToken[]): Books {
  const tokens = new Set(asked.map(({ token_id }) => token_id));
  return new Map(
    [...tokens].flatMap((token) => {
      const book = data.book(token);
      return book === null ? [] : [[token, book]];
    }),
  );
}

/** Seconds. */
const INTERVALS: Readonly<Record<string, number>> = {
  '1h': 3_600,
  '6h': 21_600,
  '1d': 86_400,
  '1w': 604_800,
};

/**
 * The price of a token over time: that of the last trade of each step in which there was one, at that trade's time. An
 * interval ends with the last trade that is known of any token.
 *
 * @param query `startTs` and `endTs` in seconds, or `interval`; `fidelity`, the step, in minutes. @returns null for what cannot be read.
 */
export function priceHistory(
  trades: readonly PrintedTrade[],
  token: string,
  query: URLSearchParams,
): readonly { readonly t: number; readonly p: number }[] | null {
  const numberOf = (name: string, otherwise: number): number =>
    query.has(name) ? Number(query.get(name)) : otherwise;
  const seconds = ({ timestamp }: PrintedTrade): number => Math.floor(Number(timestamp) / 1_000);
  const newest = trades.at(-1);
  const length = INTERVALS[query.get('interval') ?? ''] ?? Number.POSITIVE_INFINITY;
  const end = numberOf('endTs', Number.POSITIVE_INFINITY);
  const start = numberOf('startTs', newest === undefined ? 0 : seconds(newest) - length);
  const step = numberOf('fidelity', 1) * 60;
  if (Number.isNaN(start) || Number.isNaN(end) || !(step > 0)) return null;
  const points = new Map<number, { readonly t: number; readonly p: number }>();
  for (const trade of trades) {
    const t = seconds(trade);
    if (trade.asset_id !== token || t < start || t > end) continue;
    points.set(Math.floor(t / step), { t, p: Number(trade.price) });
  }
  return [...points.values()];
}
