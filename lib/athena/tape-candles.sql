-- One-minute candles of yesterday's tape (UTC), in dollars and contracts
SELECT
  venue,
  instrument,
  from_unixtime(60 * (exchange_ts / 60000000)) AS minute,
  min_by(price, (exchange_ts, trade_id)) / 1e6 AS open,
  max(price) / 1e6 AS high,
  min(price) / 1e6 AS low,
  max_by(price, (exchange_ts, trade_id)) / 1e6 AS close,
  sum(size) / 1e6 AS volume,
  count(*) AS trades
FROM tape_trades
WHERE date = date_format(current_date - INTERVAL '1' DAY, '%Y-%m-%d')
GROUP BY venue, instrument, exchange_ts / 60000000
ORDER BY venue, instrument, minute
