import type { Micros } from '../../units/time.ts';
import type { DecodedFrame, StatedTop } from '../../venues/decoder.ts';
import type { BookAccount } from './book-account.ts';
import type { KeeperCounters } from './counters.ts';
import { DueList } from './due-list.ts';
import type { ExpectedInstruments } from './expected-instruments.ts';
import type { InstrumentState, Source } from './instrument-state.ts';

const SECOND = 1_000_000;
/** A book that disagrees with a stated price often follows within this time. */
const BOOK_FOLLOWS = 0.3 * SECOND;

export interface StatedTopsParts {
  readonly states: ExpectedInstruments;
  readonly account: BookAccount;
  readonly counters: KeeperCounters;
}

/** Holds the line's books against the best prices that the venue states with its changes. */
export class StatedTops {
  private readonly parts: StatedTopsParts;
  private readonly waiting = new DueList<InstrumentState>();

  constructor(parts: StatedTopsParts) {
    this.parts = parts;
  }

  /**
   * The best prices stated with the last change of each instrument in the frame, after all of them.
   *
   * @param changed by event of the frame, the instrument that it changed, as far as it is at hand
   */
  check(
    source: Source,
    tops: DecodedFrame['tops'],
    changed: readonly (InstrumentState | undefined)[],
    frame: number,
    now: Micros,
  ): void {
    for (let index = tops.length - 1; index >= 0; index--) {
      const { top, after } = tops[index]!;
      const state = changed[after] ?? this.parts.states.get(top.instrument);
      if (state === undefined || state.toppedFrame === frame) continue;
      state.toppedFrame = frame;
      if (state.source === source) this.checkTop(state, top, frame, now);
    }
  }

  private checkTop(state: InstrumentState, top: StatedTop, frame: number, now: Micros): void {
    if (!state.isProven || state.unappliedFrame === frame) return;
    const { book } = state;
    if (book.bestBid === top.bid && book.bestAsk === top.ask) {
      this.parts.counters.tops_matched++;
      return;
    }
    this.parts.counters.tops_differing++;
    this.parts.account.suspect(state, state.verifiedUntil, 'book_mismatch');
    this.waitForBook(state, now);
  }

  /** A book that is in doubt often follows by itself: it is asked for where it does not. */
  waitForBook(state: InstrumentState, now: Micros): void {
    if (state.isResyncQueued) return;
    state.isResyncQueued = true;
    this.waiting.push(state, now + BOOK_FOLLOWS);
  }

  /** Asks for what has been waited for long enough. */
  askForWaiting(now: Micros): void {
    for (let state = this.waiting.take(now); state !== undefined; state = this.waiting.take(now)) {
      state.isResyncQueued = false;
      if (!state.isProven && !state.isReleased && state.source !== null) {
        this.parts.account.askResync(state, 'book_mismatch', now);
      }
    }
  }
}
