import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, require } from '../fault.ts';
import { LINES, type Line, type LiveFault, type LiveRun, runLive, type TapeGap } from './live-run.ts';

/**
 * Between a line that is well again and the next one that goes. A line that ends vouches for nothing since three seconds
 * before the last heartbeat of a connection, which come every ten, nor for the second that an event may be under way.
 */
const BETWEEN_REPLACEMENTS_MILLIS = 10_000;
/**
 * Instruments that are listed meanwhile have a gap since the first line began, of which no book was there sooner. Their
 * first books take up to half a minute on a line, and are not judged.
 */
const BEGUN_MICROS = 100_000;
/** Events a second of which most subscriptions have none for as long as the row takes. */
const CALM_RATE = 0.3;

/** A row that is run on the whole system. */
export function live(row: number, name: string, about: string, fault: LiveFault): Fault {
  const { limitMillis } = fault;
  return {
    row,
    name,
    about,
    run: (note, seed) => runLive(fault, note, seed),
    ...(limitMillis === undefined ? {} : { limitMillis }),
  };
}

/** Kills lines and waits until each lives again and captures. */
async function kill(run: LiveRun, lines: readonly Line[], downMillis = 0): Promise<void> {
  const epochs = await Promise.all(lines.map(async (line) => (await run.status(line))!.epoch));
  for (const line of lines) run.killGatherer(line, downMillis);
  run.faultOverAt = Date.now() + downMillis;
  await Promise.all(lines.map((line, index) => run.replaced(line, epochs[index]!)));
}

async function replaceInTurn(run: LiveRun): Promise<void> {
  for (const line of LINES) {
    const { epoch } = (await run.status(line))!;
    run.signal(`gatherer-${line}`, 'SIGTERM');
    await run.replaced(line, epoch);
    await sleep(BETWEEN_REPLACEMENTS_MILLIS);
  }
}

/** Fails where the tape has a gap of an instrument that was there before. */
function requireNoGap(gaps: readonly TapeGap[], injectedAt: number, venues: readonly string[]): void {
  const begun = Math.min(injectedAt, ...gaps.map(({ from }) => from)) + BEGUN_MICROS;
  const isNew = new Set(gaps.flatMap(({ from, instrument }) => (from <= begun ? [instrument] : [])));
  // A gap of everything is none of a new instrument.
  isNew.delete('*');
  const lost = gaps.filter(({ venue, instrument }) => venues.includes(venue) && !isNew.has(instrument));
  const told = lost.map(({ instrument, from, to, causes }) => {
    const [begin, end] = [from, to!].map((time) => ((time - injectedAt) / 1e6).toFixed(1));
    return `${instrument} from ${begin} to ${end} s: ${causes.join(', ')}`;
  });
  require(lost.length === 0, `the tape has ${lost.length} gaps, the first of ${told[0]}`);
}

const DOWN_MILLIS = 10_000;
/** Frames that were received and not yet handed on are lost with the process. */
const UNSENT_MICROS = 5_000_000;

/** What befalls the processes of the lines. */
export const lineFaults: readonly Fault[] = [
  live(1, 'gatherer-killed', 'one gatherer gets SIGKILL', { inject: (run) => kill(run, ['a']) }),
  live(2, 'two-gatherers-killed', 'two gatherers get SIGKILL at once', {
    inject: (run) => kill(run, ['a', 'b']),
  }),
  live(3, 'all-gatherers-killed', 'all three gatherers are away for 10 s', {
    // What was slow while a line started holds its proofs back for a while: the gap is not to join that of the start.
    calmMillis: 20_000,
    inject: (run) => kill(run, LINES, DOWN_MILLIS),
    judge: (gaps, injectedAt) => {
      for (const venue of ['kalshi', 'polymarket']) {
        const whole = gaps.filter((gap) => gap.venue === venue && gap.instrument === '*');
        require(whole.length === 1, `${venue}: one gap of the whole venue was expected, not ${whole.length}`);
        const [{ from, to }] = whole as [(typeof whole)[0]];
        require(from <= injectedAt &&
          injectedAt - from <
            UNSENT_MICROS, `${venue}: the gap begins ${(injectedAt - from) / 1e6} s before the kill`);
        require(to !== null &&
          to >= injectedAt + DOWN_MILLIS * 1_000, `${venue}: the gap ends while the lines are away`);
        require(to !== null &&
          to <
            injectedAt +
              4 * DOWN_MILLIS * 1_000, `${venue}: the gap ends ${(to! - injectedAt) / 1e6} s after the kill`);
      }
    },
  }),
  live(4, 'gatherer-stopped', 'one gatherer is stopped for a minute and goes on', {
    inject: async (run) => {
      run.signal('gatherer-a', 'SIGSTOP');
      try {
        await sleep(60_000);
        require((await run.status('a')) === null, 'the stopped gatherer still answers');
      } finally {
        run.signal('gatherer-a', 'SIGCONT');
      }
    },
  }),
  live(5, 'line-disconnected', 'every connection of one line is cut at once', {
    inject: async (run) => {
      require(run.gates.a.cutSockets() >= 4, 'there were no connections to cut');
    },
  }),
  live(28, 'deploy', 'each gatherer is replaced in turn', {
    inject: replaceInTurn,
    judge: (gaps, injectedAt) => requireNoGap(gaps, injectedAt, ['kalshi', 'polymarket']),
  }),
  live(28, 'deploy-in-a-calm', 'the same while subscriptions have nothing to tell for longer than that', {
    rate: CALM_RATE,
    inject: replaceInTurn,
    // Where nothing numbers messages, nothing but data shows that none was lost, and a calm is a gap.
    judge: (gaps, injectedAt) => requireNoGap(gaps, injectedAt, ['kalshi']),
  }),
];
