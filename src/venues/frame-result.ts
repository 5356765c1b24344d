import type { MarketEvent } from '../events/event.ts';
import type { ControlMessage, DecodedFrame, DecodeProblem, StatedTop, TickSizeChange } from './decoder.ts';

const NOTHING: readonly never[] = Object.freeze([]);

const MANY = 100;

/**
 * A decoded frame in the making. Most frames hold one event and nothing else, so that each list is made with
 * its first element.
 */
export class FrameResult implements DecodedFrame {
  events: readonly MarketEvent[] = NOTHING;
  controls: readonly ControlMessage[] = NOTHING;
  problems: readonly DecodeProblem[] = NOTHING;
  tops: readonly { readonly after: number; readonly top: StatedTop }[] = NOTHING;
  tickSizes: readonly TickSizeChange[] = NOTHING;
  markets: readonly { readonly instrument: string; readonly market: string }[] = NOTHING;
  sid = 0;
  seq = 0;
  private kinds: Set<string> | undefined;

  event(event: MarketEvent): void {
    if (this.events === NOTHING) this.events = [event];
    else (this.events as MarketEvent[]).push(event);
  }

  control(control: ControlMessage): void {
    if (this.controls === NOTHING) this.controls = [control];
    else (this.controls as ControlMessage[]).push(control);
  }

  /**
   * Of a frame with very many problems, those that are like one that it has already are left out: each costs work, and
   * a list of a million wrong elements says no more than its first ones.
   *
   * @param reason one of the words listed at `DecodeProblem`.
   */
  problem(reason: string, message: string, instrument?: string): void {
    const problem = instrument === undefined ? { reason, message } : { reason, message, instrument };
    if (this.problems === NOTHING) this.problems = [problem];
    else if (this.problems.length < MANY || this.isFirstOfItsKind(problem))
      (this.problems as DecodeProblem[]).push(problem);
  }

  /** The same, and it stays so: of a result whose objects are used again for the next frame. */
  lasting(): FrameResult {
    const result = new FrameResult();
    result.sid = this.sid;
    result.seq = this.seq;
    if (this.events.length > 0) result.events = this.events.map((event) => ({ ...event }));
    if (this.tops.length > 0) result.tops = this.tops.map(({ after, top }) => ({ after, top: { ...top } }));
    if (this.markets.length > 0) result.markets = this.markets.map((belonging) => ({ ...belonging }));
    return result;
  }

  private isFirstOfItsKind({ reason, instrument }: DecodeProblem): boolean {
    this.kinds ??= new Set(this.problems.map((told) => `${told.reason} ${told.instrument}`));
    const before = this.kinds.size;
    return this.kinds.add(`${reason} ${instrument}`).size > before;
  }

  /** The best prices stated with the event added last. */
  top(top: StatedTop): void {
    const stated = { after: this.events.length - 1, top };
    if (this.tops === NOTHING) this.tops = [stated];
    else (this.tops as { after: number; top: StatedTop }[]).push(stated);
  }

  /** The market of an instrument, as a book or trade names it. */
  belongs(instrument: string, market: string): void {
    if (this.markets === NOTHING) this.markets = [{ instrument, market }];
    else (this.markets as { instrument: string; market: string }[]).push({ instrument, market });
  }

  tickSize(change: TickSizeChange): void {
    if (this.tickSizes === NOTHING) this.tickSizes = [change];
    else (this.tickSizes as TickSizeChange[]).push(change);
  }
}
