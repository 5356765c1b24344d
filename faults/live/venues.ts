import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';
import type { LiveRun } from './live-run.ts';

const VENUES = ['kalshi', 'polymarket'] as const;

/** Faults at these rates for a time. @throws FaultFailed when one of the named ones did not happen */
async function spell(
  { simulator }: LiveRun,
  specification: string,
  seconds: number,
  ...mustHappen: readonly string[]
): Promise<void> {
  await simulator.faults(specification);
  await sleep(seconds * 1_000);
  await simulator.faults('none');
  for (const fault of mustHappen) require((await simulator.happened(fault)) > 0, `no ${fault} happened`);
}

/** A fault once on every connection of both venues. */
async function everywhere({ simulator }: LiveRun, fault: string): Promise<void> {
  for (const venue of VENUES) await simulator.once(fault, venue);
}

/** What is usual for a connection must be known before a silence of it can be judged. */
const KNOWN_MILLIS = 40_000;
/** Less than any stall; long enough for hundreds of messages. */
const SILENT_SECONDS = 30;

/** Markets come, close, pause and change. @throws FaultFailed when none came */
async function stirred({ simulator }: LiveRun, seconds: number, timesASecond: number): Promise<void> {
  const before = await simulator.stir();
  let after = before;
  for (let second = 0; second < seconds; second++) {
    for (let time = 0; time < timesASecond; time++) after = await simulator.stir();
    await sleep(1_000);
  }
  require(after > before, 'no market came');
}

/** What befalls connections, and what venues do. */
export const venueFaults: readonly Fault[] = [
  live(7, 'silent-sockets', 'every connection stays open, answers heartbeats, and loses 30 s of data', {
    inject: async (run) => {
      await sleep(KNOWN_MILLIS);
      await run.simulator.faults(`stall_seconds=${SILENT_SECONDS}`);
      await everywhere(run, 'stall');
      await sleep((SILENT_SECONDS + 2) * 1_000);
      await run.simulator.faults('none');
      require((await run.simulator.happened('stall')) > 0, 'no connection fell silent');
    },
  }),
  live(6, 'random-disconnects', 'connections of all lines are cut at random for a minute', {
    inject: (run) => spell(run, 'disconnect=2', 60, 'disconnect'),
  }),
  live(
    8,
    'slow-reader',
    'one line reads nothing until it is cut off; subscriptions of every line end with an error',
    {
      inject: async (run) => {
        run.gates.a.sockets = 'held';
        await run.simulator.once('channel_error', 'kalshi');
        await sleep(15_000);
        require((await run.simulator.happened('channel_error')) > 0, 'no subscription ended');
        run.gates.a.cutSockets();
        run.gates.a.sockets = 'open';
      },
    },
  ),
  live(9, 'sequence-gap', 'messages with a sequence number are not sent, on every connection', {
    inject: async (run) => {
      await run.simulator.once('gap', 'kalshi');
      await spell(run, 'kalshi.gap=6', 20, 'gap');
    },
  }),
  live(10, 'duplicates-and-reordering', 'messages come twice, and change places', {
    inject: (run) => spell(run, 'duplicate=30,reorder=30', 20, 'duplicate', 'reorder'),
  }),
  live(11, 'unreadable-frames', 'frames that are no JSON, end in the middle, are binary or huge', {
    inject: async (run) => {
      await everywhere(run, 'malformed');
      await spell(
        run,
        'malformed=6,truncated=6,binary=6,huge=0.5,huge_bytes=3000000',
        20,
        'malformed',
        'truncated',
        'binary',
        'huge',
      );
    },
  }),
  live(12, 'rest-refusals', 'every request by REST is refused with 429 while a gatherer begins anew', {
    inject: async (run) => {
      const { epoch } = (await run.status('a'))!;
      await run.simulator.faults('rest_429=1');
      run.killGatherer('a');
      const begun = await run.until('a', 'a new life', (status) => status.epoch !== epoch);
      await sleep(20_000);
      require(!(await run.status('a'))!.listed && !begun.listed, 'markets were listed in spite of refusals');
      await run.simulator.faults('none');
    },
  }),
  live(
    13,
    'rest-broken',
    'requests by REST end in server errors, pages for people, half bodies and silence',
    {
      inject: async (run) => {
        const { epoch } = (await run.status('a'))!;
        await run.simulator.faults('rest_500=0.4,rest_html=0.3');
        run.gates.a.restCutAfter = 4_000;
        run.killGatherer('a');
        await run.until('a', 'a new life', (status) => status.epoch !== epoch);
        await sleep(12_000);
        run.gates.a.rest = 'silent';
        await sleep(8_000);
        require(!(await run.status('a'))!.listed, 'markets were listed from half bodies');
        run.gates.a.restCutAfter = null;
        run.gates.a.rest = 'refused';
        await sleep(1_000);
        run.gates.a.rest = 'open';
        await run.simulator.faults('none');
      },
    },
  ),
  live(14, 'exchange-restart', 'the exchange closes every socket, and counts from 1 again', {
    inject: async (run) => {
      await run.simulator.restart();
      await run.untilCut();
      await sleep(4_000);
    },
  }),
  live(15, 'maintenance', 'nothing is traded, then the exchange is away, then trading resumes', {
    inject: async (run) => {
      const { simulator } = run;
      await simulator.pause();
      await sleep(10_000);
      await simulator.faults('restart_seconds=15');
      await simulator.restart();
      await run.untilCut();
      await sleep(17_000);
      await simulator.resume();
      await simulator.faults('none');
    },
  }),
  live(
    26,
    'market-lives',
    'markets open, halt, go on, close, settle, and get other grids, some every second',
    {
      inject: (run) => stirred(run, 25, 1),
    },
  ),
  live(27, 'instruments-under-load', 'markets come and go, many every second, while the others trade', {
    rate: 600,
    inject: (run) => stirred(run, 15, 6),
  }),
];
