/** Seconds of a month of 730 hours, as AWS reckons it. */
export const MONTH_SECONDS = 730 * 3_600;
/** Bytes of what AWS calls a GB. */
export const GB = 2 ** 30;

/** What cannot be read off the templates. Sizes were measured on recorded and simulated feeds. */
export const defaultAssumptions = {
  /** Events a second that one line captures, on average: the highest monthly average published for one venue. */
  rate: 1_552,
  /** Instruments that are captured. */
  instruments: 120_000,
  /** Highest minute over average. */
  peak_factor: 3,
  /** Of all instruments, those whose book changes within a minute. */
  active_share: 0.05,
  /** One event as a line of the stream. */
  event_bytes: 330,
  /** A snapshot of the best levels, and a whole book. */
  snapshot_bytes: 900,
  book_bytes: 2_000,
  /** A frame as it comes through the network, and in the compressed recording. */
  frame_bytes: 320,
  raw_bytes: 40,
  /** An event in a Parquet file of the lake, gzip. */
  lake_bytes: 45,
  /** A row with its share of indexes in a line's database and on the tape. */
  row_bytes: 220,
  /** What the index of the tape's rows by time adds to each of them. */
  time_index_bytes: 22,
  /** Rows a second that one writer and the merge store. */
  writer_rows_per_second: 30_000,
  merge_rows_per_second: 60_000,
  /** Rows a second that one function writes into files, and rows of a line that it compares with the tape. */
  export_rows_per_second: 30_000,
  audit_rows_per_second: 20_000,
  export_rows_per_file: 4_000_000,
  audit_span_seconds: 600,
  /** Seconds that a function takes however little there is to do. */
  invocation_seconds: 0.03,
  /** Months whose objects are in the buckets. */
  stored_months: 12,
  /** Lines of log of one gatherer, apart from its metrics. */
  log_lines_per_minute: 60,
  log_line_bytes: 350,
  /** Scanned by queries over the archive. */
  athena_tb: 0.5,
  /** Container Insights' metrics of one cluster with one service. */
  container_metrics: 26,
  /** Share of volume that is in use, for snapshots, and the part of it that changes in a day. */
  volume_used_share: 0.5,
  volume_change_share: 0.05,
} as const;

export type Assumptions = { readonly [Name in keyof typeof defaultAssumptions]: number };

const DAYS_PER_MONTH = 30;

/** Days whose rows are there: of those that are kept for ever (0), as many as objects are reckoned for. */
export function daysKept(
  days: number,
  { stored_months }: Pick<typeof defaultAssumptions | Assumptions, 'stored_months'>,
): number {
  return days === 0 ? stored_months * DAYS_PER_MONTH : days;
}

/** Settings of the gatherers that decide how events become records. */
export interface Packing {
  readonly lanes: number;
  readonly lingerMillis: number;
  readonly maxEventsPerRecord: number;
  readonly snapshotIntervalSeconds: number;
  readonly anchorIntervalSeconds: number;
  /** Null where books are not polled. */
  readonly pollIntervalSeconds: number | null;
  readonly kalshiShare: number;
}

/** What one line puts into its stream, a second. */
export interface LineTraffic {
  /** Events of the venues, snapshots and heartbeats. */
  readonly lines: number;
  readonly bytes: number;
  readonly records: number;
  /** Bytes when every record is rounded up to whole steps of so many. */
  readonly roundedTo: (step: number) => number;
}

const HEARTBEAT_BYTES = 170;
const KIBIBYTE = 1_024;

/**
 * One line's way into its stream. All lanes with something in them are sent once per linger, so a lane with many
 * events sends a record each time, and one with few sends as many records as it has events.
 */
export function lineTraffic(assumptions: Assumptions, packing: Packing): LineTraffic {
  const { rate, instruments, active_share, event_bytes, snapshot_bytes, book_bytes } = assumptions;
  const { lanes, lingerMillis, maxEventsPerRecord, pollIntervalSeconds } = packing;
  const active = instruments * active_share;
  const engine = active / packing.snapshotIntervalSeconds;
  // A book that changes in one minute of twenty is changed once within a longer interval too.
  const anchors = Math.min(instruments, active * 3) / packing.anchorIntervalSeconds;
  const polled = pollIntervalSeconds === null ? 0 : instruments / pollIntervalSeconds;
  const lines = rate + engine + anchors + polled + lanes;
  const bytes =
    rate * event_bytes + engine * snapshot_bytes + (anchors + polled) * book_bytes + lanes * HEARTBEAT_BYTES;
  const perLinger = (lines / lanes) * (lingerMillis / 1_000);
  const lingers = lanes * (1_000 / lingerMillis) * (1 - Math.exp(-perLinger));
  const records = Math.max(lingers, lines / maxEventsPerRecord);
  const size = bytes / records;
  return {
    lines,
    bytes,
    records,
    roundedTo: (step) => records * Math.ceil(size / step) * step,
  };
}

/** Shards that a rate needs at its peak: a mebibyte or a thousand records a second each. */
export function shardsFor(traffic: LineTraffic, peakFactor: number): number {
  const peak = Math.max(traffic.bytes / (KIBIBYTE * KIBIBYTE), traffic.records / 1_000) * peakFactor;
  return Math.max(1, Math.ceil(peak));
}
