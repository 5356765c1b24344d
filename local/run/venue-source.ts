import { readFileSync, writeFileSync } from 'node:fs';
import { type Venue, venueNames } from '#src/events/event.ts';
import { environmentKey, keyVariables } from '#src/venues/environment-key.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import type { VenueKey } from '#src/venues/venue.ts';
import { Child } from '../processes/child.ts';
import type { LocalKeys } from '../template/substitutions.ts';
import { addressVariable } from '../template/venue-addresses.ts';
import type { Layout } from './layout.ts';
import type { Source } from './sources.ts';
import { modules } from './wiring.ts';

/** Where the gatherers of a run connect to, and how to tell when that is over. */
export interface VenueSource {
  /** Variables that `config/local.yaml` substitutes, and the key for the simulated venues. */
  readonly environment: Readonly<Record<string, string>>;
  /** Keys by venue: of this run for simulated or replayed ones, the user's own for real ones. */
  readonly keys: LocalKeys;
  /** Base URL of the simulator's control interface, null for the real venues. */
  readonly control: string | null;
  /** Resolves when there is nothing more to come; never for the simulator and the real venues. */
  readonly ended: Promise<void>;
  /** No new events from here on; sockets stay open. */
  pause(): Promise<void>;
  /** Completes the truth log. */
  finish(): Promise<void>;
  stop(): Promise<void>;
}

export interface VenueSourceSettings {
  readonly source: Source;
  readonly layout: Layout;
  readonly publicKey: string;
  readonly seed: number;
  readonly rate: number | null;
  readonly faults: string | null;
  readonly speed: string;
  /** Registers a child process with the run. */
  readonly child: (child: Child) => Child;
}

const KEY_ID = 'local-run';

/** What the simulator and the replay server print when they listen: addresses by venue, named as in the configuration. */
type ReadyLine = { readonly control: string } & Readonly<
  Partial<Record<Venue, Readonly<Record<string, string>>>>
>;

/** The key of a venue's configuration that an address is for. */
const configurationKey = (name: string): string => `${name === 'ws' ? 'websocket' : name}_url`;

/**
 * Variables for the addresses of a run's venues. A recording may lack a venue, which is left out then; one that the
 * simulator lacks stays as it is configured, so that it is noticed.
 */
export function venueEnvironment(
  ready: Omit<ReadyLine, 'control'>,
  type: 'sim' | 'replay',
  keyFile: string,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const venue of venueNames) {
    const addresses = ready[venue];
    if (addresses !== undefined || type === 'replay')
      variables[addressVariable(venue, 'enabled')] = String(addresses !== undefined);
    if (addresses === undefined) continue;
    for (const [name, address] of Object.entries(addresses))
      variables[addressVariable(venue, configurationKey(name))] = address;
    if (!venueDefinition(venue).needsKey) continue;
    const { id, text, file } = keyVariables(venue);
    Object.assign(variables, { [id]: KEY_ID, [text]: '', [file]: keyFile });
  }
  return variables;
}

async function control(base: string, path: string, body: unknown = {}): Promise<void> {
  await fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => {});
}

/**
 * The real venues: whatever the configuration and the user's environment name. One that needs a key only with it.
 *
 * @throws VenueKeyMissing when one is named and cannot be had
 */
export function liveSource(user: Readonly<Record<string, string | undefined>>): VenueSource {
  const environment: Record<string, string> = {};
  const keys: Partial<Record<Venue, VenueKey>> = {};
  for (const venue of venueNames) {
    if (!venueDefinition(venue).needsKey) continue;
    const key = environmentKey(venue, user);
    if (key !== null) keys[venue] = key;
    else {
      const enabled = addressVariable(venue, 'enabled');
      environment[enabled] = user[enabled] ?? 'false';
    }
  }
  return {
    environment,
    keys,
    control: null,
    ended: new Promise(() => {}),
    pause: async () => {},
    finish: async () => {},
    stop: async () => {},
  };
}

/** Starts what stands in for the venues: the simulator, a replay server, or nothing for the real ones. */
export async function startSource(settings: VenueSourceSettings): Promise<VenueSource> {
  const { source, layout, publicKey } = settings;
  if (source.type === 'live') return liveSource(process.env);
  const publicKeyFile = `${layout.keyFile}.pub`;
  writeFileSync(publicKeyFile, publicKey);
  const parameters =
    source.type === 'sim'
      ? [
          ['--seed', String(settings.seed)],
          settings.rate === null ? [] : ['--rate', String(settings.rate)],
          settings.faults === null ? [] : ['--faults', settings.faults],
          ['--truth', layout.truthFile],
        ].flat()
      : ['--path', source.path, '--speed', settings.speed, '--wait-subscriptions', '3'];
  const ended = Promise.withResolvers<void>();
  const child = settings.child(
    new Child(
      {
        name: source.type === 'sim' ? 'simulator' : 'replay',
        module: source.type === 'sim' ? modules.simulator : modules.replay,
        arguments: [
          ...parameters,
          '--port',
          '0',
          '--kalshi-key-id',
          KEY_ID,
          '--kalshi-public-key',
          publicKeyFile,
        ],
        environment: Object.fromEntries(
          Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
        ),
        logFile: layout.log(source.type === 'sim' ? 'simulator' : 'replay'),
        restart: false,
      },
      {
        onMessage: (message) => {
          if ((message as { type?: string }).type === 'ended') ended.resolve();
        },
      },
    ),
  );
  const ready = (await child.start()) as unknown as ReadyLine;
  const key = { keyId: KEY_ID, privateKey: readFileSync(layout.keyFile, 'utf8') };
  const keyed = venueNames.filter((venue) => venueDefinition(venue).needsKey);
  return {
    environment: venueEnvironment(ready, source.type, layout.keyFile),
    keys: Object.fromEntries(keyed.map((venue) => [venue, key])),
    control: ready.control,
    ended: ended.promise,
    pause: () => control(ready.control, '/control/pause'),
    finish: () => control(ready.control, '/control/flush'),
    stop: async () => void (await child.stop(5_000)),
  };
}
