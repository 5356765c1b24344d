import type { GapHolder, GapLedger, OpenGap } from '../../continuity/gap-ledger.ts';
import type { Micros } from '../../units/time.ts';
import type { InstrumentState, Source } from './instrument-state.ts';

/** A proven book whose subscription is silent, with the gap that it has meanwhile. */
interface Doubted extends GapHolder {
  readonly state: InstrumentState;
  gap: OpenGap | null;
}

/**
 * Books of subscriptions that are more silent than usual. They stay as they are, and have a gap: it is taken back when
 * the subscription is heard again, or when the book has a gap of its own because it turned out to be lost.
 */
export class DoubtedBooks {
  private readonly ledger: GapLedger;
  private readonly sources = new Map<Source, Doubted[]>();

  constructor(ledger: GapLedger) {
    this.ledger = ledger;
  }

  /** @param from venue time up to which the subscription can be shown to have brought everything. */
  doubt(source: Source, from: number): void {
    if (this.sources.has(source)) return;
    const books: Doubted[] = [];
    for (const state of source.members) {
      if (state.source !== source || !state.isProven) continue;
      const book: Doubted = { state, instrument: state.instrument, gap: null };
      this.ledger.open(book, from as Micros, 'stalled');
      books.push(book);
    }
    this.sources.set(source, books);
  }

  /** Whether it is in doubt. */
  has(source: Source): boolean {
    return this.sources.has(source);
  }

  /** It is heard again, or is gone and its books are lost. */
  settle(source: Source): void {
    for (const book of this.sources.get(source) ?? []) this.ledger.takeBack(book);
    this.sources.delete(source);
  }

  /** A book that something else carries by now, or that was lost, is no concern of the silence any more. */
  tick(): void {
    for (const [source, books] of this.sources) {
      const left = books.filter(
        ({ state }) => state.source === source && state.isProven && !state.isReleased,
      );
      if (left.length === books.length) continue;
      const kept = new Set(left);
      for (const book of books) if (!kept.has(book)) this.ledger.takeBack(book);
      this.sources.set(source, left);
    }
  }
}
