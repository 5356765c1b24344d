-- Frames and bytes of every connection of line a in this hour (UTC), with its first and last receive time
SELECT
  venue,
  conn,
  count(frame) AS frames,
  sum(length(frame)) AS characters,
  from_unixtime(min(t) / 1e6) AS first_received,
  from_unixtime(max(t) / 1e6) AS last_received
FROM raw_frames
WHERE gatherer = 'a'
  AND date = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y-%m-%d')
  AND hour = date_format(current_timestamp AT TIME ZONE 'UTC', '%H')
GROUP BY venue, conn
ORDER BY frames DESC
