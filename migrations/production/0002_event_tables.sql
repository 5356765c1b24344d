-- The tape: every event that at least one line received, once. Natively partitioned by day; the unique index of each
-- table is the identity of an event.

CREATE FUNCTION described(columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT '{
    "venue": "kalshi or polymarket.",
    "instrument": "What has one order book: a Kalshi market ticker (in YES prices) or a Polymarket outcome token.",
    "exchange_ts": "Time of the venue, microseconds since the epoch; the receive time where the venue gave none.",
    "price": "Micro-dollars.",
    "hash": "Hash of the book after the event, as the venue gave it.",
    "received_at": "When the first line had it: it left the socket or the response then, microseconds since the epoch.",
    "quality": "Bits that every line which saw it set: 1 book suspect, 2 receive time suspect, 4 from a snapshot, 8 first after a gap, 16 without venue time (the receive time stands for it).",
    "lines": "Lines that saw it, as bits: a 1, b 2, c 4.",
    "merged_at": "When it came onto the tape, microseconds since the epoch."
  }'::jsonb || columns
$$;
COMMENT ON FUNCTION described(jsonb) IS 'Descriptions of columns that many tables share, with those of one table.';

CREATE TABLE trades (
  venue text NOT NULL,
  instrument text NOT NULL,
  trade_id text NOT NULL,
  exchange_ts bigint NOT NULL,
  price bigint NOT NULL,
  size bigint NOT NULL,
  taker_side text,
  is_block boolean NOT NULL,
  received_at bigint NOT NULL,
  quality smallint NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT cut_into_days('trades', 'exchange_ts');
CREATE UNIQUE INDEX trades_identity ON trades (venue, trade_id, exchange_ts);
-- Almost empty: a trade without venue time is found by its id alone when a copy with one comes.
CREATE INDEX trades_without_venue_time ON trades (venue, trade_id) WHERE quality & 16 <> 0;
CREATE INDEX trades_by_instrument ON trades (instrument, exchange_ts);
SELECT describe_table('trades', 'Fills.', described('{
  "trade_id": "The venue''s own id; for Polymarket derived from the trade''s content.",
  "size": "Micro-contracts.",
  "taker_side": "buy or sell of the instrument by the aggressor; null where the venue does not say.",
  "is_block": "Whether it was a block trade."
}'));

CREATE TABLE order_book_deltas (
  venue text NOT NULL,
  instrument text NOT NULL,
  exchange_ts bigint NOT NULL,
  side text NOT NULL,
  price bigint NOT NULL,
  amount bigint NOT NULL,
  is_absolute boolean NOT NULL,
  hash text,
  hash_key integer NOT NULL,
  occurrence smallint NOT NULL,
  instant_index integer NOT NULL,
  received_at bigint NOT NULL,
  quality smallint NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT cut_into_days('order_book_deltas', 'exchange_ts');
-- Also the index by which a book is rebuilt: instrument, then time.
CREATE UNIQUE INDEX order_book_deltas_identity ON order_book_deltas
  (instrument, exchange_ts, side, price, amount, hash_key, occurrence);
SELECT describe_table('order_book_deltas', 'Changes of one price level.', described('{
  "side": "bid or ask.",
  "amount": "Micro-contracts: the signed change, or the new size where is_absolute.",
  "is_absolute": "Whether amount replaces the size of the level rather than being added to it.",
  "hash_key": "32 bits of hash, 0 without one: tells apart changes that are equal in all else.",
  "occurrence": "How many events with equal content came before it at the same exchange_ts.",
  "instant_index": "Position among all changes of the instrument at the same exchange_ts; orders them."
}'));

CREATE TABLE order_book_snapshots (
  venue text NOT NULL,
  instrument text NOT NULL,
  snapshot_ts bigint NOT NULL,
  source text NOT NULL,
  exchange_ts bigint,
  bids bigint[] NOT NULL,
  asks bigint[] NOT NULL,
  depth integer,
  hash text,
  hash_key integer NOT NULL,
  received_at bigint NOT NULL,
  quality smallint NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT cut_into_days('order_book_snapshots', 'snapshot_ts');
CREATE UNIQUE INDEX order_book_snapshots_identity ON order_book_snapshots (instrument, snapshot_ts, source, hash_key);
SELECT describe_table('order_book_snapshots', 'Whole books, or their best levels.', described('{
  "snapshot_ts": "Time for which the book holds, microseconds: the venue''s, a label in venue time (source engine), or the receive time.",
  "source": "ws, rest, or engine (made from a line''s own book).",
  "exchange_ts": "Time of the venue, microseconds; null where its snapshots have none.",
  "bids": "Price, size, price, size, …, best first; micro-dollars and micro-contracts.",
  "asks": "Price, size, price, size, …, best first; micro-dollars and micro-contracts.",
  "depth": "Levels kept per side where the book was cut; null when it is whole.",
  "hash_key": "32 bits of hash, or of the levels where there is none."
}'));

CREATE TABLE tickers (
  venue text NOT NULL,
  instrument text NOT NULL,
  exchange_ts bigint NOT NULL,
  bid bigint,
  ask bigint,
  bid_size bigint,
  ask_size bigint,
  last bigint,
  volume bigint,
  open_interest bigint,
  content_key integer NOT NULL,
  received_at bigint NOT NULL,
  quality smallint NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT cut_into_days('tickers', 'exchange_ts');
CREATE UNIQUE INDEX tickers_identity ON tickers (instrument, exchange_ts, content_key);
SELECT describe_table('tickers', 'Best prices and day figures as the venue states them; null where absent.', described('{
  "bid": "Best bid, micro-dollars.",
  "ask": "Best ask, micro-dollars.",
  "bid_size": "Size at the best bid, micro-contracts.",
  "ask_size": "Size at the best ask, micro-contracts.",
  "last": "Price of the last trade, micro-dollars.",
  "volume": "Volume as the venue counts it, micro-contracts.",
  "open_interest": "Micro-contracts.",
  "content_key": "32 bits of all figures."
}'));

CREATE TABLE market_lifecycle (
  venue text NOT NULL,
  subject text NOT NULL,
  is_event boolean NOT NULL,
  instruments text[] NOT NULL,
  type text NOT NULL,
  status text,
  details jsonb NOT NULL,
  at bigint NOT NULL,
  exchange_ts bigint,
  content_key integer NOT NULL,
  received_at bigint NOT NULL,
  quality smallint NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros(),
  received_a bigint,
  received_b bigint,
  received_c bigint
);
SELECT cut_into_days('market_lifecycle', 'at');
CREATE UNIQUE INDEX market_lifecycle_identity ON market_lifecycle (subject, type, content_key, at);
SELECT describe_table('market_lifecycle', 'What a venue announces about a market or an event.', described('{
  "subject": "The market, or the event where is_event.",
  "is_event": "Whether the message is about a whole event.",
  "instruments": "Instruments concerned.",
  "type": "The venue''s own word.",
  "status": "Status after the message, where it changes it.",
  "details": "The message as received.",
  "at": "exchange_ts, or the receive time where the venue gives none; microseconds.",
  "exchange_ts": "Time of the venue, microseconds; null where it gives none.",
  "content_key": "32 bits of the message.",
  "received_a": "When line a received it, microseconds; null where it did not.",
  "received_b": "When line b received it, microseconds; null where it did not.",
  "received_c": "When line c received it, microseconds; null where it did not."
}'));

CREATE TABLE order_book_metrics (
  venue text NOT NULL,
  instrument text NOT NULL,
  at bigint NOT NULL,
  bid bigint,
  ask bigint,
  mid_twice bigint,
  spread bigint,
  bid_depth bigint NOT NULL,
  ask_depth bigint NOT NULL,
  bid_depth_near bigint NOT NULL,
  ask_depth_near bigint NOT NULL,
  bid_levels integer NOT NULL,
  ask_levels integer NOT NULL,
  crossed boolean NOT NULL,
  lines smallint NOT NULL,
  merged_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT cut_into_days('order_book_metrics', 'at');
CREATE UNIQUE INDEX order_book_metrics_identity ON order_book_metrics (instrument, at);
SELECT describe_table('order_book_metrics', 'Figures of the lines'' own books at intervals.', described('{
  "at": "Time for which they hold, microseconds.",
  "bid": "Best bid, micro-dollars; null for an empty side.",
  "ask": "Best ask, micro-dollars; null for an empty side.",
  "mid_twice": "Bid plus ask, micro-dollars: twice the mid, so that it stays whole.",
  "spread": "Ask minus bid, micro-dollars.",
  "bid_depth": "Sum of bid sizes, micro-contracts.",
  "ask_depth": "Sum of ask sizes, micro-contracts.",
  "bid_depth_near": "Sum of bid sizes within 5 cents of the best, micro-contracts.",
  "ask_depth_near": "Sum of ask sizes within 5 cents of the best, micro-contracts.",
  "bid_levels": "Number of bid levels.",
  "ask_levels": "Number of ask levels.",
  "crossed": "Whether the best bid is at or above the best ask."
}'));
