import type { Configuration } from '../config/schema.ts';
import type { FilterSettings } from './instrument-filter.ts';
import type { RegistrySettings } from './venue-registry.ts';

type VenueConfiguration = Configuration['venues'][keyof Configuration['venues']];

/** A venue's registry as its configuration asks for it. */
export function registrySettings(
  { registry }: Pick<VenueConfiguration, 'registry'>,
  filter: FilterSettings,
): RegistrySettings {
  return {
    filter,
    fullIntervalMillis: registry.full_interval_seconds * 1_000,
    incrementalIntervalMillis: registry.incremental_interval_seconds * 1_000,
    closeGraceMillis: registry.close_grace_seconds * 1_000,
  };
}
