import type { GathererStatus } from './line-status.ts';
import type { TapeStatus } from './tape-status.ts';

/** A connection that had to be opened anew more often than others. */
export interface RestlessConnection {
  readonly line: string;
  readonly name: string;
  readonly reconnects: number;
  readonly last_close: string | null;
}

/** A kind of trouble, over all lines. */
export interface Problem {
  readonly kind: string;
  readonly count: number;
}

/** What `tape status --json` prints. */
export interface StatusReport {
  readonly source: string;
  /** Null where no running system is known. */
  readonly started_at: string | null;
  readonly health: { readonly ok: boolean; readonly reasons: readonly string[] };
  /** Null for a line that does not answer. */
  readonly lines: Readonly<Record<string, GathererStatus | null>>;
  readonly tape: TapeStatus | { readonly error: string };
  readonly offenders: {
    readonly connections: readonly RestlessConnection[];
    readonly problems: readonly Problem[];
  };
}

export interface StatusSources {
  readonly source: string;
  readonly startedAt: string | null;
  readonly lines: Readonly<Record<string, GathererStatus | null>>;
  readonly tape: TapeStatus | Error;
}

/** A line further behind than this is named: the merge runs every minute at most. */
const LAG_SECONDS = 120;
const OFFENDERS = 5;

function reasonsOf({ lines, tape }: StatusSources): string[] {
  const reasons: string[] = [];
  for (const [name, status] of Object.entries(lines)) {
    if (status === null) reasons.push(`line ${name}: does not answer`);
    else reasons.push(...status.health.reasons.map((reason) => `line ${name}: ${reason}`));
  }
  if (tape instanceof Error) return [...reasons, `tape: the database does not answer (${tape.message})`];
  for (const [line, lag] of Object.entries(tape.lag_seconds)) {
    if (lag !== null && lag > LAG_SECONDS)
      reasons.push(`tape: line ${line} is merged ${Math.round(lag)} s late`);
  }
  return reasons;
}

function restless(lines: StatusSources['lines']): RestlessConnection[] {
  return Object.entries(lines)
    .flatMap(([line, status]) => (status?.connections ?? []).map((connection) => ({ line, ...connection })))
    .filter(({ reconnects }) => reconnects > 0)
    .sort((left, right) => right.reconnects - left.reconnects || left.name.localeCompare(right.name))
    .slice(0, OFFENDERS)
    .map(({ line, name, reconnects, last_close }) => ({
      line,
      name,
      reconnects,
      last_close: last_close === null ? null : `${last_close.code} ${last_close.reason}`.trim(),
    }));
}

function problems(lines: StatusSources['lines']): Problem[] {
  const counts = new Map<string, number>();
  for (const status of Object.values(lines)) {
    for (const [kind, count] of Object.entries(status?.problems ?? {}))
      counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  return [...counts]
    .map(([kind, count]) => ({ kind, count }))
    .sort((left, right) => right.count - left.count || left.kind.localeCompare(right.kind))
    .slice(0, OFFENDERS);
}

/** Puts together what the lines and the tape say of themselves. */
export function statusReport(sources: StatusSources): StatusReport {
  const reasons = reasonsOf(sources);
  const { source, startedAt, lines, tape } = sources;
  return {
    source,
    started_at: startedAt,
    health: { ok: reasons.length === 0, reasons },
    lines,
    tape: tape instanceof Error ? { error: tape.message } : tape,
    offenders: { connections: restless(lines), problems: problems(lines) },
  };
}
