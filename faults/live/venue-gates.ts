import { type Passage, TcpGate } from './tcp-gate.ts';

const ADDRESSES = {
  sockets: ['KALSHI_WEBSOCKET_URL', 'POLYMARKET_WEBSOCKET_URL'],
  rest: ['KALSHI_REST_URL', 'POLYMARKET_CLOB_URL', 'POLYMARKET_GAMMA_URL'],
} as const;

/** The ways of one line to the venues: a gate before every address. */
export class VenueGates {
  readonly #sockets: readonly TcpGate[];
  readonly #rest: readonly TcpGate[];

  private constructor(sockets: readonly TcpGate[], rest: readonly TcpGate[]) {
    this.#sockets = sockets;
    this.#rest = rest;
  }

  static async open(): Promise<VenueGates> {
    const gates = (names: readonly string[]): Promise<TcpGate[]> =>
      Promise.all(names.map(() => TcpGate.open()));
    return new VenueGates(await gates(ADDRESSES.sockets), await gates(ADDRESSES.rest));
  }

  /** The line's environment with the gates' addresses in the place of the venues'. */
  through(environment: Readonly<Record<string, string>>): Record<string, string> {
    const changed = { ...environment };
    for (const [names, gates] of [
      [ADDRESSES.sockets, this.#sockets],
      [ADDRESSES.rest, this.#rest],
    ] as const) {
      for (const [index, name] of names.entries()) {
        const url = environment[name];
        if (url !== undefined) changed[name] = gates[index]!.through(url);
      }
    }
    return changed;
  }

  /** @returns how many connections were cut. */
  cutSockets(): number {
    return this.#sockets.reduce((sum, gate) => sum + gate.cut(), 0);
  }

  set sockets(passage: Passage) {
    for (const gate of this.#sockets) gate.passage = passage;
  }

  set rest(passage: Passage) {
    for (const gate of this.#rest) gate.passage = passage;
  }

  /** Answers by REST end after so many bytes; null for whole ones. */
  set restCutAfter(bytes: number | null) {
    for (const gate of this.#rest) gate.cutAfter = bytes;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets, ...this.#rest].map((gate) => gate.close()));
  }
}
