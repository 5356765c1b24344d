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
import { lookBack } from './looking-back.ts';
import { MID_ROWS, OHLC, TRADE_ROWS, TRADED } from './rollups.ts';
import { rowsOf } from './row-cursor.ts';
import { Conditions, eventConditions, type TapeFilter } from './tape-filter.ts';
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

/** What a series of candles needs to know of its instrument. */
class Surroundings {
  readonly #client: ClientBase;
  readonly #request: CandleRequest;
  readonly #span: CandleSpan;
  readonly #rules: TapeRules;
  readonly #venues = new Map<string, { horizon: Micros | null; gaps: readonly Interval[] }>();

  constructor(client: ClientBase, request: CandleRequest, span: CandleSpan, rules: TapeRules) {
    this.#client = client;
    this.#request = request;
    this.#span = span;
    this.#rules = rules;
  }

  async of(venue: string, instrument: string): Promise<CandleSurroundings> {
    let whole = this.#venues.get(venue);
    if (whole === undefined) {
      const horizon = await horizonOf(this.#client, this.#rules, venue);
      whole = { horizon, gaps: await this.#gaps(venue, EVERY_INSTRUMENT) };
      this.#venues.set(venue, whole);
    }
    return {
      horizon: whole.horizon,
      gaps: union([...whole.gaps, ...(await this.#gaps(venue, instrument))]),
      priceBefore: await this.#priceBefore(venue, instrument),
    };
  }

  /** Gaps of the tape that reach into the span. */
  async #gaps(venue: string, instrument: string): Promise<Interval[]> {
    const conditions = new Conditions();
    conditions.add('line = ?', 'tape');
    conditions.add('venue = ?', venue);
    conditions.add('instrument = ?', instrument);
    conditions.add('from_ts < ?', this.#span.to);
    conditions.add('(to_ts IS NULL OR to_ts > ?)', this.#span.from);
    const { rows } = await this.#client.query<{ from_ts: string; to_ts: string | null }>(
      `SELECT from_ts, to_ts FROM gaps ${conditions.where}`,
      conditions.values,
    );
    return rows.map(({ from_ts, to_ts }) => ({
      from: Number(from_ts) as Micros,
      to: to_ts === null ? null : (Number(to_ts) as Micros),
    }));
  }

  async #priceBefore(venue: string, instrument: string): Promise<Price | null> {
    const { empty, from } = this.#span;
    if (empty !== 'carry' || from === undefined) return null;
    return await lookBack(from, async (earliest) => {
      const { rows } = await this.#client.query<{ price: string }>(
        `SELECT price FROM (${this.#request.of === 'trades' ? TRADE_ROWS : MID_ROWS}) AS p
         WHERE venue = $1 AND instrument = $2 AND t < $3 AND t >= $4 ORDER BY t DESC, tie DESC LIMIT 1`,
        [venue, instrument, from, earliest],
      );
      return rows[0] === undefined ? null : (Number(rows[0].price) as Price);
    });
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
  let current: { venue: string; instrument: string; series: CandleSeries } | null = null;
  const rows = rowsOf<Record<string, string | null> & { trades: number }>(client, text, values);
  let given = 0;
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  for await (const row of rows) {
    const [venue, instrument] = [row['venue']!, row['instrument']!];
    if (current === null || current.venue !== venue || current.instrument !== instrument) {
      if (current !== null) {
        for (const candle of current.series.finish()) {
          if (given++ === limit) return;
          yield candle;
        }
      }
      const known = await surroundings.of(venue, instrument);
      current = { venue, instrument, series: new CandleSeries(venue, instrument, span, known) };
    }
    for (const candle of current.series.add(candleOf(row))) {
      if (given++ === limit) return;
      yield candle;
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
