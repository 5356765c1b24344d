import { FeedAccount } from '../../continuity/feed-account.ts';
import type { GapLedger, OpenGap } from '../../continuity/gap-ledger.ts';
import type { GapCause } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import type { Carriers } from './carriers.ts';
import type { Delays } from './delays.ts';
import type { Source } from './instrument-state.ts';

const SECOND = 1_000_000;
/** A connection that has got nothing for this long while another got some is taken for silent. */
const TRAIL = 10 * SECOND;
/** By then a connection that had fallen silent before a break of another has been found. */
const FOUND_WITHIN = TRAIL + 3 * SECOND;
/** A busy cover has brought something by then; where none has, what they are to cover is a gap until they have. */
const SHORTLY = SECOND;
/** Without any event to show how the venue's clock stands to ours, ours is believed after this time. */
const LONGEST_WAIT = 10 * SECOND;

/** A feed that is wanted. */
interface Feed {
  readonly account: FeedAccount;
  /** Whether all that its connections bring is the feed, so that each of them gets the same. */
  readonly isAlone: boolean;
  /** While all that carry it are silent: the gap, and those of them that may turn out to have had everything. */
  doubt: { readonly gap: OpenGap; carriers: readonly Carrier[] } | null;
}

/** One connection that carries a feed. */
interface Carrier {
  readonly feed: Feed;
  readonly connection: string;
  readonly carriedAt: Micros;
  /** When it began to carry, or was heard again, while that has no venue time yet; else null. */
  awaiting: Micros | null;
  /** Receive time of its last data when it was found silent; else null. */
  silentSince: number | null;
  /** It is more silent than usual, and that is not judged yet. */
  isDoubted: boolean;
}

/** A break of one connection that others are taken to have covered. */
interface Covered {
  readonly covers: readonly string[];
  readonly cause: GapCause;
  /** Venue time from which the connection lacks something, and after which a cover's data shows that it was there. */
  readonly since: number;
  readonly until: number;
  /** Receive time of the break. */
  readonly at: number;
  /** The gap while it is not known whether a cover was there; null before there is one. */
  doubt: OpenGap | null;
}

export interface FeedsParts {
  readonly ledger: GapLedger;
  readonly carriers: Carriers;
  readonly delays: Delays;
}

/** The venue-wide feeds of a line: which connections carry them, and what is missing where none did. */
export class Feeds {
  private readonly parts: FeedsParts;
  private readonly feeds = new Map<string, Feed>();
  private readonly carrying = new Map<string, Carrier>();
  private lookedAt = 0;
  private covered: Covered[] = [];

  constructor(parts: FeedsParts) {
    this.parts = parts;
  }

  /**
   * The feed is wanted from now on; nothing carries it yet.
   *
   * @param isAlone whether its connections carry nothing else.
   */
  expect(feed: string, at: Micros, isAlone: boolean): void {
    if (this.feeds.has(feed)) return;
    const account = new FeedAccount(feed, at, this.parts.ledger);
    this.feeds.set(feed, { account, isAlone, doubt: null });
  }

  /** A connection carries the feed from now on. */
  carry(name: string, connection: string, at: Micros): void {
    const feed = this.feeds.get(name);
    if (feed === undefined || this.carrying.has(connection)) return;
    this.carrying.set(connection, {
      feed,
      connection,
      carriedAt: at,
      awaiting: at,
      silentSince: null,
      isDoubted: false,
    });
    this.beginAwaited(at);
  }

  /** A subscription of the connection broke: it may lack what came between its last good frame and now. */
  broke(source: Source, at: Micros, cause: GapCause): void {
    this.interrupted(source.connection, this.parts.delays.provenUntil(source), at, cause);
  }

  /** The connection may lack what happened from `until` (venue time) on and would have come by `at` (receive time). */
  interrupted(connection: string, until: number, at: Micros, cause: GapCause): void {
    const carrier = this.carrying.get(connection);
    if (carrier === undefined) return;
    // Where it has not begun to count, what it counts from is only after the break.
    if (carrier.awaiting !== null) carrier.awaiting = at;
    const from = this.parts.delays.latestVenueTime(at);
    this.relyOnOthers(carrier, until, from, at, cause);
    carrier.feed.account.broke(connection, until, from, cause);
  }

  /** The connection is more silent than usual. While every other is, too, nobody can vouch for the feed. */
  doubt(connection: string): void {
    const carrier = this.carrying.get(connection);
    if (carrier === undefined) return;
    carrier.isDoubted = true;
    const { feed } = carrier;
    const live = this.liveOf(feed);
    if (feed.doubt !== null || live.length === 0 || live.some(({ isDoubted }) => !isDoubted)) return;
    const { delays, ledger } = this.parts;
    const from = live.map((other) =>
      Math.max(this.provenUntil(other.connection), delays.venueTime(null, other.carriedAt)),
    );
    feed.doubt = { gap: ledger.openAll(Math.max(...from) as Micros, 'stalled'), carriers: live };
  }

  /** The connection is heard again: if it had been the last to be doubted, nothing was missed. */
  believe(connection: string): void {
    const carrier = this.carrying.get(connection);
    if (carrier === undefined) return;
    carrier.isDoubted = false;
    this.settleDoubt(carrier.feed);
  }

  /** Of all that were doubted at once one is believed, or all were lost, which has left gaps of its own. */
  private settleDoubt(feed: Feed): void {
    if (feed.doubt === null) return;
    const { gap, carriers } = feed.doubt;
    const left = carriers.filter((carrier) => this.isLive(carrier));
    if (left.length > 0 && left.every(({ isDoubted }) => isDoubted)) {
      feed.doubt.carriers = left;
      return;
    }
    feed.doubt = null;
    this.parts.ledger.takeBackAll(gap);
  }

  /** Whether it is taken to have everything. */
  private isLive(carrier: Carrier): boolean {
    return this.carrying.get(carrier.connection) === carrier && carrier.silentSince === null;
  }

  private liveOf(feed: Feed): Carrier[] {
    return [...this.carrying.values()].filter(
      (carrier) => carrier.feed === feed && carrier.awaiting === null && this.isLive(carrier),
    );
  }

  /**
   * The venue has ended what the connection subscribed, at some time since it last brought something of it; the socket
   * goes on, so that nothing else that comes over it shows when.
   *
   * @param at receive time at which that was noticed.
   */
  unsubscribed(connection: string, at: Micros, cause: GapCause): void {
    this.end(connection, this.provenUntil(connection), at, cause);
  }

  /**
   * The connection carries no feed any more.
   *
   * @param at receive time up to which the connection is believed to have been in order: of its last data where a
   *   heartbeat alone proves nothing.
   */
  drop(connection: string, at: Micros, cause: GapCause): void {
    const { carriers, delays } = this.parts;
    const sources = carriers.of(connection).filter(({ delay }) => delay !== null);
    const believed = [null, ...sources].map((source) => delays.believedUntil(source, at));
    this.end(connection, Math.max(this.provenUntil(connection), Math.min(...believed)), at, cause);
  }

  private end(connection: string, until: number, at: Micros, cause: GapCause): void {
    const carrier = this.carrying.get(connection);
    if (carrier === undefined) return;
    this.carrying.delete(connection);
    const { delays } = this.parts;
    // When the line ends, all of its connections do, and nothing is left to be found out.
    if (cause !== 'line_down') this.relyOnOthers(carrier, until, delays.latestVenueTime(at), at, cause);
    carrier.feed.account.end(connection, until, cause);
    this.settleDoubt(carrier.feed);
  }

  tick(now: Micros): void {
    this.beginAwaited(now);
    if (now - this.lookedAt >= SECOND) {
      this.lookedAt = now;
      for (const feed of this.feeds.values()) if (feed.isAlone) this.findSilent(feed, now);
    }
    if (this.covered.length > 0) this.settleCovered(now);
    for (const feed of this.feeds.values()) this.settleDoubt(feed);
  }

  /** What the connection lacks from `since` to `until` (venue time) others are to have had; they may be dead unnoticed. */
  private relyOnOthers(carrier: Carrier, since: number, until: number, at: number, cause: GapCause): void {
    const covers = carrier.feed.account.covers(carrier.connection, since);
    if (covers.length > 0) this.covered.push({ covers, cause, since, until, at, doubt: null });
  }

  /**
   * A cover is believed when it has brought something since, or was not found dead in time. Until then there is a gap, so
   * that a process that ends before that has left one.
   */
  private settleCovered(now: Micros): void {
    const { ledger } = this.parts;
    this.covered = this.covered.filter((relied) => {
      const { covers, cause, since, until, at, doubt } = relied;
      // What one that is gone, or was found silent, did not have is a gap already.
      const awaited = covers
        .flatMap((name) => this.carrying.get(name) ?? [])
        .filter((one) => this.isLive(one));
      const isShown = awaited.some(({ connection }) => this.provenUntil(connection) >= until);
      const isPending = now - at <= FOUND_WITHIN || awaited.every(({ isDoubted }) => isDoubted);
      if (awaited.length > 0 && !isShown && isPending) {
        if (doubt === null && now - at > SHORTLY) relied.doubt = ledger.openAll(since as Micros, cause);
        return true;
      }
      if (doubt !== null) ledger.takeBackAll(doubt);
      return false;
    });
  }

  /** Those that have begun to carry count once it is known what venue time it was then. */
  private beginAwaited(now: Micros): void {
    const { delays } = this.parts;
    for (const carrier of this.carrying.values()) {
      const { awaiting, connection, feed } = carrier;
      if (awaiting === null || (delays.least === null && now - awaiting < LONGEST_WAIT)) continue;
      carrier.awaiting = null;
      feed.account.begin(connection, delays.latestVenueTime(awaiting));
    }
  }

  /**
   * Every connection of a feed gets the same: one that gets nothing while another does has nothing to vouch with. It
   * counts again from when it is heard again.
   */
  private findSilent(feed: Feed, now: Micros): void {
    const own = [...this.carrying.values()].filter((carrier) => carrier.feed === feed);
    const heard = own.map((carrier) => this.heardAt(carrier));
    const latest = Math.max(...heard);
    for (const [index, carrier] of own.entries()) {
      // One that has only just begun to carry has time to be heard.
      const at = Math.max(heard[index]!, carrier.carriedAt);
      if (carrier.silentSince !== null) {
        if (at <= carrier.silentSince) continue;
        carrier.silentSince = null;
        carrier.awaiting = now;
      } else if (latest - at > TRAIL && carrier.awaiting === null) {
        carrier.silentSince = at;
        const until = this.provenUntil(carrier.connection);
        this.relyOnOthers(carrier, until, this.parts.delays.latestVenueTime(now), now, 'stalled');
        feed.account.end(carrier.connection, until, 'stalled');
      }
    }
  }

  /** Receive time of its last data; minus infinity before the first. */
  private heardAt({ connection }: Carrier): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const source of this.parts.carriers.of(connection)) {
      if (source.isHeard && source.lastGood > latest) latest = source.lastGood;
    }
    return latest;
  }

  /** Venue time up to which it can be shown to have had everything: by data of each of its subscriptions that has any. */
  private provenUntil(connection: string): number {
    let least = Number.POSITIVE_INFINITY;
    for (const source of this.parts.carriers.of(connection)) {
      if (source.isHeard) least = Math.min(least, this.parts.delays.provenUntil(source));
    }
    return least === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : least;
  }
}
