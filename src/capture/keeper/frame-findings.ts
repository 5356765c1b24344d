import type { GapCause, LifecycleEvent } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { DecodedFrame, DecodeProblem } from '../../venues/decoder.ts';
import type { FrameOutcome, ResyncRequest } from '../line.ts';

const NOTHING: never[] = [];

/** Collects what the frame at hand leads to. Most frames lead to little, so lists are made with their first entry. */
export class FrameFindings {
  private provenNow: string[] = NOTHING;
  private resyncNow: ResyncRequest[] = NOTHING;
  private touchedNow: string[] = NOTHING;
  private lifecycleNow: LifecycleEvent[] = NOTHING;
  private problemsNow: readonly DecodeProblem[] = NOTHING;
  private announcedNow: FrameOutcome['announced'];

  proven(instrument: string): void {
    if (this.provenNow.length === 0) this.provenNow = [instrument];
    else this.provenNow.push(instrument);
  }

  resync(instruments: readonly string[], cause: GapCause, sid: number): void {
    if (this.resyncNow.length === 0) this.resyncNow = [];
    this.resyncNow.push({ instruments, cause, sid });
  }

  touch(instrument: string): void {
    if (this.touchedNow.length === 0) this.touchedNow = [instrument];
    else if (this.touchedNow.at(-1) !== instrument) this.touchedNow.push(instrument);
  }

  lifecycle(event: LifecycleEvent): void {
    if (this.lifecycleNow.length === 0) this.lifecycleNow = [event];
    else this.lifecycleNow.push(event);
  }

  /** What every connection gets; new where no other has brought it before. */
  announced(isNew: boolean): void {
    if (this.announcedNow !== 'first') this.announcedNow = isNew ? 'first' : 'copy';
  }

  /** A problem that no decoder told. */
  problem(problem: DecodeProblem): void {
    this.problemsNow = [...this.problemsNow, problem];
  }

  /** The outcome for the pool; the next frame starts with empty lists. */
  take(decoded: DecodedFrame | null): FrameOutcome {
    let exchange_ts: Micros | null = null;
    const events: DecodedFrame['events'] = decoded === null ? NOTHING : decoded.events;
    for (let index = 0; index < events.length; index++) {
      const time = events[index]!.exchange_ts;
      if (time !== null && (exchange_ts === null || time > exchange_ts)) exchange_ts = time;
    }
    const outcome: FrameOutcome = {
      controls: decoded?.controls ?? NOTHING,
      problems:
        this.problemsNow.length === 0
          ? (decoded?.problems ?? NOTHING)
          : [...(decoded?.problems ?? NOTHING), ...this.problemsNow],
      proven: this.provenNow,
      resync: this.resyncNow,
      touched: this.touchedNow,
      lifecycle: this.lifecycleNow,
      hasData: events.length > 0,
      announced: this.announcedNow,
      exchange_ts,
    };
    this.provenNow = NOTHING;
    this.resyncNow = NOTHING;
    this.touchedNow = NOTHING;
    this.lifecycleNow = NOTHING;
    this.problemsNow = NOTHING;
    this.announcedNow = undefined;
    return outcome;
  }
}
