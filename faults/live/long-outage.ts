import { setTimeout as sleep } from 'node:timers/promises';
import { tapeStatus } from '#src/status/tape-status.ts';
import { type Fault, require } from '../fault.ts';
import { ResourceWatch } from '../soak/resources.ts';
import { live } from './lines.ts';
import { LINES, type LiveRun } from './live-run.ts';
import { LITTLE_MEMORY } from './streams.ts';

const OUTAGE_MILLIS = 3_600_000;
const DRAIN_LIMIT_MILLIS = 2_400_000;
const SAMPLE_MILLIS = 15_000;
/** Events a second: an hour of them fits a machine that has to store and merge them three times. */
const RATE = 40;
/** The tape goes by what lines have durable, which is some seconds old whenever nothing is wrong. */
const LAG_SECONDS = 15;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Waits until everything that lay on the disks is on the tape. @returns seconds until the journals were empty, and until then */
async function untilCaughtUp(run: LiveRun, note: (text: string) => void): Promise<readonly [number, number]> {
  const begun = Date.now();
  const elapsed = (): number => Math.round((Date.now() - begun) / 100) / 10;
  let emptied: number | null = null;
  for (;;) {
    const spilled = await Promise.all(
      LINES.map(async (line) => (await run.status(line))?.stream.spilled_bytes ?? null),
    );
    if (emptied === null && spilled.every((bytes) => bytes === 0)) {
      emptied = elapsed();
      note(`the journals are empty after ${emptied} s`);
    }
    const { lag_seconds } = await run.database(
      run.state.production.url,
      async (client) => await tapeStatus(client, 60),
    );
    const lags = LINES.map((line) => lag_seconds[line] ?? Number.POSITIVE_INFINITY);
    if (emptied !== null && lags.every((lag) => lag < LAG_SECONDS)) return [emptied, elapsed()];
    require(Date.now() - begun < DRAIN_LIMIT_MILLIS, `the tape is still ${Math.max(...lags)} s behind`);
    await sleep(1_000);
  }
}

/** What takes as long as it takes. */
export const longOutages: readonly Fault[] = [
  live(
    16,
    'stream-away-for-an-hour',
    'the streams of all lines refuse everything for an hour, by the clock',
    {
      settings: LITTLE_MEMORY,
      rate: RATE,
      limitMillis: OUTAGE_MILLIS + DRAIN_LIMIT_MILLIS + 900_000,
      inject: async (run, note) => {
        const watch = new ResourceWatch();
        for (const line of LINES) run.kinesis[line].mood = 'refusing';
        const begun = Date.now();
        while (Date.now() - begun < OUTAGE_MILLIS) {
          watch.observe(run.state.processes, Date.now());
          await sleep(SAMPLE_MILLIS);
        }
        for (const line of LINES) {
          const status = await run.status(line);
          require(status !== null, `line ${line} does not answer`);
          const { backlog, spilled_bytes } = status.stream;
          note(`line ${line}: ${backlog} lines wait, ${megabytes(spilled_bytes)} of them on its disk`);
          require(spilled_bytes > 0, `line ${line} has not spilled`);
        }
        const growing = watch
          .trends()
          .filter(({ process: name, flat }) => name.startsWith('gatherer') && flat === false);
        for (const { process: name, minutes, rss_mb } of watch.trends())
          note(`${name}: ${rss_mb[0]} then ${rss_mb[1]} MB over ${minutes} min`);
        for (const line of LINES) run.kinesis[line].mood = 'open';
        run.faultOverAt = Date.now();
        const [emptied, caughtUp] = await untilCaughtUp(run, note);
        note(`spilled for an hour, drained in ${emptied} s, on the tape after ${caughtUp} s`);
        require(growing.length ===
          0, `memory grew of ${growing.map(({ process: name }) => name).join(', ')}`);
      },
      judge: (gaps, injectedAt) => {
        // The lines captured all the time: no venue as a whole may be in a gap, whatever single markets came and went.
        const whole = gaps.filter(({ instrument, from }) => instrument === '*' && from >= injectedAt);
        require(whole.length === 0, `the tape has ${whole.length} gaps of a whole venue`);
      },
    },
  ),
];
