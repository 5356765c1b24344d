import { generateKeyPairSync } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Level, Venue } from '#src/events/event.ts';
import type { Clock } from '#src/units/time.ts';
import { FaultControl } from '../../sim/faults/fault-control.ts';
import { NO_FAULTS } from '../../sim/faults/specification.ts';
import type { RestAnswer, RestRequest } from '../../sim/http/listener.ts';
import { KalshiAuthentication } from '../../sim/kalshi/authentication.ts';
import { KalshiExchange } from '../../sim/kalshi/exchange.ts';
import { KalshiGateway } from '../../sim/kalshi/gateway.ts';
import { KALSHI_REST_LIMITS, KalshiRestServer } from '../../sim/kalshi/rest.ts';
import { SimulatedRestData } from '../../sim/kalshi/rest-data.ts';
import { KALSHI_SOCKET_LIMITS } from '../../sim/kalshi/socket-rules.ts';
import { Random } from '../../sim/market/random.ts';
import { PolymarketExchange } from '../../sim/polymarket/exchange.ts';
import { POLYMARKET_SOCKET_LIMITS, PolymarketGateway } from '../../sim/polymarket/gateway.ts';
import { tokenLevels } from '../../sim/polymarket/market.ts';
import { ClobServer } from '../../sim/polymarket/rest-clob.ts';
import { SimulatedPolymarketData } from '../../sim/polymarket/rest-data.ts';
import { GammaServer } from '../../sim/polymarket/rest-gamma.ts';
import { DEFAULT_SETTINGS } from '../../sim/settings.ts';
import { Timeline } from '../../sim/timeline.ts';

/** Nobody compares these runs with the truth. */
const NOWHERE = { book: () => {}, event: () => {} };
const RATE = 400;

/** One client's end of a socket of the exchange. */
export interface ExchangeSocket {
  message(text: string): void;
  /** The client's answer to a ping. */
  pong(): void;
  closed(): void;
}

/** A simulated venue in this process: its sockets and its REST interface, without a network. */
export interface FuzzedExchange {
  readonly instruments: readonly string[];
  /** A new socket; what the exchange sends goes to `client`. */
  connect(client: ExchangeClient): ExchangeSocket;
  /** Answers by REST as the venue's hosts do. */
  rest(request: RestRequest): Promise<RestAnswer>;
  /** Makes everything happen that is due by the clock. */
  run(): void;
  book(instrument: string): { readonly bids: readonly Level[]; readonly asks: readonly Level[] };
}

/** What the exchange does with a socket, as far as `ws` is needed for it. */
export interface ExchangeClient {
  send(text: string): void;
  ping(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
}

/** @param markets of the venue, which stay what they are */
export function openExchange(venue: Venue, markets: number, seed: number, clock: Clock): FuzzedExchange {
  const timeline = new Timeline(clock);
  const faults = new FaultControl(NO_FAULTS, seed, clock);
  const settings = {
    ...DEFAULT_SETTINGS,
    seed,
    rate: RATE,
    kalshiCombos: 2,
    kalshiMarkets: venue === 'kalshi' ? markets : 0,
    polymarketMarkets: venue === 'polymarket' ? markets : 0,
    lifecycle: { created: 0, closed: 0, paused: 0, regridded: 0, renamed: 0 },
  };
  const socketOf = (client: ExchangeClient) => faults.socket(venue, client as unknown as WebSocket);
  if (venue === 'kalshi') {
    const exchange = new KalshiExchange(settings, timeline, NOWHERE);
    const gateway = new KalshiGateway(exchange, KALSHI_SOCKET_LIMITS, clock);
    exchange.start(gateway);
    const { publicKey } = generateKeyPairSync('ed25519');
    const rest = new KalshiRestServer(
      new SimulatedRestData(exchange),
      new KalshiAuthentication('none', publicKey, clock),
      { ...KALSHI_REST_LIMITS, unsignedRefill: 1e6, unsignedBurst: 1e6 },
      new Random(seed, 'rest'),
      clock,
    );
    return {
      instruments: [...exchange.markets.values()]
        .filter(({ status, event }) => status === 'active' && !event.isCombo)
        .map(({ ticker }) => ticker),
      connect(client) {
        const socket = socketOf(client);
        const connection = gateway.open(socket);
        return {
          message: (text) => connection.message(text),
          pong: () => connection.pong(),
          closed: () => gateway.closed(socket),
        };
      },
      rest: rest.handle,
      run() {
        timeline.run();
        gateway.tick();
      },
      book(ticker) {
        const { book } = exchange.markets.get(ticker)!;
        return { bids: book.levels('bid'), asks: book.levels('ask') };
      },
    };
  }
  const exchange = new PolymarketExchange(settings, timeline, NOWHERE);
  const gateway = new PolymarketGateway(exchange, POLYMARKET_SOCKET_LIMITS, clock);
  exchange.start(gateway);
  const data = new SimulatedPolymarketData(exchange);
  const clob = new ClobServer(data, clock);
  const gamma = new GammaServer(data, clock);
  return {
    instruments: [...exchange.tokens.keys()],
    connect(client) {
      const socket = socketOf(client);
      const connection = gateway.open(socket);
      return {
        message: (text) => connection.message(text),
        pong: () => {},
        closed: () => gateway.closed(socket),
      };
    },
    rest: (request) => (request.address === GAMMA ? gamma : clob).handle(request),
    run() {
      timeline.run();
      gateway.tick();
    },
    book(token) {
      const { market, outcome } = exchange.tokens.get(token)!;
      return { bids: tokenLevels(market, outcome, 'bid'), asks: tokenLevels(market, outcome, 'ask') };
    },
  };
}

/** Host of Polymarket's Gamma among those that are asked. */
export const GAMMA = 'gamma.test';

/** `fetch` that asks the exchange in this process. */
export function fetchFrom(exchange: FuzzedExchange): typeof fetch {
  return async (input, init) => {
    const url = new URL(String(input));
    const { status, body, headers } = await exchange.rest({
      method: init?.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: {},
      body: typeof init?.body === 'string' ? init.body : '',
      address: url.hostname,
    });
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return new Response(text, { status, headers: { ...headers } });
  };
}
