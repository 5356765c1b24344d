import type { ClientBase } from 'pg';
import { MICROS_PER_DAY, type Micros } from '../units/time.ts';

/** One day of a table, as the server stores it by itself: a partition, or a chunk of a hypertable. */
export interface StoredDay {
  readonly table: string;
  /** Venue time: from, included, and to, not. */
  readonly from: Micros;
  readonly to: Micros;
  /** Schema and name, quoted. */
  readonly relation: string;
  readonly isChunk: boolean;
  /** With indexes. */
  readonly bytes: number;
}

interface Row {
  readonly relation: string;
  readonly from: string;
  readonly to: string;
  readonly bytes: string;
}

// As `ensure_day_partitions` names them; the default partition is of no day.
const partitions = `
  SELECT format('%I.%I', n.nspname, c.relname) AS relation, day::text AS from,
    (day + ${MICROS_PER_DAY})::text AS to, pg_total_relation_size(c.oid)::text AS bytes
  FROM pg_inherits AS i
  JOIN pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT extract(epoch FROM to_date(right(c.relname, 8), 'YYYYMMDD'))::bigint * 1000000 AS day) AS d
  WHERE i.inhparent = to_regclass($1) AND c.relname ~ ('^' || $1 || '_\\d{8}$')
  ORDER BY day`;

const chunks = `
  SELECT format('%I.%I', chunk_schema, chunk_name) AS relation, range_start_integer::text AS from,
    range_end_integer::text AS to,
    pg_total_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass)::text AS bytes
  FROM timescaledb_information.chunks
  WHERE hypertable_schema = current_schema() AND hypertable_name = $1
  ORDER BY range_start_integer`;

/** Every day of a table, the oldest first. */
export async function storedDays(client: ClientBase, table: string): Promise<StoredDay[]> {
  const { rowCount } = await client.query(`SELECT FROM pg_extension WHERE extname = 'timescaledb'`);
  const isChunk = rowCount === 1;
  const { rows } = await client.query<Row>(isChunk ? chunks : partitions, [table]);
  return rows.map(({ relation, from, to, bytes }) => ({
    table,
    from: Number(from) as Micros,
    to: Number(to) as Micros,
    relation,
    isChunk,
    bytes: Number(bytes),
  }));
}

/** Takes a day away whole, which frees its space at once. To be called in a transaction. */
export async function dropDay(
  client: ClientBase,
  { table, from, to, relation, isChunk }: StoredDay,
): Promise<void> {
  if (isChunk) {
    await client.query(
      'SELECT drop_chunks($1::regclass, older_than => $2::bigint, newer_than => $3::bigint)',
      [table, to, from],
    );
  } else {
    await client.query(`DROP TABLE ${relation}`);
  }
}
