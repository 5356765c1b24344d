import { type Column, eventTables } from './tables.ts';

/**
 * A table of a gatherer's database that the writer fills: the columns it gives (the database adds the rest), and
 * what becomes of a row whose key is there already.
 */
export interface LineTable {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly onConflict: string;
}

const IGNORE = 'ON CONFLICT DO NOTHING';

const text = (name: string): Column => ({ name, type: 'text' });
const bigint = (name: string): Column => ({ name, type: 'bigint' });
const nullable = (column: Column): Column => ({ ...column, nullable: true });

/** Columns of a catalogue row to be replaced by those of a later one. */
function latestWins(table: string, key: readonly string[], columns: readonly Column[]): string {
  const replaced = columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${name} = excluded.${name}`);
  return `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${replaced.join(', ')},
    ingested_at = clock_micros(), ingest_xid = pg_current_xact_id() WHERE ${table}.updated_at < excluded.updated_at`;
}

export const gapColumns: readonly Column[] = [
  text('gap_id'),
  { name: 'content_key', type: 'integer' },
  text('venue'),
  { name: 'is_all', type: 'boolean' },
  { name: 'instruments', type: 'text[]' },
  bigint('from_ts'),
  nullable(bigint('to_ts')),
  text('cause'),
  bigint('received_at'),
  text('connection'),
  { name: 'sid', type: 'integer' },
  bigint('seq'),
];

export const heartbeatColumns: readonly Column[] = [
  text('gatherer'),
  text('epoch'),
  { name: 'lane', type: 'smallint' },
  { name: 'lanes', type: 'smallint' },
  bigint('started_at'),
  bigint('durable_until'),
  { name: 'proven_until', type: 'jsonb' },
];

export const marketColumns: readonly Column[] = [
  text('venue'),
  text('market'),
  nullable(text('event')),
  nullable(text('series')),
  text('title'),
  text('status'),
  nullable(bigint('open_ts')),
  nullable(bigint('close_ts')),
  { name: 'details', type: 'jsonb' },
  bigint('updated_at'),
];

export const instrumentColumns: readonly Column[] = [
  text('venue'),
  text('instrument'),
  text('market'),
  text('outcome'),
  { name: 'position', type: 'smallint' },
  bigint('updated_at'),
];

export const positionColumns: readonly Column[] = [
  text('stream'),
  text('partition_key'),
  text('epoch'),
  bigint('last_order'),
];

/** In the order in which a batch is written. */
export const lineTables = [
  ...eventTables.map(
    (table): LineTable => ({ name: table.name, columns: table.columns, onConflict: IGNORE }),
  ),
  { name: 'gaps', columns: gapColumns, onConflict: IGNORE },
  {
    name: 'heartbeats',
    columns: heartbeatColumns,
    onConflict: `ON CONFLICT (gatherer, epoch, lane) DO UPDATE SET durable_until = excluded.durable_until, proven_until = excluded.proven_until,
      ingested_at = clock_micros(), ingest_xid = pg_current_xact_id()
      WHERE heartbeats.durable_until < excluded.durable_until`,
  },
  {
    name: 'markets',
    columns: marketColumns,
    onConflict: latestWins('markets', ['venue', 'market'], marketColumns),
  },
  {
    name: 'instruments',
    columns: instrumentColumns,
    onConflict: latestWins('instruments', ['venue', 'instrument'], instrumentColumns),
  },
  {
    name: 'stream_positions',
    columns: positionColumns,
    onConflict: `ON CONFLICT (stream, partition_key, epoch) DO UPDATE SET last_order = excluded.last_order,
      stored_at = clock_micros() WHERE stream_positions.last_order < excluded.last_order`,
  },
] as const satisfies readonly LineTable[];

/** Tables whose rows are never changed: a batch may be copied straight into them. */
export const appendOnly: ReadonlySet<string> = new Set([...eventTables.map(({ name }) => name), 'gaps']);
