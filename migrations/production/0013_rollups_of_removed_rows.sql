-- A repair deletes rows that no line stored: their minutes are reckoned anew, too. Retention drops partitions, which
-- fires no trigger, so that what was reckoned of those stays.
CREATE OR REPLACE FUNCTION mark_trade_rollups() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
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
COMMENT ON FUNCTION mark_trade_rollups() IS 'Marks the minutes of trades that are new, other than before or gone.';
CREATE TRIGGER mark_rollups_of_removed AFTER DELETE ON trades
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trade_rollups();

COMMENT ON FUNCTION mark_book_rollups() IS 'Marks the minutes of readings of books that are new or gone.';
CREATE TRIGGER mark_rollups_of_removed AFTER DELETE ON order_book_metrics
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_book_rollups();
