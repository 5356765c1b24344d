import type { AbsoluteBookDelta } from '../../events/event.ts';

/** Changes kept per book: a first book follows within seconds, and is seldom older than the last few of them. */
const KEPT = 64;

/**
 * Changes that a subscription sent before its first book of an instrument. Nothing orders the two: a book older
 * than some of them lacks those, and they do not come again.
 */
export class MissedChanges {
  private readonly changes: AbsoluteBookDelta[] = [];
  private forgotten = Number.NEGATIVE_INFINITY;

  add(change: AbsoluteBookDelta): void {
    this.changes.push(change);
    if (this.changes.length <= KEPT) return;
    const { exchange_ts, received_at } = this.changes.shift()!;
    this.forgotten = Math.max(this.forgotten, exchange_ts ?? received_at);
  }

  /**
   * The changes that a book of venue time `time` may lack, in the order they came, or null where one of them is no
   * longer remembered.
   */
  since(time: number): readonly AbsoluteBookDelta[] | null {
    if (this.forgotten > time) return null;
    return this.changes.filter(({ exchange_ts, received_at }) => (exchange_ts ?? received_at) >= time);
  }
}
