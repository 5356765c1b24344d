import type { Venue } from '../events/event.ts';
import { chunks } from '../http/chunks.ts';
import type { CatalogueMarket } from '../registry/catalogue.ts';
import { activityOf, VOLUME_KEYS } from './activity.ts';
import type { OpenMarkets } from './open-markets.ts';

/** Markets whose writes are in memory at a time: requests are several times as large as what they write. */
const PORTION = 1_000;

/** What of a market the catalogue holds, in one text. */
function fingerprint(instruments: readonly string[], activity: number): string {
  return `${activity} ${instruments.join(' ')}`;
}

/**
 * Keeps the catalogue like a gatherer's registry. `changed` is called for every market, often and from a hot
 * path; only what really differs from what the catalogue is known to hold is written, by `flush`.
 */
export class CatalogueFeed {
  readonly #catalogue: OpenMarkets;
  readonly #venue: Venue;
  /** Fingerprints of open markets in the catalogue, as far as this process knows. */
  readonly #known = new Map<string, string>();
  #waiting = new Map<string, CatalogueMarket>();
  #loaded = false;
  #surveyed: readonly string[] = [];

  constructor(catalogue: OpenMarkets, venue: Venue) {
    this.#catalogue = catalogue;
    this.#venue = venue;
  }

  /** Markets that are still to be written. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Never throws and never waits. */
  changed(market: CatalogueMarket): void {
    const open = market.is_open
      ? fingerprint(
          market.instruments.map(({ instrument }) => instrument),
          activityOf(market),
        )
      : undefined;
    if (this.#loaded && this.#known.get(market.market) === open) this.#waiting.delete(market.market);
    else this.#waiting.set(market.market, { ...market, details: this.#volumeOnly(market) });
  }

  /**
   * Writes what waits. When it fails, what was not written waits on, and so does what changed meanwhile.
   *
   * @returns how many markets were written.
   */
  async flush(): Promise<number> {
    if (!this.#loaded) await this.#load();
    const taken = this.#waiting;
    this.#waiting = new Map();
    let written = 0;
    try {
      for (const names of chunks([...taken.keys()], PORTION)) {
        const portion = names.map((name) => taken.get(name)!);
        written += await this.#write(portion);
        for (const name of names) taken.delete(name);
      }
    } catch (error) {
      for (const [name, market] of taken) if (!this.#waiting.has(name)) this.#waiting.set(name, market);
      throw error;
    }
    return written;
  }

  /** @returns how many of them differed. */
  async #write(markets: readonly CatalogueMarket[]): Promise<number> {
    const different = markets.filter(
      (market) => this.#known.get(market.market) !== this.#fingerprintOf(market),
    );
    await this.#catalogue.update(different);
    for (const market of different) {
      const print = this.#fingerprintOf(market);
      if (print === undefined) this.#known.delete(market.market);
      else this.#known.set(market.market, print);
    }
    return different.length;
  }

  /** @returns what the catalogue calls open, which other lines write as well: the next `reconcile` is about that. */
  async survey(): Promise<readonly string[]> {
    await this.#load();
    this.#surveyed = [...this.#known.keys()];
    return this.#surveyed;
  }

  /**
   * Takes out what the last survey found open and the registry knows nothing of that it may be open, such as markets that closed while
   * nobody was there.
   *
   * @returns how many were taken out.
   */
  async reconcile(mayBeOpen: (market: string) => boolean): Promise<number> {
    const gone = this.#surveyed.filter((market) => this.#known.has(market) && !mayBeOpen(market));
    await this.#catalogue.remove(this.#venue, gone);
    this.#surveyed = [];
    for (const market of gone) this.#known.delete(market);
    return gone.length;
  }

  async #load(): Promise<void> {
    this.#known.clear();
    for await (const market of this.#catalogue.list(this.#venue)) {
      this.#known.set(market.market, fingerprint(market.instruments, market.activity));
    }
    this.#loaded = true;
  }

  #fingerprintOf(market: CatalogueMarket): string | undefined {
    if (!market.is_open) return undefined;
    return fingerprint(
      market.instruments.map(({ instrument }) => instrument),
      activityOf(market),
    );
  }

  /** A waiting market need not hold its whole description in memory. */
  #volumeOnly(market: CatalogueMarket): Record<string, unknown> {
    return Object.fromEntries(
      VOLUME_KEYS.flatMap((key) => (key in market.details ? [[key, market.details[key]]] : [])),
    );
  }
}
