-- What is known of the tape besides events: gaps, lives of the lines, coverage, catalogue, cursors of the merge.

CREATE TABLE gaps (
  line text NOT NULL,
  gap_id text NOT NULL,
  venue text NOT NULL,
  instrument text NOT NULL,
  from_ts bigint NOT NULL,
  to_ts bigint,
  cause text NOT NULL,
  causes text[] NOT NULL DEFAULT '{}',
  merged_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (venue, instrument, line, gap_id)
);
CREATE INDEX gaps_by_time ON gaps (line, from_ts);
SELECT describe_table('gaps',
  'Intervals in which a line, or the tape, may lack events. Those of the tape are where no line can prove that it saw everything.',
  described('{
  "line": "a, b or c; tape for a gap of the tape itself.",
  "gap_id": "The line''s gatherer:epoch:counter; for the tape derived from instrument and begin.",
  "instrument": "Instrument concerned; * for every instrument of the venue.",
  "from_ts": "Begin, microseconds.",
  "to_ts": "End, microseconds; null while it lasts.",
  "cause": "Why, e.g. disconnected or line_down.",
  "causes": "For the tape: every line''s causes in the interval, as line:cause.",
  "merged_at": "When it was written here last, microseconds."
}'));

CREATE TABLE line_lives (
  line text NOT NULL,
  epoch text NOT NULL,
  started_at bigint NOT NULL,
  durable_until bigint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (line, epoch)
);
SELECT describe_table('line_lives', 'Lives of the gatherers'' processes: a line is down between two of them.', described('{
  "line": "a, b or c.",
  "epoch": "Identifies the life.",
  "started_at": "Begin of the life, microseconds.",
  "durable_until": "Everything received up to here was in the line''s stream, microseconds.",
  "merged_at": "When it was written here last, microseconds."
}'));

CREATE TABLE coverage (
  venue text NOT NULL,
  instrument text NOT NULL,
  minute bigint NOT NULL,
  events_a integer NOT NULL DEFAULT 0,
  events_b integer NOT NULL DEFAULT 0,
  events_c integer NOT NULL DEFAULT 0,
  events_tape integer NOT NULL DEFAULT 0
);
SELECT cut_into_days('coverage', 'minute');
CREATE UNIQUE INDEX coverage_identity ON coverage (instrument, minute, venue);
SELECT describe_table('coverage', 'Events of each instrument and minute that each line saw and that the tape has.', described('{
  "minute": "Begin of the minute of venue time, microseconds.",
  "events_a": "Events that line a saw.",
  "events_b": "Events that line b saw.",
  "events_c": "Events that line c saw.",
  "events_tape": "Events on the tape."
}'));

CREATE TABLE coverage_hours (
  venue text NOT NULL,
  market text NOT NULL,
  hour bigint NOT NULL,
  condition text NOT NULL,
  PRIMARY KEY (venue, market, hour)
);
SELECT describe_table('coverage_hours', 'Condition of the tape for each market and hour.', described('{
  "market": "The market.",
  "hour": "Begin of the hour, microseconds.",
  "condition": "available, degraded, pending or missing."
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
  merged_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (venue, market)
);
CREATE INDEX markets_by_event ON markets (venue, event);
CREATE INDEX markets_by_words ON markets USING gin (to_tsvector('simple', title));
SELECT describe_table('markets', 'Markets as the lines last knew them.', described('{
  "market": "The venue''s identifier: ticker (Kalshi) or condition id (Polymarket).",
  "event": "The event that it belongs to.",
  "series": "The series that the event belongs to.",
  "title": "What is asked.",
  "status": "The venue''s own word.",
  "open_ts": "Opening, microseconds; null where not known.",
  "close_ts": "Closing, microseconds; null where not known.",
  "details": "As received.",
  "updated_at": "When a line learned it, microseconds; the latest wins.",
  "merged_at": "When it was written here last, microseconds."
}'));

CREATE TABLE instruments (
  venue text NOT NULL,
  instrument text NOT NULL,
  market text NOT NULL,
  outcome text NOT NULL,
  position smallint NOT NULL,
  updated_at bigint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (venue, instrument)
);
CREATE INDEX instruments_by_market ON instruments (venue, market);
SELECT describe_table('instruments', 'Instruments of the markets.', described('{
  "market": "Its market.",
  "outcome": "YES for a Kalshi ticker, the outcome''s name for a Polymarket token.",
  "position": "Place among the market''s outcomes as the venue lists them, from 0.",
  "updated_at": "When a line learned it, microseconds; the latest wins.",
  "merged_at": "When it was written here last, microseconds."
}'));

CREATE TABLE sync_cursors (
  consumer text NOT NULL,
  line text NOT NULL,
  table_name text NOT NULL,
  history text NOT NULL,
  next_xid xid8 NOT NULL,
  mark uuid NOT NULL,
  updated_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (consumer, line, table_name)
);
SELECT describe_table('sync_cursors', 'How far each table of each line has been read.', '{
  "consumer": "Who reads.",
  "line": "a, b or c.",
  "table_name": "Table of the line''s database.",
  "history": "The transaction history that next_xid belongs to: identity of the line''s server and database.",
  "next_xid": "First transaction of the line''s database that has not been read.",
  "mark": "Word left in merge_marks of the line''s database; missing there, that database was restored or rebuilt.",
  "updated_at": "When it moved last, microseconds."
}');

CREATE FUNCTION latency_percentiles(from_micros bigint, to_micros bigint)
RETURNS TABLE (venue text, kind text, events bigint,
  venue_p50 bigint, venue_p90 bigint, venue_p99 bigint, venue_p999 bigint,
  tape_p50 bigint, tape_p90 bigint, tape_p99 bigint, tape_p999 bigint)
LANGUAGE sql STABLE
AS $$
  WITH seen AS (
    SELECT t.venue, 'trade' AS kind, received_at - exchange_ts AS from_venue, merged_at - received_at AS to_tape
    FROM trades t WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT d.venue, 'book_delta', received_at - exchange_ts, merged_at - received_at
    FROM order_book_deltas d WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
    UNION ALL
    SELECT k.venue, 'ticker', received_at - exchange_ts, merged_at - received_at
    FROM tickers k WHERE exchange_ts >= from_micros AND exchange_ts < to_micros
  ), figures AS (
    SELECT seen.venue, seen.kind, count(*) AS events,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY from_venue) AS v,
      percentile_disc(ARRAY[0.5, 0.9, 0.99, 0.999]) WITHIN GROUP (ORDER BY to_tape) AS p
    FROM seen GROUP BY 1, 2
  )
  SELECT figures.venue, figures.kind, figures.events, v[1], v[2], v[3], v[4], p[1], p[2], p[3], p[4] FROM figures
$$;
COMMENT ON FUNCTION latency_percentiles(bigint, bigint) IS
  'Latency of events by venue time, microseconds: venue to the first line''s socket (received_at - exchange_ts) and from there to the tape (merged_at - received_at).';
