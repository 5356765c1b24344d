import type { GapCause, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { ControlMessage } from './decoder.ts';

/** What a session may do with its socket, and what it tells the pool. Calls never throw. */
export interface SessionPort {
  /** Sends a command; it is recorded. */
  send(frame: string): void;
  /** Sends a heartbeat, which is not recorded: the given text, or a protocol ping without one. */
  beat(text?: string): void;
  /** From now on the subscription `sid` (0 where the venue has none) of this socket carries these instruments. */
  bind(sid: number, instruments: readonly string[]): void;
  /** This socket does not carry these any more and the session has forgotten them; they may be added again. */
  dropped(instruments: readonly string[], cause: GapCause, reason: string): void;
  /** The venue refuses exactly these instruments; the session has forgotten them. */
  refused(instruments: readonly string[], reason: string): void;
  /** This socket is of no more use: close it, and connect again later. */
  fail(cause: GapCause, reason: string): void;
  /** The venue says that this connection is not signed in: no retry in a loop. */
  unauthorized(reason: string): void;
  /** Something that an operator should be able to count and read. `kind` is a stable word. */
  notice(kind: string, message: string): void;
}

/**
 * The protocol of one socket: which commands bring about that it carries what the pool wants, and what the
 * replies mean. It lives exactly as long as the socket. All time comes in as `now`.
 */
export interface VenueSession {
  /** The socket is open. */
  opened(now: Micros): void;
  /** Carry these too. Never twice the same without `remove` or `dropped` between. */
  add(instruments: readonly string[], now: Micros): void;
  /** Stop carrying these. */
  remove(instruments: readonly string[], now: Micros): void;
  /** Asks for fresh books on the running subscription. False where the protocol has no such thing. */
  refresh(instruments: readonly string[], now: Micros): boolean;
  /** Takes these out of the subscription and puts them in again. False where that is known not to help. */
  reseat(instruments: readonly string[], now: Micros): boolean;
  /** A reply or other control message, in the order of arrival, right after its frame. */
  control(message: ControlMessage, now: Micros): void;
  /** A protocol ping or pong arrived. */
  heartbeat(kind: 'ping' | 'pong', now: Micros): void;
  /** Sends what is due. Called about every 100 ms. */
  tick(now: Micros): void;
  status(): SessionStatus;
}

export interface SessionStatus {
  /** Instruments wanted but not yet asked for. */
  readonly queued: number;
  /** Commands without reply. */
  readonly outstanding: number;
  readonly subscriptions: number;
}

/** What the pool has to know of a venue beyond the session itself. */
export interface SessionProfile {
  readonly venue: Venue;
  /** Kalshi only: the convention that book subscriptions ask for. */
  readonly useYesPrice: boolean;
  /**
   * Whether the messages of connections of this purpose are numbered, so that a missing one shows. Books that are not are
   * held against REST all the time.
   */
  isNumbered(purpose: string): boolean;
  /** At least so often something comes over a socket that is in order, if only a heartbeat; microseconds. */
  readonly heardEvery: Micros;
  /** A session for one new socket. `purpose` is `book` or one of the venue-wide feeds. */
  session(purpose: string, port: SessionPort): VenueSession;
}
