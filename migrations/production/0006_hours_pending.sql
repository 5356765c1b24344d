-- Almost empty: the hours that are not settled yet.
CREATE INDEX coverage_hours_pending ON coverage_hours (hour) WHERE condition = 'pending';
ALTER TABLE coverage_hours ADD CONSTRAINT coverage_hours_condition
  CHECK (condition IN ('available', 'degraded', 'pending', 'missing'));
COMMENT ON TABLE coverage_hours IS 'Condition of the tape for each market and hour in which it has events.';
COMMENT ON COLUMN coverage_hours.condition IS
  'pending: not settled yet; available: the tape has no gap of the market in the hour; missing: every instrument of the market is in a gap for the whole hour; degraded: anything between.';
