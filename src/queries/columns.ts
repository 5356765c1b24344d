import type { ColumnType } from '../storage/tables.ts';
import { formatPrice, type Price } from '../units/price.ts';
import { formatSize, type Size } from '../units/size.ts';
import { formatRfc3339, type Micros } from '../units/time.ts';
import type { OutputColumn } from './output-column.ts';

type NamesOf<Row, Value> = {
  [Name in keyof Row]-?: Row[Name] extends Value ? Name : never;
}[keyof Row] &
  string;

/** Columns of rows whose fields have the names of the columns. */
export function columnsOf<Row>() {
  const shown =
    <Value extends number>(about: string, format: (value: Value) => string) =>
    <Name extends NamesOf<Row, Value | null>>(name: Name): OutputColumn<Row, Name, Row[Name]> => ({
      name,
      type: 'bigint',
      about,
      value: (row) => row[name],
      text: (row) => {
        const value = row[name] as Value | null;
        return value === null ? '' : format(value);
      },
    });
  const plain =
    (type: ColumnType) =>
    <Name extends keyof Row & string>(name: Name): OutputColumn<Row, Name, Row[Name]> => ({
      name,
      type,
      value: (row) => row[name],
    });
  return {
    /** Microseconds since the epoch; for people as a date and time in UTC. */
    time: shown<Micros>('microseconds since the epoch', formatRfc3339),
    /** Micro-dollars; for people dollars. */
    price: shown<Price>('micro-dollars', formatPrice),
    /** Micro-contracts; for people contracts. */
    size: shown<Size>('micro-contracts', formatSize),
    text: plain('text'),
    whole: plain('bigint'),
    small: plain('integer'),
    /** For people the column's name where it holds, nothing where not. */
    flag: <Name extends NamesOf<Row, boolean>>(name: Name): OutputColumn<Row, Name, Row[Name]> => ({
      ...plain('boolean')(name),
      text: (row) => (row[name] === true ? name.replace(/^is_/, '') : ''),
    }),
  };
}
