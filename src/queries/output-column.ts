import type { ColumnType } from '../storage/tables.ts';

/** A value of a row as JSON has it. */
export type Cell = string | number | boolean | null | readonly unknown[] | Readonly<Record<string, unknown>>;

export interface OutputColumn<Row> {
  readonly name: string;
  /** How Parquet holds it, as text when absent; every column may be empty there. */
  readonly type?: ColumnType;
  /** The unit, or what it says, where the name does not. */
  readonly about?: string;
  /** For programs: integers in the units of the tape. */
  readonly value: (row: Row) => Cell;
  /** For people; `value` as text when absent. */
  readonly text?: (row: Row) => string;
}

/** A row as programs get it: on the command line as a line of JSON, over HTTP as an object. */
export function rowObject<Row>(columns: readonly OutputColumn<Row>[], row: Row): Record<string, Cell> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]));
}
