import {
  type Column,
  type EventTable,
  marketLifecycle,
  orderBookDeltas,
  orderBookMetrics,
  orderBookSnapshots,
  tickers,
  trades,
} from '../storage/tables.ts';
import type { ParquetColumn } from './parquet-columns.ts';

/** A column of a file, and what of the tape's row it holds. */
export interface ExportedColumn extends ParquetColumn {
  /** SQL over a row of the source; null for `PLACE`, which is counted while rows are written. */
  readonly select: string | null;
  /** What it means, where the database has no column of that name and meaning. */
  readonly about?: string;
}

/** A table of the tape as its files have it. */
export interface ExportedTable {
  readonly name: string;
  /** The table of the tape that its rows come from, one for each. */
  readonly source: EventTable;
  /** In one line. */
  readonly about: string;
  /** The column of venue time by which rows belong to a day (UTC). */
  readonly time: string;
  /** The venue is told by the folder. */
  readonly columns: readonly ExportedColumn[];
  /** Columns of the source by which rows follow one another; no two rows are equal in all of these. */
  readonly orderedBy: readonly string[];
  /** The same order in the words of the file. */
  readonly sortedBy: readonly string[];
  /** A table of the same rows whose files are made together with this one's, and told by the same manifest. */
  readonly arrivals?: ExportedTable;
}

const sameAs = (column: Column): ExportedColumn => ({
  name: column.name,
  type: column.type,
  nullable: column.nullable === true,
  select: column.type === 'jsonb' ? `${column.name}::text` : column.name,
});

const lines: ExportedColumn = { name: 'lines', type: 'smallint', select: 'lines' };

const kept = ({ columns }: EventTable): readonly Column[] =>
  columns.filter((column) => column.lineOnly !== true && column.name !== 'venue');

const order = ({ unique }: EventTable, first: readonly string[]): readonly string[] => [
  ...first,
  ...unique.filter((column) => column !== 'venue' && !first.includes(column)),
];

function whole(source: EventTable, about: string, first: readonly string[]): ExportedTable {
  const orderedBy = order(source, first);
  return {
    name: source.name,
    source,
    about,
    time: source.time,
    columns: [...kept(source).map(sameAs), lines],
    orderedBy,
    sortedBy: orderedBy,
  };
}

/** Tells apart the changes of one instrument and instant, so that the two files of changes can be joined. */
export const PLACE = 'place';

const place: ExportedColumn = {
  name: PLACE,
  type: 'integer',
  select: null,
  about:
    'Position among the rows of the same instrument and exchange_ts, from 0; with them the key that joins order_book_deltas and order_book_delta_arrivals.',
};

const deltasOrder = order(orderBookDeltas, ['instrument', 'exchange_ts', 'instant_index']);
const placed = {
  time: orderBookDeltas.time,
  orderedBy: deltasOrder,
  sortedBy: ['instrument', 'exchange_ts', PLACE],
};
const ofDelta = (name: string): ExportedColumn =>
  sameAs(orderBookDeltas.columns.find((column) => column.name === name)!);

/** Bytes where the text of a hash is that of bytes; nothing where a venue gave something else. */
const IS_HEXADECIMAL = `hash ~ '^([0-9a-f]{2})+$'`;

const deltaArrivals: ExportedTable = {
  ...placed,
  name: 'order_book_delta_arrivals',
  source: orderBookDeltas,
  about: 'When each change of order_book_deltas was received, and the hash that came with it.',
  columns: [
    ofDelta('instrument'),
    ofDelta('exchange_ts'),
    place,
    {
      name: 'receive_delay',
      type: 'bigint',
      select: 'received_at - exchange_ts',
      about:
        'Microseconds from exchange_ts to when the first line had it; received_at is the sum of both. Below zero where clocks differ.',
    },
    {
      name: 'hash',
      type: 'bytea',
      nullable: true,
      select: `CASE WHEN ${IS_HEXADECIMAL} THEN decode(hash, 'hex') END`,
      about:
        'Hash of the book after the event, as bytes: the venue gave them in lower-case hexadecimal digits.',
    },
    {
      name: 'hash_text',
      type: 'text',
      nullable: true,
      select: `CASE WHEN NOT ${IS_HEXADECIMAL} THEN hash END`,
      about: 'The hash as the venue gave it, where it is not that.',
    },
  ],
};

/** What changed. How it came is in a file of its own: three quarters of the bytes, which few readers want. */
const deltas: ExportedTable = {
  ...placed,
  name: orderBookDeltas.name,
  source: orderBookDeltas,
  about: 'Changes of one price level.',
  columns: [
    ofDelta('instrument'),
    ofDelta('exchange_ts'),
    place,
    ...['side', 'price', 'amount', 'is_absolute', 'occurrence', 'instant_index', 'quality'].map(ofDelta),
    lines,
  ],
  arrivals: deltaArrivals,
};

/** Every table of events, each with manifests of its own. */
export const exportedTables: readonly ExportedTable[] = [
  whole(trades, 'Fills.', ['instrument', 'exchange_ts']),
  deltas,
  whole(orderBookSnapshots, 'Whole books, or their best levels.', ['instrument', 'snapshot_ts']),
  whole(tickers, 'Best prices and day figures as the venue states them; null where absent.', [
    'instrument',
    'exchange_ts',
  ]),
  whole(marketLifecycle, 'What a venue announces about a market or an event.', ['subject', 'at']),
  whole(orderBookMetrics, "Figures of the lines' own books at intervals.", ['instrument', 'at']),
];

/** Every table that files are of, changes in two; the Glue catalogue names the same columns. */
export const tablesOfFiles: readonly ExportedTable[] = exportedTables.flatMap((table) =>
  table.arrivals === undefined ? [table] : [table, table.arrivals],
);
