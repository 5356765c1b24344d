-- Heartbeats say up to which time of each venue a line has everything: its clock need not be the venue's.

ALTER TABLE heartbeats ADD COLUMN proven_until jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN heartbeats.proven_until IS 'By venue, the venue''s time up to which everything had been received by durable_until, microseconds; a venue is absent while its clock is not known.';
