-- Lives of the line, and what came of each, in an order that no clock of the line decides.

ALTER TABLE heartbeats ADD COLUMN heard bigint;
UPDATE heartbeats AS h SET heard = known.place
FROM (
  SELECT gatherer, epoch, lane, row_number() OVER (ORDER BY started_at, epoch, lane) AS place FROM heartbeats
) AS known
WHERE h.gatherer = known.gatherer AND h.epoch = known.epoch AND h.lane = known.lane;
ALTER TABLE heartbeats ALTER COLUMN heard SET NOT NULL;
ALTER TABLE heartbeats ALTER COLUMN heard ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('heartbeats', 'heard'), (SELECT coalesce(max(heard), 0) + 1 FROM heartbeats), false);
COMMENT ON COLUMN heartbeats.heard IS 'Grows with every life and lane that the database first hears of: orders the lives, whatever the clock of the line says.';

ALTER TABLE stream_positions ADD COLUMN epoch text NOT NULL DEFAULT '';
ALTER TABLE stream_positions DROP CONSTRAINT stream_positions_pkey;
ALTER TABLE stream_positions ADD PRIMARY KEY (stream, partition_key, epoch);
COMMENT ON COLUMN stream_positions.epoch IS 'The life that sealed the record; orders of different lives say nothing of each other. Empty for records that do not say.';
