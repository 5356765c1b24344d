-- What everything else stands on: time in microseconds, tables cut into days.

CREATE FUNCTION now_micros() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM now()) * 1000000)::bigint $$;
COMMENT ON FUNCTION now_micros() IS 'Time of the transaction in microseconds since the Unix epoch.';

-- A double holds today's microseconds to a quarter of one, so rounding gives the exact number; it is several times
-- faster than the numeric of extract(), and this runs for every row.
CREATE FUNCTION clock_micros() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint $$;
COMMENT ON FUNCTION clock_micros() IS 'Wall clock in microseconds since the Unix epoch.';

CREATE FUNCTION describe_table(table_name text, about text, columns jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  entry record;
BEGIN
  EXECUTE format('COMMENT ON TABLE %I IS %L', table_name, about);
  FOR entry IN
    SELECT a.attname AS name, columns ->> a.attname AS about
    FROM pg_attribute a
    WHERE a.attrelid = table_name::regclass AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    IF entry.about IS NULL THEN
      RAISE EXCEPTION 'column %.% is not described', table_name, entry.name;
    END IF;
    EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', table_name, entry.name, entry.about);
  END LOOP;
END $$;
COMMENT ON FUNCTION describe_table(text, text, jsonb) IS 'Comments on a table and each of its columns; refuses to leave one out.';

CREATE FUNCTION cut_into_days(table_name text, time_column text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I RENAME TO %I', table_name, table_name || '_shape');
  EXECUTE format(
    'CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (%I)',
    table_name, table_name || '_shape', time_column);
  EXECUTE format('DROP TABLE %I', table_name || '_shape');
  EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', table_name || '_default', table_name);
END $$;
COMMENT ON FUNCTION cut_into_days(text, text) IS
  'Makes an empty table a natively partitioned one with a default partition, by days of a time in microseconds.';

CREATE FUNCTION ensure_day_partitions(table_name text, from_micros bigint, to_micros bigint) RETURNS boolean
LANGUAGE plpgsql
-- Whoever waits for the default partition keeps others waiting behind: better to leave a day for later.
SET lock_timeout = '2s'
AS $$
DECLARE
  day_length CONSTANT bigint := 86400000000;
  -- Neither venue is older. Times outside are mistakes of a sender: they go to the default partition, so that
  -- they are kept and cannot make partitions without end.
  first_day CONSTANT bigint := 1577836800000000 / day_length;
  last_day CONSTANT bigint := now_micros() / day_length + 2;
  time_column text;
  day bigint;
  partition_name text;
BEGIN
  SELECT a.attname INTO time_column
  FROM pg_partitioned_table p
  JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
  WHERE p.partrelid = table_name::regclass;
  IF NOT FOUND THEN
    RETURN true;
  END IF;
  FOR day IN greatest(from_micros / day_length, first_day) .. least(to_micros / day_length, last_day) LOOP
    partition_name := table_name || '_' || to_char(to_timestamp(day * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD');
    CONTINUE WHEN to_regclass(quote_ident(partition_name)) IS NOT NULL;
    BEGIN
      -- One at a time; readers and writers of the table go on.
      EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', table_name);
      CONTINUE WHEN to_regclass(quote_ident(partition_name)) IS NOT NULL;
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', table_name || '_default');
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES EXCLUDING COMMENTS)', partition_name, table_name);
      -- Rows of that day may have come before it was made.
      EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE %I >= %s AND %I < %s RETURNING *) INSERT INTO %I SELECT * FROM moved',
        table_name || '_default', time_column, day * day_length, time_column, (day + 1) * day_length, partition_name);
      EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        table_name, partition_name, day * day_length, (day + 1) * day_length);
    EXCEPTION WHEN lock_not_available THEN
      RETURN false;
    END;
  END LOOP;
  RETURN true;
END $$;
COMMENT ON FUNCTION ensure_day_partitions(text, bigint, bigint) IS
  'Makes the daily partitions that cover two times (microseconds, both included). False where others held the default partition for long: rows of such days go there, and move when it is called again. Does nothing for a table that is not partitioned natively.';

CREATE FUNCTION drop_days_before(table_name text, before_micros bigint) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  day_length CONSTANT bigint := 86400000000;
  partition record;
  dropped integer := 0;
BEGIN
  FOR partition IN
    SELECT c.relname AS name
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = table_name::regclass
      AND c.relname ~ ('^' || table_name || '_\d{8}$')
      AND (extract(epoch FROM to_date(right(c.relname, 8), 'YYYYMMDD'))::bigint * 1000000) + day_length <= before_micros
  LOOP
    EXECUTE format('DROP TABLE %I', partition.name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
COMMENT ON FUNCTION drop_days_before(text, bigint) IS
  'Drops the whole days of a table that end before a time in microseconds; returns how many partitions went.';
