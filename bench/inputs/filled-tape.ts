import type { ClientBase } from 'pg';
import { OHLC, refreshRollups, TRADE_ROWS, TRADED } from '#src/storage/production/rollups.ts';
import { candleWidths } from '#src/tape/candles.ts';
import { MICROS_PER_DAY, type Micros } from '#src/units/time.ts';

/** A tape made inside the database, in the order in which a merge would have written it. */
export interface FilledTape {
  readonly instruments: number;
  readonly days: number;
  /** Begin of the last day. */
  readonly lastDay: Micros;
  /** Changes of one instrument on one day; there are fewer of everything else. */
  readonly changesPerDay: number;
  /** No trades and figures of books, whose roll-ups take most of the time. */
  readonly changesOnly?: boolean;
}

/** Changes for each trade, each whole book, each figure of a book, and each gap. */
const CHANGES_PER_TRADE = 4;
const CHANGES_PER_BOOK = 50;
const CHANGES_PER_FIGURE = 10;
const CHANGES_PER_GAP = 10;

/** What is reckoned of the trades of a bucket, by column. */
const candle = { ...OHLC, ...TRADED };

export const instrumentName = (number: number): string => `I${String(number).padStart(7, '0')}`;

/** Begin of the first day. */
export const firstDay = ({ lastDay, days }: FilledTape): number => lastDay - (days - 1) * MICROS_PER_DAY;

/** Rows of an event table, `every` so many changes, spread over each day. */
function insert(table: string, tape: FilledTape, every: number, columns: string, values: string): string {
  const perDay = Math.max(1, Math.floor(tape.changesPerDay / every));
  const step = Math.floor(MICROS_PER_DAY / perDay);
  return `INSERT INTO ${table} (venue, instrument, ${columns})
    SELECT 'kalshi', 'I' || lpad(i::text, 7, '0'), ${values}
    FROM (SELECT d, k, i, ${firstDay(tape)} + d::bigint * ${MICROS_PER_DAY} + k::bigint * ${step} + i AS t
      FROM generate_series(0, ${tape.days - 1}) AS d, generate_series(0, ${perDay - 1}) AS k,
        generate_series(0, ${tape.instruments - 1}) AS i) AS made`;
}

const TABLES = ['order_book_deltas', 'trades', 'order_book_snapshots', 'order_book_metrics'];

/** Candles of all trades, as a refresh makes them of minutes that were marked. */
const tradeRollups = Object.values(candleWidths).map(
  (width) => `INSERT INTO trade_rollups (venue, instrument, width, bucket, ${Object.keys(candle).join(', ')})
    SELECT venue, instrument, ${width}, t - t % ${width}, ${Object.values(candle).join(', ')}
    FROM (${TRADE_ROWS}) AS r GROUP BY venue, instrument, t - t % ${width}`,
);

/** Runs something while tables have no indexes: to build them over what is there takes a fraction of the time. */
async function withoutIndexes(
  client: ClientBase,
  tables: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
     WHERE schemaname = current_schema() AND tablename = ANY ($1)`,
    [tables],
  );
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  await work();
  for (const { definition } of rows) await client.query(definition.replace(' ON ONLY ', ' ON '));
}

/** Fills the tables of an empty production database, and has their statistics taken. */
export async function fillTape(client: ClientBase, tape: FilledTape): Promise<void> {
  // All in one: what is made and filled in one transaction need not be logged.
  await client.query("BEGIN; SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '256MB'");
  await withoutIndexes(client, TABLES, () => fillTables(client, tape));
  await client.query('COMMIT');
  let areLeft = true;
  while (areLeft) areLeft = await refreshRollups(client, (tape.lastDay + MICROS_PER_DAY) as Micros);
  await client.query('ANALYZE');
}

async function fillTables(client: ClientBase, tape: FilledTape): Promise<void> {
  const from = firstDay(tape);
  const to = tape.lastDay + MICROS_PER_DAY - 1;
  for (const table of TABLES) await client.query(`SELECT ensure_day_partitions('${table}', ${from}, ${to})`);
  const changes = [
    insert(
      'order_book_deltas',
      tape,
      1,
      'exchange_ts, side, price, amount, is_absolute, hash_key, occurrence, instant_index, received_at, quality, lines',
      `t, CASE WHEN k % 2 = 0 THEN 'bid' ELSE 'ask' END, (1 + (k * 7 + i) % 99) * 10000, 1000000, false, 0, 0, 0, t + 1000, 0, 7`,
    ),
    insert(
      'order_book_snapshots',
      tape,
      CHANGES_PER_BOOK,
      'snapshot_ts, source, bids, asks, depth, hash_key, received_at, quality, lines',
      `t, 'engine', ARRAY[400000, 1000000]::bigint[], ARRAY[450000, 1000000]::bigint[], NULL, 0, t + 1000, 0, 7`,
    ),
    insert(
      'gaps',
      tape,
      CHANGES_PER_GAP,
      'line, gap_id, from_ts, to_ts, cause',
      `(ARRAY['a', 'b', 'c', 'tape'])[1 + k % 4], 'x:e:' || d || '-' || k, t - 2000000, t - 1000000, 'disconnected'`,
    ),
    // Each line expected everything from the first day on, had its books a minute later, and lived ever since.
    `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause)
     SELECT line, line || ':e:' || i, 'kalshi', 'I' || lpad(i::text, 7, '0'), ${from}, ${from + 60e6}, 'startup'
     FROM unnest(ARRAY['a', 'b', 'c']) AS line, generate_series(0, ${tape.instruments - 1}) AS i`,
    `INSERT INTO line_lives (line, epoch, started_at, durable_until)
     SELECT line, 'e', ${from}, ${to} FROM unnest(ARRAY['a', 'b', 'c']) AS line`,
  ];
  const others = [
    'ALTER TABLE trades DISABLE TRIGGER mark_rollups_of_new',
    insert(
      'trades',
      tape,
      CHANGES_PER_TRADE,
      'trade_id, exchange_ts, price, size, is_block, received_at, quality, lines',
      `i || '-' || d || '-' || k, t, (1 + (k * 7 + i) % 99) * 10000, 1000000, false, t + 1000, 0, 7`,
    ),
    insert(
      'order_book_metrics',
      tape,
      CHANGES_PER_FIGURE,
      'at, bid, ask, mid_twice, spread, bid_depth, ask_depth, bid_depth_near, ask_depth_near, bid_levels, ask_levels, crossed, lines',
      `t, 400000, 450000, 850000, 50000, 1, 1, 1, 1, 1, 1, false, 7`,
    ),
    ...tradeRollups,
    'ALTER TABLE trades ENABLE TRIGGER mark_rollups_of_new',
  ];
  for (const statement of tape.changesOnly === true ? changes : [...changes, ...others])
    await client.query(statement);
}
