import { Counter, Gauge, type Registry } from 'prom-client';
import type { RecorderFigures } from '../archive/raw-recorder.ts';
import type { KeeperCounters } from '../capture/keeper/counters.ts';
import type { BatcherFigures } from '../stream/batcher-options.ts';
import type { BookHashFigures } from '../venues/book-proofs.ts';

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

const keeperTable: FigureTable<KeeperCounters> = {
  frames: counter('tape_frames_total', 'Frames received.'),
  events: counter('tape_events_total', 'Events captured, gaps and engine records left out.'),
  duplicate_frames: counter('tape_duplicate_frames_total', 'Frames that repeat a sequence number.'),
  late_frames: counter('tape_late_frames_total', 'Frames that came after a later one of their subscription.'),
  sequence_gaps: counter('tape_sequence_gaps_total', 'Breaks of a subscription’s numbering.'),
  copies: counter('tape_copies_total', 'Events that a second connection brought again.'),
  resends: counter('tape_resends_total', 'Updates that the venue sent again.'),
  late_changes: counter('tape_late_changes_total', 'Changes older than the newest of their instrument.'),
  superseded: counter(
    'tape_superseded_total',
    'Events of a subscription that no longer carries their instrument.',
  ),
  unexpected: counter('tape_unexpected_total', 'Events of instruments that nobody expects.'),
  changes_before_snapshot: counter(
    'tape_changes_before_snapshot_total',
    'Changes that came before the first snapshot of their book.',
  ),
  negative_sizes: counter('tape_negative_sizes_total', 'Changes that would have made a size negative.'),
  crossed: counter(
    'tape_crossed_books_total',
    'Changes after which the best bid was not below the best ask.',
  ),
  tops_matched: counter('tape_tops_matched_total', 'Stated best prices that agreed with the book.'),
  tops_differing: counter('tape_tops_differing_total', 'Stated best prices that did not.'),
  books_matched: counter('tape_books_matched_total', 'Repeated books that agreed with the line’s own.'),
  books_moved_by_trade: counter('tape_books_moved_by_trade_total', 'Repeated books that a trade explains.'),
  books_differing: counter('tape_books_differing_total', 'Repeated books that disagreed.'),
  books_stale: counter('tape_books_stale_total', 'Repeated books that were older.'),
  rest_matched: counter('tape_rest_books_matched_total', 'Books by REST that agreed.'),
  rest_differing: counter('tape_rest_books_differing_total', 'Books by REST that did not.'),
  undecodable: counter('tape_undecodable_total', 'Of the decode problems those that lost events.'),
  problems: counter('tape_decode_problems_total', 'Frames or parts of frames kept but not understood.'),
  tick_size_changes: counter('tape_tick_size_changes_total', 'Changes of an instrument’s price grid.'),
  proofs: counter('tape_proofs_total', 'Books proven.'),
  losses: counter('tape_losses_total', 'Books that stopped being proven.'),
  resyncs: counter('tape_resyncs_total', 'Resyncs asked for.'),
  anchors: counter('tape_anchors_total', 'Exact whole-book snapshots made.'),
  engine_snapshots: counter('tape_engine_snapshots_total', 'Reports of the best levels made.'),
};

/** Shows what the keepers count, one keeper for each venue. */
export function registerKeepers(
  registry: Registry,
  keepers: Readonly<Record<string, () => KeeperCounters>>,
): void {
  register(
    registry,
    keeperTable,
    Object.entries(keepers).map(([venue, counters]) => [{ venue }, counters]),
  );
}

const bookHashTable: FigureTable<BookHashFigures> = {
  socket_matched: counter(
    'tape_socket_book_hashes_matched_total',
    'Books of the socket that their hash proves.',
  ),
  socket_unmatched: counter(
    'tape_socket_book_hashes_unmatched_total',
    'Books of the socket that nothing known gives the hash of; this alone proves nothing.',
  ),
  socket_not_checkable: counter(
    'tape_socket_book_hashes_not_checkable_total',
    'Books of the socket with no hash, or with one made of what is not known.',
  ),
  rest_matched: counter('tape_rest_book_hashes_matched_total', 'Books by REST that their hash proves.'),
  rest_unmatched: counter(
    'tape_rest_book_hashes_unmatched_total',
    'Books by REST that do not give their hash; this alone proves nothing.',
  ),
  rest_not_checkable: counter(
    'tape_rest_book_hashes_not_checkable_total',
    'Books by REST without a hash, or without something that it is made of.',
  ),
  change_matched: counter(
    'tape_change_hashes_matched_total',
    'Hashes of changes that prove the line’s own book.',
  ),
  change_unmatched: counter(
    'tape_change_hashes_unmatched_total',
    'Hashes of changes that the line’s own book does not give; this alone proves nothing.',
  ),
  waiting: gauge('tape_book_hashes_waiting', 'Hashes that a trade still to be told may decide.'),
};

/** Shows what venues' hashes of their books proved, for each venue that gives them. */
export function registerBookHashes(
  registry: Registry,
  venues: Readonly<Record<string, () => BookHashFigures>>,
): void {
  register(
    registry,
    bookHashTable,
    Object.entries(venues).map(([venue, figures]) => [{ venue }, figures]),
  );
}

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
