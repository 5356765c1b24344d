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
  live(14, 'exchange-restart', 'the exchange closes every socket, and counts from 1 again', {
    inject: async ({ simulator }) => {
      await simulator.restart();
      await sleep(4_000);
    },
  }),
];
