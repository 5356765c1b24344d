import { Quality } from '../../events/captured.ts';
import type { Column, EventTable } from '../tables.ts';
import { markHours } from './hour-marks.ts';

/** Lines as bits of `lines`, and as columns of `coverage`. */
export const lineBits = { a: 1, b: 2, c: 4 } as const;
export type LineName = keyof typeof lineBits;
export const lineNames = Object.keys(lineBits) as LineName[];

/** Tables whose rows count in `coverage`: real events of an instrument, not snapshots, which each line has its own of. */
export const countedTables: ReadonlySet<string> = new Set(['trades', 'order_book_deltas', 'tickers']);

/** Columns that a copy may know where the first did not: WebSocket and REST tell different things of a trade. */
const filledIn: Readonly<Record<string, readonly string[]>> = { trades: ['taker_side'] };

/** The tape's column of when a line received an announcement. */
export const receivedBy = <Line extends LineName>(line: Line): `received_${Line}` => `received_${line}`;

/** Columns of the tape that come from the copies of one line, with what they take of them. */
function columnsByLine(table: EventTable): readonly { readonly name: string; readonly value: string }[] {
  // Announcements without a venue time are told apart by when each line received them.
  if (table.name !== 'market_lifecycle') return [];
  return lineNames.map((line) => ({
    name: receivedBy(line),
    value: `min(received_at) FILTER (WHERE lines & ${lineBits[line]} <> 0)`,
  }));
}

/** Columns that the tape keeps. */
export function tapeColumns(table: EventTable): readonly Column[] {
  return table.columns.filter((column) => column.lineOnly === undefined);
}

export const stageOf = (table: string): string => `merge_${table}`;

/**
 * Rows of the transactions `[merge.from, merge.to)` of a line, as the stage takes them.
 *
 * @param span of the table's time, microseconds; all times when absent.
 */
export function readStatement(
  table: EventTable,
  line: LineName,
  span?: { readonly from: number; readonly to: number },
): string {
  const names = tapeColumns(table).map(({ name }) => name);
  const within = span === undefined ? '' : `AND ${table.time} >= ${span.from} AND ${table.time} < ${span.to}`;
  return `COPY (
    SELECT ${names.join(', ')}, ${lineBits[line]}::smallint
    FROM ${table.name}
    WHERE ingest_xid >= current_setting('merge.from')::xid8 AND ingest_xid < current_setting('merge.to')::xid8
    ${within}
  ) TO STDOUT (FORMAT binary)`;
}

export function stageStatement(table: EventTable): string {
  const names = tapeColumns(table).map(({ name }) => name);
  return `CREATE TEMP TABLE IF NOT EXISTS ${stageOf(table.name)} ON COMMIT DELETE ROWS AS
    SELECT ${names.join(', ')}, lines FROM ${table.name} WITH NO DATA`;
}

export function fillStatement(table: string): string {
  return `COPY ${stageOf(table)} FROM STDIN (FORMAT binary)`;
}

/** Makes the days that the stage needs, of the table and of `coverage`. */
export function partitionStatement(table: EventTable): string {
  return `SELECT ensure_day_partitions(name, day * 86400000000, day * 86400000000)
    FROM (SELECT DISTINCT ${table.time} / 86400000000 AS day FROM ${stageOf(table.name)}) AS days,
      unnest(ARRAY['${table.name}', 'coverage']) AS name`;
}

/**
 * Statements by which copies that differ in time become equal before they are merged; none for most tables.
 * The joins run by index: the planner knows nothing of the stage, and the tape's tables are large.
 */
export function alignStatements(table: EventTable): readonly string[] {
  const stage = stageOf(table.name);
  const byIndex = ['SET LOCAL enable_hashjoin = off', 'SET LOCAL enable_mergejoin = off'];
  const asUsual = ['SET LOCAL enable_hashjoin = on', 'SET LOCAL enable_mergejoin = on'];
  if (table.name === 'trades') {
    // A trade has milliseconds on the WebSocket and microseconds by REST: within one millisecond the id says
    // that they are one, and the least time is the one both can agree on.
    return [
      `UPDATE ${stage} AS s SET exchange_ts = least_ts
       FROM (
         SELECT venue, trade_id, exchange_ts / 1000 AS millis, min(exchange_ts) AS least_ts
         FROM ${stage} GROUP BY 1, 2, 3 HAVING min(exchange_ts) <> max(exchange_ts)
       ) AS same
       WHERE s.venue = same.venue AND s.trade_id = same.trade_id AND s.exchange_ts / 1000 = same.millis
         AND s.exchange_ts <> least_ts`,
      ...withoutVenueTime(stage),
      ...byIndex,
      `UPDATE trades AS t SET exchange_ts = s.exchange_ts
       FROM ${stage} AS s
       WHERE t.venue = s.venue AND t.trade_id = s.trade_id
         AND t.exchange_ts > s.exchange_ts AND t.exchange_ts < s.exchange_ts / 1000 * 1000 + 1000`,
      `UPDATE ${stage} AS s SET exchange_ts = t.exchange_ts
       FROM trades AS t
       WHERE t.venue = s.venue AND t.trade_id = s.trade_id
         AND t.exchange_ts < s.exchange_ts AND t.exchange_ts >= s.exchange_ts / 1000 * 1000`,
      ...asUsual,
    ];
  }
  return [];
}

/**
 * A trade without venue time has each line's own receive time: its id alone says which copies are one, and a copy
 * with the venue's time gives it to the others.
 */
function withoutVenueTime(stage: string): readonly string[] {
  const isUntimed = (row: string): string => `${row}.quality & ${Quality.withoutVenueTime} <> 0`;
  return [
    `UPDATE ${stage} AS s SET exchange_ts = same.at
     FROM (
       SELECT venue, trade_id, coalesce(min(exchange_ts) FILTER (WHERE NOT ${isUntimed('c')}), min(exchange_ts)) AS at
       FROM ${stage} AS c GROUP BY 1, 2 HAVING bool_or(${isUntimed('c')})
     ) AS same
     WHERE s.venue = same.venue AND s.trade_id = same.trade_id AND ${isUntimed('s')} AND s.exchange_ts <> same.at`,
    // By the index that holds these alone; the planner would read whole days.
    'SET LOCAL enable_seqscan = off',
    `WITH untimed AS MATERIALIZED (
       SELECT t.venue, t.trade_id, t.exchange_ts FROM trades AS t WHERE ${isUntimed('t')}
     ), timed AS (
       SELECT venue, trade_id, min(exchange_ts) AS at FROM ${stage} AS c WHERE NOT ${isUntimed('c')} GROUP BY 1, 2
     )
     UPDATE trades AS t SET exchange_ts = timed.at
     FROM untimed JOIN timed USING (venue, trade_id)
     WHERE t.venue = untimed.venue AND t.trade_id = untimed.trade_id AND t.exchange_ts = untimed.exchange_ts
       AND t.exchange_ts <> timed.at
       AND NOT EXISTS (
         SELECT FROM trades AS o
         WHERE o.venue = timed.venue AND o.trade_id = timed.trade_id AND o.exchange_ts = timed.at)`,
    'SET LOCAL enable_seqscan = on',
    `UPDATE ${stage} AS s SET exchange_ts = known.at
     FROM (SELECT DISTINCT venue, trade_id FROM ${stage} AS c WHERE ${isUntimed('c')}) AS asked
     CROSS JOIN LATERAL (
       SELECT t.exchange_ts AS at FROM trades AS t
       WHERE t.venue = asked.venue AND t.trade_id = asked.trade_id
       ORDER BY ${isUntimed('t')}, t.exchange_ts LIMIT 1
     ) AS known
     WHERE s.venue = asked.venue AND s.trade_id = asked.trade_id AND ${isUntimed('s')}`,
  ];
}

const aggregates = { least: 'min', greatest: 'max', bit_or: 'bit_or', bit_and: 'bit_and' } as const;

/** What the stage holds, as the tape is to have it: one row per identity. */
export function groupedStatement(table: EventTable): string {
  const columns = tapeColumns(table);
  const identity = new Set(table.unique);
  const grouped = columns.map(({ name }) => {
    if (identity.has(name)) return name;
    const fold = table.fold[name];
    // Equal identity means equal content: any of them is as good as another.
    return `${fold === undefined ? 'any_value' : aggregates[fold]}(${name}) AS ${name}`;
  });
  const byLine = columnsByLine(table).map(({ name, value }) => `${value} AS ${name}`);
  return `SELECT ${[...grouped, 'bit_or(lines) AS lines', ...byLine].join(', ')}
      FROM ${stageOf(table.name)}
      GROUP BY ${table.unique.join(', ')}`;
}

/** Columns of a row that `groupedStatement` gives, in its order. */
export function groupedColumns(table: EventTable): readonly string[] {
  return [
    ...tapeColumns(table).map(({ name }) => name),
    'lines',
    ...columnsByLine(table).map(({ name }) => name),
  ];
}

/**
 * One row per identity out of the stage, onto the tape: new, or folded into the row that is there. Answers with
 * one row of `inserted` and `updated`. A copy counts for a line in `coverage` only when the line is new to the
 * row, so repeating a merge changes nothing.
 */
export function mergeStatement(table: EventTable): string {
  const names = tapeColumns(table).map(({ name }) => name);
  const byLine = columnsByLine(table);
  const sets: { readonly name: string; readonly value: string }[] = [
    { name: 'lines', value: 't.lines | excluded.lines' },
    ...Object.entries(table.fold).map(([name, fold]) => {
      const operators = { bit_or: '|', bit_and: '&' } as const;
      const value =
        fold === 'least' || fold === 'greatest'
          ? `${fold}(t.${name}, excluded.${name})`
          : `t.${name} ${operators[fold]} excluded.${name}`;
      return { name, value };
    }),
    ...[...(filledIn[table.name] ?? []), ...byLine.map(({ name }) => name)].map((name) => ({
      name,
      value: `coalesce(t.${name}, excluded.${name})`,
    })),
  ];
  const coverage = countedTables.has(table.name)
    ? `, minutes AS MATERIALIZED (
      SELECT venue, instrument, at / 60000000 * 60000000 AS minute,
        count(*) FILTER (WHERE added & 1 <> 0) AS a, count(*) FILTER (WHERE added & 2 <> 0) AS b,
        count(*) FILTER (WHERE added & 4 <> 0) AS c, count(*) FILTER (WHERE is_new) AS tape
      FROM merged WHERE added <> 0
      GROUP BY 1, 2, 3
    ), ${markHours}, covered AS (
      INSERT INTO coverage AS c (venue, instrument, minute, events_a, events_b, events_c, events_tape)
      SELECT venue, instrument, minute, a, b, c, tape FROM minutes
      ON CONFLICT (instrument, minute, venue) DO UPDATE SET
        events_a = c.events_a + excluded.events_a, events_b = c.events_b + excluded.events_b,
        events_c = c.events_c + excluded.events_c, events_tape = c.events_tape + excluded.events_tape
    )`
    : '';
  const subject = names.includes('instrument') ? 'instrument' : 'subject';
  return `WITH merged AS (
      INSERT INTO ${table.name} AS t (${groupedColumns(table).join(', ')})
      ${groupedStatement(table)}
      -- In the order of the index: what belongs together in it is then written together.
      ORDER BY ${table.unique.join(', ')}
      ON CONFLICT (${table.unique.join(', ')}) DO UPDATE
      SET ${sets.map(({ name, value }) => `${name} = ${value}`).join(', ')}
      WHERE ${sets.map(({ name, value }) => `t.${name} IS DISTINCT FROM ${value}`).join(' OR ')}
      RETURNING new.venue, new.${subject} AS instrument, new.${table.time} AS at, old.lines IS NULL AS is_new,
        (new.lines & ~coalesce(old.lines, 0::smallint)) AS added
    )${coverage}
    SELECT count(*) FILTER (WHERE is_new)::integer AS inserted,
      count(*) FILTER (WHERE NOT is_new)::integer AS updated
    FROM merged`;
}
