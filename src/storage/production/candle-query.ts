import type { ClientBase } from 'pg';
import {
  bucketOf,
  type Candle,
  CandleSeries,
  type CandleSpan,
  type CandleSurroundings,
  type CandleWidth,
  candleWidths,
  type EmptyBuckets,
  type JudgedCandle,
} from '../../tape/candles.ts';
import { type Interval, union } from '../../tape/intervals.ts';
import type { TapeRules } from '../../tape/rules.ts';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';
import { EVERY_INSTRUMENT } from './gap-merge.ts';
import { endsAfter } from './gaps-in-time.ts';
import { lookBack } from './looking-back.ts';
import { MID_ROWS, OHLC, TRADE_ROWS, TRADED } from './rollups.ts';
import { portionsOf } from './row-cursor.ts';
import { eventConditions, type TapeFilter } from './tape-filter.ts';
import { horizonOf } from './tape-queries.ts';

export interface CandleRequest extends TapeFilter {
  readonly width: CandleWidth;
  /** Of trades, or of the mids of proven books at intervals. */
  readonly of: 'trades' | 'mids';
  readonly empty: EmptyBuckets;
  /** Only instruments from this one on: venue and name. */
  readonly startAt?: readonly [venue: string, instrument: string];
}

/** The span with the whole of the buckets that it begins and ends in. */
function wholeBuckets(request: CandleRequest): TapeFilter {
  const { from, to, limit: _, ...filter } = request;
  const width = candleWidths[request.width];
  return {
    ...filter,
    ...(from === undefined ? {} : { from: bucketOf(from, width) }),
    ...(to === undefined ? {} : { to: (bucketOf((to - 1) as Micros, width) + width) as Micros }),
  };
}

/** Figures of every bucket, by column, out of the roll-ups or the rows. */
interface Figures {
  readonly table: 'trade_rollups' | 'book_rollups';
  readonly source: 'trades' | 'order_book_metrics';
  readonly rows: string;
  readonly columns: Readonly<Record<string, string>>;
}

const TRADE_CANDLES: Figures = {
  ...{ table: 'trade_rollups', source: 'trades', rows: TRADE_ROWS },
  columns: { ...OHLC, ...TRADED },
};
const VOLUMES: Figures = { ...TRADE_CANDLES, columns: TRADED };
const MID_CANDLES: Figures = {
  ...{ table: 'book_rollups', source: 'order_book_metrics', rows: MID_ROWS },
  columns: OHLC,
};

/** Roll-ups are taken as they are but for buckets with a marked minute, which are reckoned from the rows. */
function bucketsOf(
  { table, source, rows, columns }: Figures,
  width: number,
  filter: TapeFilter,
  startAt: CandleRequest['startAt'],
  values: unknown[],
) {
  const names = Object.keys(columns).join(', ');
  const reckoned = Object.entries(columns)
    .map(([name, sql]) => `${sql} AS ${name}`)
    .join(', ');
  const conditionsOn = (time: string, from: 'WHERE' | 'AND'): string => {
    const conditions = eventConditions(filter, time);
    conditions.addFrom(['venue', 'instrument'], startAt);
    const shift = values.length;
    values.push(...conditions.values);
    return conditions.where
      .replace(/^WHERE/, from)
      .replaceAll(/\$(\d+)/g, (_, number) => `$${Number(number) + shift}`);
  };
  const marked = `SELECT DISTINCT venue, instrument, minute - minute % ${width} AS bucket
    FROM rollups_pending WHERE source = '${source}' ${conditionsOn('minute', 'AND')}`;
  return `SELECT venue, instrument, bucket, ${names} FROM ${table} AS r
      WHERE width = ${width} AND ${Object.keys(columns)[0]} IS NOT NULL ${conditionsOn('bucket', 'AND')}
        AND (venue, instrument, bucket) NOT IN (${marked})
    UNION ALL
    SELECT k.venue, k.instrument, k.bucket, ${names} FROM (${marked}) AS k CROSS JOIN LATERAL (
      SELECT ${reckoned} FROM (${rows}) AS r
      WHERE r.venue = k.venue AND r.instrument = k.instrument AND r.t >= k.bucket AND r.t < k.bucket + ${width}
      HAVING count(*) > 0) AS f`;
}

function statementOf(request: CandleRequest): { text: string; values: unknown[] } {
  const width = candleWidths[request.width];
  const filter = wholeBuckets(request);
  const values: unknown[] = [];
  const candles =
    request.of === 'trades'
      ? bucketsOf(TRADE_CANDLES, width, filter, request.startAt, values)
      : `SELECT venue, instrument, bucket, open, high, low, close,
           coalesce(volume, 0) AS volume, coalesce(trades, 0) AS trades
         FROM (${bucketsOf(MID_CANDLES, width, filter, request.startAt, values)}) AS mids
         FULL JOIN (${bucketsOf(VOLUMES, width, filter, request.startAt, values)}) AS traded USING (venue, instrument, bucket)`;
  const limit = request.limit === undefined ? '' : `LIMIT $${values.push(request.limit)}`;
  return { text: `SELECT * FROM (${candles}) AS c ORDER BY venue, instrument, bucket ${limit}`, values };
}

interface Subject {
  readonly venue: string;
  readonly instrument: string;
}

const keyOf = ({ venue, instrument }: Subject): string => `${venue}\n${instrument}`;
/** SQL of the subjects that the first two values of a statement name. */
const ASKED = 'unnest($1::text[], $2::text[]) AS asked (venue, instrument)';
const namesOf = (subjects: readonly Subject[]): [string[], string[]] => [
  subjects.map(({ venue }) => venue),
  subjects.map(({ instrument }) => instrument),
];

/** What series of candles need to know of their instruments, asked for many of these at once. */
class Surroundings {
  readonly #client: ClientBase;
  readonly #request: CandleRequest;
  readonly #span: CandleSpan;
  readonly #rules: TapeRules;
  readonly #horizons = new Map<string, Micros | null>();

  constructor(client: ClientBase, request: CandleRequest, span: CandleSpan, rules: TapeRules) {
    this.#client = client;
    this.#request = request;
    this.#span = span;
    this.#rules = rules;
  }

  async of(subjects: readonly Subject[]): Promise<Map<string, CandleSurroundings>> {
    if (subjects.length === 0) return new Map();
    const venues = [...new Set(subjects.map(({ venue }) => venue))];
    for (const venue of venues) {
      if (!this.#horizons.has(venue))
        this.#horizons.set(venue, await horizonOf(this.#client, this.#rules, venue));
    }
    const whole = venues.map((venue) => ({ venue, instrument: EVERY_INSTRUMENT }));
    const gaps = await this.#gaps([...whole, ...subjects]);
    const prices = await this.#pricesBefore(subjects);
    return new Map(
      subjects.map((subject) => {
        const { venue } = subject;
        const all = gaps.get(keyOf({ venue, instrument: EVERY_INSTRUMENT })) ?? [];
        return [
          keyOf(subject),
          {
            horizon: this.#horizons.get(venue)!,
            gaps: union([...all, ...(gaps.get(keyOf(subject)) ?? [])]),
            priceBefore: prices.get(keyOf(subject)) ?? null,
          },
        ];
      }),
    );
  }

  /** Gaps of the tape that reach into the span. */
  async #gaps(subjects: readonly Subject[]): Promise<Map<string, Interval[]>> {
    const { from, to } = this.#span;
    const values: unknown[] = namesOf(subjects);
    const before = to === undefined ? '' : `AND from_ts < $${values.push(to)}`;
    const after = from === undefined ? '' : `AND ${endsAfter('to_ts', `$${values.push(from)}`)}`;
    // OFFSET 0: by index for each, whatever the planner takes the number of the names to be.
    const { rows } = await this.#client.query<Subject & { from_ts: string; to_ts: string | null }>(
      `SELECT asked.venue, asked.instrument, g.from_ts, g.to_ts FROM ${ASKED} CROSS JOIN LATERAL (
         SELECT from_ts, to_ts FROM gaps
         WHERE gaps.venue = asked.venue AND gaps.instrument = asked.instrument AND line = 'tape' ${before} ${after}
         OFFSET 0) AS g`,
      values,
    );
    const gaps = new Map<string, Interval[]>();
    for (const row of rows) {
      const own = gaps.get(keyOf(row)) ?? [];
      own.push({
        from: Number(row.from_ts) as Micros,
        to: row.to_ts === null ? null : (Number(row.to_ts) as Micros),
      });
      gaps.set(keyOf(row), own);
    }
    return gaps;
  }

  /** The last price before the span of those that have one, where prices are carried into it. */
  async #pricesBefore(subjects: readonly Subject[]): Promise<Map<string, Price>> {
    const { empty, from } = this.#span;
    const prices = new Map<string, Price>();
    if (empty !== 'carry' || from === undefined) return prices;
    await lookBack(from, async (earliest) => {
      const missing = subjects.filter((subject) => !prices.has(keyOf(subject)));
      const { rows } = await this.#client.query<Subject & { price: string }>(
        `SELECT asked.venue, asked.instrument, b.price FROM ${ASKED} CROSS JOIN LATERAL (
           SELECT price FROM (${this.#request.of === 'trades' ? TRADE_ROWS : MID_ROWS}) AS p
           WHERE p.venue = asked.venue AND p.instrument = asked.instrument AND t < $3 AND t >= $4
           ORDER BY t DESC, tie DESC LIMIT 1) AS b`,
        [...namesOf(missing), from, earliest],
      );
      for (const row of rows) prices.set(keyOf(row), Number(row.price) as Price);
      return prices.size === subjects.length ? prices : null;
    });
    return prices;
  }
}

/**
 * Candles of the tape as it is now, late rows included: out of the roll-ups where they are up to the rows, else out of
 * the rows, by venue, instrument and time.
 * Instruments without anything in the span have none.
 */
export async function* candlesOf(
  client: ClientBase,
  request: CandleRequest,
  rules: TapeRules,
): AsyncGenerator<JudgedCandle> {
  const { text, values } = statementOf(request);
  const { from, to } = wholeBuckets(request);
  const span: CandleSpan = {
    width: candleWidths[request.width],
    empty: request.empty,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const surroundings = new Surroundings(client, request, span, rules);
  let current = null as { readonly key: string; readonly series: CandleSeries } | null;
  const portions = portionsOf<Record<string, string | null> & { trades: number }>(client, text, values);
  let given = 0;
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  for await (const rows of portions) {
    const candles = rows.map(candleOf);
    const subjects = new Map(candles.map((candle) => [keyOf(candle), candle]));
    if (current !== null) subjects.delete(current.key);
    const known = await surroundings.of([...subjects.values()]);
    for (const candle of candles) {
      const key = keyOf(candle);
      if (current?.key !== key) {
        for (const last of current?.series.finish() ?? []) {
          if (given++ === limit) return;
          yield last;
        }
        const { venue, instrument } = candle;
        current = { key, series: new CandleSeries(venue, instrument, span, known.get(key)!) };
      }
      for (const next of current.series.add(candle)) {
        if (given++ === limit) return;
        yield next;
      }
    }
  }
  for (const candle of current?.series.finish() ?? []) {
    if (given++ === limit) return;
    yield candle;
  }
}

function candleOf(row: Record<string, string | null> & { trades: number }): Candle {
  const price = (name: string): Price | null => (row[name] === null ? null : (Number(row[name]) as Price));
  return {
    venue: row['venue']!,
    instrument: row['instrument']!,
    bucket: Number(row['bucket']) as Micros,
    open: price('open'),
    high: price('high'),
    low: price('low'),
    close: price('close'),
    volume: Number(row['volume']) as Size,
    trades: row.trades,
  };
}
