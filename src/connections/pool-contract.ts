import type { LineKeeper } from '../capture/line.ts';
import type { FrameRecorder } from '../capture/sink.ts';
import type { BookSnapshotEvent, LifecycleEvent, Venue } from '../events/event.ts';
import type { Clock, Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import type { SessionProfile, SessionStatus } from '../venues/session.ts';
import type { BackoffSettings } from './backoff.ts';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { SocketFactory } from './socket.ts';

/** Everything that may differ between venues, environments and tests. Times in microseconds. */
export interface PoolSettings {
  readonly url: string;
  readonly book: {
    /** Book connections at most. */
    readonly connections: number;
    readonly instrumentsPerConnection: number;
    /** A further connection is opened only when the open ones hold this many each. */
    readonly minimumPerConnection: number;
  };
  /** Venue-wide feeds and how many connections of its own each has; 0 for one that comes on the book connections. */
  readonly feeds: readonly { readonly purpose: string; readonly connections: number }[];
  readonly timing: PoolTiming;
}

export interface PoolTiming {
  /** A book must come within this time of asking for it. */
  readonly firstEventDeadline: number;
  /** Silence of a subscription shorter than this is never a stall. */
  readonly stallAfter: number;
  /** Where nothing numbers the messages, every book is held against one by REST once in this time, if that can be. */
  readonly compareEvery: number;
  /** Age at which a connection is replaced, the new one first. */
  readonly maxAge: number;
  /** After the venue refused the key, one connection tries again this often. */
  readonly unauthorizedRetry: number;
  readonly backoff: BackoffSettings;
  /** New sockets a second, and at once. */
  readonly connectsPerSecond: number;
  readonly connectBurst: number;
}

export const DEFAULT_TIMING: PoolTiming = {
  firstEventDeadline: 30 * MICROS_PER_SECOND,
  stallAfter: 60 * MICROS_PER_SECOND,
  compareEvery: 60 * MICROS_PER_SECOND,
  maxAge: 240 * MICROS_PER_MINUTE,
  unauthorizedRetry: 5 * MICROS_PER_MINUTE,
  backoff: DEFAULT_BACKOFF,
  connectsPerSecond: 10,
  connectBurst: 20,
};

export interface PoolParts {
  readonly profile: SessionProfile;
  readonly settings: PoolSettings;
  readonly keeper: LineKeeper;
  readonly recorder: FrameRecorder;
  readonly clock: Clock;
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly socketFactory: SocketFactory;
  /** Headers of the upgrade request, made afresh for every connection. May throw: the connection then waits. */
  readonly signer?: () => Readonly<Record<string, string>>;
  /** Books by REST, as a second witness. Unknown instruments are left out. */
  readonly fetchBooks?: (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;
  readonly listener: PoolListener;
}

export interface PoolListener {
  notice(notice: LineNotice): void;
  lifecycle(event: LifecycleEvent): void;
  /** Data came for an instrument that was not asked for. */
  unknownInstrument(instrument: string): void;
}

/** One thing worth telling an operator. `kind` is stable and of low cardinality: count by it. */
export interface LineNotice {
  readonly kind: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly venue: Venue;
  readonly at: Micros;
  /** Connection name with epoch, where it concerns one. */
  readonly connection?: string;
  readonly message: string;
}

export type ConnectionState =
  | 'idle'
  | 'waiting'
  | 'connecting'
  | 'open'
  | 'replacing'
  | 'unauthorized'
  | 'looping'
  | 'stopped';

/** Whether the socket is there, one whose successor is on its way included. */
export function isConnected({ state }: { readonly state: ConnectionState }): boolean {
  return state === 'open' || state === 'replacing';
}

export interface InstrumentCounts {
  /** Wanted from the pool. */
  readonly requested: number;
  /** Carried by a subscription. */
  readonly subscribed: number;
  /** Book received and proven on it. */
  readonly seeded: number;
}

export interface ConnectionStatus {
  readonly name: string;
  readonly purpose: string;
  readonly state: ConnectionState;
  /** Sockets opened under this name so far. */
  readonly epoch: number;
  readonly instruments: InstrumentCounts;
  readonly session: SessionStatus;
  readonly frames: number;
  readonly binary_frames: number;
  /** Since the last data, microseconds; null before the first. */
  readonly last_data_age: number | null;
  /** Receive time less venue time of the latest message that had one, microseconds. */
  readonly message_age: number | null;
  readonly reconnects: number;
  readonly last_close: { readonly at: Micros; readonly code: number; readonly reason: string } | null;
}

export interface PoolStatus {
  readonly venue: Venue;
  readonly unauthorized: boolean;
  readonly instruments: InstrumentCounts;
  /** Wanted, but all connections are full. */
  readonly unplaced: number;
  /** Occurrences by kind of notice, and of rescues by step. */
  readonly counters: Readonly<Record<string, number>>;
  readonly connections: readonly ConnectionStatus[];
}
