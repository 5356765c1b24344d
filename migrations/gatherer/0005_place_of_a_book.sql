ALTER TABLE order_book_snapshots ADD COLUMN instant_index integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN order_book_snapshots.instant_index IS 'Changes at the book''s own exchange_ts that came before it, so that it holds them: the others of that instant came after.';
