-- Lives of lines, in time of the venues beside that of the lines' own clocks.

ALTER TABLE line_lives ADD COLUMN proven_until jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN line_lives.proven_until IS 'By venue, the venue''s time up to which everything had been received by durable_until, microseconds; a venue is absent while its clock is not known.';
