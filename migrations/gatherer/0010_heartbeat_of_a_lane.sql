COMMENT ON COLUMN heartbeats.durable_until IS 'Everything received up to here that this lane carries is stored, or its loss is a gap, microseconds.';
