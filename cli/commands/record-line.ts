import { createKeeper } from '../../src/capture/keeper.ts';
import type { FrameRecorder } from '../../src/capture/sink.ts';
import { createVenueLine, type VenueLine } from '../../src/capture/venue-line.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { webSocketFactory } from '../../src/connections/websocket.ts';
import type { Venue } from '../../src/events/event.ts';
import { systemSleep } from '../../src/http/sleep.ts';
import type { FilterSettings } from '../../src/registry/instrument-filter.ts';
import { registrySettings } from '../../src/registry/registry-settings.ts';
import { VenueRegistry } from '../../src/registry/venue-registry.ts';
import { RepeatLimiter } from '../../src/telemetry/repeat-limiter.ts';
import { type Clock, systemClock } from '../../src/units/time.ts';
import { environmentKey, keyVariables } from '../../src/venues/environment-key.ts';
import { venueDefinition } from '../../src/venues/registration.ts';
import type { VenueAccess } from '../../src/venues/venue.ts';
import { CommandFailure } from '../terminal/failure.ts';

/** @throws CommandFailure when the venue lets nobody onto its socket without a key and there is none */
function accessTo(venue: Venue, configuration: Configuration, clock: Clock): VenueAccess {
  const { needsKey, access } = venueDefinition(venue);
  try {
    const key = needsKey ? environmentKey(venue, process.env) : null;
    if (needsKey && key === null) {
      const { id, text, file } = keyVariables(venue);
      throw new CommandFailure(`${venue} needs a key: set ${id}, and ${text} or ${file}`);
    }
    return access(configuration, key, { clock, sleep: systemSleep, random: Math.random });
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`${venue} key: ${(error as Error).message}`);
  }
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
  const repeats = new RepeatLimiter({ clock });
  const access = accessTo(venue, configuration, clock);
  const definition = venueDefinition(venue);
  const keeper = createKeeper({
    venue,
    gatherer: 'a',
    epoch: 'recording',
    clock,
    decoder: definition.decoder(),
    sink: { accept: () => {} },
    snapshotInterval: 0,
    snapshotDepth: 1,
    anchorInterval: 0,
  });
  return createVenueLine({
    venue,
    settings: definition.lineSettings(configuration),
    registry: (listener) =>
      new VenueRegistry({
        catalogue: access.catalogue,
        settings: registrySettings(configuration.venues[venue], filter),
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
    fetchBooks: async (instruments) => (await access.fetchBooks(instruments)).books,
    ...(access.signer === undefined ? {} : { signer: access.signer }),
    events: ({ kind, level, message }) => {
      // A venue that sends one thing that nobody knows sends it all the time.
      const suppressed = level === 'info' ? null : repeats.admit(kind);
      if (suppressed === null) return;
      notice(`${kind}: ${message}${suppressed > 0 ? ` (${suppressed} like it were left out)` : ''}`);
    },
  });
}
