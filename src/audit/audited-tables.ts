import { LONGEST_LATENESS } from '../events/captured.ts';
import { type LineName, receivedBy } from '../storage/production/merge-statements.ts';
import {
  type EventTable,
  marketLifecycle,
  orderBookDeltas,
  orderBookMetrics,
  orderBookSnapshots,
  tickers,
  trades,
} from '../storage/tables.ts';

/** A row as text, column by column; null where the column is. */
export type AuditedRow = Readonly<Record<string, string | null>>;

interface KeyColumn {
  readonly name: string;
  readonly isNumber: boolean;
}

/** How the rows of one table are held against those of a line. */
export interface AuditedTable {
  readonly table: EventTable;
  readonly name: string;
  /** Of whom the row tells. */
  readonly subject: 'instrument' | 'subject';
  /** Rows of line and tape with equal ones are the same event; also their order. */
  readonly key: readonly KeyColumn[];
  /** What must be equal then. */
  readonly values: readonly string[];
  /** What says how two rows that are not the same event resemble each other: the time first. */
  readonly telling: readonly string[];
}

const text = (name: string): KeyColumn => ({ name, isNumber: false });
const number = (name: string): KeyColumn => ({ name, isNumber: true });

/** The time by which rows are compared: a copy of an announcement has that of the line where the venue gave none. */
export const COMPARED_TIME = 'compared_time';

export const auditedTables: readonly AuditedTable[] = [
  {
    table: trades,
    name: 'trades',
    subject: 'instrument',
    key: [text('instrument'), text('trade_id')],
    values: ['venue', 'price', 'size', 'taker_side', 'is_block'],
    telling: [COMPARED_TIME, 'trade_id', 'price', 'size', 'taker_side', 'is_block'],
  },
  {
    table: orderBookDeltas,
    name: 'order_book_deltas',
    subject: 'instrument',
    key: [
      text('instrument'),
      number(COMPARED_TIME),
      text('side'),
      number('price'),
      number('amount'),
      number('hash_key'),
      number('occurrence'),
    ],
    values: ['venue', 'is_absolute', 'hash'],
    telling: [COMPARED_TIME, 'side', 'price', 'amount', 'hash_key', 'occurrence'],
  },
  {
    table: orderBookSnapshots,
    name: 'order_book_snapshots',
    subject: 'instrument',
    key: [text('instrument'), number(COMPARED_TIME), text('source'), number('hash_key')],
    values: ['venue', 'exchange_ts', 'bids', 'asks', 'depth', 'hash'],
    telling: [COMPARED_TIME, 'source', 'bids', 'asks', 'depth'],
  },
  {
    table: tickers,
    name: 'tickers',
    subject: 'instrument',
    key: [text('instrument'), number(COMPARED_TIME), number('content_key')],
    values: ['venue', 'bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'],
    telling: [COMPARED_TIME, 'bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'],
  },
  {
    table: marketLifecycle,
    name: 'market_lifecycle',
    subject: 'subject',
    key: [text('subject'), text('type'), number('content_key'), number(COMPARED_TIME)],
    values: ['venue', 'is_event', 'instruments', 'status', 'details', 'exchange_ts'],
    telling: [COMPARED_TIME, 'type', 'status', 'details'],
  },
  {
    table: orderBookMetrics,
    name: 'order_book_metrics',
    subject: 'instrument',
    key: [text('instrument'), number(COMPARED_TIME)],
    // Each line reckons its own at the same instants, and any of them stands for all.
    values: ['venue'],
    telling: [COMPARED_TIME],
  },
];

/** By how much the time of an announcement on the tape may be before that of a line's copy. */
const ANNOUNCED_APART = 20_000_000 + LONGEST_LATENESS;

/** Columns to read beside the compared time: what is compared, and what the merge folds. */
function columnsOf({ table, key, values }: AuditedTable): string[] {
  const folded = Object.keys(table.fold);
  const names = new Set([...key.map(({ name }) => name), ...values, ...folded]);
  names.delete(COMPARED_TIME);
  return [...names];
}

function statement(audited: AuditedTable, time: string, condition: string): string {
  const order = audited.key.map(({ name, isNumber }) => {
    const column = name === COMPARED_TIME ? time : `row.${name}`;
    return isNumber ? column : `${column} COLLATE "C"`;
  });
  const selected = columnsOf(audited).map((name) => `row.${name}::text AS ${name}`);
  return `SELECT ${[`(${time})::text AS ${COMPARED_TIME}`, ...selected].join(', ')}
    FROM ${audited.name} AS row WHERE ${condition} ORDER BY ${[...order, time].join(', ')}`;
}

/** Rows of the tape that a line is said to have seen, in order. Parameters: from, to, the line's bit. */
export function tapeStatement(audited: AuditedTable, line: LineName): string {
  if (audited.name === marketLifecycle.name) {
    const time = `coalesce(row.exchange_ts, row.${receivedBy(line)}, row.at)`;
    return statement(
      audited,
      time,
      `row.at >= $1::bigint - ${ANNOUNCED_APART} AND row.at < $2::bigint + ${ANNOUNCED_APART}
        AND ${time} >= $1 AND ${time} < $2 AND row.lines & $3::integer <> 0`,
    );
  }
  const time = `row.${audited.table.time}`;
  return statement(audited, time, `${time} >= $1 AND ${time} < $2 AND row.lines & $3::integer <> 0`);
}

/** Rows of a line that the tape has read, in order. Parameters: from, to, the first transaction not read. */
export function lineStatement(audited: AuditedTable): string {
  const time = `row.${audited.table.time}`;
  return statement(audited, time, `${time} >= $1 AND ${time} < $2 AND row.ingest_xid < $3::xid8`);
}

/** Order of texts by their UTF-8 bytes, as the server's collation C has it. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** Order of two rows by the key of their table. */
export function compareRows({ key }: AuditedTable, left: AuditedRow, right: AuditedRow): number {
  for (const { name, isNumber } of key) {
    const [a, b] = [left[name] ?? '', right[name] ?? ''];
    if (a === b) continue;
    const order = isNumber ? Number(a) - Number(b) : compareText(a, b);
    if (order !== 0) return order;
  }
  return 0;
}
