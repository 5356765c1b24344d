import type { Micros } from '../../units/time.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { ControlMessage } from '../decoder.ts';
import type { SessionPort, SessionProfile, SessionStatus, VenueSession } from '../session.ts';

const PING_EVERY = 10 * MICROS_PER_SECOND;
const ABSENCE = 30 * MICROS_PER_SECOND;
const LATE = 2 * MICROS_PER_SECOND;

/** Sessions of the Polymarket market channel: purpose `book`, which carries trades and announcements, too. */
export function polymarketProfile(): SessionProfile {
  return {
    venue: 'polymarket',
    useYesPrice: false,
    isNumbered: () => false,
    heardEvery: PING_EVERY as Micros,
    session(purpose: string, port: SessionPort): VenueSession {
      if (purpose === 'book') return new PolymarketSession(port);
      throw new Error(`Polymarket has no connections for ${JSON.stringify(purpose)}; expected book`);
    },
  };
}

/**
 * One market-channel socket. The venue acknowledges nothing: what was sent counts as subscribed, and the
 * pool's deadline for first books finds out what was not. A PING before the first subscription closes the
 * socket with 1008, so nothing at all is sent before there is something to subscribe.
 */
class PolymarketSession implements VenueSession {
  readonly #port: SessionPort;
  readonly #queue = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #leaving = new Set<string>();
  #isOpen = false;
  #hasSubscribed = false;
  #pingedAt = 0 as Micros;
  #heardAt = 0 as Micros;
  #tickedAt = 0 as Micros;

  constructor(port: SessionPort) {
    this.#port = port;
  }

  opened(now: Micros): void {
    this.#isOpen = true;
    this.#heardAt = now;
    this.#flush(now);
  }

  add(instruments: readonly string[], now: Micros): void {
    for (const token of instruments) this.#queue.add(token);
    this.#flush(now);
  }

  remove(instruments: readonly string[], now: Micros): void {
    for (const token of instruments) {
      if (this.#queue.delete(token)) continue;
      if (this.#tokens.delete(token)) this.#leaving.add(token);
    }
    this.#flush(now);
  }

  refresh(): boolean {
    return false;
  }

  /** Whether leaving and joining again brings a book is not known; another socket's subscription surely does. */
  reseat(): boolean {
    return false;
  }

  control(message: ControlMessage, now: Micros): void {
    if (message.type === 'pong') this.#heardAt = now;
  }

  heartbeat(): void {}

  tick(now: Micros): void {
    if (!this.#isOpen) return;
    this.#flush(now);
    // Nothing is to be heard yet, or this process stood still and has not read what came meanwhile.
    if (!this.#hasSubscribed || now - this.#tickedAt > LATE) this.#heardAt = now;
    this.#tickedAt = now;
    if (!this.#hasSubscribed) return;
    if (now - this.#heardAt > ABSENCE) {
      this.#port.fail('disconnected', 'no PONG for 30 s');
      return;
    }
    if (now - this.#pingedAt >= PING_EVERY) {
      this.#pingedAt = now;
      this.#port.beat('PING');
    }
  }

  status(): SessionStatus {
    return { queued: this.#queue.size, outstanding: 0, subscriptions: this.#hasSubscribed ? 1 : 0 };
  }

  #flush(now: Micros): void {
    if (!this.#isOpen) return;
    if (this.#leaving.size > 0) {
      this.#port.send(
        JSON.stringify({
          assets_ids: [...this.#leaving],
          operation: 'unsubscribe',
          custom_feature_enabled: true,
        }),
      );
      this.#leaving.clear();
    }
    if (this.#queue.size === 0) return;
    const tokens = [...this.#queue];
    this.#queue.clear();
    for (const token of tokens) this.#tokens.add(token);
    // Bound before it is sent: nothing says that the books come after anything else.
    this.#port.bind(0, tokens);
    this.#port.send(
      JSON.stringify({
        assets_ids: tokens,
        ...(this.#hasSubscribed ? { operation: 'subscribe' } : { type: 'market' }),
        custom_feature_enabled: true,
      }),
    );
    if (!this.#hasSubscribed) this.#pingedAt = now;
    this.#hasSubscribed = true;
  }
}
