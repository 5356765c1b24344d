import { Counter, Gauge, type Registry } from 'prom-client';
import type { RecorderFigures } from '../archive/raw-recorder.ts';
import type { BatcherFigures } from '../stream/batcher-options.ts';

/** How one figure becomes a metric: its name, whether it only grows, and its meaning. */
interface Figure {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  /** Divides the figure, e.g. microseconds to seconds. */
  readonly per?: number;
}

type FigureTable<Figures> = Readonly<Record<keyof Figures, Figure>>;

const counter = (name: string, help: string): Figure => ({ name, kind: 'counter', help });
const gauge = (name: string, help: string, per = 1): Figure => ({ name, kind: 'gauge', help, per });

const batcherTable: FigureTable<BatcherFigures> = {
  accepted_lines: counter('tape_stream_accepted_lines_total', 'Lines handed to the batcher.'),
  acknowledged_lines: counter('tape_stream_acknowledged_lines_total', 'Lines that the stream has.'),
  acknowledged_records: counter('tape_stream_acknowledged_records_total', 'Records that the stream has.'),
  acknowledged_bytes: counter('tape_stream_acknowledged_bytes_total', 'Bytes that the stream has.'),
  put_requests: counter('tape_stream_put_requests_total', 'Puts begun.'),
  failed_requests: counter('tape_stream_failed_requests_total', 'Puts about which nothing is known.'),
  retried_records: counter('tape_stream_retried_records_total', 'Records refused and sent again.'),
  in_flight: gauge('tape_stream_in_flight_requests', 'Puts under way.'),
  backlog_lines: gauge('tape_stream_backlog_lines', 'Lines that the stream does not have yet.'),
  memory_bytes: gauge('tape_stream_memory_bytes', 'Bytes of the backlog in memory.'),
  spilling: gauge('tape_stream_spilling', '1 while records go through the journal on disk.'),
  spilled_records: counter('tape_stream_spilled_records_total', 'Records given to the journal.'),
  journal_records: gauge('tape_stream_journal_records', 'Records in the journal.'),
  journal_lines: gauge('tape_stream_journal_lines', 'Lines of those records.'),
  journal_bytes: gauge('tape_stream_journal_bytes', 'Bytes of the journal that are still to be read back.'),
  journal_write_failures: counter(
    'tape_stream_journal_write_failures_total',
    'Writes that the disk refused.',
  ),
  journal_damaged_bytes: counter(
    'tape_stream_journal_damaged_bytes_total',
    'Bytes of the journal that could not be read.',
  ),
  set_aside_lines: counter(
    'tape_stream_set_aside_lines_total',
    'Lines too large for any record, kept in files.',
  ),
  not_encodable_lines: counter('tape_stream_not_encodable_lines_total', 'Lines that JSON cannot hold.'),
  oldest_age: gauge(
    'tape_stream_oldest_age_seconds',
    'Age of the oldest line that the stream does not have.',
    1_000_000,
  ),
};

const recorderTable: FigureTable<RecorderFigures> = {
  recorded_lines: counter('tape_recorder_lines_total', 'Frames and commands recorded.'),
  raw_bytes: counter('tape_recorder_raw_bytes_total', 'Bytes recorded, before compression.'),
  dropped_lines: counter(
    'tape_recorder_dropped_lines_total',
    'Frames that a refusing disk kept out of the recording.',
  ),
  memory_bytes: gauge('tape_recorder_memory_bytes', 'Bytes waiting in memory.'),
  write_failures: counter('tape_recorder_write_failures_total', 'Writes that the disk refused.'),
  segments_finished: counter('tape_recorder_segments_finished_total', 'Segments finished.'),
  segments_recovered: counter(
    'tape_recorder_segments_recovered_total',
    'Segments of an earlier life finished.',
  ),
  segments_uploaded: counter('tape_recorder_segments_uploaded_total', 'Segments uploaded.'),
  uploaded_bytes: counter('tape_recorder_uploaded_bytes_total', 'Compressed bytes uploaded.'),
  upload_failures: counter('tape_recorder_upload_failures_total', 'Uploads that failed and are tried again.'),
  segments_waiting: gauge('tape_recorder_segments_waiting', 'Segments on disk that are not uploaded.'),
  waiting_bytes: gauge('tape_recorder_waiting_bytes', 'Bytes of those segments.'),
};

/** Shows the batcher's figures, read when they are asked for. */
export function registerBatcher(registry: Registry, figures: () => BatcherFigures): void {
  register(registry, batcherTable, [[{}, figures]]);
}

/** Shows the recorders' figures, one recorder for each venue. */
export function registerRecorders(
  registry: Registry,
  recorders: Readonly<Record<string, () => RecorderFigures>>,
): void {
  register(
    registry,
    recorderTable,
    Object.entries(recorders).map(([venue, figures]) => [{ venue }, figures]),
  );
}

function register<Figures extends object>(
  registry: Registry,
  table: FigureTable<Figures>,
  sources: readonly (readonly [labels: Record<string, string>, figures: () => Figures])[],
): void {
  const labelNames = Object.keys(sources[0]?.[0] ?? {});
  for (const [field, { name, kind, help, per }] of Object.entries<Figure>(table)) {
    const value = (figures: () => Figures): number =>
      Number((figures() as Record<string, unknown>)[field]) / (per ?? 1);
    const settings = { name, help, labelNames, registers: [registry] };
    if (kind === 'gauge') {
      new Gauge({
        ...settings,
        collect() {
          for (const [labels, figures] of sources) this.set(labels, value(figures));
        },
      });
    } else {
      new Counter({
        ...settings,
        collect() {
          this.reset();
          for (const [labels, figures] of sources) this.inc(labels, value(figures));
        },
      });
    }
  }
}
