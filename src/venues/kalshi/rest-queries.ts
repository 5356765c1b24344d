/** Filters of `GET /markets`; times in Unix seconds. The families created, close, settled and updated exclude each other. */
export interface KalshiMarketsQuery {
  readonly status?: 'unopened' | 'open' | 'paused' | 'closed' | 'settled';
  readonly event_ticker?: string;
  readonly series_ticker?: string;
  readonly tickers?: readonly string[];
  readonly mve_filter?: 'only' | 'exclude';
  readonly min_created_ts?: number;
  readonly max_created_ts?: number;
  readonly min_close_ts?: number;
  readonly max_close_ts?: number;
  readonly min_settled_ts?: number;
  readonly max_settled_ts?: number;
  readonly min_updated_ts?: number;
  /** 1000 unless said. */
  readonly limit?: number;
}

export interface KalshiEventsQuery {
  readonly status?: 'unopened' | 'open' | 'closed' | 'settled';
  readonly series_ticker?: string;
  readonly collection_ticker?: string;
  readonly with_nested_markets?: boolean;
  readonly min_close_ts?: number;
  readonly min_updated_ts?: number;
  readonly limit?: number;
}

export interface KalshiTradesQuery {
  readonly ticker?: string;
  readonly min_ts?: number;
  readonly max_ts?: number;
  readonly is_block_trade?: boolean;
  readonly limit?: number;
}

export interface KalshiCandlesQuery {
  readonly start_ts: number;
  readonly end_ts: number;
  /** Minutes. */
  readonly period_interval: 1 | 60 | 1440;
  readonly include_latest_before_start?: boolean;
}
