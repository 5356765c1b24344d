import type { ColumnType } from '../storage/tables.ts';

/** A value of a row as JSON has it. */
export type Cell = string | number | boolean | null | readonly unknown[] | Readonly<Record<string, unknown>>;

export interface OutputColumn<Row, Name extends string = string, Value = Cell> {
  readonly name: Name;
  /** How Parquet holds it, as text when absent; every column may be empty there. */
  readonly type?: ColumnType;
  /** The unit, or what it says, where the name does not. */
  readonly about?: string;
  /** For programs: integers in the units of the tape. */
  readonly value: (row: Row) => Value;
  /** For people; `value` as text when absent. */
  readonly text?: (row: Row) => string;
}

/** What programs get of a row, by the columns that it is put together from. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the rows are that the columns are taken from.
export type RowOf<Columns extends readonly OutputColumn<any>[]> = {
  readonly [Column in Columns[number] as Column['name']]: ReturnType<Column['value']>;
};

/** A row as programs get it: on the command line as a line of JSON, over HTTP as an object. */
export function rowObject<Row, const Columns extends readonly OutputColumn<Row>[]>(
  columns: Columns,
  row: Row,
): RowOf<Columns> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)])) as RowOf<Columns>;
}
