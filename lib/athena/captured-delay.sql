-- Milliseconds from the venue's own time to the socket, by line and kind, today (UTC)
SELECT
  gatherer,
  venue,
  kind,
  approx_percentile((received_at - exchange_ts) / 1000.0, 0.5) AS p50,
  approx_percentile((received_at - exchange_ts) / 1000.0, 0.99) AS p99,
  count(*) AS events
FROM captured
WHERE date = date_format(current_date, '%Y-%m-%d') AND exchange_ts IS NOT NULL
GROUP BY gatherer, venue, kind
ORDER BY gatherer, venue, kind
