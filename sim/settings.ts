/** How much happens on the simulated exchange. */
export interface SimulationSettings {
  readonly seed: number;
  readonly kalshiMarkets: number;
  /** Combination markets beside them: listed and announced, hardly ever traded. */
  readonly kalshiCombos: number;
  readonly polymarketMarkets: number;
  /** Events a second over both venues, counted as canonical events. */
  readonly rate: number;
  /** What happens to markets, times a minute. */
  readonly lifecycle: LifecycleRates;
  /** How often a Polymarket message is sent a second time, as a share of all changes. */
  readonly resends: number;
  /** How long Polymarket's CLOB does not know a market that has been announced, microseconds. */
  readonly clobDelay: number;
}

export interface LifecycleRates {
  readonly created: number;
  readonly closed: number;
  readonly paused: number;
  readonly regridded: number;
  readonly renamed: number;
}

export const DEFAULT_SETTINGS: SimulationSettings = {
  seed: 1,
  kalshiMarkets: 1_200,
  kalshiCombos: 60,
  polymarketMarkets: 600,
  rate: 800,
  lifecycle: { created: 6, closed: 5, paused: 2, regridded: 2, renamed: 1 },
  resends: 0.02,
  clobDelay: 3_000_000,
};
