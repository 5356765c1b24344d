import type { ClientBase } from 'pg';
import { rowsOf } from '../storage/production/row-cursor.ts';
import type { Micros } from '../units/time.ts';

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
  readonly from: Micros;
  readonly to: Micros;
}

/** The condition of every market and hour that has events and begins in the span. One at a time on a session. */
export async function* coverageHours(client: ClientBase, filter: HoursFilter): AsyncGenerator<CoverageHour> {
  const { venue = null, market = null, instrument = null, from, to } = filter;
  const rows = rowsOf<{ venue: string; market: string; hour: string; condition: CoverageHour['condition'] }>(
    client,
    `SELECT venue, market, hour, condition FROM coverage_hours AS h
     WHERE hour > $1::bigint - 3600000000 AND hour < $2
       AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR market = $4)
       AND ($5::text IS NULL OR market = $5 OR EXISTS (
         SELECT FROM instruments AS i WHERE i.venue = h.venue AND i.market = h.market AND i.instrument = $5))
     ORDER BY venue, market, h.hour`,
    [from, to, venue, market, instrument],
  );
  for await (const { venue: name, market: of, hour, condition } of rows)
    yield { venue: name, market: of, hour: Number(hour) as Micros, condition };
}
