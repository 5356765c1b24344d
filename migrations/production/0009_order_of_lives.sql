-- Lives of lines in an order that no clock of a line decides, and hours under the name of their market.

ALTER TABLE line_lives ADD COLUMN heard bigint;
UPDATE line_lives AS l SET heard = known.place
FROM (SELECT line, epoch, row_number() OVER (ORDER BY started_at, epoch) AS place FROM line_lives) AS known
WHERE l.line = known.line AND l.epoch = known.epoch;
ALTER TABLE line_lives ALTER COLUMN heard SET NOT NULL;
ALTER TABLE line_lives ALTER COLUMN heard ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('line_lives', 'heard'), (SELECT coalesce(max(heard), 0) + 1 FROM line_lives), false);
COMMENT ON COLUMN line_lives.heard IS 'Orders the lives of a line as its database first heard of them, whatever the clock of the line says.';

WITH known AS (
  DELETE FROM coverage_hours AS h USING instruments AS i
  WHERE i.venue = h.venue AND i.instrument = h.market AND i.market <> h.market
  RETURNING h.venue, i.market, h.hour
)
INSERT INTO coverage_hours AS h (venue, market, hour, condition)
SELECT DISTINCT venue, market, hour, 'pending' FROM known
ON CONFLICT (venue, market, hour) DO UPDATE SET condition = 'pending';
