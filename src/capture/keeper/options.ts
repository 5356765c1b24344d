import type { Gatherer, Venue } from '../../events/event.ts';
import type { Clock } from '../../units/time.ts';
import type { BookProofs } from '../../venues/book-proofs.ts';
import type { FrameDecoder } from '../../venues/decoder.ts';
import type { CaptureSink } from '../sink.ts';
import type { KeeperCounters } from './counters.ts';

/** What a keeper is made of. Intervals are microseconds. */
export interface KeeperOptions {
  readonly venue: Venue;
  readonly gatherer: Gatherer;
  /** Names the process life, e.g. its start time and a random part; in every gap's id. */
  readonly epoch: string;
  readonly clock: Clock;
  readonly decoder: FrameDecoder;
  readonly sink: CaptureSink;
  /** Between two reports of the best levels and figures of a changing book; 0 for none. */
  readonly snapshotInterval: number;
  /** Levels per side in such a report. */
  readonly snapshotDepth: number;
  /** Between two exact whole-book anchors of a changing book; 0 for only the one after each proof. */
  readonly anchorInterval: number;
  /** Evidence from the venue's hashes of its books, where it gives them. */
  readonly proofs?: BookProofs;
  /** Counted into, when given; else the keeper makes its own. */
  readonly counters?: KeeperCounters;
}
