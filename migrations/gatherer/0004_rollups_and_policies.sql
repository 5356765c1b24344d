-- Candles and figures of books by 1m, 5m, 1h and 1d: continuous aggregates where the server has them, views with
-- the same columns where not. Compression and retention policies where the server has them; without, nothing is
-- lost: drop_days_before() does by hand what the policy does by itself.
DO $$
DECLARE
  width record;
  name text;
  source text;
  made boolean;
BEGIN
  FOR width IN
    SELECT * FROM (VALUES ('1m', 60000000), ('5m', 300000000), ('1h', 3600000000), ('1d', 86400000000)) AS w (label, micros)
  LOOP
    name := 'candles_' || width.label;
    made := has_timescale_community() AND apply_optional(name || ' continuous aggregate', format($view$
      CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
      SELECT venue, instrument, time_bucket(bigint '%s', exchange_ts) AS bucket,
        first(price, exchange_ts) AS open, max(price) AS high, min(price) AS low, last(price, exchange_ts) AS close,
        sum(size)::bigint AS volume, count(*) AS trades
      FROM trades GROUP BY 1, 2, 3 WITH NO DATA $view$, name, width.micros));
    IF made THEN
      PERFORM apply_optional(name || ' refresh policy', format(
        'SELECT add_continuous_aggregate_policy(%L, start_offset => bigint %L, end_offset => bigint %L, schedule_interval => interval %L)',
        name, greatest(width.micros * 10, 86400000000), width.micros, '1 minute'));
    ELSE
      EXECUTE format($view$
        CREATE VIEW %I AS
        SELECT venue, instrument, exchange_ts - exchange_ts %% %s AS bucket,
          (array_agg(price ORDER BY exchange_ts, trade_id))[1] AS open, max(price) AS high, min(price) AS low,
          (array_agg(price ORDER BY exchange_ts DESC, trade_id DESC))[1] AS close,
          sum(size)::bigint AS volume, count(*) AS trades
        FROM trades GROUP BY 1, 2, 3 $view$, name, width.micros);
    END IF;

    name := 'book_figures_' || width.label;
    made := has_timescale_community() AND apply_optional(name || ' continuous aggregate', format($view$
      CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
      SELECT venue, instrument, time_bucket(bigint '%s', at) AS bucket,
        last(bid, at) AS bid, last(ask, at) AS ask, min(spread) AS least_spread, max(spread) AS greatest_spread,
        (sum(spread) / nullif(count(spread), 0))::bigint AS mean_spread,
        (sum(bid_depth) / count(*))::bigint AS mean_bid_depth, (sum(ask_depth) / count(*))::bigint AS mean_ask_depth,
        count(*) AS readings
      FROM order_book_metrics GROUP BY 1, 2, 3 WITH NO DATA $view$, name, width.micros));
    IF made THEN
      PERFORM apply_optional(name || ' refresh policy', format(
        'SELECT add_continuous_aggregate_policy(%L, start_offset => bigint %L, end_offset => bigint %L, schedule_interval => interval %L)',
        name, greatest(width.micros * 10, 86400000000), width.micros, '1 minute'));
    ELSE
      EXECUTE format($view$
        CREATE VIEW %I AS
        SELECT venue, instrument, at - at %% %s AS bucket,
          (array_agg(bid ORDER BY at DESC))[1] AS bid, (array_agg(ask ORDER BY at DESC))[1] AS ask,
          min(spread) AS least_spread, max(spread) AS greatest_spread,
          (sum(spread) / nullif(count(spread), 0))::bigint AS mean_spread,
          (sum(bid_depth) / count(*))::bigint AS mean_bid_depth, (sum(ask_depth) / count(*))::bigint AS mean_ask_depth,
          count(*) AS readings
        FROM order_book_metrics GROUP BY 1, 2, 3 $view$, name, width.micros);
    END IF;
    EXECUTE format('COMMENT ON VIEW %I IS %L', 'candles_' || width.label,
      'Trades by bucket: venue, instrument, bucket (begin, microseconds), open, high, low, close (micro-dollars), volume (micro-contracts), trades (count).');
    EXECUTE format('COMMENT ON VIEW %I IS %L', 'book_figures_' || width.label,
      'Books by bucket: last bid and ask, least, greatest and mean spread (micro-dollars), mean depth per side (micro-contracts), readings (count).');
  END LOOP;

  IF has_timescale_community() THEN
    FOR name, source IN
      SELECT * FROM (VALUES
        ('trades', 'exchange_ts, trade_id'),
        ('order_book_deltas', 'exchange_ts, instant_index'),
        ('order_book_snapshots', 'snapshot_ts, source, hash_key'),
        ('tickers', 'exchange_ts, content_key'),
        ('order_book_metrics', 'at')) AS t (name, ordering)
    LOOP
      IF apply_optional(name || ' compression', format(
        'ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
        name, 'instrument', source))
      THEN
        -- Two days: late rows and the merge read the newest chunks, which stay as they are.
        PERFORM apply_optional(name || ' compression policy',
          format('SELECT add_compression_policy(%L::regclass, compress_after => bigint %L)', name, 172800000000));
      END IF;
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
      'trades', 'order_book_deltas', 'order_book_snapshots', 'tickers', 'market_lifecycle', 'order_book_metrics']
    LOOP
      PERFORM apply_optional(name || ' retention policy',
        format('SELECT add_retention_policy(%L::regclass, drop_after => bigint %L)', name, 30 * 86400000000));
    END LOOP;
  END IF;
END $$;

CREATE FUNCTION latency_percentiles(from_micros bigint, to_micros bigint)
RETURNS TABLE (venue text, kind text, events bigint,
  venue_p50 bigint, venue_p90 bigint, venue_p99 bigint, venue_p999 bigint,
  store_p50 bigint, store_p90 bigint, store_p99 bigint, store_p999 bigint)
LANGUAGE sql STABLE
AS $$
  WITH seen AS (
    SELECT t.venue, 'trade' AS kind, received_at - exchange_ts AS from_venue, ingested_at - received_at AS to_store
    FROM trades t WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT d.venue, 'book_delta', received_at - exchange_ts, ingested_at - received_at
    FROM order_book_deltas d WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT k.venue, 'ticker', received_at - exchange_ts, ingested_at - received_at
    FROM tickers k WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
  ), figures AS (
    SELECT seen.venue, seen.kind, count(*) AS events,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY from_venue) AS v,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY to_store) AS s
    FROM seen GROUP BY 1, 2
  )
  SELECT figures.venue, figures.kind, figures.events, v[1], v[2], v[3], v[4], s[1], s[2], s[3], s[4] FROM figures
$$;
COMMENT ON FUNCTION latency_percentiles(bigint, bigint) IS
  'Latency of events by venue time, microseconds: venue to socket (received_at - exchange_ts) and socket to this database (ingested_at - received_at).';
