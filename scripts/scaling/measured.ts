/**
 * What one part carries, as measured by `npm run scale` and `npm run bench`, or as the comment says. A newer figure is
 * entered here, and `node scripts/scaling/main.ts` reckons everything else anew.
 */
export const measured = {
  /** One gatherer: resident memory without instruments, and heap of each, bytes; CPU of a message, on a busy machine, µs. */
  gatherer_base_bytes: 400 * 2 ** 20,
  gatherer_bytes_per_instrument: 2_500,
  gatherer_micros_per_message: 24,
  /** Of the one core that a process has, at most so much on average in a busy minute. */
  gatherer_core_share: 0.7,
  /** Rows a second that one server takes with its keys: seen on two cores shared with the client, with narrower rows. */
  database_rows_per_second: 60_000,
  /** A row of a line's database with its indexes; and in compressed chunks, which is assumed: they have never run. */
  row_bytes: 220,
  compressed_row_bytes: 30,
} as const;

/** What the venues allow one user (`unpublished` where others have found it out). */
export const limits = {
  kalshi_connections_per_user: 200,
  polymarket_tokens_per_connection: 200,
  kalshi_reads_per_second: 120,
} as const;
