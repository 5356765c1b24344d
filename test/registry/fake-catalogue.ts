import type { LifecycleEvent } from '#src/events/event.ts';
import type { CatalogueMarket, RegistryListener } from '#src/registry/catalogue.ts';
import type { CatalogueNews, VenueCatalogue } from '#src/registry/venue-catalogue.ts';
import { type RegistryNotice, type RegistrySettings, VenueRegistry } from '#src/registry/venue-registry.ts';
import type { Micros } from '#src/units/time.ts';
import { VirtualTime } from '../http/virtual-time.ts';

export function marketOf(market: string, more: Partial<CatalogueMarket> = {}): CatalogueMarket {
  return {
    venue: 'kalshi',
    market,
    event: market.split('-').slice(0, 2).join('-'),
    series: market.split('-')[0]!,
    title: market,
    status: 'active',
    is_open: true,
    open_ts: null,
    close_ts: null,
    instruments: [{ instrument: market, outcome: 'YES' }],
    details: {},
    ...more,
  };
}

/** A venue's catalogue in memory. */
export class FakeCatalogue implements VenueCatalogue {
  readonly venue = 'kalshi';
  keepsToItsClock = true;
  /** What REST knows. */
  readonly markets = new Map<string, CatalogueMarket>();
  pageSize = 2;
  /** Thrown after this many pages of a listing. */
  failAfterPages = Number.POSITIVE_INFINITY;
  failure: Error | undefined;
  listings = 0;
  readonly fetched: (readonly string[])[] = [];
  /** Thrown by fetches of these. */
  readonly refused = new Map<string, Error>();

  put(market: CatalogueMarket): void {
    this.markets.set(market.market, market);
  }

  async *listOpen(): AsyncGenerator<readonly CatalogueMarket[]> {
    this.listings++;
    const listed = [...this.markets.values()].filter(
      ({ is_open, status }) => is_open || status === 'initialized',
    );
    for (let page = 0; page * this.pageSize < Math.max(1, listed.length); page++) {
      if (page >= this.failAfterPages || (page === 0 && this.failure))
        throw this.failure ?? new Error('HTML page');
      yield listed.slice(page * this.pageSize, (page + 1) * this.pageSize);
    }
  }

  fetchMarkets(names: readonly string[]): Promise<readonly CatalogueMarket[]> {
    this.fetched.push(names);
    for (const name of names) {
      const error = this.refused.get(name);
      if (error !== undefined) return Promise.reject(error);
    }
    return Promise.resolve(
      names.map((name) => this.markets.get(name)).filter((market) => market !== undefined),
    );
  }

  fetchInstruments(names: readonly string[]): Promise<readonly CatalogueMarket[]> {
    this.fetched.push(names);
    const found = [...this.markets.values()].filter(({ instruments }) =>
      instruments.some(({ instrument }) => names.includes(instrument)),
    );
    return Promise.resolve(found);
  }

  news(event: LifecycleEvent): CatalogueNews | null {
    return event.market === undefined
      ? null
      : { market: event.market, ...(event.details as object), confirm: true };
  }

  labels(market: CatalogueMarket): readonly string[] {
    return [market.market, market.event ?? '', market.series ?? '', market.title];
  }

  content(market: CatalogueMarket): unknown {
    return [market.title, market.details['lasting'] ?? null];
  }

  ignores(instrument: string): boolean {
    return instrument.startsWith('KXMVE');
  }
}

/** Everything a listener was told, in order. */
export class Heard implements RegistryListener {
  readonly calls: string[] = [];
  readonly captured = new Set<string>();
  /** Time that came with the last word that something is over. */
  overSince: Micros | null = null;
  readonly progresses: { pages: number; markets: number; done: boolean }[] = [];

  opened(instruments: readonly string[]): void {
    for (const instrument of instruments) {
      if (this.captured.has(instrument)) throw new Error(`${instrument} was opened twice`);
      this.captured.add(instrument);
    }
    this.calls.push(`opened ${instruments.join(' ')}`);
  }

  closed(instruments: readonly string[]): void {
    for (const instrument of instruments) {
      if (!this.captured.delete(instrument)) throw new Error(`${instrument} was closed without being open`);
    }
    this.calls.push(`closed ${instruments.join(' ')}`);
  }

  over(instruments: readonly string[], since: Micros): void {
    if (instruments.some((instrument) => this.captured.has(instrument)))
      throw new Error('over, and captured');
    this.calls.push(`over ${instruments.join(' ')}`);
    this.overSince = since;
  }

  changed(market: CatalogueMarket): void {
    this.calls.push(`changed ${market.market} ${market.status}`);
  }

  progress(progress: { pages: number; markets: number; done: boolean }): void {
    this.progresses.push({ ...progress });
  }

  /** What was told since the last call of this. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

export interface Scene {
  readonly time: VirtualTime;
  readonly catalogue: FakeCatalogue;
  readonly heard: Heard;
  readonly registry: VenueRegistry;
  readonly notices: RegistryNotice[];
  message(market: string, type: string, details?: object): void;
}

/** @param first listeners told before the one whose hearing is kept */
export function scene(
  settings: Partial<RegistrySettings> = {},
  catalogue = new FakeCatalogue(),
  first: readonly RegistryListener[] = [],
): Scene {
  const time = new VirtualTime();
  const heard = new Heard();
  const notices: RegistryNotice[] = [];
  const registry = new VenueRegistry({
    catalogue,
    settings: {
      filter: { include: [], exclude: [] },
      fullIntervalMillis: 300_000,
      incrementalIntervalMillis: 30_000,
      closeGraceMillis: 60_000,
      ...settings,
    },
    clock: time.clock,
    sleep: time.sleep,
    random: () => 0.5,
    listeners: [...first, heard],
    notice: (notice) => notices.push(notice),
  });
  return {
    time,
    catalogue,
    heard,
    registry,
    notices,
    message(market, type, details = {}) {
      registry.apply({
        kind: 'lifecycle',
        venue: 'kalshi',
        received_at: time.clock(),
        market,
        instruments: [market],
        type,
        details: details as Record<string, unknown>,
        exchange_ts: null,
      });
    },
  };
}

export function inMillis(time: VirtualTime, millis: number): Micros {
  return (time.clock() + millis * 1000) as Micros;
}
