import { type LineName, lineBits, stageOf } from './merge-statements.ts';

/** A table of a line that holds the latest word on something, rather than events. */
export interface LatestTable {
  readonly name: 'markets' | 'instruments';
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

export const latestTables: readonly LatestTable[] = [
  {
    name: 'markets',
    key: ['venue', 'market'],
    columns: [
      'venue',
      'market',
      'event',
      'series',
      'title',
      'status',
      'open_ts',
      'close_ts',
      'details',
      'updated_at',
    ],
  },
  {
    name: 'instruments',
    key: ['venue', 'instrument'],
    columns: ['venue', 'instrument', 'market', 'outcome', 'position', 'updated_at'],
  },
];

export function latestReadStatement(table: LatestTable, line: LineName): string {
  return `COPY (
    SELECT ${table.columns.join(', ')}, ${lineBits[line]}::smallint
    FROM ${table.name}
    WHERE ingest_xid >= current_setting('merge.from')::xid8 AND ingest_xid < current_setting('merge.to')::xid8
  ) TO STDOUT (FORMAT binary)`;
}

export function latestStageStatement(table: LatestTable): string {
  return `CREATE TEMP TABLE IF NOT EXISTS ${stageOf(table.name)} ON COMMIT DELETE ROWS AS
    SELECT ${table.columns.join(', ')}, 0::smallint AS line FROM ${table.name} WITH NO DATA`;
}

/** The latest word wins, of equally late ones that of the first line. */
export function latestMergeStatement(table: LatestTable): string {
  const values = table.columns.filter((column) => !table.key.includes(column));
  return `WITH merged AS (
      INSERT INTO ${table.name} AS t (${table.columns.join(', ')})
      SELECT DISTINCT ON (${table.key.join(', ')}) ${table.columns.join(', ')}
      FROM ${stageOf(table.name)}
      ORDER BY ${table.key.join(', ')}, updated_at DESC, line
      ON CONFLICT (${table.key.join(', ')}) DO UPDATE
      SET ${values.map((column) => `${column} = excluded.${column}`).join(', ')}, merged_at = clock_micros()
      WHERE excluded.updated_at > t.updated_at
      RETURNING old.updated_at IS NULL AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new)::integer AS inserted,
      count(*) FILTER (WHERE NOT is_new)::integer AS updated
    FROM merged`;
}
