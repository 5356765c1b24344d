import type { ClientBase } from 'pg';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { MICROS_PER_HOUR, type Micros } from '../units/time.ts';

export interface CoverageHour {
  readonly venue: string;
  readonly market: string;
  /** Begin of the hour of venue time. */
  readonly hour: Micros;
  readonly condition: 'available' | 'degraded' | 'pending' | 'missing';
}

export interface HoursFilter {
  readonly venue?: string;
  readonly market?: string;
  /** The market of this instrument. */
  readonly instrument?: string;
  readonly condition?: CoverageHour['condition'];
  readonly from: Micros;
  readonly to: Micros;
  /** Only rows behind this one: venue, market, hour. */
  readonly after?: readonly unknown[];
}

/** The condition of every market and hour that has events and begins in the span. One at a time on a session. */
export async function* coverageHours(client: ClientBase, filter: HoursFilter): AsyncGenerator<CoverageHour> {
  const { venue = null, market = null, instrument = null, condition: only = null, from, to } = filter;
  const [afterVenue = null, afterMarket = null, afterHour = null] = filter.after ?? [];
  const rows = rowsOf<{ venue: string; market: string; hour: string; condition: CoverageHour['condition'] }>(
    client,
    `SELECT venue, market, hour, condition FROM coverage_hours AS h
     WHERE hour > $1::bigint - ${MICROS_PER_HOUR} AND hour < $2
       AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR market = $4)
       AND ($5::text IS NULL OR market = $5 OR EXISTS (
         SELECT FROM instruments AS i WHERE i.venue = h.venue AND i.market = h.market AND i.instrument = $5))
       AND ($6::text IS NULL OR condition = $6)
       AND ($7::text IS NULL OR (venue, market, hour) > ($7, $8::text, $9::bigint))
     ORDER BY venue, market, h.hour`,
    [from, to, venue, market, instrument, only, afterVenue, afterMarket, afterHour],
  );
  for await (const { venue: name, market: of, hour, condition } of rows)
    yield { venue: name, market: of, hour: Number(hour) as Micros, condition };
}

/** How many markets of a venue are in a condition in an hour. */
export interface ConditionCount {
  readonly venue: string;
  /** Begin of the hour of venue time. */
  readonly hour: Micros;
  readonly condition: CoverageHour['condition'];
  readonly markets: number;
}

/** The conditions of the hours that begin in the span, counted by venue and hour. */
export async function conditionCounts(
  client: ClientBase,
  span: { readonly from: Micros; readonly to: Micros; readonly venue?: string },
): Promise<ConditionCount[]> {
  const { rows } = await client.query<{
    venue: string;
    hour: string;
    condition: CoverageHour['condition'];
    markets: number;
  }>(
    `SELECT venue, hour, condition, count(*)::integer AS markets FROM coverage_hours
     WHERE hour > $1::bigint - ${MICROS_PER_HOUR} AND hour < $2 AND ($3::text IS NULL OR venue = $3)
     GROUP BY venue, hour, condition ORDER BY venue, coverage_hours.hour, condition`,
    [span.from, span.to, span.venue ?? null],
  );
  return rows.map((row) => ({ ...row, hour: Number(row.hour) as Micros }));
}
