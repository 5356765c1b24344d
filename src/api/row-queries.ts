import type { ClientBase } from 'pg';
import { z } from 'zod';
import { coverageHours } from '../coverage/hours.ts';
import { coverageMinutes } from '../coverage/minutes.ts';
import { bookColumns, bookSeries } from '../queries/book-rows.ts';
import { hourColumns, minuteColumnsForPrograms } from '../queries/coverage-columns.ts';
import type { OutputColumn } from '../queries/output-column.ts';
import {
  announcementColumns,
  candleColumns,
  deltaColumns,
  gapColumns,
  marketColumns,
  metricColumns,
  settlementColumns,
  tradeColumns,
} from '../queries/tape-columns.ts';
import { candlesOf } from '../storage/production/candle-query.ts';
import { DELTA_ORDER, deltasOf, metricsOf } from '../storage/production/change-queries.ts';
import { lifecycleOf, settlementsOf } from '../storage/production/lifecycle-query.ts';
import { gapsOf, knowsInstrument, marketsOf, tradesOf } from '../storage/production/tape-queries.ts';
import { candleWidths } from '../tape/candles.ts';
import { defaultRules } from '../tape/rules.ts';
import { type Clock, MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import type { PlaceType } from './page-cursor.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { ApiProblem } from './problem.ts';

/** From where on, and how many rows at least are wanted; a query may give more, nobody takes them. */
interface Page {
  readonly after?: readonly unknown[];
  readonly limit?: number;
}

/** A query that gives rows: what may be asked, what a row holds, and where a row stands in the order. */
export interface RowQuery {
  readonly path: string;
  readonly summary: string;
  readonly parameters: z.ZodObject;
  // biome-ignore lint/suspicious/noExplicitAny: each query has rows of its own; `rowQuery` ties them together.
  readonly columns: readonly OutputColumn<any>[];
  readonly place: readonly PlaceType[];
  readonly placeOf: (row: never) => readonly unknown[];
  /** @throws ApiProblem where there is nothing to ask about. */
  readonly rows: (client: ClientBase, parameters: never, page: Page) => AsyncIterable<unknown>;
  /** Until when the answer speaks; null where it has no end. */
  readonly until: (parameters: never) => Micros | null;
}

interface RowQueryOf<Path extends string, Shape extends z.ZodRawShape, Columns, Row> {
  readonly path: Path;
  readonly summary: string;
  readonly parameters: z.ZodObject<Shape>;
  readonly columns: Columns & readonly OutputColumn<Row>[];
  readonly place: readonly PlaceType[];
  readonly placeOf: (row: Row) => readonly unknown[];
  readonly rows: (
    client: ClientBase,
    parameters: z.output<z.ZodObject<Shape>>,
    page: Page,
  ) => AsyncIterable<Row>;
}

/** A query whose path, parameters and columns are known when a program is compiled. */
type TypedRowQuery<Path extends string, Shape extends z.ZodRawShape, Columns> = Omit<
  RowQuery,
  'path' | 'parameters' | 'columns'
> & {
  readonly path: Path;
  readonly parameters: z.ZodObject<Shape>;
  readonly columns: Columns;
};

function rowQuery<const Path extends string, Shape extends z.ZodRawShape, const Columns, Row>(
  query: RowQueryOf<Path, Shape, Columns, Row>,
): TypedRowQuery<Path, Shape, Columns> {
  const until = (parameters: { readonly to?: Micros }): Micros | null => parameters.to ?? null;
  return { ...query, until } as unknown as TypedRowQuery<Path, Shape, Columns>;
}

/** Rows of a query that begins with the instrument of the last row given, without those up to that row. */
async function* behind<Row>(
  rows: AsyncIterable<Row>,
  after: readonly unknown[] | undefined,
  placeOf: (row: Row) => readonly unknown[],
): AsyncGenerator<Row> {
  let isBehind = after === undefined;
  for await (const row of rows) {
    if (!isBehind) {
      const place = placeOf(row);
      const isSame = place[0] === after![0] && place[1] === after![1];
      isBehind = !isSame || (place[2] as number) > (after![2] as number);
    }
    if (isBehind) yield row;
  }
}

const startAt = (after: readonly unknown[] | undefined): { startAt?: readonly [string, string] } =>
  after === undefined ? {} : { startAt: [String(after[0]), String(after[1])] };

/** The span of a query that needs one. @throws ApiProblem where it ends before it begins. */
function spanOf(
  { from, to }: { readonly from?: Micros; readonly to?: Micros },
  now: Micros,
): { from: Micros; to: Micros } {
  const end = to ?? now;
  const begin = from ?? ((end - 60 * MICROS_PER_MINUTE) as Micros);
  if (end > begin) return { from: begin, to: end };
  throw new ApiProblem(400, 'bad_parameter', 'to must be later than from', { parameter: 'to' });
}

function eventQueries({ subject, paging, oneOf }: Parameters) {
  const placed = ['integer', 'text', 'text'] as const;
  return [
    rowQuery({
      path: '/v1/trades',
      summary: 'Trades in the order of venue time',
      parameters: z.object({ ...subject, ...paging }),
      columns: tradeColumns,
      place: placed,
      placeOf: (row) => [row.exchange_ts, row.venue, row.trade_id],
      rows: (client, { cursor: _, ...filter }, page) => tradesOf(client, { ...filter, ...page }),
    }),
    rowQuery({
      path: '/v1/deltas',
      summary: 'Changes of order books in the order of venue time',
      parameters: z.object({ ...subject, ...paging }),
      columns: deltaColumns,
      place: ['integer', 'text', 'integer', 'text', 'integer', 'integer', 'integer', 'integer'],
      placeOf: (row) => DELTA_ORDER.map((name) => row[name]),
      rows: (client, { cursor: _, ...filter }, page) => deltasOf(client, { ...filter, ...page }),
    }),
    rowQuery({
      path: '/v1/metrics',
      summary:
        'Figures of proven order books at intervals: best prices, spread, depth (near: within 5 cents)',
      parameters: z.object({ ...subject, ...paging }),
      columns: metricColumns,
      place: placed,
      placeOf: (row) => [row.at, row.venue, row.instrument],
      rows: (client, { cursor: _, ...filter }, page) => metricsOf(client, { ...filter, ...page }),
    }),
    rowQuery({
      path: '/v1/candles',
      summary: 'Open, high, low, close and volume by instrument and bucket of venue time, as the tape is now',
      parameters: z.object({
        ...subject,
        width: oneOf('of a bucket, in UTC', Object.keys(candleWidths) as ['1m', '5m', '1h', '1d']).default(
          '1m',
        ),
        of: oneOf('of trades, or of mids of proven books', ['trades', 'mids']).default('trades'),
        empty: oneOf('buckets without a price: leave out, give with nulls, carry the last price', [
          'skip',
          'null',
          'carry',
        ]).default('skip'),
        ...paging,
      }),
      columns: candleColumns,
      place: ['text', 'text', 'integer'],
      placeOf: (row) => [row.venue, row.instrument, row.bucket],
      rows: (client, { cursor: _, limit: __, ...request }, { after }) =>
        behind(candlesOf(client, { ...request, ...startAt(after) }, defaultRules), after, (row) => [
          row.venue,
          row.instrument,
          row.bucket,
        ]),
    }),
  ];
}

function announcementQueries({ subject, paging, text, time, venue, oneOf }: Parameters) {
  const { series: _, ...about } = subject;
  const parameters = { ...about, market: text('Kalshi ticker or Polymarket condition id').optional() };
  return [
    rowQuery({
      path: '/v1/lifecycle',
      summary: 'What the venues announced of markets and events, in the order of time',
      parameters: z.object({ ...parameters, type: text("the venue's own word").optional(), ...paging }),
      columns: announcementColumns,
      place: ['integer', 'text', 'text', 'text', 'integer'],
      placeOf: (row) => [row.at, row.venue, row.subject, row.type, row.content_key],
      rows: (client, { cursor: _, ...filter }, page) => lifecycleOf(client, { ...filter, ...page }),
    }),
    rowQuery({
      path: '/v1/settlements',
      summary: 'What the venues announced of outcomes; a decision that was amended is there twice',
      parameters: z.object({ ...parameters, ...paging }),
      columns: settlementColumns,
      place: ['integer', 'text', 'text', 'text', 'integer'],
      placeOf: (row) => [row.at, row.venue, row.market, row.type, row.content_key],
      rows: (client, { cursor: _, ...filter }, page) => settlementsOf(client, { ...filter, ...page }),
    }),
    rowQuery({
      path: '/v1/markets',
      summary: 'Markets that the lines know, by venue and name',
      parameters: z.object({
        words: text('words of the title, each as a beginning of one').optional(),
        venue: venue.optional(),
        market: text('Kalshi ticker or Polymarket condition id').optional(),
        instrument: text('the market of this instrument').optional(),
        event: text('markets of this event').optional(),
        series: text('markets of this series').optional(),
        status: text("the venue's own word").optional(),
        closes_from: time('that close at this time or later').optional(),
        closes_to: time('that close before this time').optional(),
        ...paging,
      }),
      columns: marketColumns,
      place: ['text', 'text'],
      placeOf: (row) => [row.venue, row.market],
      rows: (client, { cursor: _, words, closes_from, closes_to, ...filter }, page) =>
        marketsOf(client, {
          ...filter,
          ...page,
          ...(words === undefined ? {} : { words: words.split(/\s+/) }),
          ...(closes_from === undefined ? {} : { closesFrom: closes_from }),
          ...(closes_to === undefined ? {} : { closesTo: closes_to }),
        }),
    }),
    rowQuery({
      path: '/v1/gaps',
      summary: 'When and of what the tape, or one line, may lack events; * is every instrument of the venue',
      parameters: z.object({
        line: oneOf("the tape's gaps, or those of one line", ['tape', 'a', 'b', 'c']).default('tape'),
        ...subject,
        ...paging,
      }),
      columns: gapColumns,
      place: ['integer', 'text', 'text', 'text'],
      placeOf: (row) => [row.from, row.venue, row.instrument, row.gap_id],
      rows: (client, { cursor: _, ...filter }, page) => gapsOf(client, { ...filter, ...page }),
    }),
  ];
}

function coverageQueries({ subject, paging, oneOf, text }: Parameters, clock: Clock) {
  const { event: _, series: __, ...about } = subject;
  const spanned = { ...about, ...paging };
  return [
    rowQuery({
      path: '/v1/coverage/minutes',
      summary: 'By instrument and minute: which lines prove that they saw everything, and their events',
      parameters: z.object(spanned),
      columns: minuteColumnsForPrograms,
      place: ['text', 'text', 'integer'],
      placeOf: (row) => [row.venue, row.instrument, row.minute],
      rows: (client, { cursor: _, limit: __, from, to, ...filter }, { after }) => {
        const span = spanOf({ ...(from && { from }), ...(to && { to }) }, clock());
        const rows = coverageMinutes(client, { ...filter, ...span, ...startAt(after) }, defaultRules);
        return behind(rows, after, (row) => [row.venue, row.instrument, row.minute]);
      },
    }),
    rowQuery({
      path: '/v1/coverage/hours',
      summary: 'The condition of every market and hour that has events',
      parameters: z.object({
        ...spanned,
        market: text('Kalshi ticker or Polymarket condition id').optional(),
        condition: oneOf('only these', ['available', 'degraded', 'pending', 'missing']).optional(),
      }),
      columns: hourColumns,
      place: ['text', 'text', 'integer'],
      placeOf: (row) => [row.venue, row.market, row.hour],
      rows: (client, { cursor: _, limit: __, from, to, ...filter }, { after }) => {
        const span = spanOf({ ...(from && { from }), ...(to && { to }) }, clock());
        return coverageHours(client, { ...filter, ...span, ...(after && { after }) });
      },
    }),
  ];
}

function bookQueries({ venue, instrument, time, span, whole, paging }: Parameters, clock: Clock) {
  return [
    rowQuery({
      path: '/v1/books',
      summary: 'The books of an instrument every so often, rebuilt from the tape',
      parameters: z.object({
        venue,
        instrument,
        from: time('first time'),
        to: time('before this time; now when absent').optional(),
        every: span('distance of the books'),
        depth: whole('best levels per side; all when absent', 10_000).optional(),
        ...paging,
      }),
      columns: bookColumns,
      place: ['integer'],
      placeOf: (row) => [row.at],
      rows: async function* (client, { venue: name, instrument: id, from, to, every, depth }, { after }) {
        if (!(await knowsInstrument(client, name, id))) throw unknownInstrument(name, id);
        const { from: first, to: end } = spanOf({ from, ...(to && { to }) }, clock());
        const begin = after === undefined ? first : (((after[0] as number) + every) as Micros);
        const subject = { venue: name, instrument: id, ...(depth && { depth }) };
        yield* bookSeries(client, subject, { from: begin, to: end, every }, defaultRules);
      },
    }),
  ];
}

export const unknownInstrument = (venue: string, instrument: string): ApiProblem =>
  new ApiProblem(404, 'not_found', `the tape knows no instrument ${JSON.stringify(instrument)} on ${venue}`, {
    parameter: 'instrument',
  });

/** Every query that gives rows. */
export function rowQueries(clock: Clock) {
  const parameters = parametersOf(clock);
  return [
    ...eventQueries(parameters),
    ...bookQueries(parameters, clock),
    ...announcementQueries(parameters),
    ...coverageQueries(parameters, clock),
  ];
}
