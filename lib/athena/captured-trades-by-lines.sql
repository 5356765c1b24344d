-- How many lines captured each of yesterday's trades (UTC), before any merge
SELECT venue, lines, count(*) AS trades
FROM (
  SELECT venue, trade_id, count(DISTINCT gatherer) AS lines
  FROM captured
  WHERE kind = 'trade' AND date = date_format(current_date - INTERVAL '1' DAY, '%Y-%m-%d')
  GROUP BY venue, trade_id
)
GROUP BY venue, lines
ORDER BY venue, lines
