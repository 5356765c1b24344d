import type { ClientBase } from 'pg';
import { candleWidths } from '../../tape/candles.ts';
import type { Micros } from '../../units/time.ts';

/** Most minutes that one refresh takes, so that it ends soon; what is left is reckoned from the rows when asked for. */
const MINUTES_AT_ONCE = 20_000;

/** Widths from the narrowest on; each but the first is a multiple of the one before. */
const WIDTHS = Object.values(candleWidths);

interface Rollup {
  readonly table: 'trade_rollups' | 'book_rollups';
  readonly source: 'trades' | 'order_book_metrics';
  /** The rows of the source with `t`, their venue time, and `tie`, which orders those of one time. */
  readonly rows: string;
  /** What is reckoned of the rows of a bucket, by column. */
  readonly ofRows: Readonly<Record<string, string>>;
  /** What is reckoned of narrower buckets, by column. */
  readonly ofBuckets: Readonly<Record<string, string>>;
}

/** Trades as candles take them. */
export const TRADE_ROWS = `SELECT venue, instrument, exchange_ts AS t, trade_id AS tie, price, size FROM trades`;

/** Mids as candles take them. Crossed books have no mid. Half a micro-dollar is dropped. */
export const MID_ROWS = `SELECT venue, instrument, at AS t, '' AS tie, mid_twice / 2 AS price
  FROM order_book_metrics WHERE mid_twice IS NOT NULL AND NOT crossed`;

/** Open, high, low and close of rows with `price`, `t` and `tie`. */
export const OHLC = {
  open: '(array_agg(price ORDER BY t, tie))[1]',
  high: 'max(price)',
  low: 'min(price)',
  close: '(array_agg(price ORDER BY t DESC, tie DESC))[1]',
} as const;

export const TRADED = { volume: 'sum(size)::bigint', trades: 'count(*)::integer' } as const;

const first = (column: string): string =>
  `(array_agg(${column} ORDER BY bucket) FILTER (WHERE ${column} IS NOT NULL))[1]`;
const last = (column: string): string =>
  `(array_agg(${column} ORDER BY bucket DESC) FILTER (WHERE ${column} IS NOT NULL))[1]`;
const ohlcOfBuckets = { open: first('open'), high: 'max(high)', low: 'min(low)', close: last('close') };

const hasMid = 'FILTER (WHERE price IS NOT NULL)';
const sum = (...columns: readonly string[]): Record<string, string> =>
  Object.fromEntries(columns.map((column) => [column, `sum(${column})::bigint`]));

const rollups: readonly Rollup[] = [
  {
    table: 'trade_rollups',
    source: 'trades',
    rows: TRADE_ROWS,
    ofRows: { ...OHLC, ...TRADED },
    ofBuckets: { ...ohlcOfBuckets, ...sum('volume', 'trades') },
  },
  {
    table: 'book_rollups',
    source: 'order_book_metrics',
    rows: `SELECT venue, instrument, at AS t, '' AS tie, CASE WHEN NOT crossed THEN mid_twice / 2 END AS price,
      bid, ask, spread, bid_depth, ask_depth FROM order_book_metrics`,
    ofRows: {
      open: `(array_agg(price ORDER BY t) ${hasMid})[1]`,
      high: 'max(price)',
      low: 'min(price)',
      close: `(array_agg(price ORDER BY t DESC) ${hasMid})[1]`,
      bid: '(array_agg(bid ORDER BY t DESC))[1]',
      ask: '(array_agg(ask ORDER BY t DESC))[1]',
      least_spread: 'min(spread)',
      greatest_spread: 'max(spread)',
      spread_sum: 'coalesce(sum(spread), 0)::bigint',
      spreads: 'count(spread)::integer',
      bid_depth_sum: 'sum(bid_depth)::bigint',
      ask_depth_sum: 'sum(ask_depth)::bigint',
      readings: 'count(*)::integer',
    },
    ofBuckets: {
      ...ohlcOfBuckets,
      bid: '(array_agg(bid ORDER BY bucket DESC))[1]',
      ask: '(array_agg(ask ORDER BY bucket DESC))[1]',
      least_spread: 'min(least_spread)',
      greatest_spread: 'max(greatest_spread)',
      ...sum('spread_sum', 'spreads', 'bid_depth_sum', 'ask_depth_sum', 'readings'),
    },
  },
];

const list = (figures: Readonly<Record<string, string>>): string =>
  Object.entries(figures)
    .map(([name, sql]) => `${sql} AS ${name}`)
    .join(', ');

/** Puts one width of the buckets around the taken minutes in the place of what was there. */
function replaceStatements({ table, source, rows, ofRows, ofBuckets }: Rollup, index: number): string[] {
  const width = WIDTHS[index]!;
  const narrower = WIDTHS[index - 1];
  const taken = `(SELECT DISTINCT venue, instrument, minute - minute % ${width} AS bucket
    FROM rollups_taken WHERE source = '${source}') AS k`;
  const names = Object.keys(ofRows).join(', ');
  const figures =
    narrower === undefined
      ? `SELECT ${list(ofRows)} FROM (${rows}) AS r
         WHERE r.venue = k.venue AND r.instrument = k.instrument AND r.t >= k.bucket AND r.t < k.bucket + ${width}
         HAVING count(*) > 0`
      : `SELECT ${list(ofBuckets)} FROM ${table} AS r
         WHERE r.venue = k.venue AND r.instrument = k.instrument AND r.width = ${narrower}
           AND r.bucket >= k.bucket AND r.bucket < k.bucket + ${width}
         HAVING count(*) > 0`;
  return [
    `DELETE FROM ${table} AS r USING ${taken}
     WHERE r.venue = k.venue AND r.instrument = k.instrument AND r.width = ${width} AND r.bucket = k.bucket`,
    `INSERT INTO ${table} (venue, instrument, width, bucket, ${names})
     SELECT k.venue, k.instrument, ${width}, k.bucket, ${names} FROM ${taken} CROSS JOIN LATERAL (${figures}) AS f`,
  ];
}

const statements = rollups.flatMap((rollup) =>
  WIDTHS.flatMap((_, index) => replaceStatements(rollup, index)),
);

/**
 * Brings the roll-ups up to the rows, in a transaction of its own: minutes that were marked are reckoned anew, so
 * that late rows correct them.
 *
 * @param until minutes that begin later wait: one that still goes on would be reckoned again with every merge. Queries
 *   reckon what waits from the rows.
 * @returns whether more minutes are left than one call takes
 */
export async function refreshRollups(
  client: ClientBase,
  until: Micros,
  minutes = MINUTES_AT_ONCE,
): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query(
      'CREATE TEMP TABLE IF NOT EXISTS rollups_taken (LIKE rollups_pending) ON COMMIT DELETE ROWS',
    );
    const { rowCount } = await client.query(
      `WITH chosen AS (
         SELECT source, venue, instrument, minute FROM rollups_pending WHERE minute <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED
       ), taken AS (
         DELETE FROM rollups_pending AS p USING chosen AS c
         WHERE p.source = c.source AND p.instrument = c.instrument AND p.minute = c.minute AND p.venue = c.venue
         RETURNING p.source, p.venue, p.instrument, p.minute
       )
       INSERT INTO rollups_taken (source, venue, instrument, minute) SELECT source, venue, instrument, minute FROM taken`,
      [minutes, until],
    );
    if ((rowCount ?? 0) > 0) for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
    return rowCount === minutes;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
