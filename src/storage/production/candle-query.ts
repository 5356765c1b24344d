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
import type { Interval } from '../../tape/intervals.ts';
import type { TapeRules } from '../../tape/rules.ts';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';
import { rowsOf } from './row-cursor.ts';
import { type Conditions, eventConditions, type TapeFilter } from './tape-filter.ts';
import { horizonOf } from './tape-queries.ts';

export interface CandleRequest extends TapeFilter {
  readonly width: CandleWidth;
  /** Of trades, or of the mids of proven books at intervals. */
  readonly of: 'trades' | 'mids';
  readonly empty: EmptyBuckets;
  /** Only instruments from this one on: venue and name. */
  readonly startAt?: readonly [venue: string, instrument: string];
}

/** Crossed books have no mid. Half a micro-dollar is dropped. */
const MIDS = `SELECT venue, instrument, at AS t, '' AS tie, mid_twice / 2 AS price
  FROM order_book_metrics WHERE mid_twice IS NOT NULL AND NOT crossed`;
const TRADES = `SELECT venue, instrument, exchange_ts AS t, trade_id AS tie, price, size FROM trades`;

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

function statementOf(request: CandleRequest): { text: string; conditions: Conditions } {
  const width = candleWidths[request.width];
  const conditions = eventConditions(wholeBuckets(request), 't');
  conditions.addFrom(['venue', 'instrument'], request.startAt);
  const bucket = `t - t % ${width} AS bucket`;
  const ohlc = `(array_agg(price ORDER BY t, tie))[1] AS open, max(price) AS high, min(price) AS low,
      (array_agg(price ORDER BY t DESC, tie DESC))[1] AS close`;
  const grouped = (figures: string, rows: string): string =>
    `SELECT venue, instrument, ${bucket}, ${figures} FROM (${rows}) AS r ${conditions.where} GROUP BY 1, 2, 3`;
  const traded = 'sum(size)::bigint AS volume, count(*)::integer AS trades';
  const candles =
    request.of === 'trades'
      ? grouped(`${ohlc}, ${traded}`, TRADES)
      : `SELECT venue, instrument, bucket, open, high, low, close,
           coalesce(volume, 0) AS volume, coalesce(trades, 0) AS trades
         FROM (${grouped(ohlc, MIDS)}) AS mids FULL JOIN (${grouped(traded, TRADES)}) AS traded
           USING (venue, instrument, bucket)`;
  const text = `${candles} ORDER BY venue, instrument, bucket ${conditions.limit(request.limit)}`;
  return { text, conditions };
}

/** What a series of candles needs to know of its instrument. */
class Surroundings {
  readonly #client: ClientBase;
  readonly #request: CandleRequest;
  readonly #rules: TapeRules;
  readonly #horizons = new Map<string, Micros | null>();

  constructor(client: ClientBase, request: CandleRequest, rules: TapeRules) {
    this.#client = client;
    this.#request = request;
    this.#rules = rules;
  }

  async of(venue: string, instrument: string, span: CandleSpan): Promise<CandleSurroundings> {
    if (!this.#horizons.has(venue)) {
      this.#horizons.set(venue, await horizonOf(this.#client, this.#rules, venue));
    }
    return {
      horizon: this.#horizons.get(venue)!,
      gaps: await this.#gaps(venue, instrument),
      priceBefore: await this.#priceBefore(venue, instrument, span),
    };
  }

  async #gaps(venue: string, instrument: string): Promise<Interval[]> {
    const { rows } = await this.#client.query<{ from_ts: string; to_ts: string | null }>(
      `SELECT from_ts, to_ts FROM gaps WHERE line = 'tape' AND venue = $1 AND instrument IN ($2, '*')`,
      [venue, instrument],
    );
    return rows.map(({ from_ts, to_ts }) => ({
      from: Number(from_ts) as Micros,
      to: to_ts === null ? null : (Number(to_ts) as Micros),
    }));
  }

  async #priceBefore(venue: string, instrument: string, { empty, from }: CandleSpan): Promise<Price | null> {
    if (empty !== 'carry' || from === undefined) return null;
    const { rows } = await this.#client.query<{ price: string }>(
      `SELECT price FROM (${this.#request.of === 'trades' ? TRADES : MIDS}) AS p
       WHERE venue = $1 AND instrument = $2 AND t < $3 ORDER BY t DESC, tie DESC LIMIT 1`,
      [venue, instrument, from],
    );
    return rows[0] === undefined ? null : (Number(rows[0].price) as Price);
  }
}

/**
 * Candles reckoned from the tape's rows as they are now, so that late rows count, by venue, instrument and time.
 * Instruments without anything in the span have none.
 */
export async function* candlesOf(
  client: ClientBase,
  request: CandleRequest,
  rules: TapeRules,
): AsyncGenerator<JudgedCandle> {
  const { text, conditions } = statementOf(request);
  const { from, to } = wholeBuckets(request);
  const span: CandleSpan = {
    width: candleWidths[request.width],
    empty: request.empty,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const surroundings = new Surroundings(client, request, rules);
  let current: { venue: string; instrument: string; series: CandleSeries } | null = null;
  const rows = rowsOf<Record<string, string | null> & { trades: number }>(client, text, conditions.values);
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
      const known = await surroundings.of(venue, instrument, span);
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
