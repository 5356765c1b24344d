-- When instruments may have events, as the lines' gaps say, and ways to the few gaps that bear on a span of time: neither the
-- merge nor an audit has to go through all that there ever were.
-- The indexes may be there already: on a large tape they are built beforehand, without locks (docs/deploy.md, Upgrade).

CREATE INDEX IF NOT EXISTS gaps_by_end ON gaps (venue, instrument, (coalesce(to_ts, 9223372036854775807)));
CREATE INDEX IF NOT EXISTS gaps_of_expectations ON gaps (venue, instrument)
  WHERE line <> 'tape' AND cause IN ('startup', 'not_subscribed', 'market_over');
-- What lines say of markets that are over never ends: with it, every span would have all markets that there ever were.
CREATE INDEX IF NOT EXISTS gaps_ending ON gaps (venue, (coalesce(to_ts, 9223372036854775807)))
  WHERE line = 'tape' OR to_ts IS NOT NULL OR cause <> 'market_over';

CREATE TABLE instrument_lives (
  venue text NOT NULL,
  instrument text NOT NULL,
  begins bigint NOT NULL,
  ends bigint,
  PRIMARY KEY (venue, instrument)
);
CREATE INDEX instrument_lives_by_end ON instrument_lives (venue, (coalesce(ends, 9223372036854775807)));
SELECT describe_table('instrument_lives',
  'When instruments may have events, as the gaps of the lines say. Kept by triggers of gaps.', described('{
  "begins": "When the first line began to expect it, microseconds.",
  "ends": "When its market was over, after which no line expected it again, microseconds; null while it may have events."
}'));

CREATE FUNCTION reckon_instrument_lives(told_venues text[], told_instruments text[]) RETURNS void
LANGUAGE sql AS $$
  WITH told AS (
    SELECT DISTINCT venue, instrument FROM unnest(told_venues, told_instruments) AS t (venue, instrument)
    WHERE instrument <> '*'
  ), reckoned AS MATERIALIZED (
    SELECT told.venue, told.instrument, b.begins, e.ends
    FROM told
    CROSS JOIN LATERAL (
      SELECT min(from_ts) AS begins, max(from_ts) AS last FROM gaps AS g
      WHERE g.venue = told.venue AND g.instrument = told.instrument AND g.line <> 'tape'
        AND g.cause IN ('startup', 'not_subscribed', 'market_over') AND g.cause <> 'market_over'
    ) AS b
    CROSS JOIN LATERAL (
      SELECT min(from_ts) AS ends FROM gaps AS g
      WHERE g.venue = told.venue AND g.instrument = told.instrument AND g.line <> 'tape'
        AND g.cause IN ('startup', 'not_subscribed', 'market_over') AND g.cause = 'market_over' AND g.from_ts >= b.last
    ) AS e
  ), gone AS (
    DELETE FROM instrument_lives AS l USING reckoned AS r
    WHERE l.venue = r.venue AND l.instrument = r.instrument AND r.begins IS NULL
  )
  INSERT INTO instrument_lives AS l (venue, instrument, begins, ends)
  SELECT r.venue, r.instrument, r.begins, r.ends
  FROM reckoned AS r LEFT JOIN instrument_lives AS known USING (venue, instrument)
  WHERE r.begins IS NOT NULL
    AND (known.begins IS DISTINCT FROM r.begins OR known.ends IS DISTINCT FROM r.ends)
  ON CONFLICT (venue, instrument) DO UPDATE SET begins = excluded.begins, ends = excluded.ends;
$$;

CREATE FUNCTION tell_instrument_lives() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  venues text[];
  instruments text[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT array_agg(venue), array_agg(instrument) INTO venues, instruments
    FROM before FULL JOIN after USING (venue, instrument, line, gap_id)
    WHERE line <> 'tape'
      AND (before.cause IN ('startup', 'not_subscribed', 'market_over')
        OR after.cause IN ('startup', 'not_subscribed', 'market_over'))
      AND (before.cause IS DISTINCT FROM after.cause OR before.from_ts IS DISTINCT FROM after.from_ts);
  ELSE
    SELECT array_agg(venue), array_agg(instrument) INTO venues, instruments
    FROM changed WHERE line <> 'tape' AND cause IN ('startup', 'not_subscribed', 'market_over');
  END IF;
  IF venues IS NOT NULL THEN PERFORM reckon_instrument_lives(venues, instruments); END IF;
  RETURN NULL;
END;
$$;

CREATE TRIGGER lives_of_new AFTER INSERT ON gaps
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_instrument_lives();
CREATE TRIGGER lives_of_removed AFTER DELETE ON gaps
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_instrument_lives();
CREATE TRIGGER lives_of_changed AFTER UPDATE ON gaps
  REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION tell_instrument_lives();

-- All that there are, in one pass.
INSERT INTO instrument_lives (venue, instrument, begins, ends)
SELECT venue, instrument, min(from_ts) FILTER (WHERE cause <> 'market_over'),
  min(from_ts) FILTER (WHERE cause = 'market_over' AND from_ts >= last)
FROM (
  SELECT venue, instrument, cause, from_ts,
    max(from_ts) FILTER (WHERE cause <> 'market_over') OVER (PARTITION BY venue, instrument) AS last
  FROM gaps
  WHERE line <> 'tape' AND instrument <> '*' AND cause IN ('startup', 'not_subscribed', 'market_over')
) AS told
WHERE last IS NOT NULL GROUP BY venue, instrument;

-- Without statistics of the new indexes' expressions, plans would go through the whole table.
ANALYZE gaps;
ANALYZE instrument_lives;
