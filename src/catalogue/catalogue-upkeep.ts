import { MICROS_PER_SECOND, type Micros } from '../units/time.ts';
import type { CatalogueFeed } from './catalogue-feed.ts';

/** What another line enters is known here by then, from the venue's own word: nobody takes out what he has not heard of yet. */
const HEARD_WITHIN = 60 * MICROS_PER_SECOND;

/** What a catalogue is held against. */
export interface KnownMarkets {
  /** Whether a market is known to be open. */
  isOpen(market: string): boolean;
  /** Asks the venue about a market, unless it is known. */
  inquire(market: string): void;
  /** Whether the venue has been asked about it and has not answered yet. */
  isAwaited(market: string): boolean;
}

/** Lets a catalogue's feed write, and after complete listings reconcile, one thing at a time. */
export class CatalogueUpkeep {
  readonly #feed: CatalogueFeed;
  readonly #markets: KnownMarkets;
  readonly #failed: (error: Error) => void;
  #busy = false;
  #isSurveyDue = false;
  #reconcileAt: number | null = null;

  /**
   * @param markets the registry; of what the catalogue calls open and it has not heard of, it asks the venue.
   * @param failed told of every failure; what failed is tried again.
   */
  constructor(feed: CatalogueFeed, markets: KnownMarkets, failed: (error: Error) => void) {
    this.#feed = feed;
    this.#markets = markets;
    this.#failed = failed;
  }

  /** The registry has listed all markets of the venue. */
  listed(): void {
    this.#isSurveyDue = true;
  }

  /**
   * Does what is due, unless something is still under way. To be called every few seconds; resolves when that is
   * done, and never rejects.
   */
  async tick(now: Micros): Promise<void> {
    const step = this.#busy ? null : this.#due(now);
    if (step === null) return;
    this.#busy = true;
    try {
      await step();
    } catch (error) {
      this.#failed(error as Error);
    } finally {
      this.#busy = false;
    }
  }

  #due(now: Micros): (() => Promise<void>) | null {
    if (this.#feed.waiting > 0) return async () => void (await this.#feed.flush());
    if (this.#reconcileAt !== null && now >= this.#reconcileAt) {
      return async () => {
        const markets = this.#markets;
        // Whoever comes first must have learned that it is over: nobody is told again what is no longer here.
        await this.#feed.reconcile((market) => markets.isOpen(market) || markets.isAwaited(market));
        this.#reconcileAt = null;
      };
    }
    if (!this.#isSurveyDue || this.#reconcileAt !== null) return null;
    return async () => {
      for (const market of await this.#feed.survey()) this.#markets.inquire(market);
      this.#isSurveyDue = false;
      this.#reconcileAt = now + HEARD_WITHIN;
    };
  }
}
