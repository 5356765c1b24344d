import type { InstrumentRecord } from '../events/captured.ts';
import type { LifecycleEvent, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/** A market as a venue's REST interface or lifecycle feed describes it, the same shape for every venue. */
export interface CatalogueMarket {
  readonly venue: Venue;
  readonly market: string;
  readonly event: string | null;
  readonly series: string | null;
  readonly title: string;
  /** The venue's own status word. */
  readonly status: string;
  /** Whether an order book is there to be captured now. */
  readonly is_open: boolean;
  /** Whether the venue says that trading is over for good; it may still pay out. */
  readonly is_final?: boolean;
  readonly open_ts: Micros | null;
  readonly close_ts: Micros | null;
  readonly instruments: readonly InstrumentRecord[];
  /** As received. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Told of every change; calls are synchronous and must not throw. */
export interface RegistryListener {
  /** These instruments are to be captured from now on. */
  opened(instruments: readonly string[]): void;
  /** These are no longer to be captured. */
  closed(instruments: readonly string[]): void;
  /**
   * The markets of these are over for good, and not captured (any more): trading had ended by `since`. Told as well of
   * markets that were over when they were first heard of.
   */
  over?(instruments: readonly string[], since: Micros): void;
  /** A market is new or differs from what was known. */
  changed(market: CatalogueMarket): void;
  /** Progress of a listing: pages and markets so far; `done` when the listing is complete. */
  progress(progress: { readonly pages: number; readonly markets: number; readonly done: boolean }): void;
}

/** Knows every market of a venue and which instruments are to be captured now. */
export interface MarketRegistry {
  /** Initial listing, then reconciliation and timers until `stop`. Resolves when the initial listing is complete. */
  start(): Promise<void>;
  stop(): void;
  /** Feeds a lifecycle message (Kalshi `market_lifecycle_v2`, Polymarket `new_market`, `market_resolved`). */
  apply(event: LifecycleEvent): void;
  /** Asked whenever something is captured for an instrument that the registry does not know. */
  unknownInstrument(instrument: string): void;
  counts(): { readonly markets: number; readonly open: number; readonly instruments: number };
}
