import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../sim/market/random.ts';
import { LiveRun } from '../live/live-run.ts';
import { troubles } from '../live/troubles.ts';
import { ResourceWatch, type Trend } from './resources.ts';

export interface SoakReport {
  readonly minutes: number;
  readonly seed: number;
  /** What befell the run, and how often. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly events: number;
  readonly missing: number;
  readonly extra: number;
  readonly books_wrong: number;
  readonly undeclared_gaps: number;
  /** Troubles that did not come to their end, and what was wrong with the lines when they had had time to recover. */
  readonly unwell: readonly string[];
  readonly processes: readonly Trend[];
  readonly held: boolean;
}

const SAMPLE_MILLIS = 3_000;
/** What stands in for the streams keeps their records for a day, as the service does: its memory grows by design. */
const KEEPING = ['stand-ins'];
/** Events a second of the exchange. */
const RATE = 250;

/**
 * Keeps a whole system under mixed load while troubles chosen by the seed befall it, one after the other, and watches
 * what its processes hold. Then lets it recover, drains it and compares the tape with the exchange's log.
 */
export async function soak(minutes: number, seed: number, note: (text: string) => void): Promise<SoakReport> {
  const random = new Random(seed, 'soak');
  const run = await LiveRun.prepare({ rate: RATE }, seed, note);
  const watch = new ResourceWatch(KEEPING);
  const befell: Record<string, number> = {};
  const unended: string[] = [];
  let isOver = false;
  let isTrue = false;
  try {
    await run.start();
    const watching = (async () => {
      while (!isOver) {
        watch.observe(run.state.processes, Date.now());
        await sleep(SAMPLE_MILLIS);
      }
    })();
    const begun = Date.now();
    const ends = begun + minutes * 60_000;
    while (Date.now() < ends) {
      await sleep(random.between(2, 8) * 1_000);
      const { name, befall } = random.pick(troubles);
      befell[name] = (befell[name] ?? 0) + 1;
      note(`${((Date.now() - begun) / 60_000).toFixed(1)} min: ${name}`);
      // One that does not come to its end is told; what the run has by then is still to be compared.
      await befall(run, random).catch((error: Error) => {
        note(`${name}: ${error.message}`);
        unended.push(`${name}: ${error.message}`);
      });
    }
    const unwell = [...unended, ...(await run.untilWell())];
    note(unwell.length === 0 ? 'all lines are well' : unwell.join('; '));
    isOver = true;
    await watching;
    await sleep(4_000);
    const comparison = await run.finish();
    const processes = watch.trends();
    const { events, missing, extra, books_wrong, undeclared_gaps } = comparison;
    isTrue = events > 0 && missing + extra + books_wrong + undeclared_gaps === 0;
    return {
      minutes: Math.round((Date.now() - begun) / 6_000) / 10,
      seed,
      troubles: befell,
      events,
      missing,
      extra,
      books_wrong,
      undeclared_gaps,
      unwell,
      processes,
      held: isTrue && unwell.length === 0 && processes.every(({ flat }) => flat !== false),
    };
  } finally {
    isOver = true;
    await run.stop(!isTrue);
    if (!isTrue) note(`logs and databases are kept in ${run.folder}`);
  }
}
