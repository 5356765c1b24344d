import type { GlueColumn, TableDefinition } from './table-definition.ts';

const strings = (...names: string[]): GlueColumn[] => names.map((name) => ({ name, type: 'string' }));
const bigints = (...names: string[]): GlueColumn[] => names.map((name) => ({ name, type: 'bigint' }));
const ints = (...names: string[]): GlueColumn[] => names.map((name) => ({ name, type: 'int' }));
const booleans = (...names: string[]): GlueColumn[] => names.map((name) => ({ name, type: 'boolean' }));

/**
 * Fields of stream lines that the lake does not hold: of another shape from one kind to the next, so that no one
 * column fits them, and one line that does not convert would take its whole record with it. Raw frames, the lines'
 * databases and the tape have them.
 */
export const NOT_IN_THE_LAKE: readonly string[] = ['instruments', 'details', 'proven_until'];

/**
 * What a line captured, in the order of arrival: every kind in one table, because a delivery stream converts by one
 * schema. A field that a kind does not have is null, which Parquet stores for next to nothing. The line is in the
 * path, so `gatherer` is no column. The last line of a record (`record_end`) is a row of its kind and life alone.
 */
export const capturedTable: TableDefinition = {
  name: 'captured',
  description: 'Every event as each line captured it, by hour of delivery',
  format: 'parquet',
  prefix: 'captured/',
  partitionKeys: [
    { name: 'gatherer', kind: 'names', values: ['a', 'b', 'c'] },
    { name: 'date', kind: 'day' },
    { name: 'hour', kind: 'hour' },
  ],
  columns: [
    ...strings('kind', 'venue', 'instrument'),
    ...bigints('exchange_ts', 'received_at'),
    ...strings('connection'),
    ...bigints('sid', 'seq'),
    ...ints('quality', 'occurrence', 'instant_index'),
    // Trades and book changes.
    ...strings('side'),
    ...bigints('price', 'size', 'change'),
    ...strings('hash', 'trade_id', 'taker_side'),
    ...booleans('is_block'),
    // Snapshots.
    ...strings('source'),
    ...bigints('snapshot_ts'),
    { name: 'bids', type: 'array<array<bigint>>' },
    { name: 'asks', type: 'array<array<bigint>>' },
    ...ints('depth'),
    // Tickers and figures of books.
    ...bigints('bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'),
    ...bigints('at', 'mid_twice', 'spread', 'bid_depth', 'ask_depth', 'bid_depth_near', 'ask_depth_near'),
    ...ints('bid_levels', 'ask_levels'),
    ...booleans('crossed'),
    // Announcements and the catalogue.
    ...strings('market', 'event', 'series', 'title', 'type', 'status'),
    ...bigints('open_ts', 'close_ts', 'updated_at'),
    // Gaps.
    ...strings('gap_id', 'cause'),
    ...booleans('all'),
    ...bigints('from', 'to'),
    // Heartbeats.
    ...strings('epoch'),
    ...ints('lane', 'lanes'),
    ...bigints('started_at', 'durable_until'),
  ],
};
