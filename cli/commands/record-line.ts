import { readFileSync } from 'node:fs';
import { createKeeper } from '../../src/capture/keeper.ts';
import type { FrameRecorder } from '../../src/capture/sink.ts';
import { createVenueLine, type VenueLine, type VenueLineSettings } from '../../src/capture/venue-line.ts';
import { kalshiLineSettings, polymarketLineSettings } from '../../src/capture/venue-line-settings.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { webSocketFactory } from '../../src/connections/websocket.ts';
import type { BookSnapshotEvent, Venue } from '../../src/events/event.ts';
import { systemSleep } from '../../src/http/sleep.ts';
import type { FilterSettings } from '../../src/registry/instrument-filter.ts';
import type { VenueCatalogue } from '../../src/registry/venue-catalogue.ts';
import { VenueRegistry } from '../../src/registry/venue-registry.ts';
import { type Clock, systemClock } from '../../src/units/time.ts';
import { createDecoder } from '../../src/venues/decoders.ts';
import { KalshiCatalogue } from '../../src/venues/kalshi/markets.ts';
import { KalshiRest } from '../../src/venues/kalshi/rest.ts';
import { type KalshiSigner, kalshiSigner } from '../../src/venues/kalshi/signing.ts';
import { GammaRest } from '../../src/venues/polymarket/gamma.ts';
import { PolymarketCatalogue } from '../../src/venues/polymarket/markets.ts';
import { PolymarketRest } from '../../src/venues/polymarket/rest.ts';
import { CommandFailure } from '../terminal/failure.ts';

/** How one venue is reached. */
interface Access {
  readonly settings: VenueLineSettings;
  readonly catalogue: VenueCatalogue;
  readonly fetchBooks: (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;
  readonly signer?: () => Readonly<Record<string, string>>;
}

/** Kalshi lets nobody onto its socket without a signature. @throws CommandFailure without a key */
function signerFrom(environment: NodeJS.ProcessEnv, clock: Clock): KalshiSigner {
  const { KALSHI_KEY_ID: id, KALSHI_PRIVATE_KEY: text, KALSHI_PRIVATE_KEY_FILE: file } = environment;
  if (!id || !(text || file)) {
    throw new CommandFailure(
      'Kalshi needs a key: set KALSHI_KEY_ID, and KALSHI_PRIVATE_KEY or KALSHI_PRIVATE_KEY_FILE',
    );
  }
  try {
    return kalshiSigner(id, text || readFileSync(file!, 'utf8'), clock);
  } catch (error) {
    throw new CommandFailure(`Kalshi key: ${(error as Error).message}`);
  }
}

function accessTo(venue: Venue, configuration: Configuration, clock: Clock): Access {
  const http = { clock, sleep: systemSleep, random: Math.random };
  if (venue === 'kalshi') {
    const { rest_url, websocket_url, combos } = configuration.venues.kalshi;
    const sign = signerFrom(process.env, clock);
    const rest = new KalshiRest({ ...http, baseUrl: rest_url, signer: sign });
    return {
      settings: kalshiLineSettings(configuration),
      catalogue: new KalshiCatalogue(rest, combos),
      fetchBooks: async (instruments) => (await rest.orderbooks(instruments)).books,
      signer: () => sign('GET', new URL(websocket_url).pathname),
    };
  }
  const { clob_url, gamma_url } = configuration.venues.polymarket;
  const rest = new PolymarketRest({ ...http, baseUrl: clob_url });
  return {
    settings: polymarketLineSettings(configuration),
    catalogue: new PolymarketCatalogue(new GammaRest({ ...http, baseUrl: gamma_url })),
    fetchBooks: async (instruments) => (await rest.books(instruments)).books,
  };
}

/**
 * A capture line of one venue whose frames go to a recorder and whose events go nowhere: it subscribes, watches
 * and recovers as a gatherer does.
 *
 * @throws CommandFailure when the venue needs a key and there is none
 */
export function recordingLine(
  venue: Venue,
  configuration: Configuration,
  filter: FilterSettings,
  recorder: FrameRecorder,
  notice: (text: string) => void,
): VenueLine {
  const clock = systemClock();
  const access = accessTo(venue, configuration, clock);
  const { registry } = configuration.venues[venue];
  const keeper = createKeeper({
    venue,
    gatherer: 'a',
    epoch: 'recording',
    clock,
    decoder: createDecoder(venue),
    sink: { accept: () => {} },
    snapshotInterval: 0,
    snapshotDepth: 1,
    anchorInterval: 0,
  });
  return createVenueLine({
    venue,
    settings: access.settings,
    registry: (listener) =>
      new VenueRegistry({
        catalogue: access.catalogue,
        settings: {
          filter,
          fullIntervalMillis: registry.full_interval_seconds * 1_000,
          incrementalIntervalMillis: registry.incremental_interval_seconds * 1_000,
          closeGraceMillis: registry.close_grace_seconds * 1_000,
        },
        clock,
        sleep: systemSleep,
        random: Math.random,
        listeners: [listener],
        notice: ({ kind, message }) => notice(`${kind}: ${message}`),
      }),
    keeper,
    recorder,
    clock,
    random: Math.random,
    socketFactory: webSocketFactory(),
    fetchBooks: access.fetchBooks,
    ...(access.signer === undefined ? {} : { signer: access.signer }),
    events: ({ kind, level, message }) => {
      if (level !== 'info') notice(`${kind}: ${message}`);
    },
  });
}
