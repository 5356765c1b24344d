-- How many events of each kind every line captured, by hour of today and yesterday (UTC)
SELECT date, hour, gatherer, venue, kind, count(*) AS events
FROM captured
WHERE date >= date_format(current_date - INTERVAL '1' DAY, '%Y-%m-%d')
GROUP BY date, hour, gatherer, venue, kind
ORDER BY date, hour, gatherer, venue, kind
