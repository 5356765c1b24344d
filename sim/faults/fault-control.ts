import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '#src/units/time.ts';
import { Random } from '../market/random.ts';
import { FaultPlan } from './fault-plan.ts';
import type { FaultedVenue, FaultSettings } from './specification.ts';
import { VenueSocket } from './venue-socket.ts';

/** The faults in force, and the sockets they befall. Settings may change while it runs. */
export class FaultControl {
  settings: FaultSettings;
  readonly #seed: number;
  readonly #clock: Clock;
  #sockets = 0;
  /** What happened on sockets that are gone, by venue and fault. */
  readonly #past: Record<FaultedVenue, Record<string, number>> = { kalshi: {}, polymarket: {} };
  readonly #live = new Map<VenueSocket, FaultedVenue>();

  constructor(settings: FaultSettings, seed: number, clock: Clock) {
    this.settings = settings;
    this.#seed = seed;
    this.#clock = clock;
  }

  /** Each socket fails by a plan of its own, made from the seed and its number. */
  socket(venue: FaultedVenue, client: WebSocket, wire: Duplex | null = null): VenueSocket {
    const ordinal = ++this.#sockets;
    const plan = new FaultPlan(
      () => this.settings.sockets[venue],
      new Random(this.#seed, `${venue} socket ${ordinal}`),
    );
    const socket = new VenueSocket(ordinal, client, wire, plan, () => this.settings, this.#clock);
    this.#live.set(socket, venue);
    return socket;
  }

  closed(socket: VenueSocket): void {
    const venue = this.#live.get(socket);
    if (venue === undefined) return;
    this.#live.delete(socket);
    add(this.#past[venue], socket.faults);
  }

  /** How often each fault has happened, by venue. */
  counts(): Record<FaultedVenue, Record<string, number>> {
    const counts = { kalshi: { ...this.#past.kalshi }, polymarket: { ...this.#past.polymarket } };
    for (const [socket, venue] of this.#live) add(counts[venue], socket.faults);
    return counts;
  }
}

function add(to: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count;
}
