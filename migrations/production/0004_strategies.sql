-- Pairs of markets on both venues that ask the same, and what strategies did.

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
    CREATE EXTENSION IF NOT EXISTS vector;
  END IF;
END $$;

CREATE TABLE market_embeddings (
  venue text NOT NULL,
  market text NOT NULL,
  embedder text NOT NULL,
  embedding real[] NOT NULL,
  updated_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (venue, market, embedder)
);
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
    ALTER TABLE market_embeddings ALTER COLUMN embedding TYPE vector;
  END IF;
END $$;
SELECT describe_table('market_embeddings', 'Wording of markets as vectors. Those of two embedders are never compared.', described('{
  "market": "The market.",
  "embedder": "Name and version of what made the vector.",
  "embedding": "The vector, of length 1.",
  "updated_at": "Microseconds."
}'));

CREATE TABLE market_pairs (
  first_venue text NOT NULL,
  first_market text NOT NULL,
  second_venue text NOT NULL,
  second_market text NOT NULL,
  orientation text NOT NULL,
  score real NOT NULL,
  status text NOT NULL,
  checks jsonb NOT NULL DEFAULT '{}',
  decided_by text,
  updated_at bigint NOT NULL DEFAULT clock_micros(),
  PRIMARY KEY (first_venue, first_market, second_venue, second_market)
);
CREATE INDEX market_pairs_by_second ON market_pairs (second_venue, second_market);
SELECT describe_table('market_pairs', 'Markets of two venues that may ask the same.', '{
  "first_venue": "Venue of the first market.",
  "first_market": "The first market.",
  "second_venue": "Venue of the second market.",
  "second_market": "The second market.",
  "orientation": "same, or inverse where YES of one is NO of the other.",
  "score": "Similarity, 0 to 1.",
  "status": "candidate, confirmed or rejected.",
  "checks": "Outcome of each check.",
  "decided_by": "Who or what decided; null for a candidate.",
  "updated_at": "Microseconds."
}');

CREATE TABLE orders (
  order_id text PRIMARY KEY,
  strategy text NOT NULL,
  mode text NOT NULL,
  venue text NOT NULL,
  instrument text NOT NULL,
  side text NOT NULL,
  price bigint NOT NULL,
  size bigint NOT NULL,
  filled_size bigint NOT NULL DEFAULT 0,
  status text NOT NULL,
  reason text,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE INDEX orders_by_instrument ON orders (venue, instrument, created_at);
SELECT describe_table('orders', 'Orders of strategies, on paper or real.', described('{
  "order_id": "Our own id.",
  "strategy": "Strategy that made it.",
  "mode": "paper or live.",
  "side": "buy or sell of the instrument.",
  "price": "Limit, micro-dollars.",
  "size": "Micro-contracts.",
  "filled_size": "Micro-contracts.",
  "status": "open, filled, cancelled or refused.",
  "reason": "Why it was made or refused.",
  "created_at": "Microseconds.",
  "updated_at": "Microseconds."
}'));

CREATE TABLE fills (
  fill_id text PRIMARY KEY,
  order_id text NOT NULL REFERENCES orders,
  venue text NOT NULL,
  instrument text NOT NULL,
  side text NOT NULL,
  price bigint NOT NULL,
  size bigint NOT NULL,
  fee bigint NOT NULL,
  filled_at bigint NOT NULL
);
CREATE INDEX fills_by_order ON fills (order_id);
SELECT describe_table('fills', 'Executions of orders.', described('{
  "fill_id": "The venue''s trade id, or our own on paper.",
  "order_id": "The order.",
  "side": "buy or sell of the instrument.",
  "size": "Micro-contracts.",
  "fee": "Micro-dollars.",
  "filled_at": "Microseconds."
}'));

CREATE TABLE exec_audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL DEFAULT clock_micros(),
  actor text NOT NULL,
  action text NOT NULL,
  order_id text,
  details jsonb NOT NULL
);
CREATE INDEX exec_audit_by_time ON exec_audit (at);
SELECT describe_table('exec_audit', 'Every decision about orders, with what it rested on.', '{
  "audit_id": "Ascending number.",
  "at": "Microseconds.",
  "actor": "Strategy, limit or person.",
  "action": "What was decided.",
  "order_id": "The order concerned; null where none.",
  "details": "What the decision rested on."
}');

CREATE TABLE market_status (
  venue text NOT NULL,
  market text NOT NULL,
  may_trade boolean NOT NULL,
  reason text NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (venue, market)
);
SELECT describe_table('market_status', 'Whether strategies may trade a market.', described('{
  "market": "The market.",
  "may_trade": "Whether orders are allowed.",
  "reason": "Why, or why not.",
  "updated_at": "Microseconds."
}'));
