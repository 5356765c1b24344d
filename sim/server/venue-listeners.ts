import type { WebSocket } from 'ws';
import { type Clock, MICROS_PER_SECOND } from '#src/units/time.ts';
import type { FaultControl } from '../faults/fault-control.ts';
import { Listener, type RestAnswer, type RestRequest, type UpgradeRules } from '../http/listener.ts';
import { withRestFaults } from '../http/rest-faults.ts';
import type { KalshiAuthentication } from '../kalshi/authentication.ts';
import { KalshiGateway } from '../kalshi/gateway.ts';
import { type KalshiRestLimits, KalshiRestServer, PREFIX, tooManyRequests } from '../kalshi/rest.ts';
import type { KalshiRestData } from '../kalshi/rest-data.ts';
import type { KalshiFeed, KalshiSocketLimits } from '../kalshi/socket-rules.ts';
import { Random } from '../market/random.ts';
import {
  type PolymarketFeed,
  PolymarketGateway,
  type PolymarketSocketLimits,
} from '../polymarket/gateway.ts';
import { ClobServer } from '../polymarket/rest-clob.ts';
import type { PolymarketRestData } from '../polymarket/rest-data.ts';
import { GammaServer } from '../polymarket/rest-gamma.ts';

export interface KalshiParts {
  readonly feed: KalshiFeed;
  readonly data: KalshiRestData;
  readonly authentication: KalshiAuthentication;
  readonly socketLimits: KalshiSocketLimits;
  readonly restLimits: KalshiRestLimits;
}

export interface PolymarketParts {
  readonly feed: PolymarketFeed;
  readonly data: PolymarketRestData;
  readonly socketLimits: PolymarketSocketLimits;
}

export interface VenueListenerOptions {
  readonly host: string;
  /** First of four ports (Kalshi, CLOB, Gamma, control), or 0 for any free ones. */
  readonly port: number;
  readonly clock: Clock;
  readonly seed: number;
  readonly faults: FaultControl;
  readonly kalshi: KalshiParts | null;
  readonly polymarket: PolymarketParts | null;
  readonly control: (request: RestRequest) => Promise<RestAnswer>;
  /** What WebSockets the address of the control takes. */
  readonly stream?: { readonly path: string; readonly rules: UpgradeRules };
}

/** What is printed when everything listens. */
export interface ReadyLine {
  readonly ready: true;
  readonly kalshi?: { readonly rest: string; readonly ws: string };
  readonly polymarket?: { readonly clob: string; readonly gamma: string; readonly ws: string };
  readonly control: string;
  /** Events as they are, whichever venue they are of. */
  readonly stream?: string;
}

const KALSHI_SOCKET_PATH = '/trade-api/ws/v2';
const POLYMARKET_SOCKET_PATH = '/ws/market';
const TICK_MILLIS = 50;

const notFound: RestAnswer = { status: 404, body: { error: 'not found' } };
const unavailable: RestAnswer = {
  status: 503,
  body: { error: { code: 'service_unavailable', message: 'restarting' } },
};

/** The servers of both venues, whatever stands behind them: a simulated exchange or a recording. */
export class VenueListeners {
  readonly kalshi: KalshiGateway | null;
  readonly polymarket: PolymarketGateway | null;
  readonly ready: ReadyLine;
  readonly #options: VenueListenerOptions;
  readonly #listeners: Listener[];
  readonly #timer: NodeJS.Timeout;
  readonly #down: { until: number };

  private constructor(
    options: VenueListenerOptions,
    gateways: Gateways,
    listeners: Listener[],
    ready: ReadyLine,
    down: { until: number },
  ) {
    this.#options = options;
    this.kalshi = gateways.kalshi;
    this.polymarket = gateways.polymarket;
    this.#listeners = listeners;
    this.ready = ready;
    this.#down = down;
    this.#timer = setInterval(() => this.tick(), TICK_MILLIS);
  }

  /** @throws the system's error when a port cannot be had */
  static async start(options: VenueListenerOptions): Promise<VenueListeners> {
    const { host, clock, faults, seed } = options;
    const down = { until: 0 };
    const gateways: Gateways = {
      kalshi:
        options.kalshi === null
          ? null
          : new KalshiGateway(options.kalshi.feed, options.kalshi.socketLimits, clock),
      polymarket:
        options.polymarket === null
          ? null
          : new PolymarketGateway(options.polymarket.feed, options.polymarket.socketLimits, clock),
    };
    const isDown = (): boolean => clock() < down.until;
    const guarded = (
      name: string,
      handle: (request: RestRequest) => Promise<RestAnswer>,
      tooMany: (random: Random) => unknown,
    ) =>
      withRestFaults(handle, () => faults.settings, isDown, new Random(seed, `${name} rest faults`), tooMany);
    const listeners: Listener[] = [];
    const port = (offset: number): number => (options.port === 0 ? 0 : options.port + offset);
    const base = (listener: Listener, scheme: string, path: string): string =>
      `${scheme}://${host}:${listener.port}${path}`;
    let ready: Omit<ReadyLine, 'control' | 'ready'> = {};
    try {
      if (options.kalshi !== null) {
        const parts = options.kalshi;
        const random = new Random(seed, 'kalshi rest');
        const rest = new KalshiRestServer(parts.data, parts.authentication, parts.restLimits, random, clock);
        const listener = await Listener.listen(
          port(0),
          host,
          guarded('kalshi', rest.handle, tooManyRequests),
          kalshiUpgrades(gateways.kalshi!, parts.authentication, faults, isDown),
        );
        listeners.push(listener);
        ready = {
          kalshi: { rest: base(listener, 'http', PREFIX), ws: base(listener, 'ws', KALSHI_SOCKET_PATH) },
        };
      }
      if (options.polymarket !== null) {
        const { data } = options.polymarket;
        const cloudflare = (): unknown => 'error code: 1015';
        const clob = await Listener.listen(
          port(1),
          host,
          guarded('clob', new ClobServer(data, clock).handle, cloudflare),
          polymarketUpgrades(gateways.polymarket!, faults, isDown),
        );
        listeners.push(clob);
        const gamma = await Listener.listen(
          port(2),
          host,
          guarded('gamma', new GammaServer(data, clock).handle, cloudflare),
        );
        listeners.push(gamma);
        const polymarket = {
          clob: base(clob, 'http', ''),
          gamma: base(gamma, 'http', ''),
          ws: base(clob, 'ws', POLYMARKET_SOCKET_PATH),
        };
        ready = { ...ready, polymarket };
      }
      const control = await Listener.listen(port(3), host, options.control, options.stream?.rules);
      listeners.push(control);
      const line: ReadyLine = {
        ready: true,
        ...ready,
        control: base(control, 'http', ''),
        ...(options.stream === undefined ? {} : { stream: base(control, 'ws', options.stream.path) }),
      };
      return new VenueListeners(options, gateways, listeners, line, down);
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.stop()));
      throw error;
    }
  }

  /** Heartbeats, and faults that are due by time. Called by itself twenty times a second. */
  tick(): void {
    this.kalshi?.tick();
    this.polymarket?.tick();
  }

  /** Every socket is closed; REST and new sockets are refused for a while. */
  restart(): void {
    const { clock, faults } = this.#options;
    this.#down.until = clock() + faults.settings.restart_seconds * MICROS_PER_SECOND;
    this.kalshi?.closeAll(1012, 'service restart');
    this.polymarket?.closeAll(1012, 'service restart');
  }

  get isDown(): boolean {
    return this.#options.clock() < this.#down.until;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#listeners.map((listener) => listener.stop()));
  }
}

interface Gateways {
  readonly kalshi: KalshiGateway | null;
  readonly polymarket: PolymarketGateway | null;
}

function attach(client: WebSocket, closed: () => void, message: (text: string) => void): void {
  client.on('close', closed);
  client.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) message(data.toString('utf8'));
  });
}

function kalshiUpgrades(
  gateway: KalshiGateway,
  authentication: KalshiAuthentication,
  faults: FaultControl,
  isDown: () => boolean,
): UpgradeRules {
  return {
    refuse(request) {
      if (isDown()) return unavailable;
      if (request.path !== KALSHI_SOCKET_PATH) return notFound;
      if (authentication.identify(request).kind !== 'signed') return authentication.unauthorized();
      if (gateway.isFull)
        return {
          status: 429,
          body: { error: { code: 'too_many_connections', message: 'too many connections' } },
        };
      return null;
    },
    accept(client, _request, wire) {
      const socket = faults.socket('kalshi', client, wire);
      const connection = gateway.open(socket);
      client.on('pong', () => connection.pong());
      attach(
        client,
        () => {
          gateway.closed(socket);
          faults.closed(socket);
        },
        (text) => connection.message(text),
      );
    },
  };
}

function polymarketUpgrades(
  gateway: PolymarketGateway,
  faults: FaultControl,
  isDown: () => boolean,
): UpgradeRules {
  return {
    refuse(request) {
      if (isDown()) return unavailable;
      return request.path === POLYMARKET_SOCKET_PATH ? null : notFound;
    },
    accept(client, _request, wire) {
      const socket = faults.socket('polymarket', client, wire);
      const connection = gateway.open(socket);
      attach(
        client,
        () => {
          gateway.closed(socket);
          faults.closed(socket);
        },
        (text) => connection.message(text),
      );
    },
  };
}
