import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { JobRun } from '#src/status/system-status.ts';

/** How one execution of a job ended. */
export interface JobExecution {
  readonly name: string;
  readonly tookMillis: number;
  readonly output?: unknown;
  readonly error?: string;
}

/** More is not shown. */
const LONGEST_OUTPUT = 2_000;

function shownOutput(output: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return null;
  return JSON.stringify(output).length > LONGEST_OUTPUT ? null : (output as Record<string, unknown>);
}

/** The last run of every job, in a file that the console reads. */
export class JobLedger {
  readonly #file: string;
  readonly #runs = new Map<string, JobRun>();

  constructor(file: string) {
    this.#file = file;
  }

  /** @param endedAt milliseconds since the epoch. */
  record({ name, tookMillis, output, error }: JobExecution, endedAt: number): void {
    const before = this.#runs.get(name);
    this.#runs.set(name, {
      name,
      ended_at: endedAt,
      took_ms: tookMillis,
      runs: (before?.runs ?? 0) + 1,
      failures: (before?.failures ?? 0) + (error === undefined ? 0 : 1),
      error: error ?? null,
      output: shownOutput(output),
    });
    const partial = `${this.#file}.partial`;
    writeFileSync(partial, JSON.stringify([...this.#runs.values()]));
    renameSync(partial, this.#file);
  }
}

/** Empty when nothing has run, or nothing is known of it. */
export function readJobRuns(file: string): readonly JobRun[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JobRun[];
  } catch {
    return [];
  }
}
