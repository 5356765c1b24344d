import type { ClientBase } from 'pg';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { horizonOf } from '../storage/production/tape-queries.ts';
import type { TapeRules } from '../tape/rules.ts';
import { MICROS_PER_DAY, type Micros, parseRfc3339 } from '../units/time.ts';
import type { ExportedTable } from './exported-tables.ts';
import type { Manifest, Partition } from './manifest.ts';
import type { ParquetInput } from './parquet-columns.ts';

/** The instants of a day, `from` included, `to` not. */
export function dayOf(date: string): { readonly from: Micros; readonly to: Micros } {
  const from = parseRfc3339(`${date}T00:00:00Z`);
  return { from, to: (from + MICROS_PER_DAY) as Micros };
}

/**
 * The rows of a day and venue in the order of the file. Texts sort by their bytes, whatever the database's language,
 * so that the same rows always give the same file.
 */
export async function* exportedRows(
  client: ClientBase,
  table: ExportedTable,
  { date, venue }: Partition,
): AsyncGenerator<Record<string, ParquetInput>> {
  const { from, to } = dayOf(date);
  const isText = new Set(table.columns.filter(({ type }) => type === 'text').map(({ name }) => name));
  const columns = table.columns.map(({ name, type }) =>
    type === 'jsonb' ? `${name}::text AS ${name}` : name,
  );
  const order = table.sortedBy.map(
    (name) => `${table.name}.${name}${isText.has(name) ? ' COLLATE "C"' : ''}`,
  );
  yield* rowsOf<Record<string, ParquetInput>>(
    client,
    `SELECT ${columns.join(', ')} FROM ${table.name}
     WHERE venue = $1 AND ${table.time} >= $2 AND ${table.time} < $3 ORDER BY ${order.join(', ')}`,
    [venue, from, to],
  );
}

/** How far the tape of a day and venue can be trusted now. */
export async function completenessOf(
  client: ClientBase,
  { date, venue }: Pick<Partition, 'date' | 'venue'>,
  rules: TapeRules,
): Promise<Manifest['completeness']> {
  const { from, to } = dayOf(date);
  const horizon = await horizonOf(client, rules, venue);
  const gaps = await client.query<{ gaps: number; whole: number }>(
    `SELECT count(*)::integer AS gaps, count(*) FILTER (WHERE instrument = '*')::integer AS whole
     FROM gaps WHERE line = 'tape' AND venue = $1 AND from_ts < $3 AND (to_ts IS NULL OR to_ts > $2)`,
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
  };
}
