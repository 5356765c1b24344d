import type { GapLedger } from '../../continuity/gap-ledger.ts';
import type { GapCause } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { Carriers } from './carriers.ts';
import type { Source } from './instrument-state.ts';

/** A book that the line let go, with the venue time from which that is a gap. */
interface Released {
  readonly instrument: string;
  from: number;
  /** Receive time. */
  readonly at: number;
}

/**
 * Books that were let go while their subscription had brought nothing for a while, and was believed. It may turn out to
 * have been dead by then: until it is heard again, what it lacks these lack, too. None is believed so where nothing
 * numbers what subscriptions bring.
 */
export class ReleasedBooks {
  private readonly ledger: GapLedger;
  private readonly carriers: Carriers;
  private readonly sources = new Map<Source, Released[]>();

  constructor(ledger: GapLedger, carriers: Carriers) {
    this.ledger = ledger;
    this.carriers = carriers;
  }

  /**
   * @param from venue time up to which the subscription is believed to have brought everything of the book.
   * @param at receive time.
   */
  add(source: Source, instrument: string, from: number, at: Micros): void {
    const released = { instrument, from, at };
    const others = this.sources.get(source);
    if (others === undefined) this.sources.set(source, [released]);
    else others.push(released);
  }

  /** The subscription may lack what happened from `until` (venue time) on. */
  missed(source: Source, until: number, cause: GapCause): void {
    for (const released of this.sources.get(source) ?? []) {
      if (until >= released.from) continue;
      this.ledger.record(released.instrument, until as Micros, released.from as Micros, cause);
      released.from = until;
    }
  }

  /** The subscription is over, and what it lacked has been told. */
  settle(source: Source): void {
    this.sources.delete(source);
  }

  /** To be called when whatever a frame shows to be missing has been told. */
  tick(): void {
    for (const [source, all] of this.sources) {
      const heardAt = this.heardAt(source);
      const left = all.filter(({ at }) => heardAt <= at);
      if (left.length === 0) this.sources.delete(source);
      else if (left.length < all.length) this.sources.set(source, left);
    }
  }

  /** Receive time of what last showed that nothing was missing before it. One that carries nothing more is heard no more. */
  private heardAt(source: Source): number {
    if (source.members.size > 0) return source.lastGood;
    return Math.max(...this.carriers.of(source.connection).map(({ lastGood }) => lastGood), source.lastGood);
  }
}
