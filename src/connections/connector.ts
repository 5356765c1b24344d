import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import { Allowance } from './allowance.ts';
import type { LifeOwner } from './life.ts';
import { Life } from './life.ts';
import type { PoolParts } from './pool-contract.ts';
import type { Slot } from './slot.ts';

const CONNECT_TIMEOUT = 20 * MICROS_PER_SECOND;

/**
 * Opens sockets: not too many at once, none before its time, each with a fresh signature. When the venue
 * refuses the key, all wait, and one alone tries again every few minutes.
 */
export class Connector {
  readonly lives = new Map<Life, Slot>();
  readonly #parts: PoolParts;
  readonly #owner: LifeOwner;
  readonly #notice: (kind: string, message: string) => void;
  readonly #connects: Allowance;
  #unauthorizedUntil: Micros | null = null;

  constructor(parts: PoolParts, owner: LifeOwner, notice: (kind: string, message: string) => void) {
    this.#parts = parts;
    this.#owner = owner;
    this.#notice = notice;
    const { connectsPerSecond, connectBurst } = parts.settings.timing;
    this.#connects = new Allowance(connectsPerSecond, connectBurst);
  }

  get isUnauthorized(): boolean {
    return this.#unauthorizedUntil !== null;
  }

  /** The venue accepted a subscription: the key is good. */
  accepted(): void {
    this.#unauthorizedUntil = null;
  }

  /** The venue refused the key. Returns when it is tried again, in minutes from now. */
  refusedKey(now: Micros): number {
    const { unauthorizedRetry } = this.#parts.settings.timing;
    this.#unauthorizedUntil = (now + unauthorizedRetry) as Micros;
    return Math.round(unauthorizedRetry / MICROS_PER_MINUTE);
  }

  /** Opens what is due, and gives up what does not open. */
  tick(slots: readonly Slot[], now: Micros): void {
    for (const life of [...this.lives.keys()]) {
      if (life.state !== 'connecting' || now - life.startedAt <= CONNECT_TIMEOUT) continue;
      life.end({ kind: 'failed', reason: 'the socket did not open in time', cause: 'disconnected' });
    }
    if (this.#unauthorizedUntil !== null) {
      if (now < this.#unauthorizedUntil) return;
      const probe = slots.find((slot) => slot.current === null && slot.isWanted);
      if (probe === undefined) return;
      this.refusedKey(now);
      probe.current = this.#open(probe, now);
      return;
    }
    for (const slot of slots) {
      if (slot.current !== null || !slot.isWanted || slot.nextAttemptAt > now) continue;
      if (this.#connects.take(now, 1) === 0) return;
      slot.current = this.#open(slot, now);
    }
  }

  /** Opens a successor for the slot; null when that is not possible now. */
  openSuccessor(slot: Slot, now: Micros): Life | null {
    if (this.isUnauthorized || this.#connects.take(now, 1) === 0) return null;
    // What is usual for the connection is usual for its successor.
    if (slot.current?.hasData === true) slot.usual = slot.current.watch;
    return this.#open(slot, now);
  }

  #open(slot: Slot, now: Micros): Life | null {
    try {
      const headers = this.#headers();
      if (headers === null) return this.#later(slot, now);
      slot.epochs++;
      if (slot.epochs > 1) slot.reconnects++;
      const life = new Life(slot, slot.epochs, this.#parts, this.#owner, headers);
      this.lives.set(life, slot);
      return life;
    } catch (error) {
      this.#notice('connect_failed', error instanceof Error ? error.message : String(error));
      return this.#later(slot, now);
    }
  }

  #headers(): Readonly<Record<string, string>> | null {
    try {
      return this.#parts.signer?.() ?? {};
    } catch (error) {
      this.#notice('signing_failed', error instanceof Error ? error.message : 'the request cannot be signed');
      return null;
    }
  }

  #later(slot: Slot, now: Micros): null {
    slot.nextAttemptAt = (now + this.#parts.settings.timing.backoff.cap) as Micros;
    return null;
  }
}
