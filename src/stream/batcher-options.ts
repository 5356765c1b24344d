import type { Clock, Micros } from '../units/time.ts';
import type { PutLimits, RecordStream } from './record-stream.ts';
import type { JournalProblem } from './spill-journal.ts';
import type { After } from './timer.ts';

export interface BatcherOptions {
  readonly stream: RecordStream;
  /** Spill journal, and what the stream can never take. One process at a time. */
  readonly directory: string;
  /** Names the life of the process, in at most 100 characters without a colon. */
  readonly epoch: string;
  readonly clock: Clock;
  readonly after: After;
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  /** Partitions over which the lanes are spread; 16 by default. */
  readonly lanes?: number;
  readonly limits?: PutLimits;
  /** Lines of one record, 500 by default, which is also the most a consumer takes. */
  readonly maxLinesPerRecord?: number;
  /** Bytes of one record, 1,000,000 by default. A single line may go beyond it, up to the stream's own limit. */
  readonly maxRecordBytes?: number;
  /** Longest wait of a line for others to fill its record; 100 by default. */
  readonly lingerMillis?: number;
  /** Puts under way at once; 4 by default. */
  readonly maxInFlight?: number;
  /** Above it, records go to the journal; 256 MiB by default. */
  readonly memoryLimitBytes?: number;
  /** A put that has not answered by then counts as failed, and is repeated; 30,000 by default. */
  readonly putTimeoutMillis?: number;
  /** Upper bounds of the first and of every wait after a refusal; 50 and 5,000 by default. */
  readonly retryFirstMillis?: number;
  readonly retryMostMillis?: number;
  readonly journalSegmentBytes?: number;
  readonly journalSync?: boolean;
  readonly onProblem?: (problem: BatcherProblem) => void;
  /** For the time from frame to stream: a record is durable. */
  readonly onAcknowledged?: (lines: number, oldestReceivedAt: Micros, at: Micros) => void;
}

export type BatcherProblem =
  | JournalProblem
  /** Refused by the stream; sent again until it is taken. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly records: number }
  /** Larger than any record may be, or nothing that JSON can hold: kept in a file of `set-aside/`, and a gap sent for it. */
  | {
      readonly kind: 'set_aside';
      readonly file: string;
      readonly lines: number;
      readonly bytes: number;
      readonly lane: string | null;
    }
  | { readonly kind: 'set_aside_failed'; readonly file: string; readonly message: string }
  /** A line that JSON cannot hold. A fault of the caller: the begin of what can be shown of it is in the message. */
  | { readonly kind: 'not_encodable'; readonly lane: string; readonly message: string }
  | { readonly kind: 'leftovers_lost'; readonly lines: number; readonly message: string };

/** The batcher in numbers. Totals count from the start of the process. */
export interface BatcherFigures {
  readonly accepted_lines: number;
  readonly acknowledged_lines: number;
  readonly acknowledged_records: number;
  readonly acknowledged_bytes: number;
  readonly put_requests: number;
  /** Requests about which nothing is known: network, timeout, missing stream. */
  readonly failed_requests: number;
  /** Records refused and sent again. */
  readonly retried_records: number;
  readonly in_flight: number;
  /** Lines accepted, here or by an earlier life, that the stream does not have yet. */
  readonly backlog_lines: number;
  readonly memory_bytes: number;
  readonly spilling: boolean;
  readonly spilled_records: number;
  readonly journal_records: number;
  readonly journal_lines: number;
  readonly journal_bytes: number;
  readonly journal_write_failures: number;
  readonly journal_damaged_bytes: number;
  readonly set_aside_lines: number;
  readonly not_encodable_lines: number;
  /** Age of the oldest line that the stream does not have, microseconds; 0 when there is none. */
  readonly oldest_age: number;
}

/** What `drain` could not hand over. All zero when everything is in the stream. */
export interface DrainReport {
  readonly lines: number;
  readonly records: number;
  readonly bytes: number;
  /** The leftovers are in the journal, and the next life sends them. */
  readonly kept: boolean;
}
