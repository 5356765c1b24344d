-- Prices as whole hundred-thousandths of a dollar, 0 to 100,000, for consumers of that convention.
CREATE SCHEMA e5;
COMMENT ON SCHEMA e5 IS
  'The tape with prices in hundred-thousandths of a dollar (0 to 100,000). A price that is finer is null here, never rounded.';

CREATE FUNCTION e5.price(micro_dollars bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN micro_dollars % 10 = 0 THEN (micro_dollars / 10)::integer END $$;
COMMENT ON FUNCTION e5.price(bigint) IS 'Hundred-thousandths of a dollar; null when the price is finer.';

CREATE FUNCTION e5.levels(levels bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT coalesce(array_agg(CASE WHEN position % 2 = 1 THEN e5.price(value) ELSE value END ORDER BY position), '{}')
  FROM unnest(levels) WITH ORDINALITY AS l (value, position)
$$;
COMMENT ON FUNCTION e5.levels(bigint[]) IS 'Levels (price, size, …) with prices in hundred-thousandths; sizes stay micro-contracts.';

CREATE VIEW e5.trades AS
SELECT venue, instrument, trade_id, exchange_ts, e5.price(price) AS price, size, taker_side, is_block, received_at,
  quality, lines, merged_at
FROM public.trades;
COMMENT ON VIEW e5.trades IS 'Fills; price in hundred-thousandths, the rest as in public.trades.';

CREATE VIEW e5.order_book_deltas AS
SELECT venue, instrument, exchange_ts, side, e5.price(price) AS price, amount, is_absolute, hash, hash_key, occurrence,
  instant_index, received_at, quality, lines, merged_at
FROM public.order_book_deltas;
COMMENT ON VIEW e5.order_book_deltas IS 'Changes of levels; price in hundred-thousandths, the rest as in public.order_book_deltas.';

CREATE VIEW e5.order_book_snapshots AS
SELECT venue, instrument, snapshot_ts, source, exchange_ts, e5.levels(bids) AS bids, e5.levels(asks) AS asks, depth, hash,
  hash_key, received_at, quality, lines, merged_at
FROM public.order_book_snapshots;
COMMENT ON VIEW e5.order_book_snapshots IS 'Books; prices of levels in hundred-thousandths, the rest as in public.order_book_snapshots.';

CREATE VIEW e5.tickers AS
SELECT venue, instrument, exchange_ts, e5.price(bid) AS bid, e5.price(ask) AS ask, bid_size, ask_size,
  e5.price(last) AS last, volume, open_interest, content_key, received_at, quality, lines, merged_at
FROM public.tickers;
COMMENT ON VIEW e5.tickers IS 'Best prices; prices in hundred-thousandths, the rest as in public.tickers.';

CREATE VIEW e5.order_book_metrics AS
SELECT venue, instrument, at, e5.price(bid) AS bid, e5.price(ask) AS ask, e5.price(mid_twice) AS mid_twice,
  e5.price(spread) AS spread, bid_depth, ask_depth, bid_depth_near, ask_depth_near, bid_levels, ask_levels, crossed,
  lines, merged_at
FROM public.order_book_metrics;
COMMENT ON VIEW e5.order_book_metrics IS 'Figures of books; prices in hundred-thousandths, the rest as in public.order_book_metrics.';
