/**
 * The columns of every event table, once, for the COPY encoder, the merge and the migration tests. A table is
 * append-only; `unique` is the identity of an event (see `docs/data-model.md`).
 */
export type ColumnType =
  | 'text'
  | 'bigint'
  | 'integer'
  | 'smallint'
  | 'boolean'
  | 'bigint[]'
  | 'text[]'
  | 'jsonb';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable?: true;
  /** Kept in the gatherer's database only. */
  readonly lineOnly?: true;
}

export interface EventTable {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Time column by which the table is cut into days; part of `unique`. */
  readonly time: string;
  readonly unique: readonly string[];
  /** Production keeps one row per identity and folds these columns of later copies into it. */
  readonly fold: Readonly<Record<string, 'least' | 'greatest' | 'bit_or' | 'bit_and'>>;
}

const text = (name: string): Column => ({ name, type: 'text' });
const bigint = (name: string): Column => ({ name, type: 'bigint' });
const integer = (name: string): Column => ({ name, type: 'integer' });
const smallint = (name: string): Column => ({ name, type: 'smallint' });
const nullable = (column: Column): Column => ({ ...column, nullable: true });
const lineOnly = (column: Column): Column => ({ ...column, lineOnly: true });

/** Who saw it and when. `connection`, `sid` and `seq` stay with the line. */
const provenance: readonly Column[] = [
  bigint('received_at'),
  smallint('quality'),
  lineOnly(text('connection')),
  lineOnly(integer('sid')),
  lineOnly(bigint('seq')),
];

/** First arrival counts; a quality bit stays only where every line that saw the event set it. */
const foldArrival = { received_at: 'least', quality: 'bit_and' } as const;

export const trades: EventTable = {
  name: 'trades',
  columns: [
    text('venue'),
    text('instrument'),
    text('trade_id'),
    bigint('exchange_ts'),
    bigint('price'),
    bigint('size'),
    nullable(text('taker_side')),
    { name: 'is_block', type: 'boolean' },
    ...provenance,
  ],
  time: 'exchange_ts',
  unique: ['venue', 'trade_id', 'exchange_ts'],
  fold: foldArrival,
};

export const orderBookDeltas: EventTable = {
  name: 'order_book_deltas',
  columns: [
    text('venue'),
    text('instrument'),
    bigint('exchange_ts'),
    text('side'),
    bigint('price'),
    /** The signed change, or the new size where `is_absolute`. */
    bigint('amount'),
    { name: 'is_absolute', type: 'boolean' },
    nullable(text('hash')),
    /** 32 bits of `hash` (0 without one): tells apart changes that are equal in all else. */
    integer('hash_key'),
    smallint('occurrence'),
    integer('instant_index'),
    ...provenance,
  ],
  time: 'exchange_ts',
  unique: ['instrument', 'exchange_ts', 'side', 'price', 'amount', 'hash_key', 'occurrence'],
  fold: { ...foldArrival, instant_index: 'greatest' },
};

export const orderBookSnapshots: EventTable = {
  name: 'order_book_snapshots',
  columns: [
    text('venue'),
    text('instrument'),
    bigint('snapshot_ts'),
    text('source'),
    nullable(bigint('exchange_ts')),
    /** Price, size, price, size, …, best first. */
    { name: 'bids', type: 'bigint[]' },
    { name: 'asks', type: 'bigint[]' },
    /** Levels kept per side when the snapshot was cut; null when it is the whole book. */
    nullable(integer('depth')),
    nullable(text('hash')),
    /** 32 bits of the hash, or of the levels where there is none. */
    integer('hash_key'),
    /** Changes of the book's own instant that it holds; a line that missed some of them counts lower. */
    integer('instant_index'),
    ...provenance,
  ],
  time: 'snapshot_ts',
  unique: ['instrument', 'snapshot_ts', 'source', 'hash_key'],
  fold: { ...foldArrival, instant_index: 'greatest' },
};

export const tickers: EventTable = {
  name: 'tickers',
  columns: [
    text('venue'),
    text('instrument'),
    bigint('exchange_ts'),
    nullable(bigint('bid')),
    nullable(bigint('ask')),
    nullable(bigint('bid_size')),
    nullable(bigint('ask_size')),
    nullable(bigint('last')),
    nullable(bigint('volume')),
    nullable(bigint('open_interest')),
    /** 32 bits of the content. */
    integer('content_key'),
    ...provenance,
  ],
  time: 'exchange_ts',
  unique: ['instrument', 'exchange_ts', 'content_key'],
  fold: foldArrival,
};

export const marketLifecycle: EventTable = {
  name: 'market_lifecycle',
  columns: [
    text('venue'),
    /** The market, or the event where the message is about a whole event. */
    text('subject'),
    { name: 'is_event', type: 'boolean' },
    { name: 'instruments', type: 'text[]' },
    text('type'),
    nullable(text('status')),
    { name: 'details', type: 'jsonb' },
    /** `exchange_ts`, or the receive time where the venue gives none. */
    bigint('at'),
    nullable(bigint('exchange_ts')),
    integer('content_key'),
    ...provenance,
  ],
  time: 'at',
  unique: ['subject', 'type', 'content_key', 'at'],
  fold: foldArrival,
};

export const orderBookMetrics: EventTable = {
  name: 'order_book_metrics',
  columns: [
    text('venue'),
    text('instrument'),
    bigint('at'),
    nullable(bigint('bid')),
    nullable(bigint('ask')),
    nullable(bigint('mid_twice')),
    nullable(bigint('spread')),
    bigint('bid_depth'),
    bigint('ask_depth'),
    bigint('bid_depth_near'),
    bigint('ask_depth_near'),
    integer('bid_levels'),
    integer('ask_levels'),
    { name: 'crossed', type: 'boolean' },
  ],
  time: 'at',
  unique: ['instrument', 'at'],
  fold: {},
};

/** Every table that the writer fills with events and the merge carries to production. */
export const eventTables: readonly EventTable[] = [
  trades,
  orderBookDeltas,
  orderBookSnapshots,
  tickers,
  marketLifecycle,
  orderBookMetrics,
];
