/** What a gatherer's `/status` answers of one venue, as far as it is shown. */
export interface VenueStatus {
  readonly connections: number;
  readonly connected: number;
  readonly expected: number;
  readonly bound: number;
  readonly proven: number;
  /** Resyncs for each book that is captured, in the life of the process; null without books. */
  readonly resync_ratio: number | null;
  readonly counters: { readonly resyncs: number; readonly losses: number; readonly proofs: number };
}

export interface ConnectionStatus {
  readonly venue: string;
  readonly name: string;
  readonly state: string;
  /** Books that are wanted of it, and those that it has shown; none where it carries a feed. */
  readonly instruments: { readonly requested: number; readonly seeded: number };
  readonly frames: number;
  /** Since its last data, and that data's receive time less its venue time, microseconds; null where not known. */
  readonly last_data_age: number | null;
  readonly message_age: number | null;
  readonly reconnects: number;
  readonly last_close: { readonly at: number; readonly code: number; readonly reason: string } | null;
}

/** What a gatherer's `/status` answers, as far as the local run shows and adds it up. */
export interface GathererStatus {
  readonly gatherer: 'a' | 'b' | 'c';
  readonly epoch: string;
  /** Why the line does not capture as it should, in words. */
  readonly health: { readonly ok: boolean; readonly reasons: readonly string[] };
  readonly listed: boolean;
  /** Over the last minute; null in the first second. */
  readonly rates: {
    readonly seconds: number;
    readonly frames_per_second: number;
    readonly events_per_second: number;
  } | null;
  readonly frames: number;
  readonly events: number;
  readonly gaps_opened: number;
  readonly gaps_open: number;
  readonly venues: Readonly<Record<string, VenueStatus>>;
  readonly stream: { readonly backlog: number; readonly spilled_bytes: number };
  readonly connections: readonly ConnectionStatus[];
  /** What went wrong, by kind. */
  readonly problems: Readonly<Record<string, number>>;
  readonly latency_ms: { readonly p50: number | null; readonly p99: number | null };
}

/** @returns null when the gatherer does not answer within the limit. */
export async function fetchGathererStatus(
  health: string | null,
  limitMillis = 1_000,
): Promise<GathererStatus | null> {
  if (health === null) return null;
  try {
    const response = await fetch(`${health}/status`, { signal: AbortSignal.timeout(limitMillis) });
    return response.ok ? ((await response.json()) as GathererStatus) : null;
  } catch {
    return null;
  }
}
