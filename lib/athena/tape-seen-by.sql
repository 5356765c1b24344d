-- Which lines saw the book changes of yesterday's tape (UTC)
SELECT
  venue,
  bitwise_and(lines, 1) > 0 AS seen_by_a,
  bitwise_and(lines, 2) > 0 AS seen_by_b,
  bitwise_and(lines, 4) > 0 AS seen_by_c,
  count(*) AS changes
FROM tape_order_book_deltas
WHERE date = date_format(current_date - INTERVAL '1' DAY, '%Y-%m-%d')
GROUP BY venue, lines
ORDER BY venue, changes DESC
