-- How long an event took from the venue is known only where the venue gave its time and the receive time is to be relied
-- on; a trade that a repair fetched took as long as it lay there.

DO $$
DECLARE
  name text;
BEGIN
  FOR name IN
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'quality'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  LOOP
    EXECUTE format('COMMENT ON COLUMN %I.quality IS %L', name, replace(
      col_description(name::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = name::regclass AND attname = 'quality')),
      'the receive time stands for it).',
      'the receive time stands for it), 32 fetched by a repair (received_at is when).'));
  END LOOP;
END $$;

DROP FUNCTION latency_percentiles(bigint, bigint);
CREATE FUNCTION latency_percentiles(from_micros bigint, to_micros bigint)
RETURNS TABLE (venue text, kind text, events bigint, venue_events bigint,
  venue_p50 bigint, venue_p90 bigint, venue_p99 bigint, venue_p999 bigint,
  tape_p50 bigint, tape_p90 bigint, tape_p99 bigint, tape_p999 bigint)
LANGUAGE sql STABLE
AS $$
  WITH seen AS (
    SELECT t.venue, 'trade' AS kind, exchange_ts, received_at, merged_at AS stored_at, quality
    FROM trades t WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT d.venue, 'book_delta', exchange_ts, received_at, merged_at, quality
    FROM order_book_deltas d WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT k.venue, 'ticker', exchange_ts, received_at, merged_at, quality
    FROM tickers k WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
  ), taken AS (
    -- 2 receive time suspect, 16 without venue time, 32 fetched by a repair; an absent one is no part of a percentile.
    SELECT seen.venue, seen.kind, CASE WHEN quality & 50 = 0 THEN received_at - exchange_ts END AS from_venue,
      stored_at - received_at AS to_tape
    FROM seen
  ), figures AS (
    SELECT taken.venue, taken.kind, count(*) AS events, count(from_venue) AS venue_events,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY from_venue) AS v,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY to_tape) AS s
    FROM taken GROUP BY 1, 2
  )
  SELECT figures.venue, figures.kind, figures.events, figures.venue_events,
    v[1], v[2], v[3], v[4], s[1], s[2], s[3], s[4] FROM figures
$$;
COMMENT ON FUNCTION latency_percentiles(bigint, bigint) IS
  'Latency of events by venue time, microseconds: venue to the first line''s socket (received_at - exchange_ts, of the venue_events with a time of the venue and a receive time to be relied on) and from there to the tape (merged_at - received_at).';
