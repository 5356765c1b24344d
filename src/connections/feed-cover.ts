import type { LineKeeper } from '../capture/line.ts';
import type { GapCause } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { Life } from './life.ts';

/** Tells the keeper when a venue-wide feed has no connection left, and when it has one again. */
export class FeedCover {
  readonly #keeper: LineKeeper;
  readonly #carriers = new Map<string, Set<Life>>();

  constructor(keeper: LineKeeper) {
    this.#keeper = keeper;
  }

  /** The feed is wanted from now on; nothing carries it yet. */
  expect(feed: string, now: Micros): void {
    this.#carriers.set(feed, new Set());
    this.#keeper.feedLost?.(feed, now, 'startup');
  }

  carried(feed: string, life: Life, now: Micros): void {
    const carriers = this.#carriers.get(feed);
    if (carriers === undefined) return;
    carriers.add(life);
    if (carriers.size === 1) this.#keeper.feedRestored?.(feed, now);
  }

  uncovered(feed: string, life: Life, since: Micros, cause: GapCause): void {
    const carriers = this.#carriers.get(feed);
    if (carriers === undefined || !carriers.delete(life) || carriers.size > 0) return;
    this.#keeper.feedLost?.(feed, since, cause);
  }
}
