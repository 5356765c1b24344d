/** What a sequence number says about the frames of one subscription. */
export const Continuity = {
  /** The number that follows the last one. */
  next: 0,
  /** A frame that was already received. */
  duplicate: 1,
  /** Numbers are missing before this one: `missingFrom` to `missingTo`. */
  gap: 2,
  /** A number that had been missing: received late, out of order. */
  late: 3,
  /** The numbering began anew: everything since the last good frame may be missing. */
  restart: 4,
} as const;
export type Continuity = (typeof Continuity)[keyof typeof Continuity];

/** Ranges of missing numbers that are remembered; with more, the oldest is forgotten. */
const RANGES_KEPT = 64;
/**
 * Frames whose marks are remembered. A number further behind the last one cannot be a repeated frame: the numbering
 * began anew.
 */
const MARKS_KEPT = 256;

/**
 * Follows the sequence numbers of one subscription of one connection: they start at 1 and every frame takes one,
 * replies to commands included (Kalshi). A number is due for every frame, whatever the frame is about.
 */
export class SequenceTracker {
  /** Bounds of the missing numbers, both missing, after `gap`. */
  missingFrom = 0;
  missingTo = 0;
  private last = 0;
  /** From, to, from, to, …: numbers that never came. */
  private missing: number[] = [];
  /** Marks of the latest frames by number, made with the first of them. */
  private marks: Int32Array | null = null;

  /** The greatest number received. */
  get lastNumber(): number {
    return this.last;
  }

  /**
   * @param mark 32 bits of what the frame says: a number that comes again is a repeated frame only if it says the
   *   same. Otherwise the numbering began anew, and this frame is none that was received.
   */
  accept(seq: number, mark: number): Continuity {
    const continuity = this.judge(seq, mark);
    if (continuity !== Continuity.duplicate) {
      this.marks ??= new Int32Array(MARKS_KEPT);
      this.marks[seq % MARKS_KEPT] = mark;
    }
    return continuity;
  }

  private judge(seq: number, mark: number): Continuity {
    if (seq === this.last + 1) {
      this.last = seq;
      return Continuity.next;
    }
    if (seq > this.last) {
      this.missingFrom = this.last + 1;
      this.missingTo = seq - 1;
      this.missing.push(this.missingFrom, this.missingTo);
      if (this.missing.length > 2 * RANGES_KEPT) this.missing.splice(0, 2);
      this.last = seq;
      return Continuity.gap;
    }
    if (this.takeMissing(seq)) return Continuity.late;
    if (this.last - seq < MARKS_KEPT && this.marks?.[seq % MARKS_KEPT] === (mark | 0))
      return Continuity.duplicate;
    this.last = seq;
    this.missing = [];
    return Continuity.restart;
  }

  private takeMissing(seq: number): boolean {
    const missing = this.missing;
    for (let at = missing.length - 2; at >= 0; at -= 2) {
      const from = missing[at]!;
      const to = missing[at + 1]!;
      if (seq < from || seq > to) continue;
      if (from === to) missing.splice(at, 2);
      else if (seq === from) missing[at] = seq + 1;
      else if (seq === to) missing[at + 1] = seq - 1;
      else missing.splice(at, 2, from, seq - 1, seq + 1, to);
      return true;
    }
    return false;
  }
}
