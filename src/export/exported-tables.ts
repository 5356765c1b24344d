import {
  type EventTable,
  marketLifecycle,
  orderBookDeltas,
  orderBookMetrics,
  orderBookSnapshots,
  tickers,
  trades,
} from '../storage/tables.ts';
import type { ParquetColumn } from './parquet-columns.ts';

/** A table of the tape as its files have it. */
export interface ExportedTable {
  readonly name: string;
  /** The column of venue time by which rows belong to a day (UTC). */
  readonly time: string;
  /** The venue is told by the folder. */
  readonly columns: readonly ParquetColumn[];
  /** By instrument, then time; no two rows are equal in all of these. */
  readonly sortedBy: readonly string[];
}

function exported({ name, time, columns, unique }: EventTable, first: readonly string[]): ExportedTable {
  return {
    name,
    time,
    columns: [
      ...columns
        .filter((column) => column.lineOnly !== true && column.name !== 'venue')
        .map((column) => ({ name: column.name, type: column.type, nullable: column.nullable === true })),
      { name: 'lines', type: 'smallint' },
    ],
    sortedBy: [...first, ...unique.filter((column) => column !== 'venue' && !first.includes(column))],
  };
}

/** Every table of events; the Glue catalogue names the same columns. */
export const exportedTables: readonly ExportedTable[] = [
  exported(trades, ['instrument', 'exchange_ts']),
  exported(orderBookDeltas, ['instrument', 'exchange_ts', 'instant_index']),
  exported(orderBookSnapshots, ['instrument', 'snapshot_ts']),
  exported(tickers, ['instrument', 'exchange_ts']),
  exported(marketLifecycle, ['subject', 'at']),
  exported(orderBookMetrics, ['instrument', 'at']),
];
