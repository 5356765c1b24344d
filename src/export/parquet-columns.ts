import type { SchemaElement } from 'hyparquet';
import type { ColumnType } from '../storage/tables.ts';

/** A column of a Parquet file. */
export interface ParquetColumn {
  readonly name: string;
  /** As in the database; `bytea` is raw bytes. */
  readonly type: ColumnType | 'bytea';
  readonly nullable?: boolean;
}

/** A value as PostgreSQL's driver or a query of the tape gives it. */
export type ParquetInput = string | number | boolean | null | undefined | object;

const PHYSICAL: Readonly<
  Record<Exclude<ParquetColumn['type'], 'bigint[]' | 'text[]'>, Partial<SchemaElement>>
> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  jsonb: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  bigint: { type: 'INT64' },
  integer: { type: 'INT32' },
  smallint: { type: 'INT32', converted_type: 'INT_16' },
  boolean: { type: 'BOOLEAN' },
  bytea: { type: 'BYTE_ARRAY' },
};

function elementsOf({ name, type, nullable }: ParquetColumn): SchemaElement[] {
  const repetition_type = nullable === true ? 'OPTIONAL' : 'REQUIRED';
  if (type === 'bigint[]' || type === 'text[]') {
    const item = PHYSICAL[type === 'bigint[]' ? 'bigint' : 'text'];
    return [
      { name, repetition_type, converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', ...item },
    ];
  }
  return [{ name, repetition_type, ...PHYSICAL[type] }];
}

/** The schema of a file; lists in the three levels that the format prescribes. */
export function parquetSchema(columns: readonly ParquetColumn[]): SchemaElement[] {
  return [{ name: 'schema', num_children: columns.length }, ...columns.flatMap(elementsOf)];
}

const asText = (value: ParquetInput): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

/**
 * A value in the form that the writer takes for its column.
 *
 * @throws RangeError for a number that is not whole, where whole ones belong.
 */
export function parquetValue({ name, type, nullable }: ParquetColumn, value: ParquetInput): unknown {
  if (value === null || value === undefined) {
    if (nullable === true) return null;
    throw new RangeError(`column ${name} has no value in a row, and has to have one`);
  }
  switch (type) {
    case 'bigint':
      return BigInt(value as string | number);
    case 'bigint[]':
      // Levels come flat from the database and as pairs from a rebuilt book.
      return (value as readonly (string | number)[]).flat().map((item) => BigInt(item));
    case 'text[]':
      return (value as readonly ParquetInput[]).map(asText);
    case 'integer':
    case 'smallint':
      return Number(value);
    case 'boolean':
    case 'bytea':
      return value;
    default:
      return asText(value);
  }
}
