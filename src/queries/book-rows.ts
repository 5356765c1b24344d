import type { ClientBase } from 'pg';
import { bookAt } from '../storage/production/tape-queries.ts';
import type { RebuiltBook } from '../tape/book-rebuild.ts';
import type { TapeRules } from '../tape/rules.ts';
import { formatPrice } from '../units/price.ts';
import { formatSize } from '../units/size.ts';
import { MICROS_PER_DAY, MICROS_PER_MINUTE, MICROS_PER_SECOND, type Micros } from '../units/time.ts';
import { columnsOf } from './columns.ts';
import type { OutputColumn } from './output-column.ts';

/** One book of a series. */
export interface BookRow extends Pick<RebuiltBook, 'complete' | 'bids' | 'asks'> {
  readonly venue: string;
  readonly instrument: string;
  readonly at: Micros;
}

/** A book as programs get it. */
export interface BookAnswer extends RebuiltBook {
  readonly venue: string;
  readonly instrument: string;
  readonly at: Micros;
}

export interface BookSubject {
  readonly venue: string;
  readonly instrument: string;
  /** Best levels per side; all when absent. */
  readonly depth?: number;
}

const { time, text, flag } = columnsOf<BookRow>();
const levels = <Side extends 'bids' | 'asks'>(side: Side): OutputColumn<BookRow, Side, BookRow[Side]> => ({
  name: side,
  // Flat there: price, size, price, size, …
  type: 'bigint[]',
  about: 'best first, each price (micro-dollars) and size (micro-contracts)',
  value: (row) => row[side],
  text: (row) => row[side].map(([price, size]) => `${formatSize(size)}@${formatPrice(price)}`).join(' '),
});
export const bookColumns = [
  time('at'),
  text('venue'),
  text('instrument'),
  flag('complete'),
  levels('bids'),
  levels('asks'),
] as const satisfies readonly OutputColumn<BookRow>[];

const SPAN = /^(\d{1,15})(ms|s|m|h|d)$/;
const SPAN_UNITS: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: MICROS_PER_SECOND,
  m: MICROS_PER_MINUTE,
  h: 60 * MICROS_PER_MINUTE,
  d: MICROS_PER_DAY,
};
export const SPAN_EXPECTED = 'expected a span of time such as 500ms, 10s, 5m, 1h or 1d';

/** Microseconds of a text like `10s`; null where it is none. */
export function parseSpan(text: string): number | null {
  const match = SPAN.exec(text);
  const micros = match === null ? 0 : Number(match[1]) * SPAN_UNITS[match[2]!]!;
  return Number.isSafeInteger(micros) && micros >= 1 ? micros : null;
}

const cut = (book: RebuiltBook, depth: number | undefined) => ({
  bids: book.bids.slice(0, depth),
  asks: book.asks.slice(0, depth),
});

/** The book at a venue time, with what it rests on. */
export async function bookAnswer(
  client: ClientBase,
  { venue, instrument, depth }: BookSubject,
  at: Micros,
  rules: TapeRules,
): Promise<BookAnswer> {
  const book = await bookAt(client, venue, instrument, at, rules);
  const { complete, reasons, anchor, changes } = book;
  return { venue, instrument, at, complete, reasons, ...cut(book, depth), anchor, changes };
}

/** The books at `from`, `from + every` and so on before `to`. */
export async function* bookSeries(
  client: ClientBase,
  { venue, instrument, depth }: BookSubject,
  span: { readonly from: Micros; readonly to: Micros; readonly every: number },
  rules: TapeRules,
): AsyncGenerator<BookRow> {
  for (let at = span.from; at < span.to; at = (at + span.every) as Micros) {
    const book = await bookAt(client, venue, instrument, at, rules);
    yield { venue, instrument, at, complete: book.complete, ...cut(book, depth) };
  }
}
