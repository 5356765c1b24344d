import { appendOnly, type LineTable, lineTables } from './line-tables.ts';

const poisonRecords: LineTable = {
  name: 'poison_records',
  columns: (
    ['stream', 'shard', 'sequence_number', 'partition_key', 'line_number', 'reason', 'bytes'] as const
  ).map(
    // Only names matter: the batch encodes these rows itself.
    (name) => ({ name, type: 'text' as const }),
  ),
  onConflict: 'ON CONFLICT DO NOTHING',
};

/** Every table that a delivery may fill, in the order in which it is written. */
export const filledTables: readonly LineTable[] = [...lineTables, poisonRecords];

/** How a table gets its rows: copied into it, or into a stage and from there those that are new. */
export type Way = 'direct' | 'staged';

/** The way of one table: only what is never changed can be copied straight into its table. */
export function wayOf(table: string, preferred: Way): Way {
  return preferred === 'direct' && appendOnly.has(table) ? 'direct' : 'staged';
}

const namesOf = ({ columns }: LineTable): string => columns.map(({ name }) => name).join(', ');
const stageOf = ({ name }: LineTable): string => `stage_${name}`;

/** Temporary tables of a session, emptied by themselves at the end of each transaction. */
export const stageDefinitions: string = filledTables
  .map(
    (table) =>
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${stageOf(table)} ON COMMIT DELETE ROWS AS
       SELECT ${namesOf(table)} FROM ${table.name} WITH NO DATA;`,
  )
  .join('\n');

export function copyText(table: LineTable, way: Way): string {
  const target = way === 'direct' ? `${table.name} (${namesOf(table)})` : stageOf(table);
  return `COPY ${target} FROM STDIN (FORMAT binary);`;
}

/** Moves what is new from the stage into the table. */
export function insertText(table: LineTable): string {
  const names = namesOf(table);
  return `INSERT INTO ${table.name} (${names}) SELECT ${names} FROM ${stageOf(table)} ${table.onConflict};`;
}
