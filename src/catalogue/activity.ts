import type { CatalogueMarket } from '../registry/catalogue.ts';

/** Names under which the venues give the volume of the last day: all of a description that the catalogue reads. */
export const VOLUME_KEYS = ['volume_24h_fp', 'volume24hr', 'volume_24h', 'volume24hrClob'];

/**
 * How active a market is, as a whole power of two of its day's volume: coarse, so that it changes seldom and
 * a changed figure alone does not rewrite the catalogue all day.
 */
export function activityOf(market: Pick<CatalogueMarket, 'details'>): number {
  for (const key of VOLUME_KEYS) {
    const volume = Number(market.details[key] ?? Number.NaN);
    if (Number.isFinite(volume) && volume >= 1) return Math.floor(Math.log2(volume)) + 1;
  }
  return 0;
}
