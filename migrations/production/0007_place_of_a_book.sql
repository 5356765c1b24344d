ALTER TABLE order_book_snapshots ADD COLUMN instant_index integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN order_book_snapshots.instant_index IS 'Changes at the book''s own exchange_ts that came before it, so that it holds them: the others of that instant came after.';

CREATE OR REPLACE VIEW e5.order_book_snapshots AS
SELECT venue, instrument, snapshot_ts, source, exchange_ts, e5.levels(bids) AS bids, e5.levels(asks) AS asks, depth, hash,
  hash_key, received_at, quality, lines, merged_at, instant_index
FROM public.order_book_snapshots;
