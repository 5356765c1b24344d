import type { GapCause } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { GapLedger } from './gap-ledger.ts';

/** `[from, to)`, venue time. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * What a line has of one venue-wide feed, over all connections that carry it. A connection is taken to have
 * everything for as long as it carries the feed; when that ends, it may turn out to have had less. Whatever no other
 * connection had is a gap then, also where other connections ended or broke in the meantime and relied on this one.
 */
export class FeedAccount {
  private readonly feed: string;
  private readonly ledger: GapLedger;
  /** Since when each carrier has everything. */
  private readonly live = new Map<string, number>();
  /** What carriers that ended have had, ascending and disjoint. */
  private past: Stretch[] = [];

  /** The feed is wanted from `at` on, and nothing carries it yet. */
  constructor(feed: string, at: Micros, ledger: GapLedger) {
    this.feed = feed;
    this.ledger = ledger;
    ledger.openFeed(feed, at, 'startup');
  }

  /** This connection has everything of the feed that happens from `from` on. */
  begin(carrier: string, from: number): void {
    this.live.set(carrier, from);
    this.ledger.closeFeed(this.feed, from as Micros);
  }

  /**
   * This connection carries the feed no longer.
   *
   * @param until up to when it can be shown to have had everything.
   */
  end(carrier: string, until: number, cause: GapCause): void {
    const since = this.live.get(carrier);
    if (since === undefined) return;
    this.live.delete(carrier);
    this.settle(since, until, cause);
  }

  /** This connection may lack what happened between `until` and `from`, and goes on. */
  broke(carrier: string, until: number, from: number, cause: GapCause): void {
    const since = this.live.get(carrier);
    if (since === undefined) return;
    this.live.set(carrier, Math.max(from, since));
    this.settle(since, until, cause);
  }

  /** The carriers, other than this one, that are taken to have had everything at that time. */
  covers(carrier: string, at: number): string[] {
    return [...this.live].filter(([name, from]) => name !== carrier && from <= at).map(([name]) => name);
  }

  private settle(since: number, until: number, cause: GapCause): void {
    if (until > since) this.past = united([...this.past, { from: since, to: until }]);
    const { ledger, feed } = this;
    const had = united([
      ...this.past,
      ...[...this.live.values()].map((from) => ({ from, to: Number.POSITIVE_INFINITY })),
    ]);
    let from = Math.max(since, until);
    for (const stretch of had) {
      if (stretch.to <= from) continue;
      if (stretch.from > from) ledger.recordFeed(from as Micros, stretch.from as Micros, cause);
      from = stretch.to;
    }
    if (from < Number.POSITIVE_INFINITY) ledger.openFeed(feed, from as Micros, cause);
    // No carrier can turn out to have had less than nothing: what ended before all of them began is settled.
    const earliest = Math.min(...this.live.values());
    this.past = this.past.filter(({ to }) => to > earliest);
  }
}

function united(stretches: readonly Stretch[]): Stretch[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...stretches].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}
