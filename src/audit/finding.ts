import type { Micros } from '../units/time.ts';

/** What can be wrong with a tape. */
export type FindingKind =
  /** A line stored it, the tape lacks it. */
  | 'row_lost'
  /** The tape has it, and no line that is said to have seen it stored it. */
  | 'row_extra'
  /** The tape has it twice. */
  | 'row_doubled'
  /** The tape has it at another time than the lines. */
  | 'row_moved'
  /** The tape has it with another price, size, side, …. */
  | 'row_changed'
  /** The tape does not say that a line saw it which stored it. */
  | 'row_not_credited'
  /** Its content is not what its key was made of. */
  | 'content_key_wrong'
  /** By what is known of the lines, nobody can prove this stretch, and the tape does not say so. */
  | 'gap_undeclared'
  /** The tape declares a gap that a line can prove. */
  | 'gap_unfounded'
  | 'line_gap_lost'
  | 'line_gap_extra'
  | 'line_gap_changed'
  /** A line says that it had everything when it missed an event that another line saw. */
  | 'missed_undeclared'
  /** A line recorded the event as received, and neither the tape nor a gap of it has it. */
  | 'raw_lost'
  /** A line recorded the event as received, says that it has everything, and the tape has it from other lines only. */
  | 'raw_not_stored'
  /** A book of the venue is not the one that its hash is of, and the rebuilt one is. */
  | 'book_hash_differs'
  /** The book rebuilt from the tape is not the one that a line or the venue had then. */
  | 'book_differs'
  /** The account of the minute is not of the events that the tape has. */
  | 'coverage_differs';

export interface Finding {
  readonly kind: FindingKind;
  readonly table: string;
  readonly venue: string;
  /** The instrument, or the market or event of an announcement; * for everything. */
  readonly subject: string;
  /** Venue time. */
  readonly time: Micros | null;
  /** What exactly, in words. */
  readonly detail: string;
}

/** Findings of a run: all are counted, of each kind the first are kept. */
export class FindingLog {
  readonly #most: number;
  readonly #counts = new Map<FindingKind, number>();
  readonly #kept: Finding[] = [];

  /** @param most how many of each kind are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  add(finding: Finding): void {
    const count = (this.#counts.get(finding.kind) ?? 0) + 1;
    this.#counts.set(finding.kind, count);
    if (count <= this.#most) this.#kept.push(finding);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many of each kind. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** The first of each kind, by time. */
  get kept(): readonly Finding[] {
    return [...this.#kept].sort((left, right) => (left.time ?? 0) - (right.time ?? 0));
  }
}
