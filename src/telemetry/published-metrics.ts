/** Units that CloudWatch knows, as far as they are used here. */
type MetricUnit = 'Count' | 'Milliseconds' | 'Seconds' | 'Percent' | 'Megabytes';

/** Metrics that are published together, by one place in the code, under the same dimensions. */
interface MetricGroup {
  /** Names of the dimensions. Few values each: every combination is a metric of its own, and is paid for. */
  readonly dimensions: readonly string[];
  readonly units: Readonly<Record<string, MetricUnit>>;
}

/**
 * Every metric that the product publishes to CloudWatch. Alarms, dashboards and the bill are made of this table;
 * what counts up says what was added since the last publication, so that its sum over time means something.
 */
export const publishedMetrics = {
  /** A gatherer, every minute. */
  line: {
    dimensions: ['gatherer'],
    units: {
      /** 1. That it is missing says that the line is down. */
      line_alive: 'Count',
      /** Lines of the stream that the stream does not have yet. */
      line_backlog: 'Count',
      /** Age of the oldest of them. */
      line_oldest_age: 'Seconds',
      /** On the gatherer's disk: spill journal, and raw segments that are not uploaded. */
      line_disk_used: 'Megabytes',
      /** What no stream record can hold, or the journal could not keep; since the last publication. */
      line_refused: 'Count',
      /** Frames that a refusing disk kept out of the raw recording; since the last publication. */
      line_raw_dropped: 'Count',
      /** Receive time until the stream has it, 99th percentile since the last publication. */
      line_frame_to_stream_p99: 'Milliseconds',
    },
  },
  /** A gatherer for each of its venues, every minute. */
  lineVenue: {
    dimensions: ['gatherer', 'venue'],
    units: {
      /** Instruments that should be captured. */
      venue_instruments_expected: 'Count',
      /** Instruments whose book is proven now. */
      venue_instruments_proven: 'Count',
      venue_connections_open: 'Count',
      /** Since the last publication, as are those below. */
      venue_frames: 'Count',
      venue_events: 'Count',
      /** Books that stopped being proven. */
      venue_losses: 'Count',
      /** Frames or parts of frames that were kept but not understood. */
      venue_unreadable: 'Count',
      /** 1 while the venue refuses the key. */
      venue_unauthorized: 'Count',
    },
  },
  /** The machine of a line's database (`containers/timescaledb/host.sh`), every five minutes. */
  lineDatabase: {
    dimensions: ['gatherer'],
    units: {
      /** Of the volume that the database is on. */
      line_database_volume_used: 'Percent',
    },
  },
  /** A writer, when something went wrong with a delivery; the lines' writers together. */
  writer: {
    dimensions: [],
    units: {
      /** Lines of records that the database did not take and that were put aside with the reason. */
      writer_lines_put_aside: 'Count',
      /** Places at which records that the gatherer numbered never came out of the stream; each is a gap of the line. */
      writer_records_missing: 'Count',
      /** Deliveries that were not stored wholly and come again. */
      writer_deliveries_failed: 'Count',
    },
  },
  /** A run of the merge. */
  merge: {
    dimensions: [],
    units: {
      merge_rows_inserted: 'Count',
      merge_rows_confirmed: 'Count',
      /** Lines whose database could not be read. */
      merge_lines_away: 'Count',
      /** 1 when there was more to read at once. */
      merge_behind: 'Count',
      merge_duration: 'Milliseconds',
    },
  },
  /** The tape after a merge. */
  tape: {
    dimensions: [],
    units: {
      /** Age of the newest time up to which every running line is merged. */
      tape_settled_age: 'Seconds',
      /** Lines whose newest heartbeat on the tape is fresh. */
      tape_lines_alive: 'Count',
    },
  },
  /** The database of the tape, as often. */
  tapeStorage: {
    dimensions: [],
    units: {
      /** Of all its files, indexes among them. */
      tape_database_size: 'Megabytes',
    },
  },
  /** The tape after a merge, for each venue. */
  tapeVenue: {
    dimensions: ['venue'],
    units: {
      /** Instruments of open markets that no line could vouch for at the newest settled time. */
      tape_instruments_in_gap: 'Count',
      /** 1 while that is so for the venue as a whole. */
      tape_venue_in_gap: 'Count',
      /** Of the trades of the last settled minutes, those that all running lines saw. Absent without trades. */
      tape_lines_agreeing: 'Percent',
      /** From venue time to the tape, of those trades. Absent without trades. */
      tape_delay_p50: 'Milliseconds',
      tape_delay_p99: 'Milliseconds',
    },
  },
  /** A request of the snapshot poll, of a venue that hashes its books. */
  bookHashes: {
    dimensions: ['venue'],
    units: {
      /** Books that the venue's hash of them proves. */
      book_hashes_matched: 'Count',
      /** Proves nothing alone: what is hashed may not all be known. */
      book_hashes_unmatched: 'Count',
      book_hashes_not_checkable: 'Count',
    },
  },
  /** A run of the snapshot poll, for each venue. */
  snapshotPoll: {
    dimensions: ['venue'],
    units: {
      snapshot_poll_open: 'Count',
      snapshot_poll_answered: 'Count',
      snapshot_poll_failed_requests: 'Count',
      snapshot_poll_coverage: 'Percent',
    },
  },
  /** A run of the export of the tape to files. */
  export: {
    dimensions: [],
    units: {
      export_files_written: 'Count',
      /** In all files of what was exported anew. */
      export_rows: 'Count',
      /** Files that would have lost rows, and stay as they are. */
      export_files_refused: 'Count',
      export_files_failed: 'Count',
      /** Since the end of the first day that is not wholly in files after it. */
      export_behind: 'Seconds',
    },
  },
  /** A run of the audit. */
  audit: {
    dimensions: [],
    units: {
      /** Places at which the tape is not what the lines received. */
      audit_findings: 'Count',
      audit_spans: 'Count',
      audit_spans_failed: 'Count',
      /** Lines whose database could not be compared with. */
      audit_lines_away: 'Count',
      /** From the first time that is not wholly audited after it to the last that is settled. */
      audit_behind: 'Seconds',
    },
  },
  /** A run of the retention, over all databases. */
  retention: {
    dimensions: [],
    units: {
      /** Days of a table each, as are those below. */
      retention_days_dropped: 'Count',
      retention_rows_dropped: 'Count',
      retention_space_freed: 'Megabytes',
      /** Would have been dropped, but for the dry run. */
      retention_days_due: 'Count',
      /** Old enough, and not on the tape or in files yet. */
      retention_days_held: 'Count',
      /** Old enough, and not looked at for want of time. */
      retention_days_left: 'Count',
      retention_databases_failed: 'Count',
    },
  },
} as const satisfies Record<string, MetricGroup>;

export type PublishedGroup = keyof typeof publishedMetrics;
type Dimension<Group extends PublishedGroup> = (typeof publishedMetrics)[Group]['dimensions'][number];
export type MetricName<Group extends PublishedGroup> = keyof (typeof publishedMetrics)[Group]['units'] &
  string;

/** Where the metrics of one environment are, apart from those of another in the same account. */
export function metricsNamespace(environment: string): string {
  return `PredictionTape/${environment}`;
}

/**
 * The metrics of a group as one line of a log, in CloudWatch's embedded format: no request, and read by whatever
 * reads the log on a single machine. A value that is null is left out.
 *
 * @param namespace see {@link metricsNamespace}.
 * @param values exactly the metrics of the group.
 */
export function metricLine<Group extends PublishedGroup>(
  namespace: string,
  group: Group,
  atMillis: number,
  dimensions: Readonly<Record<Dimension<Group>, string>>,
  values: Readonly<Record<MetricName<Group>, number | null>>,
): string {
  const { dimensions: names, units }: MetricGroup = publishedMetrics[group];
  const known = Object.entries<number | null>(values).filter(([, value]) => value !== null);
  return JSON.stringify({
    _aws: {
      Timestamp: atMillis,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: [names],
          Metrics: known.map(([Name]) => ({ Name, Unit: units[Name] })),
        },
      ],
    },
    ...dimensions,
    ...Object.fromEntries(known),
  });
}
