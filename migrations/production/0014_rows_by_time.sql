-- Pages of the rows of all instruments in the order of venue time. Rows come nearly in that order, so that the indexes
-- grow at their end, which costs a merge little. They are of an expression so that no other query goes by them: on a
-- tape of few instruments the server would take time for a better way to one instrument than the instrument.
-- They may be there already: on a large tape they are built beforehand, without locks (docs/deploy.md, Upgrade).

CREATE INDEX IF NOT EXISTS trades_by_time ON trades ((exchange_ts + 0));
CREATE INDEX IF NOT EXISTS order_book_deltas_by_time ON order_book_deltas ((exchange_ts + 0));
CREATE INDEX IF NOT EXISTS order_book_metrics_by_time ON order_book_metrics ((at + 0));
