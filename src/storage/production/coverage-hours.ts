import type { ClientBase } from 'pg';
import type { Venue } from '../../events/event.ts';
import { MICROS_PER_HOUR, type Micros } from '../../units/time.ts';
import { EVERY_INSTRUMENT, type Touched } from './gap-merge.ts';
import { endsAfter } from './gaps-in-time.ts';
import { stageOf } from './merge-statements.ts';

/** By how much a gap of the tape may begin before the line's gap that it comes from. */
const EARLIER = 60_000_000;

/** Hours over which a gap of the tape may have come, gone or changed are pending again. */
export async function doubtHours(client: ClientBase, touched: readonly Touched[]): Promise<void> {
  if (touched.length === 0) return;
  const columns = [
    touched.map(({ venue }) => venue),
    touched.map(({ instrument }) => instrument),
    touched.map(({ from }) => Math.floor((from - EARLIER) / MICROS_PER_HOUR) * MICROS_PER_HOUR),
  ];
  await client.query(
    `UPDATE coverage_hours AS h SET condition = 'pending'
     FROM (
       SELECT t.venue, coalesce(i.market, t.instrument) AS market, min(t.hour) AS hour
       FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (venue, instrument, hour)
       LEFT JOIN LATERAL (
         SELECT market FROM instruments WHERE venue = t.venue AND instrument = t.instrument LIMIT 1) AS i ON true
       GROUP BY 1, 2
     ) AS t
     WHERE h.venue = t.venue AND h.market = t.market AND h.hour >= t.hour AND h.condition <> 'pending'`,
    columns,
  );
}

/**
 * To be called while the stage holds what the lines newly say of instruments, before the catalogue takes it: hours that
 * stand under an instrument's own name are those of its market, and hours of a market that gets an instrument are
 * pending again, because that one may lie in a gap.
 */
export async function moveHoursToMarkets(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS learned_instruments (venue text, instrument text, market text) ON COMMIT DELETE ROWS;
     INSERT INTO learned_instruments
     SELECT DISTINCT ON (s.venue, s.instrument) s.venue, s.instrument, s.market
     FROM ${stageOf('instruments')} AS s
     WHERE NOT EXISTS (
       SELECT FROM instruments AS i
       WHERE i.venue = s.venue AND i.instrument = s.instrument AND (i.market = s.market OR i.updated_at >= s.updated_at))
     ORDER BY s.venue, s.instrument, s.updated_at DESC, s.line;
     UPDATE coverage_hours AS h SET condition = 'pending' FROM learned_instruments AS l
     WHERE h.venue = l.venue AND h.market = l.market AND h.condition <> 'pending';
     WITH moved AS (
       DELETE FROM coverage_hours AS h USING learned_instruments AS l
       WHERE h.venue = l.venue AND h.market = l.instrument AND l.market <> l.instrument
       RETURNING h.venue, l.market, h.hour
     )
     INSERT INTO coverage_hours (venue, market, hour, condition)
     SELECT DISTINCT venue, market, hour, 'pending' FROM moved ON CONFLICT DO NOTHING`,
  );
}

/**
 * Gives every pending hour of a venue that lies wholly before the horizon its condition: `available` where the tape has no gap
 * of any instrument of the market, `missing` where every instrument is in a gap for the whole hour, else `degraded`.
 */
export async function settleHours(client: ClientBase, venue: Venue, horizon: Micros): Promise<void> {
  const before = horizon - MICROS_PER_HOUR;
  await client.query(
    `UPDATE coverage_hours AS h
     SET condition = CASE WHEN s.least >= ${MICROS_PER_HOUR} THEN 'missing' WHEN s.greatest > 0 THEN 'degraded' ELSE 'available' END
     FROM (
       SELECT p.venue, p.market, p.hour, min(u.unproven) AS least, max(u.unproven) AS greatest
       FROM coverage_hours AS p
       CROSS JOIN LATERAL (
         SELECT instrument FROM instruments WHERE venue = p.venue AND market = p.market
         UNION SELECT p.market WHERE NOT EXISTS (
           SELECT FROM instruments WHERE venue = p.venue AND market = p.market)
       ) AS i
       CROSS JOIN LATERAL (
         -- An instrument's own gaps hold those of everything as far as it has any.
         SELECT coalesce(max(o.length), 0) AS unproven
         FROM (
           SELECT sum(least(coalesce(g.to_ts, p.hour + ${MICROS_PER_HOUR}), p.hour + ${MICROS_PER_HOUR}) - greatest(g.from_ts, p.hour)) AS length
           FROM gaps AS g
           WHERE g.venue = p.venue AND g.instrument IN (i.instrument, '${EVERY_INSTRUMENT}') AND g.line = 'tape'
             AND g.from_ts < p.hour + ${MICROS_PER_HOUR} AND ${endsAfter('g.to_ts', 'p.hour')}
           GROUP BY g.instrument
         ) AS o
       ) AS u
       WHERE p.condition = 'pending' AND p.hour <= $1 AND p.venue = $2
       GROUP BY 1, 2, 3
     ) AS s
     WHERE h.venue = s.venue AND h.market = s.market AND h.hour = s.hour`,
    [before, venue],
  );
}
