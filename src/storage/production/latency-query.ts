import type { ClientBase } from 'pg';
import type { Micros } from '../../units/time.ts';

/** Percentiles of the time that events took over one stage, in microseconds. */
export interface StageLatency {
  readonly venue: string;
  readonly kind: string;
  /**
   * `venue`: from the venue's time to the first line's socket. `tape`: from there to the tape. In a line's own database
   * `store` instead: from its socket to that database.
   */
  readonly stage: string;
  /** For `venue` those that have a time of the venue and a receive time to be relied on. */
  readonly events: number;
  /** Null where no event counts. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
}

/** How long events of a span of venue time took, by venue, kind and stage. */
export async function latencyOf(
  client: ClientBase,
  from: Micros,
  to: Micros,
  venue?: string,
): Promise<StageLatency[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT * FROM latency_percentiles($1, $2) WHERE $3::text IS NULL OR venue = $3 ORDER BY venue, kind`,
    [from, to, venue ?? null],
  );
  return rows.flatMap((row) => {
    const stages = Object.keys(row).flatMap((name) => /^(\w+)_p50$/.exec(name)?.[1] ?? []);
    const figure = (stage: string, part: string): number | null => {
      const value = row[`${stage}_${part}`] ?? null;
      return value === null ? null : Number(value);
    };
    return stages.map((stage) => ({
      venue: row['venue']!,
      kind: row['kind']!,
      stage,
      events: Number(row[`${stage}_events`] ?? row['events']),
      p50: figure(stage, 'p50'),
      p90: figure(stage, 'p90'),
      p99: figure(stage, 'p99'),
      p999: figure(stage, 'p999'),
    }));
  });
}
