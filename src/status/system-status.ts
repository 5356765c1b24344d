import type { ClientBase } from 'pg';
import type { GathererStatus } from './line-status.ts';
import { type StatusReport, statusReport } from './report.ts';
import { type TapeStatus, tapeStatus } from './tape-status.ts';

/** The last time that a job ran. */
export interface JobRun {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly ended_at: number;
  readonly took_ms: number;
  /** How often it has run since the start. */
  readonly runs: number;
  readonly failures: number;
  /** Why it failed; null where it did not. */
  readonly error: string | null;
  /** What it reported, as far as it is worth showing. */
  readonly output: Readonly<Record<string, unknown>> | null;
}

/** What is known of a system beside its tape; a tape alone has none. */
export interface SystemSource {
  /** Where its events come from. */
  readonly source: string;
  /** RFC 3339; null where the system is not known to run. */
  readonly startedAt: string | null;
  /** Null for a line that does not answer; no lines where they are not known. */
  lines(): Promise<Readonly<Record<string, GathererStatus | null>>>;
  jobs(): readonly JobRun[];
}

export interface SystemReport extends StatusReport {
  readonly jobs: readonly JobRun[];
}

/** How far back gaps and offenders are counted. */
const MINUTES = 60;

/** Health of lines and tape, as `tape status` tells it, with the jobs. */
export async function systemReport(
  system: SystemSource,
  tape: (work: (client: ClientBase) => Promise<TapeStatus>) => Promise<TapeStatus>,
): Promise<SystemReport> {
  const [ofTape, lines] = await Promise.all([
    tape((client) => tapeStatus(client, MINUTES)).catch((error: Error) => error),
    system.lines(),
  ]);
  const { source, startedAt } = system;
  return { ...statusReport({ source, startedAt, lines, tape: ofTape }), jobs: system.jobs() };
}

/** A tape of which no running system is known. */
export const tapeAlone: SystemSource = {
  source: 'database',
  startedAt: null,
  lines: async () => ({}),
  jobs: () => [],
};
