import { type ExportedTable, tablesOfFiles } from '#src/export/exported-tables.ts';
import type { ParquetColumn } from '#src/export/parquet-columns.ts';
import type { GlueColumn, PartitionKey, TableDefinition } from './table-definition.ts';

const GLUE_TYPE: Readonly<Record<ParquetColumn['type'], GlueColumn['type']>> = {
  text: 'string',
  jsonb: 'string',
  bytea: 'binary',
  bigint: 'bigint',
  integer: 'int',
  smallint: 'smallint',
  boolean: 'boolean',
  'bigint[]': 'array<bigint>',
  'text[]': 'array<string>',
};

const PARTITION_KEYS: readonly PartitionKey[] = [
  { name: 'date', kind: 'day' },
  { name: 'venue', kind: 'names', values: ['kalshi', 'polymarket'] },
];

function definition({ name, about, columns }: ExportedTable): TableDefinition {
  return {
    name: `tape_${name}`,
    description: `The tape: ${about}`,
    format: 'parquet',
    prefix: `tape/${name}/`,
    partitionKeys: PARTITION_KEYS,
    columns: columns.map((column) => ({
      name: column.name,
      type: GLUE_TYPE[column.type],
      ...(column.name === 'lines' ? { comment: 'who saw it: bits 1 (a), 2 (b), 4 (c)' } : {}),
    })),
  };
}

/** The tape as Parquet, by table, day and venue; the columns are those of the exported files. */
export const tapeTables: readonly TableDefinition[] = tablesOfFiles.map(definition);
