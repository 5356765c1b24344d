import { readFileSync, writeFileSync } from 'node:fs';
import { environmentKey } from '#src/venues/environment-key.ts';
import { Child } from '../processes/child.ts';
import type { LocalKalshiKey } from '../template/substitutions.ts';
import type { Layout } from './layout.ts';
import type { Source } from './sources.ts';
import { modules } from './wiring.ts';

/** Where the gatherers of a run connect to, and how to tell when that is over. */
export interface VenueSource {
  /** Variables that `config/local.yaml` substitutes, and the key for the simulated Kalshi. */
  readonly environment: Readonly<Record<string, string>>;
  /** The key for Kalshi: of this run for a simulated or replayed one, the user's own for the real one, null without. */
  readonly kalshiKey: LocalKalshiKey | null;
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

interface ReadyLine {
  readonly kalshi?: { readonly rest: string; readonly ws: string };
  readonly polymarket?: { readonly clob: string; readonly gamma: string; readonly ws: string };
  readonly control: string;
}

function venueEnvironment(ready: ReadyLine, keyFile: string): Record<string, string> {
  const { kalshi, polymarket } = ready;
  return {
    KALSHI_ENABLED: String(kalshi !== undefined),
    POLYMARKET_ENABLED: String(polymarket !== undefined),
    ...(kalshi === undefined
      ? {}
      : {
          KALSHI_REST_URL: kalshi.rest,
          KALSHI_WEBSOCKET_URL: kalshi.ws,
          KALSHI_KEY_ID: KEY_ID,
          KALSHI_PRIVATE_KEY: '',
          KALSHI_PRIVATE_KEY_FILE: keyFile,
        }),
    ...(polymarket === undefined
      ? {}
      : {
          POLYMARKET_CLOB_URL: polymarket.clob,
          POLYMARKET_GAMMA_URL: polymarket.gamma,
          POLYMARKET_WEBSOCKET_URL: polymarket.ws,
        }),
  };
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
 * The real venues: whatever the configuration and the user's environment name. Kalshi only with a key.
 *
 * @throws VenueKeyMissing when one is named and cannot be had
 */
export function liveSource(user: Readonly<Record<string, string | undefined>>): VenueSource {
  const key = environmentKey('kalshi', user);
  return {
    environment: key === null ? { KALSHI_ENABLED: user['KALSHI_ENABLED'] ?? 'false' } : {},
    kalshiKey: key === null ? null : { id: key.keyId, privateKey: key.privateKey },
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
  return {
    environment: venueEnvironment(ready, layout.keyFile),
    kalshiKey: { id: KEY_ID, privateKey: readFileSync(layout.keyFile, 'utf8') },
    control: ready.control,
    ended: ended.promise,
    pause: () => control(ready.control, '/control/pause'),
    finish: () => control(ready.control, '/control/flush'),
    stop: async () => void (await child.stop(5_000)),
  };
}
