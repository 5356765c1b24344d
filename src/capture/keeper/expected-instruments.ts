import type { GapHolder, GapLedger, OpenGap } from '../../continuity/gap-ledger.ts';
import type { Micros } from '../../units/time.ts';
import type { Carriers } from './carriers.ts';
import type { KeeperCounters } from './counters.ts';
import type { Delays } from './delays.ts';
import { InstrumentState } from './instrument-state.ts';

/** An instrument expected within this time of the start, microseconds, was there when the line came up. */
const STARTUP = 120_000_000;

/** What is left of an instrument that the line captures no longer: its gap, which nothing has closed yet. */
interface Left extends GapHolder {
  gap: OpenGap;
}

export interface ExpectedInstrumentsParts {
  readonly startedAt: Micros;
  readonly ledger: GapLedger;
  readonly carriers: Carriers;
  readonly counters: KeeperCounters;
  readonly delays: Delays;
}

/**
 * The instruments that a line captures, from when it begins to expect them until it leaves them, and which of their
 * books are proven. One that is left has a gap from then on, unless the venue says that its market is over.
 */
export class ExpectedInstruments {
  private readonly parts: ExpectedInstrumentsParts;
  private readonly states = new Map<string, InstrumentState>();
  private readonly left = new Map<string, Left>();
  private provenCount = 0;

  constructor(parts: ExpectedInstrumentsParts) {
    this.parts = parts;
  }

  get size(): number {
    return this.states.size;
  }

  /** Books that are proven now. */
  get proven(): number {
    return this.provenCount;
  }

  get(instrument: string): InstrumentState | undefined {
    return this.states.get(instrument);
  }

  /** Each of these that is new has an open gap from `at` on. */
  expect(instruments: readonly string[], at: Micros): void {
    const { ledger, startedAt } = this.parts;
    const cause = at - startedAt < STARTUP ? 'startup' : 'not_subscribed';
    for (const instrument of instruments) {
      if (this.states.has(instrument)) continue;
      const state = new InstrumentState(instrument);
      this.states.set(instrument, state);
      const left = this.left.get(instrument);
      if (left !== undefined) {
        this.left.delete(instrument);
        ledger.close(left, at);
      }
      // A gap of its own, also after one that has only just closed: it says that the line expects the instrument.
      ledger.open(state, at, cause);
    }
    ledger.flush(at);
  }

  /**
   * These are captured no longer.
   *
   * @param provenUntil venue time up to which everything of a proven instrument was received.
   */
  release(instruments: readonly string[], at: Micros, provenUntil: (state: InstrumentState) => number): void {
    const { carriers, ledger } = this.parts;
    const released: InstrumentState[] = [];
    for (const instrument of instruments) {
      const state = this.states.get(instrument);
      if (state === undefined) continue;
      this.states.delete(instrument);
      state.isReleased = true;
      if (state.gap === null) ledger.open(state, Math.min(provenUntil(state), at) as Micros, 'released');
      this.setProven(state, false);
      carriers.setSource(state, null);
      carriers.setPending(state, null);
      released.push(state);
    }
    // The gap is one that can be kept without the book only once its record exists.
    ledger.flush(at);
    for (const { instrument, gap } of released) this.left.set(instrument, { instrument, gap: gap! });
  }

  /**
   * The markets of these are over for good, in the venue's own words, and have been since a time of our clock. What is
   * still captured is left alone. An instrument that was never expected is told of as well: an earlier life of the
   * line may have left it.
   */
  over(instruments: readonly string[], since: Micros, now: Micros): void {
    const { delays, ledger } = this.parts;
    // As a time of the venue, whose clock may be ahead of ours.
    const ended = Math.ceil(since - Math.min(delays.least ?? 0, 0));
    for (const instrument of instruments) {
      if (this.states.has(instrument)) continue;
      const left = this.left.get(instrument);
      let from = ended;
      if (left !== undefined) {
        this.left.delete(instrument);
        from = Math.max(left.gap.from, ended);
        ledger.close(left, from as Micros);
      }
      ledger.record(instrument, from as Micros, null, 'market_over');
    }
    ledger.flush(now);
  }

  setProven(state: InstrumentState, isProven: boolean): void {
    if (state.isProven === isProven) return;
    state.isProven = isProven;
    this.provenCount += isProven ? 1 : -1;
    if (isProven) return;
    this.parts.counters.losses++;
    state.isAnchorDue = false;
  }
}
