import type { LifecycleEvent } from '../events/event.ts';
import { backoffMillis } from '../http/backoff.ts';
import type { Sleep } from '../http/sleep.ts';
import { type Clock, MICROS_PER_MILLI, type Micros } from '../units/time.ts';
import { Announcer } from './announcer.ts';
import type { CatalogueMarket, MarketRegistry, RegistryListener } from './catalogue.ts';
import { type FilterSettings, instrumentFilter } from './instrument-filter.ts';
import { FAILURE_BACKOFF, Lookups } from './lookups.ts';
import { MarketStates } from './market-states.ts';
import { Nap } from './nap.ts';
import type { VenueCatalogue } from './venue-catalogue.ts';

export interface RegistrySettings {
  readonly filter: FilterSettings;
  /** Between whole listings. */
  readonly fullIntervalMillis: number;
  /** Between listings of what changed, where the venue has them. */
  readonly incrementalIntervalMillis: number;
  /** A market that ended is captured for this long after, because late events occur. */
  readonly closeGraceMillis: number;
  /** How old REST answers may be; 30,000 unless said. */
  readonly restLagMillis?: number;
}

/** Something an operator should be able to count and read. */
export interface RegistryNotice {
  readonly kind:
    | 'listing_failed'
    | 'lookup_failed'
    | 'not_found'
    | 'queue_full'
    | 'listener_failed'
    | 'message_failed';
  readonly message: string;
}

export interface RegistryOptions {
  readonly catalogue: VenueCatalogue;
  readonly settings: RegistrySettings;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
  readonly listeners: readonly RegistryListener[];
  readonly notice?: (notice: RegistryNotice) => void;
}

const FORGET_AFTER_MILLIS = 3_600_000;
/** Listings of changes overlap by this much, because the venue's caches may lag. */
const INCREMENTAL_OVERLAP_MICROS = 60_000 * MICROS_PER_MILLI;
/** Longest that a loop sleeps without looking. */
const LONGEST_NAP_MILLIS = 60_000;

/**
 * Knows every market of a venue and tells which instruments are to be captured. A whole listing comes first and
 * again at an interval; between them come listings of what changed, lifecycle messages, look-ups of what nobody
 * told of, and the clock. A listing that fails midway takes nothing away, and none of this ever throws into the
 * caller.
 */
export class VenueRegistry implements MarketRegistry {
  readonly #catalogue: VenueCatalogue;
  readonly #settings: RegistrySettings;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #notice: (notice: RegistryNotice) => void;
  readonly #announcer: Announcer;
  readonly #states: MarketStates;
  readonly #lookups: Lookups;
  readonly #stop = new AbortController();
  readonly #timerNap: Nap;
  readonly #listingNap: Nap;
  #timerNapUntil = 0;
  #started: Promise<void> | undefined;

  /** @throws SyntaxError for a filter pattern that is no regular expression */
  constructor(options: RegistryOptions) {
    const { catalogue, settings, clock, sleep } = options;
    this.#catalogue = catalogue;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = options.random;
    this.#notice = options.notice ?? (() => {});
    this.#announcer = new Announcer(options.listeners, (error) => this.#tell('listener_failed', error));
    this.#states = new MarketStates(catalogue, instrumentFilter(settings.filter), this.#announcer, clock, {
      closeGraceMillis: settings.closeGraceMillis,
      restLagMillis: settings.restLagMillis ?? 30_000,
      forgetAfterMillis: FORGET_AFTER_MILLIS,
    });
    this.#lookups = new Lookups({
      catalogue,
      states: this.#states,
      take: (markets) => this.#take(markets),
      clock,
      sleep,
      random: options.random,
      signal: this.#stop.signal,
      tell: (kind, error) => this.#tell(kind, error),
    });
    this.#timerNap = new Nap(sleep);
    this.#listingNap = new Nap(sleep);
  }

  start(): Promise<void> {
    this.#started ??= this.#begin();
    return this.#started;
  }

  /** Ends all loops and requests; `start` resolves if it has not. */
  stop(): void {
    this.#stop.abort(new Error('the registry was stopped'));
    this.#timerNap.wake();
    this.#lookups.wake();
    this.#listingNap.wake();
  }

  apply(event: LifecycleEvent): void {
    try {
      this.#hear(event);
    } catch (error) {
      this.#tell('message_failed', error);
    }
  }

  unknownInstrument(instrument: string): void {
    if (this.#states.knowsInstrument(instrument) || this.#catalogue.ignores(instrument)) return;
    this.#lookups.instrument(instrument);
  }

  /** Whether a market is known and has an order book now. */
  isOpen(market: string): boolean {
    return this.#states.isOpen(market);
  }

  /** Asks the venue about a market that is not known, such as one that was open when an earlier life captured it. */
  inquire(market: string): void {
    if (!this.#states.knows(market)) this.#lookups.market(market, 0);
  }

  /** Whether the venue has been asked about a market and has not answered yet. */
  isAwaited(market: string): boolean {
    return this.#lookups.isAwaited(market);
  }

  counts(): { readonly markets: number; readonly open: number; readonly instruments: number } {
    return this.#states.counts();
  }

  #hear(event: LifecycleEvent): void {
    const news = this.#catalogue.news(event);
    if (news === null) return;
    const known = this.#states.knows(news.market);
    this.#states.hear(news);
    this.#published();
    if (!known && news.whole === undefined) this.#lookups.market(news.market, 0);
    // Caches may hold the old answer for a while: what REST says at once would say nothing.
    else if (news.confirm) this.#lookups.market(news.market, known ? this.#lagMillis : 0);
  }

  get #lagMillis(): number {
    return this.#settings.restLagMillis ?? 30_000;
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #begin(): Promise<void> {
    void this.#watchClock();
    let last: Micros | null = null;
    for (let failures = 0; last === null && !this.#stopped; failures++) {
      last = await this.#listAll();
      if (last === null) await this.#listingNap.take(backoffMillis(FAILURE_BACKOFF, failures, this.#random));
    }
    if (last === null) return;
    void this.#keepListing(last);
    void this.#lookups.run();
  }

  /** Tells what came of a step, and sees to it that the clock's loop wakes in time for it. */
  #published(): void {
    this.#states.flush();
    if (this.#states.nextDue() < this.#timerNapUntil) this.#timerNap.wake();
  }

  async #watchClock(): Promise<void> {
    while (!this.#stopped) {
      this.#states.elapse();
      this.#states.flush();
      const now = this.#clock();
      const longest = now + LONGEST_NAP_MILLIS * MICROS_PER_MILLI;
      this.#timerNapUntil = Math.min(this.#states.nextDue(), longest);
      await this.#timerNap.take(Math.max(1, Math.ceil((this.#timerNapUntil - now) / MICROS_PER_MILLI)));
    }
  }

  async #keepListing(firstListing: Micros): Promise<void> {
    let full: number = firstListing;
    let updated: number = firstListing;
    let failures = 0;
    while (!this.#stopped) {
      const fullDue = full + this.#settings.fullIntervalMillis * MICROS_PER_MILLI;
      const updatedDue =
        this.#catalogue.listUpdated === undefined
          ? Number.POSITIVE_INFINITY
          : updated + this.#settings.incrementalIntervalMillis * MICROS_PER_MILLI;
      const wait = (Math.min(fullDue, updatedDue) - this.#clock()) / MICROS_PER_MILLI;
      const backoff = failures === 0 ? 0 : backoffMillis(FAILURE_BACKOFF, failures, this.#random);
      await this.#listingNap.take(Math.max(wait, backoff));
      if (this.#stopped) return;
      const isFull = fullDue <= this.#clock();
      const begun = isFull ? await this.#listAll() : await this.#listUpdated(updated as Micros);
      failures = begun === null ? failures + 1 : 0;
      if (begun === null) continue;
      // A whole listing holds what changed as well, except what ended: that the listing of changes tells.
      if (isFull) full = begun;
      else updated = begun;
    }
  }

  /** A whole listing. Returns when it began, or null when it failed. */
  async #listAll(): Promise<Micros | null> {
    const begun = this.#clock();
    let pages = 0;
    let markets = 0;
    try {
      for await (const page of this.#catalogue.listOpen(this.#stop.signal)) {
        pages++;
        markets += page.length;
        this.#take(page);
        this.#announcer.progress({ pages, markets, done: false });
      }
    } catch (error) {
      if (!this.#stopped) this.#tell('listing_failed', error);
      return null;
    }
    if (this.#stopped) return null;
    for (const market of this.#states.unlisted(begun)) this.#lookups.market(market, 0);
    this.#states.forget();
    this.#announcer.progress({ pages, markets, done: true });
    return begun;
  }

  async #listUpdated(since: Micros): Promise<Micros | null> {
    const begun = this.#clock();
    try {
      const from = (since - INCREMENTAL_OVERLAP_MICROS) as Micros;
      for await (const page of this.#catalogue.listUpdated!(from, this.#stop.signal)) this.#take(page);
    } catch (error) {
      if (!this.#stopped) this.#tell('listing_failed', error);
      return null;
    }
    return begun;
  }

  #take(page: readonly CatalogueMarket[]): void {
    for (const market of page) {
      const again = this.#states.confirm(market);
      if (again !== null) {
        this.#lookups.market(market.market, (again - this.#clock()) / MICROS_PER_MILLI);
      }
    }
    this.#published();
  }

  #tell(kind: RegistryNotice['kind'], error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#notice({ kind, message: `${this.#catalogue.venue}: ${message}` });
  }
}
