import type { Venue } from '#src/events/event.ts';
import { readTruth } from '#src/truth/read-truth.ts';
import { bookAt } from '#src/truth/truth-books.ts';
import type { TruthRecord } from '#src/truth/truth-record.ts';
import type { FaultControl } from '../faults/fault-control.ts';
import {
  type FaultSettings,
  FaultSpecificationError,
  parseFaults,
  SOCKET_FAULTS,
  type SocketFault,
} from '../faults/specification.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';
import type { KalshiExchange } from '../kalshi/exchange.ts';
import type { PolymarketExchange } from '../polymarket/exchange.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthFile, TruthLog } from '../truth-log.ts';
import type { VenueListeners } from './venue-listeners.ts';

const ok = (body: unknown): RestAnswer => ({ status: 200, body });
const bad = (error: string): RestAnswer => ({ status: 400, body: { error } });

const TRUTH_PAGE = 10_000;

/** What can be seen and done of a running simulation. */
export interface ControlledSimulation {
  readonly timeline: Timeline;
  readonly kalshi: KalshiExchange;
  readonly polymarket: PolymarketExchange;
  readonly listeners: VenueListeners;
  readonly faults: FaultControl;
  readonly truth: TruthLog;
  readonly truthFile: TruthFile | null;
  readonly records: readonly TruthRecord[];
  pause(): void;
  resume(): void;
  restart(): void;
  flush(): void;
  setFaults(settings: FaultSettings): void;
}

/** The simulator's own interface, beside the venues': faults, pause, truth. */
export class SimulationControl {
  readonly #simulation: ControlledSimulation;

  constructor(simulation: ControlledSimulation) {
    this.#simulation = simulation;
  }

  handle = async (request: RestRequest): Promise<RestAnswer> => {
    const route = `${request.method} ${request.path}`;
    switch (route) {
      case 'GET /control/status':
        return ok(this.#status());
      case 'POST /control/pause':
        this.#simulation.pause();
        return ok(this.#status());
      case 'POST /control/resume':
        this.#simulation.resume();
        return ok(this.#status());
      case 'POST /control/flush':
        this.#simulation.flush();
        return ok(this.#status());
      case 'POST /control/restart':
        this.#simulation.restart();
        return ok(this.#status());
      case 'POST /control/stir':
        this.#simulation.kalshi.stir();
        this.#simulation.polymarket.stir();
        return ok(this.#status());
      case 'GET /control/faults':
        return ok(this.#faults());
      case 'POST /control/faults':
        return this.#setFaults(request.body);
      case 'GET /control/truth':
        return this.#truth(request.query);
      case 'GET /control/book':
        return this.#book(request.query);
      default:
        return { status: 404, body: { error: `${route} is unknown` } };
    }
  };

  #status(): unknown {
    const { timeline, truth, listeners, kalshi, polymarket, truthFile } = this.#simulation;
    return {
      paused: timeline.isPaused,
      started_at: timeline.start,
      now: timeline.now,
      truth: { records: truth.count, file: truthFile?.file ?? null },
      kalshi: {
        connections: listeners.kalshi!.connections.length,
        subscriptions: listeners.kalshi!.connections.reduce(
          (sum, { subscriptions }) => sum + subscriptions.length,
          0,
        ),
        markets: kalshi.markets.size,
      },
      polymarket: {
        connections: listeners.polymarket!.connections.length,
        tokens: listeners.polymarket!.connections.reduce((sum, { tokens }) => sum + tokens.size, 0),
        markets: polymarket.markets.size,
      },
      faults: this.#simulation.faults.counts(),
    };
  }

  #faults(): unknown {
    const { settings } = this.#simulation.faults;
    return { ...settings, happened: this.#simulation.faults.counts() };
  }

  /**
   * `{"spec":"disconnect=1,…"}` replaces all rates; `{"once":{"fault","venue","connection"}}` makes one fault due
   * at once on one connection (counted from 0 in the order of connecting), or on all without `connection`.
   */
  #setFaults(body: string): RestAnswer {
    let wish: { spec?: unknown; once?: { fault?: unknown; venue?: unknown; connection?: unknown } };
    try {
      wish = JSON.parse(body);
    } catch {
      return bad('the body is not JSON');
    }
    try {
      if (typeof wish.spec === 'string') this.#simulation.setFaults(parseFaults(wish.spec));
    } catch (error) {
      if (error instanceof FaultSpecificationError) return bad(error.message);
      throw error;
    }
    if (wish.once === undefined) return ok(this.#faults());
    const { fault, venue, connection } = wish.once;
    if (!SOCKET_FAULTS.includes(fault as SocketFault))
      return bad(`once.fault must be one of ${SOCKET_FAULTS.join(', ')}`);
    if (venue !== 'kalshi' && venue !== 'polymarket') return bad('once.venue must be kalshi or polymarket');
    const all = this.#simulation.listeners[venue]!.connections;
    const chosen = typeof connection === 'number' ? all.slice(connection, connection + 1) : all;
    for (const { socket } of chosen) socket.plan.demand(fault as SocketFault);
    return ok({ connections: chosen.length });
  }

  #records(): AsyncIterable<TruthRecord> | Iterable<TruthRecord> {
    const { truthFile, records } = this.#simulation;
    if (truthFile === null) return records;
    truthFile.flush();
    return readTruth(truthFile.file);
  }

  /** Records with a number above `after`, at most `limit` of them. */
  async #truth(query: URLSearchParams): Promise<RestAnswer> {
    const after = Number(query.get('after') ?? 0);
    const limit = Math.min(Number(query.get('limit') ?? TRUTH_PAGE), TRUTH_PAGE);
    const records: TruthRecord[] = [];
    for await (const record of this.#records()) {
      if (record.kind !== 'header' && record.n <= after) continue;
      if (record.kind === 'header' && after > 0) continue;
      records.push(record);
      if (records.length >= limit) break;
    }
    return ok({ records });
  }

  /** The book at exchange time `at` in microseconds, or now. */
  async #book(query: URLSearchParams): Promise<RestAnswer> {
    const venue = query.get('venue');
    const instrument = query.get('instrument');
    if (venue !== 'kalshi' && venue !== 'polymarket') return bad('venue must be kalshi or polymarket');
    if (instrument === null) return bad('instrument is required');
    const at = query.has('at') ? Number(query.get('at')) : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(at)) return bad('at must be microseconds since the epoch');
    const book = await bookAt(this.#records(), venue satisfies Venue, instrument, at);
    return book === null
      ? { status: 404, body: { error: `no ${venue} instrument ${instrument} by then` } }
      : ok({ venue, instrument, at, ...book });
  }
}
