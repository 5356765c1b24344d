import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type Clock, MICROS_PER_SECOND } from '#src/units/time.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { FaultSettings, SocketFault } from './specification.ts';

/** What the faults have to know of a message. */
export interface MessageTraits {
  /**
   * Messages with equal marks never change places: nothing in them tells which came first. Nor does one with a
   * negative mark change places with any.
   */
  readonly order: number;
  /** Whether a second copy is recognisable as one. A Polymarket trade has no id: a copy would be another trade. */
  readonly repeatable: boolean;
}

/** A held message goes out after this long, if no other came to pass it. */
const LONGEST_HOLD = MICROS_PER_SECOND / 4;
/** A client that is so far behind is cut off, as venues do. */
const MOST_BUFFERED = 64 << 20;

/**
 * One client's socket as the exchange sees it. Market data passes through the faults; replies and heartbeats do
 * not, except that a stalled socket says nothing but pongs.
 */
export class VenueSocket {
  readonly ordinal: number;
  readonly #socket: WebSocket;
  readonly #wire: Duplex | null;
  readonly #plan: FaultPlan;
  readonly #settings: () => FaultSettings;
  readonly #clock: Clock;
  #stalledUntil = 0;
  #held: { frame: string; traits: MessageTraits; since: number } | null = null;
  /** Faults that happened to this socket, by name. */
  readonly faults: Record<string, number> = {};
  sent = 0;

  constructor(
    ordinal: number,
    socket: WebSocket,
    wire: Duplex | null,
    plan: FaultPlan,
    settings: () => FaultSettings,
    clock: Clock,
  ) {
    this.ordinal = ordinal;
    this.#socket = socket;
    this.#wire = wire;
    this.#plan = plan;
    this.#settings = settings;
    this.#clock = clock;
  }

  get plan(): FaultPlan {
    return this.#plan;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Bytes that the client has not taken yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  /** What is sent until `uncork` leaves in one piece: a system call for each message costs more than the message. */
  cork(): void {
    this.#wire?.cork();
  }

  uncork(): void {
    this.#wire?.uncork();
  }

  /** Sends market data. @returns whether the client is going to get this message whole. */
  data(frame: string, traits: MessageTraits): boolean {
    if (!this.isOpen) return false;
    const now = this.#clock();
    if (now < this.#stalledUntil) return false;
    if (this.#socket.bufferedAmount > MOST_BUFFERED) {
      this.#socket.terminate();
      return false;
    }
    const plan = this.#plan;
    if (this.#happens('gap', now)) return false;
    if (this.#happens('malformed', now)) {
      this.#send(`${frame.slice(0, frame.length >> 1)}\u0007}{${frame.slice(frame.length >> 1)}`);
      return false;
    }
    if (this.#happens('truncated', now)) {
      this.#send(frame.slice(0, plan.random.between(1, Math.max(1, frame.length - 2))));
      return false;
    }
    if (this.#happens('binary', now)) {
      const bytes = Buffer.alloc(64);
      for (let offset = 0; offset < 64; offset += 4) bytes.writeUInt32LE(plan.random.word(), offset);
      this.#socket.send(bytes, { binary: true });
      return false;
    }
    if (this.#happens('huge', now)) {
      this.#send(
        `{"type":"padding","event_type":"padding","msg":{"text":"${'x'.repeat(this.#settings().huge_bytes)}"}}`,
      );
    }
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      if (held.traits.order === traits.order || traits.order < 0) {
        this.#send(held.frame);
        this.#send(frame);
      } else {
        this.#count('reorder');
        this.#send(frame);
        this.#send(held.frame);
      }
      return true;
    }
    if (traits.order >= 0 && plan.take('reorder', now)) {
      this.#held = { frame, traits, since: now };
      return true;
    }
    this.#send(frame);
    if (traits.repeatable && this.#happens('duplicate', now)) this.#send(frame);
    return true;
  }

  /** Sends a reply or a heartbeat's answer. */
  reply(frame: string): void {
    if (!this.isOpen || this.#clock() < this.#stalledUntil) return;
    this.#release();
    this.#send(frame);
  }

  /** Answers a heartbeat: that works in a stall, too. */
  pong(frame: string): void {
    if (this.isOpen) this.#socket.send(frame);
  }

  ping(body: string): void {
    if (this.isOpen) this.#socket.ping(body);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** What is due by time: cuts, stalls, held messages. */
  tick(): void {
    if (!this.isOpen) return;
    const now = this.#clock();
    if (this.#held !== null && now - this.#held.since > LONGEST_HOLD) this.#release();
    if (this.#happens('stall', now)) {
      this.#release();
      this.#stalledUntil = now + this.#settings().stall_seconds * MICROS_PER_SECOND;
    }
    if (this.#happens('disconnect', now)) {
      this.#release();
      this.#socket.terminate();
    }
  }

  /** Whether a fault that is not the socket's own is due on this connection; asking takes it. */
  suffers(fault: SocketFault): boolean {
    return this.#happens(fault, this.#clock());
  }

  #happens(fault: SocketFault, now: number): boolean {
    if (!this.#plan.take(fault, now)) return false;
    this.#count(fault);
    return true;
  }

  #count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }

  #release(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#send(held.frame);
  }

  #send(frame: string): void {
    this.sent++;
    this.#socket.send(frame);
  }
}
