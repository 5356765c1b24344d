import type { LifecycleEvent, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { CatalogueMarket } from './catalogue.ts';

/** What a lifecycle message says about one market; what it does not say is absent. */
export interface CatalogueNews {
  readonly market: string;
  /** The market as far as the message describes it, where that is enough to capture it. */
  readonly whole?: CatalogueMarket;
  readonly is_open?: boolean;
  /** The market has ended for good: REST answers to the contrary are taken for old ones for longer. */
  readonly is_final?: boolean;
  readonly close_ts?: Micros;
  /** Whether the venue is to be asked for the rest. */
  readonly confirm: boolean;
}

/**
 * What the registry has to know of a venue: its catalogue by REST and the meaning of its lifecycle messages.
 * Listings and fetches reject when the venue cannot be asked; a market that it does not know is left out.
 */
export interface VenueCatalogue {
  readonly venue: Venue;
  /** Whether markets open at `open_ts` and close at `close_ts` without the venue saying so. */
  readonly keepsToItsClock: boolean;
  /** Every market that is open or will open, in pages. */
  listOpen(signal: AbortSignal): AsyncIterable<readonly CatalogueMarket[]>;
  /** Markets that are new or changed since then, in pages; absent where the venue cannot tell. */
  listUpdated?(since: Micros, signal: AbortSignal): AsyncIterable<readonly CatalogueMarket[]>;
  fetchMarkets(markets: readonly string[], signal: AbortSignal): Promise<readonly CatalogueMarket[]>;
  /** The markets of these instruments. */
  fetchInstruments(instruments: readonly string[], signal: AbortSignal): Promise<readonly CatalogueMarket[]>;
  /** Null for a message that says nothing about one market. */
  news(event: LifecycleEvent): CatalogueNews | null;
  /** What the configured filter is held against. */
  labels(market: CatalogueMarket): readonly string[];
  /** The part of a market whose change is worth telling: not its prices and volumes. */
  content(market: CatalogueMarket): unknown;
  /** Instruments that are left out by kind and need not be looked up. */
  ignores(instrument: string): boolean;
}
