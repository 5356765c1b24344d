import type { Micros } from '../units/time.ts';
import { DataWatch } from './data-watch.ts';
import type { Life } from './life.ts';

/**
 * What all connections of a purpose bring together, where nothing numbers their messages. When that stops, all of them
 * may have lost something: also one that is not known for long, or seldom has anything to bring, and by whose own data
 * a silence is not noticed.
 */
export class SharedFlows {
  readonly #isNumbered: (purpose: string) => boolean;
  readonly #watches = new Map<string, DataWatch>();

  constructor(isNumbered: (purpose: string) => boolean) {
    this.#isNumbered = isNumbered;
  }

  /**
   * Data came over a connection. @returns since when there had been none over any of its purpose, where chance does not
   * explain that and nothing numbers what may be missing; else null.
   *
   * @param isFirstBook a venue at rest sends those, too: they end no silence.
   * @param isPrompt whether it was read when it came, so that the silence before it was not this process's.
   */
  data(life: Life, now: Micros, isFirstBook: boolean, isPrompt: boolean): Micros | null {
    const { purpose } = life.place;
    if (isFirstBook || this.#isNumbered(purpose)) return null;
    let watch = this.#watches.get(purpose);
    if (watch === undefined) {
      watch = new DataWatch(now);
      this.#watches.set(purpose, watch);
    }
    const silentSince = isPrompt && watch.isSuspicious(now) ? watch.lastAt : null;
    watch.data(now, false, isPrompt);
    if (silentSince !== null) watch.doubt();
    return silentSince;
  }

  /** Whether the life was there before its purpose fell silent, and none of that purpose has been heard since. */
  isSilent({ place, startedAt }: Life, now: Micros): boolean {
    const watch = this.#watches.get(place.purpose);
    return watch !== undefined && startedAt < watch.lastAt && watch.isSuspicious(now);
  }
}
