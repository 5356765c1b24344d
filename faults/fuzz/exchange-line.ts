import type { CaptureCore } from '#src/capture/keeper/capture-core.ts';
import { createKeeper } from '#src/capture/keeper.ts';
import type { CaptureSink, FrameRecorder } from '#src/capture/sink.ts';
import { createVenueLine, type VenueLine } from '#src/capture/venue-line.ts';
import { configurationSchema } from '#src/config/schema.ts';
import type { LineNotice } from '#src/connections/pool-contract.ts';
import type { Socket, SocketEvents } from '#src/connections/socket.ts';
import type { Venue } from '#src/events/event.ts';
import type { FrameDecoder } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import type { Random } from '../../sim/market/random.ts';
import { FakeTime } from '../../test/connections/fake-time.ts';
import { type ExchangeSocket, type FuzzedExchange, fetchFrom, openExchange } from './exchange.ts';

const configuration = configurationSchema.parse({
  environment: 'local',
  venues: {
    kalshi: {
      rest_url: 'http://kalshi.test/trade-api/v2',
      websocket_url: 'ws://kalshi.test/ws',
      minimum_per_connection: 8,
    },
    polymarket: {
      clob_url: 'http://clob.test',
      gamma_url: 'http://gamma.test',
      websocket_url: 'ws://clob.test/ws',
      instruments_per_connection: 12,
    },
  },
});

/** A socket to the exchange in this process, on whose way frames are mutated. */
class FuzzedSocket implements Socket {
  readonly readyState = 1;
  readonly OPEN = 1;
  readonly bufferedAmount = 0;
  readonly #events: SocketEvents;
  readonly #way: (frame: string) => readonly (string | Uint8Array)[];
  #exchange: ExchangeSocket | null = null;
  #due: (string | Uint8Array)[] = [];
  isOver = false;

  constructor(events: SocketEvents, way: (frame: string) => readonly (string | Uint8Array)[]) {
    this.#events = events;
    this.#way = way;
  }

  open(exchange: FuzzedExchange): void {
    if (this.isOver) return;
    this.#exchange = exchange.connect({
      send: (text) => {
        this.#due.push(...this.#way(text));
      },
      ping: () => {
        this.#events.heartbeat('ping');
        this.#exchange?.pong();
      },
      close: (code = 1005, reason = '') => this.end(code, reason),
      terminate: () => this.end(1006, ''),
      readyState: 1,
      OPEN: 1,
      bufferedAmount: 0,
    });
    this.#events.opened();
  }

  deliver(): void {
    const due = this.#due;
    this.#due = [];
    for (const data of due) if (!this.isOver) this.#events.message(data);
  }

  end(code: number, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#exchange?.closed();
    this.#events.closed(code, reason);
  }

  send(text: string): void {
    if (!this.isOver) this.#exchange?.message(text);
  }

  ping(): void {
    if (!this.isOver) this.#events.heartbeat('pong');
  }

  close(code: number, reason: string): void {
    this.end(code, reason);
  }

  terminate(): void {
    this.end(1006, '');
  }
}

export interface ExchangeLineParts {
  readonly venue: Venue;
  readonly markets: number;
  readonly seed: number;
  readonly random: Random;
  /** What becomes of a frame on its way to the line. */
  readonly way: (frame: string) => readonly (string | Uint8Array)[];
  readonly sink: CaptureSink;
  readonly recorder?: FrameRecorder;
  /** Stands between the line and its decoder. */
  readonly decoder?: (own: FrameDecoder) => FrameDecoder;
  readonly notice?: (notice: LineNotice) => void;
}

/** A whole line of one venue, from the socket to its sink, that captures a simulated exchange in this process. */
export interface ExchangeLine {
  readonly exchange: FuzzedExchange;
  readonly keeper: CaptureCore;
  readonly line: VenueLine;
  readonly time: FakeTime;
  /** Lets simulated time pass, with everything that is due in it. */
  step(millis: number, each?: () => void): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** Time is simulated: the same seed gives the same frames. */
export async function openExchangeLine(parts: ExchangeLineParts): Promise<ExchangeLine> {
  const { venue, markets, seed, random, way, sink } = parts;
  const time = new FakeTime();
  const exchange = openExchange(venue, markets, seed, time.clock);
  const definition = venueDefinition(venue);
  const access = definition.access(configuration, null, {
    clock: time.clock,
    sleep: (millis) => new Promise((resolve) => void time.timers.after(millis, resolve)),
    random: () => random.unit(),
    fetch: fetchFrom(exchange),
  });
  const keeper = createKeeper({
    venue,
    gatherer: 'a',
    epoch: 'simulated',
    clock: time.clock,
    decoder: parts.decoder?.(access.decoder) ?? access.decoder,
    ...(access.proofs === undefined ? {} : { proofs: access.proofs }),
    sink,
    snapshotInterval: 15_000_000,
    snapshotDepth: 10,
    anchorInterval: 60_000_000,
  });
  const sockets = new Set<FuzzedSocket>();
  const fresh: FuzzedSocket[] = [];
  const line = createVenueLine({
    venue,
    settings: definition.lineSettings(configuration),
    registry: (told) => ({
      start: async () => told.opened(exchange.instruments),
      stop: () => {},
      apply: () => {},
      unknownInstrument: () => {},
      counts: () => ({ markets: 0, open: 0, instruments: exchange.instruments.length }),
    }),
    keeper,
    recorder: parts.recorder ?? { received: () => {}, sent: () => {} },
    clock: time.clock,
    random: () => random.unit(),
    timers: time.timers,
    socketFactory: (_request, events) => {
      const socket = new FuzzedSocket(events, way);
      fresh.push(socket);
      return socket;
    },
    fetchBooks: async (instruments) => (await access.fetchBooks(instruments)).books,
    ...(parts.notice === undefined ? {} : { events: parts.notice }),
  });
  await line.start();
  const step = async (millis: number, each: () => void = () => {}): Promise<void> => {
    time.pass(millis, () => {
      for (const socket of fresh.splice(0)) {
        sockets.add(socket);
        socket.open(exchange);
      }
      exchange.run();
      for (const socket of sockets) {
        socket.deliver();
        if (socket.isOver) sockets.delete(socket);
      }
      each();
    });
    // Answers by REST come between the steps.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    exchange,
    keeper,
    line,
    time,
    step,
    cut: () => {
      for (const socket of [...sockets]) socket.end(1006, '');
    },
    close: async () => {
      await Promise.all([line.stop(1), step(1_000)]);
    },
  };
}
