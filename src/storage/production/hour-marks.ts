import { MICROS_PER_HOUR } from '../../units/time.ts';

/**
 * Common table expressions for a statement that has the merged events as `minutes (venue, instrument, minute, …)`:
 * the hours they fall on are pending again. An instrument whose market is not known yet stands for its market.
 */
export const markHours = `marked AS (
      INSERT INTO coverage_hours AS h (venue, market, hour, condition)
      SELECT DISTINCT m.venue, coalesce(i.market, m.instrument), m.hour, 'pending'
      FROM (SELECT DISTINCT venue, instrument, minute / ${MICROS_PER_HOUR} * ${MICROS_PER_HOUR} AS hour FROM minutes) AS m
      LEFT JOIN LATERAL (
        SELECT market FROM instruments WHERE venue = m.venue AND instrument = m.instrument LIMIT 1) AS i ON true
      ON CONFLICT (venue, market, hour) DO UPDATE SET condition = 'pending' WHERE h.condition <> 'pending'
    )`;
