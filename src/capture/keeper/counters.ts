/** What a keeper counts, from the start of the process; the names are those of the metrics. */
export interface KeeperCounters {
  frames: number;
  /** Events handed to the sink, gaps and engine records left out. */
  events: number;
  /** Frames that repeat a sequence number. */
  duplicate_frames: number;
  /** Frames that came after a later one of their subscription. */
  late_frames: number;
  /** Breaks of a subscription's numbering. */
  sequence_gaps: number;
  /** Events that a second connection brought again. */
  copies: number;
  /** Updates that the venue sent again. */
  resends: number;
  /** Changes older than the newest of their instrument. */
  late_changes: number;
  /** Events of a subscription that does not carry their instrument (any more): kept, but not for the book. */
  superseded: number;
  /** Events of instruments that nobody expects. */
  unexpected: number;
  /** Changes that came before the first snapshot of their book. */
  changes_before_snapshot: number;
  /** Changes that would have made a size negative. */
  negative_sizes: number;
  /** Changes after which the best bid was not below the best ask. */
  crossed: number;
  /** Stated best prices that agreed with the book, and that did not. */
  tops_matched: number;
  tops_differing: number;
  /** Repeated books that agreed with the line's own, that a trade explains, that disagreed, and that were older. */
  books_matched: number;
  books_moved_by_trade: number;
  books_differing: number;
  books_stale: number;
  /** Books by REST that agreed, and that did not. */
  rest_matched: number;
  rest_differing: number;
  /** Those of the problems that lost events. */
  undecodable: number;
  /** Frames and parts of frames that were not understood. */
  problems: number;
  tick_size_changes: number;
  /** Books proven, books that stopped being proven, resyncs asked for. */
  proofs: number;
  losses: number;
  resyncs: number;
  anchors: number;
  engine_snapshots: number;
}

export function newCounters(): KeeperCounters {
  return {
    frames: 0,
    events: 0,
    duplicate_frames: 0,
    late_frames: 0,
    sequence_gaps: 0,
    copies: 0,
    resends: 0,
    late_changes: 0,
    superseded: 0,
    unexpected: 0,
    changes_before_snapshot: 0,
    negative_sizes: 0,
    crossed: 0,
    tops_matched: 0,
    tops_differing: 0,
    books_matched: 0,
    books_moved_by_trade: 0,
    books_differing: 0,
    books_stale: 0,
    rest_matched: 0,
    rest_differing: 0,
    undecodable: 0,
    problems: 0,
    tick_size_changes: 0,
    proofs: 0,
    losses: 0,
    resyncs: 0,
    anchors: 0,
    engine_snapshots: 0,
  };
}
