-- What a line knows besides events. Small tables; a reader follows them by ingest_xid like the events, so whatever
-- changes a row sets it anew.

CREATE TABLE gaps (
  gap_id text NOT NULL,
  content_key integer NOT NULL,
  venue text NOT NULL,
  is_all boolean NOT NULL,
  instruments text[] NOT NULL,
  from_ts bigint NOT NULL,
  to_ts bigint,
  cause text NOT NULL,
  received_at bigint NOT NULL,
  connection text NOT NULL,
  sid integer NOT NULL,
  seq bigint NOT NULL,
  ingested_at bigint NOT NULL DEFAULT clock_micros(),
  ingest_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (gap_id, content_key)
);
CREATE INDEX gaps_by_ingest ON gaps (ingest_xid);
SELECT describe_table('gaps',
  'Openings and closings of intervals in which the line may have missed events, append-only: a gap is closed for an instrument once a row of its gap_id names the instrument and a to_ts.',
  described('{
  "gap_id": "gatherer:epoch:counter; an opening and its closings share it.",
  "content_key": "32 bits of bounds and instruments: a record that comes twice is stored once.",
  "is_all": "Whether every instrument of the venue is concerned.",
  "instruments": "Instruments concerned; empty where is_all.",
  "from_ts": "Begin, microseconds.",
  "to_ts": "End, microseconds; null in an opening.",
  "cause": "Why, e.g. disconnected or sequence_gap."
}'));

CREATE TABLE heartbeats (
  gatherer text NOT NULL,
  epoch text NOT NULL,
  lane smallint NOT NULL,
  lanes smallint NOT NULL,
  started_at bigint NOT NULL,
  durable_until bigint NOT NULL,
  ingested_at bigint NOT NULL DEFAULT clock_micros(),
  ingest_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (gatherer, epoch, lane)
);
SELECT describe_table('heartbeats', 'Lives of the gatherer''s process, one row for each lane of its stream.', described('{
  "gatherer": "a, b or c.",
  "epoch": "Identifies the life.",
  "lane": "Lane of the stream that carried the heartbeat.",
  "lanes": "How many lanes there are: a life is vouched for up to the least of all of them.",
  "started_at": "Begin of the life, microseconds.",
  "durable_until": "Everything received up to here is in the stream, and what this lane carried of it is stored, microseconds."
}'));

CREATE TABLE markets (
  venue text NOT NULL,
  market text NOT NULL,
  event text,
  series text,
  title text NOT NULL,
  status text NOT NULL,
  open_ts bigint,
  close_ts bigint,
  details jsonb NOT NULL,
  updated_at bigint NOT NULL,
  ingested_at bigint NOT NULL DEFAULT clock_micros(),
  ingest_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (venue, market)
);
CREATE INDEX markets_by_ingest ON markets (ingest_xid);
SELECT describe_table('markets', 'Markets as the registry last knew them.', described('{
  "market": "The venue''s identifier: ticker (Kalshi) or condition id (Polymarket).",
  "event": "The event that it belongs to.",
  "series": "The series that the event belongs to.",
  "title": "What is asked.",
  "status": "The venue''s own word.",
  "open_ts": "Opening, microseconds; null where not known.",
  "close_ts": "Closing, microseconds; null where not known.",
  "details": "As received.",
  "updated_at": "When the registry learned it, microseconds; the latest wins."
}'));

CREATE TABLE instruments (
  venue text NOT NULL,
  instrument text NOT NULL,
  market text NOT NULL,
  outcome text NOT NULL,
  position smallint NOT NULL,
  updated_at bigint NOT NULL,
  ingested_at bigint NOT NULL DEFAULT clock_micros(),
  ingest_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (venue, instrument)
);
CREATE INDEX instruments_by_market ON instruments (venue, market);
CREATE INDEX instruments_by_ingest ON instruments (ingest_xid);
SELECT describe_table('instruments', 'Instruments of the markets.', described('{
  "market": "Its market.",
  "outcome": "YES for a Kalshi ticker, the outcome''s name for a Polymarket token.",
  "position": "Place among the market''s outcomes as the venue lists them, from 0.",
  "updated_at": "When the registry learned it, microseconds; the latest wins."
}'));

CREATE TABLE poison_records (
  stream text NOT NULL,
  shard text NOT NULL,
  sequence_number text NOT NULL,
  partition_key text NOT NULL,
  line_number integer NOT NULL,
  reason text NOT NULL,
  bytes bytea NOT NULL,
  received_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (stream, shard, sequence_number, line_number)
);
SELECT describe_table('poison_records', 'What came through the stream and could not be stored as what it should be, kept as it came.', '{
  "stream": "Stream that it came through.",
  "shard": "Shard of the stream.",
  "sequence_number": "The record, by the stream''s own number.",
  "partition_key": "Key by which the record was put.",
  "line_number": "Line within the record, from 1; 0 is the whole record.",
  "reason": "Why it could not be stored.",
  "bytes": "The line, or the record, as it came.",
  "received_at": "When it was put aside, microseconds."
}');

CREATE TABLE merge_marks (
  consumer text NOT NULL,
  mark uuid NOT NULL,
  marked_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (consumer, mark)
);
SELECT describe_table('merge_marks',
  'Words that each reader leaves here: a database restored from a backup or built anew does not know the latest. A new word is left before the reader''s cursors name it, and the old one goes after.', '{
  "consumer": "Who reads.",
  "mark": "The word.",
  "marked_at": "When, microseconds."
}');
