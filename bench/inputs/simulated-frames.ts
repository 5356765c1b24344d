import type { WebSocket } from 'ws';
import { MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import { FaultControl } from '../../sim/faults/fault-control.ts';
import { NO_FAULTS } from '../../sim/faults/specification.ts';
import { KalshiExchange } from '../../sim/kalshi/exchange.ts';
import { KalshiGateway } from '../../sim/kalshi/gateway.ts';
import { KALSHI_SOCKET_LIMITS } from '../../sim/kalshi/socket-rules.ts';
import { PolymarketExchange } from '../../sim/polymarket/exchange.ts';
import { POLYMARKET_SOCKET_LIMITS, PolymarketGateway } from '../../sim/polymarket/gateway.ts';
import { DEFAULT_SETTINGS, type SimulationSettings } from '../../sim/settings.ts';
import { Timeline } from '../../sim/timeline.ts';

/** What one connection received, and which instruments it had asked for. */
export interface ConnectionFrames {
  readonly instruments: readonly string[];
  readonly frames: readonly ReceivedFrame[];
}

export interface ReceivedFrame {
  readonly at: Micros;
  readonly text: string;
}

const START = 1_795_000_000_000_000;
const STEP = 10_000;
/** Frames are on their way for so long. */
const DELAY = 3_000;

const SETTINGS: SimulationSettings = {
  ...DEFAULT_SETTINGS,
  kalshiCombos: 0,
  lifecycle: { created: 0, closed: 0, paused: 0, regridded: 0, renamed: 0 },
};

/** Nobody compares these runs with the truth. */
const NOWHERE = { book: () => {}, event: () => {} };

/** A client that keeps what it is sent, without a network between. */
class Listening {
  readonly frames: ReceivedFrame[] = [];
  readonly readyState = 1;
  readonly OPEN = 1;
  readonly bufferedAmount = 0;
  private readonly clock: () => number;

  constructor(clock: () => number) {
    this.clock = clock;
  }

  send(text: string): void {
    this.frames.push({ at: (this.clock() + DELAY) as Micros, text });
  }

  ping(): void {}
}

function simulated(wanted: number, exchange: (clock: () => Micros, timeline: Timeline) => Listening[]) {
  let now = START;
  const clock = () => now as Micros;
  const timeline = new Timeline(clock);
  const listeners = exchange(clock, timeline);
  const count = () => listeners.reduce((sum, { frames }) => sum + frames.length, 0);
  while (count() < wanted) {
    now += STEP;
    timeline.run();
  }
  return listeners;
}

/**
 * What connections to the simulated Kalshi receive: each has its share of the books, in YES prices; ticks and
 * trades of its share come over it as well.
 *
 * @param wanted frames over all connections, at least.
 */
export function kalshiFrames(wanted: number, markets: number, connections: number): ConnectionFrames[] {
  const shares: string[][] = [];
  const listeners = simulated(wanted, (clock, timeline) => {
    const settings = { ...SETTINGS, kalshiMarkets: markets, polymarketMarkets: 0, rate: 20_000 };
    const venue = new KalshiExchange(settings, timeline, NOWHERE);
    const gateway = new KalshiGateway(venue, KALSHI_SOCKET_LIMITS, clock);
    const faults = new FaultControl(NO_FAULTS, 1, clock);
    venue.start(gateway);
    const tickers = [...venue.markets.values()]
      .filter(({ status }) => status === 'active')
      .map(({ ticker }) => ticker);
    return Array.from({ length: connections }, (_, number) => {
      const listening = new Listening(clock);
      const share = tickers.filter((_ticker, index) => index % connections === number);
      shares.push(share);
      const connection = gateway.open(faults.socket('kalshi', listening as unknown as WebSocket));
      for (let from = 0, id = 1; from < share.length; from += 1_000, id++) {
        const market_tickers = share.slice(from, from + 1_000);
        const subscribe = (channels: string[]) =>
          connection.message(
            JSON.stringify({
              id,
              cmd: 'subscribe',
              params: { channels, market_tickers, use_yes_price: true },
            }),
          );
        subscribe(['orderbook_delta']);
        subscribe(['ticker', 'trade']);
      }
      return listening;
    });
  });
  return listeners.map(({ frames }, number) => ({ instruments: shares[number]!, frames }));
}

/** What one connection to the simulated Polymarket receives, with all its tokens. */
export function polymarketFrames(wanted: number, markets: number): ConnectionFrames {
  let tokens: string[] = [];
  const [listening] = simulated(wanted, (clock, timeline) => {
    const settings = { ...SETTINGS, kalshiMarkets: 0, polymarketMarkets: markets, rate: 20_000 };
    const venue = new PolymarketExchange(settings, timeline, NOWHERE);
    const limits = {
      ...POLYMARKET_SOCKET_LIMITS,
      tokensWithBook: 2 * markets,
      silence: 1e6 * MICROS_PER_SECOND,
    };
    const gateway = new PolymarketGateway(venue, limits, clock);
    const faults = new FaultControl(NO_FAULTS, 1, clock);
    venue.start(gateway);
    const client = new Listening(clock);
    const connection = gateway.open(faults.socket('polymarket', client as unknown as WebSocket));
    tokens = [...venue.tokens.keys()];
    connection.message(JSON.stringify({ type: 'market', assets_ids: tokens }));
    return [client];
  });
  return { instruments: tokens, frames: listening!.frames };
}
