import { ConnectionPool } from '../connections/pool.ts';
import type { LineNotice, PoolStatus } from '../connections/pool-contract.ts';
import type { SocketFactory } from '../connections/socket.ts';
import type { Timers } from '../connections/timers.ts';
import { systemTimers } from '../connections/timers.ts';
import type { BookSnapshotEvent, Venue } from '../events/event.ts';
import type { MarketRegistry, RegistryListener } from '../registry/catalogue.ts';
import type { Clock, Micros } from '../units/time.ts';
import { venueDefinition } from '../venues/registration.ts';
import type { VenueLineSettings } from '../venues/venue.ts';
import type { LineKeeper } from './line.ts';
import type { FrameRecorder } from './sink.ts';

const TICK_MILLIS = 100;

export interface VenueLineParts {
  readonly venue: Venue;
  readonly settings: VenueLineSettings;
  /** Makes the registry around the listener through which it tells this line what to capture. */
  readonly registry: (listener: RegistryListener) => MarketRegistry;
  readonly keeper: LineKeeper;
  readonly recorder: FrameRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly socketFactory: SocketFactory;
  readonly timers?: Timers;
  /** Headers of the upgrade request, made afresh for each connection. */
  readonly signer?: () => Readonly<Record<string, string>>;
  /** Books by REST, the second witness. */
  readonly fetchBooks?: (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;
  /** Told everything worth an operator's attention. */
  readonly events?: (notice: LineNotice) => void;
}

export interface VenueLineStatus extends PoolStatus {
  readonly registry: ReturnType<MarketRegistry['counts']>;
  readonly keeper: ReturnType<LineKeeper['counts']>;
}

/** One venue on one line: registry, connections and keeper tied together. */
export interface VenueLine {
  /** Opens the connections and starts the registry. Resolves when the registry's first listing is complete. */
  start(): Promise<void>;
  /** Ends the capture at once; resolves when all sockets are closed or `limitMillis` have passed. */
  stop(limitMillis?: number): Promise<void>;
  status(): VenueLineStatus;
  /** The venue's time before which everything had been received at a time of our clock; null while not known. */
  venueTime(received_at: Micros): Micros | null;
}

export function createVenueLine(parts: VenueLineParts): VenueLine {
  const { clock, keeper, settings } = parts;
  const timers = parts.timers ?? systemTimers;
  const pool = new ConnectionPool({
    profile: venueDefinition(parts.venue).session(settings),
    settings,
    keeper,
    recorder: parts.recorder,
    clock,
    random: parts.random,
    socketFactory: parts.socketFactory,
    ...(parts.signer === undefined ? {} : { signer: parts.signer }),
    ...(parts.fetchBooks === undefined ? {} : { fetchBooks: parts.fetchBooks }),
    listener: {
      notice: (notice) => parts.events?.(notice),
      lifecycle: (event) => registry.apply(event),
      unknownInstrument: (instrument) => registry.unknownInstrument(instrument),
    },
  });
  const registry = parts.registry({
    opened: (instruments) => {
      keeper.expect(instruments, clock());
      pool.request(instruments);
    },
    closed: (instruments) => {
      pool.release(instruments);
      keeper.release(instruments, clock());
    },
    over: (instruments, since) => keeper.over?.(instruments, since),
    changed: () => {},
    progress: () => {},
  });
  const tick = () => {
    try {
      pool.tick();
      keeper.tick(clock());
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      parts.events?.({ kind: 'internal_error', level: 'error', venue: parts.venue, at: clock(), message });
    }
  };
  let stopTicking: (() => void) | null = null;
  return {
    start: async () => {
      pool.start();
      stopTicking ??= timers.every(TICK_MILLIS, tick);
      await registry.start();
    },
    stop: async (limitMillis = 1_000) => {
      registry.stop();
      stopTicking?.();
      stopTicking = null;
      await pool.stop((done) => timers.after(limitMillis, done));
    },
    venueTime: (received_at) => keeper.venueTime?.(received_at) ?? null,
    status: () => ({ ...pool.status(), registry: registry.counts(), keeper: keeper.counts() }),
  };
}
