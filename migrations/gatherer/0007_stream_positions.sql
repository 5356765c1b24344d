CREATE TABLE stream_positions (
  stream text NOT NULL,
  partition_key text NOT NULL,
  last_order bigint NOT NULL,
  stored_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (stream, partition_key)
);
SELECT describe_table('stream_positions',
  'How far each partition of the stream is stored. A record that names a later one as the one before it shows that records never came.', '{
  "stream": "Stream that the records came through.",
  "partition_key": "Key by which the records were put; they are in order under one key.",
  "last_order": "Order of the last record, as its last line says.",
  "stored_at": "When it was stored, microseconds."
}');
