import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../sim/market/random.ts';
import { LINES, type Line, type LiveRun } from './live-run.ts';

/** Something that befalls a running system and is over again. */
export interface Trouble {
  readonly name: string;
  readonly befall: (run: LiveRun, random: Random) => Promise<void>;
}

const line = (random: Random): Line => random.pick(LINES);

/** Faults of the exchange at these rates for some seconds. */
const spell = (name: string, specification: string): Trouble => ({
  name,
  befall: async ({ simulator }, random) => {
    await simulator.faults(specification);
    await sleep(random.between(4, 10) * 1_000);
    await simulator.faults('none');
  },
});

/** The stream of a line takes part or nothing of what it is given for some seconds. */
const refused = (name: string, mood: 'partly' | 'refusing'): Trouble => ({
  name,
  befall: async (run, random) => {
    const gate = run.kinesis[line(random)];
    gate.mood = mood;
    await sleep(random.between(4, 10) * 1_000);
    gate.mood = 'open';
  },
});

async function replaced(run: LiveRun, which: Line, stop: () => void): Promise<void> {
  const epoch = (await run.status(which))?.epoch;
  stop();
  if (epoch !== undefined) await run.replaced(which, epoch);
}

/** What a soak mixes. Each leaves at least one line that captures, or a gap that is declared. */
export const troubles: readonly Trouble[] = [
  spell('disconnects', 'disconnect=4'),
  spell('sequence gaps', 'kalshi.gap=4'),
  spell('duplicates', 'duplicate=20,reorder=5'),
  spell('unreadable frames', 'kalshi.malformed=2,kalshi.truncated=2,kalshi.binary=1'),
  spell('slow and broken REST', 'slow_rest=0.2,rest_429=0.2,rest_500=0.2,rest_html=0.1'),
  { name: 'connections cut', befall: async (run, random) => void run.gates[line(random)].cutSockets() },
  refused('stream throttled', 'partly'),
  refused('stream away', 'refusing'),
  {
    name: 'tape away',
    befall: async (run, random) => {
      await run.shut('production');
      await sleep(random.between(2, 6) * 1_000);
      await run.reopen('production');
    },
  },
  {
    name: 'database of a line away',
    befall: async (run, random) => {
      const database = `line_${line(random)}`;
      await run.shut(database);
      await sleep(random.between(2, 6) * 1_000);
      await run.reopen(database);
    },
  },
  {
    name: 'gatherer killed',
    befall: async (run, random) => {
      const which = line(random);
      await replaced(run, which, () => run.killGatherer(which));
    },
  },
  {
    name: 'gatherer replaced',
    befall: async (run, random) => {
      const which = line(random);
      await replaced(run, which, () => run.signal(`gatherer-${which}`, 'SIGTERM'));
    },
  },
  {
    name: 'exchange restarted',
    befall: async ({ simulator }) => {
      await simulator.restart();
      await sleep(4_000);
    },
  },
  { name: 'markets come and go', befall: async ({ simulator }) => void (await simulator.stir()) },
];
