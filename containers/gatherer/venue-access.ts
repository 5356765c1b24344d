import type { VenueLineSettings } from '#src/capture/venue-line.ts';
import { kalshiLineSettings, polymarketLineSettings } from '#src/capture/venue-line-settings.ts';
import type { Configuration } from '#src/config/schema.ts';
import type { BookSnapshotEvent, Venue } from '#src/events/event.ts';
import type { AnswerProblem } from '#src/http/answer-shape.ts';
import type { HttpObservation } from '#src/http/http-client.ts';
import { systemSleep } from '#src/http/sleep.ts';
import type { VenueCatalogue } from '#src/registry/venue-catalogue.ts';
import type { RegistrySettings } from '#src/registry/venue-registry.ts';
import type { Clock } from '#src/units/time.ts';
import type { BookProofs } from '#src/venues/book-proofs.ts';
import type { FrameDecoder } from '#src/venues/decoder.ts';
import { createDecoder } from '#src/venues/decoders.ts';
import { KalshiCatalogue } from '#src/venues/kalshi/markets.ts';
import { KalshiRest } from '#src/venues/kalshi/rest.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { BookHashEvidence } from '#src/venues/polymarket/book-hash-evidence.ts';
import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';
import { GammaRest } from '#src/venues/polymarket/gamma.ts';
import { PolymarketCatalogue } from '#src/venues/polymarket/markets.ts';
import { PolymarketRest } from '#src/venues/polymarket/rest.ts';
import { polymarketLimits } from '#src/venues/polymarket/rest-limits.ts';
import type { KalshiKey } from './kalshi-key.ts';

/** Three gatherers may leave through one address: each keeps to its share of the published limits. */
const RATE_SHARE = 0.3;

/** How one venue is reached, the same shape for every venue. */
export interface VenueAccess {
  readonly venue: Venue;
  readonly settings: VenueLineSettings;
  readonly decoder: FrameDecoder;
  /** Where the venue gives hashes of its books. */
  readonly proofs?: BookProofs;
  readonly catalogue: VenueCatalogue;
  readonly registry: RegistrySettings;
  readonly fetchBooks: (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;
  readonly signer?: () => Readonly<Record<string, string>>;
}

export interface AccessObservers {
  readonly clock: Clock;
  readonly observe: (venue: Venue, observation: HttpObservation) => void;
  readonly problem: (venue: Venue, problem: AnswerProblem) => void;
}

function registrySettings(venue: Configuration['venues'][Venue]): RegistrySettings {
  return {
    filter: venue.filter,
    fullIntervalMillis: venue.registry.full_interval_seconds * 1_000,
    incrementalIntervalMillis: venue.registry.incremental_interval_seconds * 1_000,
    closeGraceMillis: venue.registry.close_grace_seconds * 1_000,
  };
}

function kalshi(
  configuration: Configuration,
  key: KalshiKey | null,
  observers: AccessObservers,
): VenueAccess {
  const { kalshi: venue } = configuration.venues;
  const { clock } = observers;
  const signer = key === null ? undefined : kalshiSigner(key.keyId, key.privateKey, clock);
  const rest = new KalshiRest({
    baseUrl: venue.rest_url,
    clock,
    sleep: systemSleep,
    random: Math.random,
    signer,
    rateShare: RATE_SHARE,
    observe: (observation) => observers.observe('kalshi', observation),
    problem: (problem) => observers.problem('kalshi', problem),
  });
  const socketPath = new URL(venue.websocket_url).pathname;
  return {
    venue: 'kalshi',
    settings: kalshiLineSettings(configuration),
    decoder: createDecoder('kalshi'),
    catalogue: new KalshiCatalogue(rest, venue.combos),
    registry: registrySettings(venue),
    fetchBooks: async (instruments) => (await rest.orderbooks(instruments)).books,
    ...(signer === undefined ? {} : { signer: () => signer('GET', socketPath) }),
  };
}

function polymarket(configuration: Configuration, observers: AccessObservers): VenueAccess {
  const { polymarket: venue } = configuration.venues;
  const { clock } = observers;
  const shared = {
    clock,
    sleep: systemSleep,
    random: Math.random,
    limits: polymarketLimits(RATE_SHARE, clock, systemSleep),
    observe: (observation: HttpObservation) => observers.observe('polymarket', observation),
    problem: (problem: AnswerProblem) => observers.problem('polymarket', problem),
  };
  const hashes = new BookHashEvidence();
  const rest = new PolymarketRest({ ...shared, hashes, baseUrl: venue.clob_url });
  const gamma = new GammaRest({ ...shared, baseUrl: venue.gamma_url });
  return {
    venue: 'polymarket',
    settings: polymarketLineSettings(configuration),
    decoder: new PolymarketDecoder(hashes),
    proofs: hashes,
    catalogue: new PolymarketCatalogue(gamma, hashes),
    registry: registrySettings(venue),
    fetchBooks: async (instruments) => (await rest.books(instruments)).books,
  };
}

/** Access to every venue that the configuration switches on. */
export function venueAccesses(
  configuration: Configuration,
  kalshiKey: KalshiKey | null,
  observers: AccessObservers,
): VenueAccess[] {
  return [
    ...(configuration.venues.kalshi.enabled ? [kalshi(configuration, kalshiKey, observers)] : []),
    ...(configuration.venues.polymarket.enabled ? [polymarket(configuration, observers)] : []),
  ];
}
