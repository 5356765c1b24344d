import type { ClientBase } from 'pg';
import { livesStatement } from '../storage/production/instrument-lives.ts';
import { countedTables, type LineName, lineBits, lineNames } from '../storage/production/merge-statements.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { horizonOf } from '../storage/production/tape-queries.ts';
import type { TapeRules } from '../tape/rules.ts';
import { MICROS_PER_DAY, type Micros, parseRfc3339 } from '../units/time.ts';
import { type ExportedTable, PLACE } from './exported-tables.ts';
import type { Completeness, Partition, RowsSeen, SubjectRange } from './manifest.ts';
import type { ParquetInput } from './parquet-columns.ts';

/** The instants of a day, `from` included, `to` not. */
export function dayOf(date: string): { readonly from: Micros; readonly to: Micros } {
  const from = parseRfc3339(`${date}T00:00:00Z`);
  return { from, to: (from + MICROS_PER_DAY) as Micros };
}

/**
 * The rows of a day, venue and range of instruments in the order of the file, with the columns of its arrivals, too. Texts sort by their bytes, whatever the database's language,
 * so that the same rows always give the same file.
 */
export async function* exportedRows(
  client: ClientBase,
  { source, columns, arrivals, orderedBy, time }: ExportedTable,
  { date, venue }: Partition,
  range: SubjectRange,
): AsyncGenerator<Record<string, ParquetInput>> {
  const { from, to } = dayOf(date);
  const isText = new Set(source.columns.filter(({ type }) => type === 'text').map(({ name }) => name));
  const selected = new Set(
    [...columns, ...(arrivals?.columns ?? [])].flatMap(({ name, select }) =>
      select === null ? [] : `${select} AS ${name}`,
    ),
  );
  const order = orderedBy.map((name) => `${source.name}.${name}${isText.has(name) ? ' COLLATE "C"' : ''}`);
  const values: string[] = [];
  const bounds = (['from', 'to'] as const).flatMap((bound) => {
    const value = range[bound];
    if (value === null) return [];
    values.push(value);
    return [` AND ${source.name}.${orderedBy[0]} ${bound === 'from' ? '>=' : '<'} $${values.length + 3}`];
  });
  const rows = rowsOf<Record<string, ParquetInput>>(
    client,
    `SELECT ${[...selected].join(', ')} FROM ${source.name}
     WHERE venue = $1 AND ${time} >= $2 AND ${time} < $3${bounds.join('')} ORDER BY ${order.join(', ')}`,
    [venue, from, to, ...values],
  );
  yield* columns.some(({ name }) => name === PLACE) ? withPlace(rows, time) : rows;
}

async function* withPlace(
  rows: AsyncIterable<Record<string, ParquetInput>>,
  time: string,
): AsyncGenerator<Record<string, ParquetInput>> {
  let instant: readonly [ParquetInput, ParquetInput] = [null, null];
  let place = 0;
  for await (const row of rows) {
    const isSame = row['instrument'] === instant[0] && row[time] === instant[1];
    place = isSame ? place + 1 : 0;
    instant = [row['instrument'], row[time]];
    yield { ...row, [PLACE]: place };
  }
}

/** Whether the tape has any row of a table, day and venue. */
export async function hasRows(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
): Promise<boolean> {
  const { from, to } = dayOf(date);
  const { rowCount } = await client.query(
    `SELECT FROM ${table.source.name} WHERE venue = $1 AND ${table.time} >= $2 AND ${table.time} < $3 LIMIT 1`,
    [venue, from, to],
  );
  return rowCount === 1;
}

/**
 * Events of a table, day and venue that each line saw and that the tape has. What the account of minutes counts is taken
 * from there: counting millions of rows takes long.
 */
async function eventsOf(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
): Promise<Completeness['events']> {
  const { from, to } = dayOf(date);
  const sources = countedTables.has(table.source.name)
    ? {
        from: 'coverage',
        time: 'minute',
        each: (line: LineName) => `sum(events_${line})`,
        all: 'sum(events_tape)',
      }
    : {
        from: table.source.name,
        time: table.time,
        each: (line: LineName) => `count(*) FILTER (WHERE lines & ${lineBits[line]} <> 0)`,
        all: 'count(*)',
      };
  const figures = [...lineNames.map((line) => [line, sources.each(line)]), ['tape', sources.all]];
  const { rows } = await client.query<Record<keyof Completeness['events'], string | null>>(
    `SELECT ${figures.map(([name, figure]) => `${figure} AS ${name}`).join(', ')} FROM ${sources.from}
     WHERE venue = $1 AND ${sources.time} >= $2 AND ${sources.time} < $3`,
    [venue, from, to],
  );
  const { a, b, c, tape } = rows[0]!;
  return { a: Number(a), b: Number(b), c: Number(c), tape: Number(tape) };
}

/** By what it is told whether a table's rows of a day and venue are others than they were. */
export async function rowsSeen(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
): Promise<RowsSeen> {
  const { from, to } = dayOf(date);
  const repairs = await client.query<{ last: number }>(
    `SELECT coalesce(max(repair), 0)::integer AS last FROM repairs
     WHERE kind = 'merge' AND changes ? $1 AND from_ts < $3 AND to_ts > $2`,
    [table.source.name, from, to],
  );
  return { events: await eventsOf(client, table, { date, venue }), last_repair: repairs.rows[0]!.last };
}

/** Whether every running line has been merged past the end of the day. */
export async function isSettled(
  client: ClientBase,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
  rules: TapeRules,
): Promise<boolean> {
  const horizon = await horizonOf(client, rules, venue);
  return horizon !== null && horizon >= dayOf(date).to;
}

/** How far a table's rows of a day and venue can be trusted now. */
export async function completenessOf(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
  rules: TapeRules,
): Promise<Completeness> {
  const { from, to } = dayOf(date);
  const horizon = await horizonOf(client, rules, venue);
  const gaps = await client.query<{ gaps: number; whole: number }>(
    `SELECT count(*)::integer AS gaps, count(*) FILTER (WHERE instrument = '*')::integer AS whole
     FROM gaps LEFT JOIN (${livesStatement('$1')}) AS l USING (instrument)
     WHERE line = 'tape' AND venue = $1 AND from_ts < $3
       AND greatest($2::bigint, from_ts, begins) < least($3::bigint, to_ts, ends)`,
    [venue, from, to],
  );
  const hours = await client.query<{ condition: string; hours: number }>(
    `SELECT condition, count(*)::integer AS hours FROM coverage_hours
     WHERE venue = $1 AND hour >= $2 AND hour < $3 GROUP BY condition`,
    [venue, from, to],
  );
  const found = Object.fromEntries(hours.rows.map((row) => [row.condition, row.hours]));
  return {
    settled: horizon !== null && horizon >= to,
    settled_until: horizon,
    gaps: gaps.rows[0]!.gaps,
    gaps_of_whole_venue: gaps.rows[0]!.whole,
    market_hours: { available: 0, degraded: 0, pending: 0, missing: 0, ...found },
    ...(await rowsSeen(client, table, { date, venue })),
  };
}
