/** The exchange of the scale runs as a process of its own: any number of markets, and messages at any rate. */
import { parseArgs } from 'node:util';
import { systemClock } from '#src/units/time.ts';
import { kalshiKey, wholeArgument } from '../sim/arguments.ts';
import { FaultControl } from '../sim/faults/fault-control.ts';
import { NO_FAULTS } from '../sim/faults/specification.ts';
import { KalshiAuthentication } from '../sim/kalshi/authentication.ts';
import { KALSHI_REST_LIMITS } from '../sim/kalshi/rest.ts';
import { KALSHI_SOCKET_LIMITS } from '../sim/kalshi/socket-rules.ts';
import { VenueListeners } from '../sim/server/venue-listeners.ts';
import { CrowdExchange } from './crowd/exchange.ts';
import { CrowdFlow } from './crowd/flow.ts';
import { CrowdMarkets } from './crowd/markets.ts';
import { FlowPump } from './crowd/pump.ts';

const { values } = parseArgs({
  options: { instruments: { type: 'string' }, busy: { type: 'string' }, seed: { type: 'string' } },
});
const clock = systemClock();
const seed = wholeArgument('seed', values.seed, 0) ?? 1;
const markets = new CrowdMarkets(
  wholeArgument('instruments', values.instruments, 1) ?? 10_000,
  seed,
  clock(),
);
const key = kalshiKey('scale', undefined);
let flow: CrowdFlow | null = null;
const exchange = new CrowdExchange(markets, () => flow);
const listeners = await VenueListeners.start({
  host: '127.0.0.1',
  port: 0,
  clock,
  seed,
  faults: new FaultControl(NO_FAULTS, seed, clock),
  kalshi: {
    feed: exchange,
    data: exchange,
    authentication: new KalshiAuthentication(key.id, key.publicKey, clock),
    socketLimits: KALSHI_SOCKET_LIMITS,
    restLimits: KALSHI_REST_LIMITS,
  },
  polymarket: null,
  control: async () => ({ status: 404, body: {} }),
});
const gateway = listeners.kalshi!;
flow = new CrowdFlow(markets, wholeArgument('busy', values.busy, 1) ?? 5_000, seed, gateway);
const pump = new FlowPump(flow, gateway, clock);
process.on('message', (wish: { readonly rate: number; readonly seconds: number }) => {
  void pump.run(wish.rate, wish.seconds).then((flowed) => process.send?.({ flowed }));
});
process.on('SIGTERM', () => {
  void listeners.stop().then(() => {
    process.exit(0);
  });
});
process.stdout.write(
  `${JSON.stringify({ ...listeners.ready, key: { id: key.id, private_key_file: key.privateKeyFile } })}\n`,
);
