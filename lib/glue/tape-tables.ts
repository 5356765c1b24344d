import { type Column, type ColumnType, type EventTable, eventTables } from '#src/storage/tables.ts';
import type { GlueColumn, PartitionKey, TableDefinition } from './table-definition.ts';

const GLUE_TYPE: Readonly<Record<ColumnType, GlueColumn['type']>> = {
  text: 'string',
  jsonb: 'string',
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

const isPartitionKey = ({ name }: Column): boolean => PARTITION_KEYS.some((key) => key.name === name);

function definition({ name, columns }: EventTable): TableDefinition {
  return {
    name: `tape_${name}`,
    description: `The tape: ${name.replaceAll('_', ' ')}, each event once`,
    format: 'parquet',
    prefix: `tape/${name}/`,
    partitionKeys: PARTITION_KEYS,
    columns: [
      ...columns
        .filter((column) => column.lineOnly !== true && !isPartitionKey(column))
        .map((column) => ({ name: column.name, type: GLUE_TYPE[column.type] })),
      { name: 'lines', type: 'smallint', comment: 'who saw it: bits 1 (a), 2 (b), 4 (c)' },
    ],
  };
}

/** The tape as Parquet, by table, day and venue; the columns are those of the production tables. */
export const tapeTables: readonly TableDefinition[] = eventTables.map(definition);
