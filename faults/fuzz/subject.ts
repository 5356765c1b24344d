import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import type { Venue } from '#src/events/event.ts';
import { areFramesHeld, fuzzFrames } from './frame-fuzz.ts';
import { areAnswersHeld, fuzzRest } from './rest-fuzz.ts';

/** What is fuzzed: one venue's frames, or its answers by REST. */
export interface Subject {
  readonly venue: Venue;
  readonly kind: 'frames' | 'answers';
}

export interface SubjectWish extends Subject {
  readonly mutations: number;
  readonly seed: number;
}

export interface SubjectOutcome {
  readonly held: boolean;
  readonly figures: Readonly<Record<string, number>>;
  /** Live memory of the thread, MB: mean of the second quarter of the run, and of the last. */
  readonly memory: { readonly early_mb: number; readonly late_mb: number } | null;
  readonly examples: readonly string[];
}

const SAMPLES = 40;
/** What may come and go between two quarters of a run without anything piling up, MB. */
const NOISE_MB = 8;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Runs one subject, in a thread that can be ended; tells its progress and what it found. */
async function fuzz({ venue, kind, mutations, seed }: SubjectWish): Promise<SubjectOutcome> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const megabytes: number[] = [];
  const progress = (mutated: number): void => {
    parentPort?.postMessage({ progress: mutated });
    if (mutated < (megabytes.length * mutations) / SAMPLES) return;
    collect();
    megabytes.push(process.memoryUsage().heapUsed / 1e6);
  };
  const found =
    kind === 'frames'
      ? await fuzzFrames({ venue, frames: mutations, seed, progress })
      : await fuzzRest({ venue, answers: mutations, seed, progress });
  const held = 'frames' in found.figures ? areFramesHeld(found.figures) : areAnswersHeld(found.figures);
  const quarter = megabytes.length >> 2;
  const memory =
    quarter === 0
      ? null
      : {
          early_mb: Math.round(mean(megabytes.slice(quarter, 2 * quarter)) * 10) / 10,
          late_mb: Math.round(mean(megabytes.slice(-quarter)) * 10) / 10,
        };
  const isFlat = memory === null || memory.late_mb - memory.early_mb < NOISE_MB;
  return { held: held && isFlat, figures: { ...found.figures }, memory, examples: found.examples };
}

if (parentPort !== null) parentPort.postMessage({ outcome: await fuzz(workerData as SubjectWish) });
