import type { Micros } from '../../units/time.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { SessionPort } from '../session.ts';

/** Between two heartbeats of either side, microseconds. */
export const PING_EVERY = 10 * MICROS_PER_SECOND;
const ABSENCE = 30 * MICROS_PER_SECOND;
const LATE = 2 * MICROS_PER_SECOND;

/**
 * Heartbeats both ways: the venue pings every 10 s (answered by the socket itself), and so does this side. Three
 * missed in a row, of either direction, mean a dead socket. Servers that never ping are judged by pongs alone.
 */
export class SessionHeartbeat {
  readonly #port: SessionPort;
  #pingedAt: Micros | null = null;
  #lastServerPing: Micros | null = null;
  #lastHeard: Micros | null = null;
  #tickedAt: Micros | null = null;

  constructor(port: SessionPort) {
    this.#port = port;
  }

  heard(kind: 'ping' | 'pong', now: Micros): void {
    this.#lastHeard = now;
    if (kind === 'ping') this.#lastServerPing = now;
  }

  /** False when the socket is dead; the port has been told. */
  tick(now: Micros): boolean {
    this.#lastHeard ??= now;
    // This process stood still: what the venue sent meanwhile has not been read yet.
    if (this.#tickedAt !== null && now - this.#tickedAt > LATE) {
      this.#lastHeard = now;
      if (this.#lastServerPing !== null) this.#lastServerPing = now;
    }
    this.#tickedAt = now;
    if (now - this.#lastHeard > ABSENCE) return this.#fail('no ping and no pong for 30 s');
    if (this.#lastServerPing !== null && now - this.#lastServerPing > ABSENCE) {
      return this.#fail('the venue stopped its pings for 30 s');
    }
    if (this.#pingedAt === null || now - this.#pingedAt >= PING_EVERY) {
      this.#pingedAt = now;
      this.#port.beat();
    }
    return true;
  }

  #fail(reason: string): false {
    this.#port.fail('disconnected', reason);
    return false;
  }
}
