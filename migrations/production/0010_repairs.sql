-- What was repaired on the tape, and with what effect.
CREATE TABLE repairs (
  repair bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  venue text,
  line text,
  from_ts bigint NOT NULL,
  to_ts bigint NOT NULL,
  changes jsonb NOT NULL,
  repaired_at bigint NOT NULL DEFAULT clock_micros()
);
SELECT describe_table('repairs', 'Repairs that changed something.', '{
  "repair": "Counts up.",
  "kind": "trades (fetched from the venue by REST), raw (raw frames of a line replayed) or merge (an interval merged again).",
  "venue": "Whose events; null for all.",
  "line": "Into whose database they went; null where the tape itself was put right.",
  "from_ts": "From this venue time, microseconds since the epoch; for raw frames the receive time.",
  "to_ts": "Before this time, microseconds since the epoch.",
  "changes": "What was changed: by table, how many rows.",
  "repaired_at": "Microseconds since the epoch."
}'::jsonb);
