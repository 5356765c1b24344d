import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds at one moment. */
export interface ResourceSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly rss_mb: number;
  /** Open files and sockets; null where the system does not tell. */
  readonly handles: number | null;
  /** Heaps of JavaScript in it: its own, and one of each worker thread. Each grows until it is collected by itself. */
  readonly heaps: number;
}

/** What a process held at the beginning and at the end of its time, and whether it piled up. */
export interface Trend {
  readonly process: string;
  readonly samples: number;
  readonly minutes: number;
  /** Means of the second quarter of its time and of the last. */
  readonly rss_mb: readonly [early: number, late: number];
  readonly handles: readonly [early: number, late: number] | null;
  /**
   * Null where memory rose and that says nothing: in a life too short to tell a heap that finds its size from one that
   * piles up, or of what keeps things by design.
   */
  readonly flat: boolean | null;
}

/** So much may come with the state of a garbage collector or of a pool: MB for each heap, and handles. */
const NOISE = { rss_mb: 40, handles: 12 } as const;
/** Share of what was there by which it may grow beside that. */
const SHARE = 0.15;
/** With fewer samples nothing can be said. */
const FEWEST = 8;
/** V8 lets a heap rise for minutes before it first collects all of it: memory of a shorter life is not judged. */
const MINUTES_OF_MEMORY = 10;

/** Resident memory and handles of a process; null when it is gone. */
export function sampleOf(pid: number, at: number): ResourceSample | null {
  let rss: number;
  try {
    const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
    rss = Number(text.trim()) / 1_024;
  } catch {
    return null;
  }
  if (!Number.isFinite(rss) || rss === 0) return null;
  let handles: number | null = null;
  try {
    handles = readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // Systems without /proc.
  }
  return { at, rss_mb: Math.round(rss * 10) / 10, handles, heaps: 1 + workersOf(pid) };
}

/** Worker threads of a process, by the name that Node gives them; 0 where the system does not tell. */
function workersOf(pid: number): number {
  let workers = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`))
      if (readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith('WorkerThread')) workers++;
  } catch {
    // Systems without /proc, and threads that end meanwhile.
  }
  return workers;
}

function mean(values: readonly number[]): number {
  return Math.round((values.reduce((sum, value) => sum + value, 0) / values.length) * 10) / 10;
}

function isFlat([early, late]: readonly [number, number], noise: number): boolean {
  return late - early <= Math.max(noise, early * SHARE);
}

/**
 * Judges one life of a process: of what it held in the last quarter of its time against the second. The first quarter
 * is the start. Null where it did not live long enough.
 *
 * @param isKeeping its memory is to grow
 */
export function trendOf(
  process: string,
  samples: readonly ResourceSample[],
  isKeeping = false,
): Trend | null {
  if (samples.length < FEWEST) return null;
  const quarter = samples.length >> 2;
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  const rss = [mean(early.map(({ rss_mb }) => rss_mb)), mean(late.map(({ rss_mb }) => rss_mb))] as const;
  const counted = samples.every(({ handles }) => handles !== null);
  const handles = counted
    ? ([mean(early.map((one) => one.handles!)), mean(late.map((one) => one.handles!))] as const)
    : null;
  const minutes = Math.round((samples.at(-1)!.at - samples[0]!.at) / 6_000) / 10;
  let flat: boolean | null = handles === null || isFlat(handles, NOISE.handles);
  const heaps = Math.max(...late.map((sample) => sample.heaps));
  if (flat && !isFlat(rss, NOISE.rss_mb * heaps))
    flat = isKeeping || minutes < MINUTES_OF_MEMORY ? null : false;
  return { process, samples: samples.length, minutes, rss_mb: rss, handles, flat };
}

/** Samples of processes over their lives: one that was started again begins anew. */
export class ResourceWatch {
  readonly #keeping: readonly string[];
  readonly #lives = new Map<string, { pid: number; samples: ResourceSample[] }[]>();

  /** @param keeping processes whose memory is to grow, and is not judged */
  constructor(keeping: readonly string[] = []) {
    this.#keeping = keeping;
  }

  observe(processes: Readonly<Record<string, number>>, at: number): void {
    for (const [name, pid] of Object.entries(processes)) {
      const sample = sampleOf(pid, at);
      if (sample === null) continue;
      const lives = this.#lives.get(name) ?? [];
      this.#lives.set(name, lives);
      if (lives.at(-1)?.pid !== pid) lives.push({ pid, samples: [] });
      lives.at(-1)!.samples.push(sample);
    }
  }

  /** Of every process the trend of its longest life. */
  trends(): Trend[] {
    return [...this.#lives].flatMap(([name, lives]) => {
      const longest = lives.reduce((best, life) => (life.samples.length > best.samples.length ? life : best));
      return trendOf(name, longest.samples, this.#keeping.includes(name)) ?? [];
    });
  }
}
