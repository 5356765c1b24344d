-- Candles and figures of books by 1m, 5m, 1h and 1d, kept up as the tape grows: whatever changes a row marks its
-- minute, and a refresh reckons marked minutes anew from the rows and the wider buckets from the narrower ones.

CREATE TABLE rollups_pending (
  source text NOT NULL CHECK (source IN ('trades', 'order_book_metrics')),
  venue text NOT NULL,
  instrument text NOT NULL,
  minute bigint NOT NULL,
  PRIMARY KEY (source, instrument, minute, venue)
);
SELECT describe_table('rollups_pending', 'Minutes whose roll-ups are older than their rows; who reads roll-ups reckons these from the rows.', '{
  "source": "Table of the rows: trades or order_book_metrics.",
  "venue": "Venue.",
  "instrument": "Instrument.",
  "minute": "Begin of the minute, microseconds."
}');

CREATE TABLE trade_rollups (
  venue text NOT NULL,
  instrument text NOT NULL,
  width bigint NOT NULL,
  bucket bigint NOT NULL,
  open bigint NOT NULL,
  high bigint NOT NULL,
  low bigint NOT NULL,
  close bigint NOT NULL,
  volume bigint NOT NULL,
  trades integer NOT NULL,
  PRIMARY KEY (instrument, width, bucket, venue)
);
SELECT describe_table('trade_rollups', 'Trades by bucket of venue time.', '{
  "venue": "Venue.",
  "instrument": "Instrument.",
  "width": "Width of the bucket, microseconds: 1m, 5m, 1h or 1d.",
  "bucket": "Begin of the bucket, microseconds.",
  "open": "Price of the first trade, micro-dollars; of equal times the least trade id counts as first.",
  "high": "Greatest price, micro-dollars.",
  "low": "Least price, micro-dollars.",
  "close": "Price of the last trade, micro-dollars.",
  "volume": "Sum of sizes, micro-contracts.",
  "trades": "How many there were."
}');

CREATE TABLE book_rollups (
  venue text NOT NULL,
  instrument text NOT NULL,
  width bigint NOT NULL,
  bucket bigint NOT NULL,
  open bigint,
  high bigint,
  low bigint,
  close bigint,
  bid bigint,
  ask bigint,
  least_spread bigint,
  greatest_spread bigint,
  spread_sum bigint NOT NULL,
  spreads integer NOT NULL,
  bid_depth_sum bigint NOT NULL,
  ask_depth_sum bigint NOT NULL,
  readings integer NOT NULL,
  PRIMARY KEY (instrument, width, bucket, venue)
);
SELECT describe_table('book_rollups', 'Readings of books by bucket of venue time.', '{
  "venue": "Venue.",
  "instrument": "Instrument.",
  "width": "Width of the bucket, microseconds: 1m, 5m, 1h or 1d.",
  "bucket": "Begin of the bucket, microseconds.",
  "open": "Mid of the first reading that has one, micro-dollars; half a micro-dollar is dropped, crossed books have none.",
  "high": "Greatest mid, micro-dollars.",
  "low": "Least mid, micro-dollars.",
  "close": "Mid of the last reading that has one, micro-dollars.",
  "bid": "Best bid of the last reading, micro-dollars; null for an empty side.",
  "ask": "Best ask of the last reading, micro-dollars; null for an empty side.",
  "least_spread": "Micro-dollars; null where no reading had both sides.",
  "greatest_spread": "Micro-dollars; null where no reading had both sides.",
  "spread_sum": "Sum of spreads, micro-dollars.",
  "spreads": "Readings that had both sides.",
  "bid_depth_sum": "Sum over the readings of all bid sizes, micro-contracts.",
  "ask_depth_sum": "Sum over the readings of all ask sizes, micro-contracts.",
  "readings": "How many there were."
}');

-- A row that a further line has merely confirmed changes no roll-up. Rows that retention drops change none either:
-- what was reckoned of them stays.
CREATE FUNCTION mark_trade_rollups() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rollups_pending
    SELECT DISTINCT 'trades', venue, instrument, exchange_ts - exchange_ts % 60000000 FROM changed
    ON CONFLICT DO NOTHING;
  ELSE
    INSERT INTO rollups_pending
    SELECT DISTINCT 'trades', venue, instrument, exchange_ts - exchange_ts % 60000000
    FROM (
      (SELECT venue, instrument, exchange_ts, trade_id, price, size FROM before
       EXCEPT ALL SELECT venue, instrument, exchange_ts, trade_id, price, size FROM changed)
      UNION ALL
      (SELECT venue, instrument, exchange_ts, trade_id, price, size FROM changed
       EXCEPT ALL SELECT venue, instrument, exchange_ts, trade_id, price, size FROM before)
    ) AS other
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION mark_trade_rollups() IS 'Marks the minutes of trades that are new or other than before.';
CREATE TRIGGER mark_rollups_of_new AFTER INSERT ON trades
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trade_rollups();
CREATE TRIGGER mark_rollups_of_changed AFTER UPDATE ON trades
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trade_rollups();

-- What makes a reading is its identity; copies of it differ in nothing but who saw it.
CREATE FUNCTION mark_book_rollups() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO rollups_pending
  SELECT DISTINCT 'order_book_metrics', venue, instrument, at - at % 60000000 FROM changed
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION mark_book_rollups() IS 'Marks the minutes of readings of books that are new.';
CREATE TRIGGER mark_rollups_of_new AFTER INSERT ON order_book_metrics
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_book_rollups();

INSERT INTO rollups_pending
SELECT DISTINCT 'trades', venue, instrument, exchange_ts - exchange_ts % 60000000 FROM trades;
INSERT INTO rollups_pending
SELECT DISTINCT 'order_book_metrics', venue, instrument, at - at % 60000000 FROM order_book_metrics;

-- The names and columns that the lines' databases have for the same.
DO $$
DECLARE
  width record;
BEGIN
  FOR width IN
    SELECT * FROM (VALUES ('1m', 60000000), ('5m', 300000000), ('1h', 3600000000), ('1d', 86400000000)) AS w (label, micros)
  LOOP
    EXECUTE format(
      'CREATE VIEW %I AS SELECT venue, instrument, bucket, open, high, low, close, volume, trades FROM trade_rollups WHERE width = %s',
      'candles_' || width.label, width.micros);
    EXECUTE format($view$
      CREATE VIEW %I AS SELECT venue, instrument, bucket, bid, ask, least_spread, greatest_spread,
        spread_sum / nullif(spreads, 0) AS mean_spread, bid_depth_sum / readings AS mean_bid_depth,
        ask_depth_sum / readings AS mean_ask_depth, readings
      FROM book_rollups WHERE width = %s $view$, 'book_figures_' || width.label, width.micros);
    EXECUTE format('COMMENT ON VIEW %I IS %L', 'candles_' || width.label,
      'Trades by bucket as of the last refresh: venue, instrument, bucket (begin, microseconds), open, high, low, close (micro-dollars), volume (micro-contracts), trades (count).');
    EXECUTE format('COMMENT ON VIEW %I IS %L', 'book_figures_' || width.label,
      'Books by bucket as of the last refresh: last bid and ask, least, greatest and mean spread (micro-dollars), mean depth per side (micro-contracts), readings (count).');
  END LOOP;
END $$;
