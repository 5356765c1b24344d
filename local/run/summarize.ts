import pg from 'pg';
import type { Configuration } from '#src/config/schema.ts';
import type { GathererStatus } from '#src/status/line-status.ts';
import { eventTables } from '#src/storage/tables.ts';
import type { LineTotals } from './line-totals.ts';
import type { RunSummary } from './summary.ts';
import { checkTruth, type TruthCheck } from './truth-check.ts';
import { type DatabaseUrls, GATHERERS, type GathererName } from './wiring.ts';

export interface SummarySources {
  readonly seconds: number;
  readonly databases: DatabaseUrls;
  readonly totals: ReadonlyMap<GathererName, LineTotals>;
  readonly truthFile: string | null;
  /** Folder for what the comparison with the truth puts aside. */
  readonly scratch: string;
  readonly configuration: Configuration;
  readonly startedAtMicros: number;
  readonly peakRssMebibytes: Readonly<Record<string, number>>;
  readonly note: (text: string) => void;
}

/** Kinds of events and the tables that hold them; engine figures are no events of a venue. */
const KIND_OF: Readonly<Record<string, string>> = {
  trades: 'trade',
  order_book_deltas: 'book_delta',
  order_book_snapshots: 'book_snapshot',
  tickers: 'ticker',
  market_lifecycle: 'lifecycle',
};

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Rows per kind that were written since a time, so that a run does not count those of earlier ones. Names come
 * from fixed lists, never from outside.
 */
async function rowsPerKind(
  client: pg.Client,
  writtenAt: 'ingested_at' | 'merged_at',
  since: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of eventTables) {
    const kind = KIND_OF[name];
    if (kind === undefined) continue;
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${name} WHERE ${writtenAt} >= $1`,
      [since],
    );
    counts[kind] = Number(rows[0]!.count);
  }
  return counts;
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

function frameToStream(
  totals: ReadonlyMap<GathererName, LineTotals>,
): RunSummary['latency_ms']['frame_to_stream'] {
  const latest = [...totals.values()]
    .map(({ last }) => last)
    .filter((last): last is GathererStatus => last !== null);
  const worst = (pick: (status: GathererStatus) => number | null): number | null =>
    latest.reduce<number | null>((most, status) => {
      const value = pick(status);
      return value === null ? most : Math.max(most ?? 0, value);
    }, null);
  return { p50: worst(({ latency_ms }) => latency_ms.p50), p99: worst(({ latency_ms }) => latency_ms.p99) };
}

async function frameToTape(
  client: pg.Client,
  since: number,
): Promise<RunSummary['latency_ms']['frame_to_tape']> {
  const { rows } = await client.query<{ p50: string | null; p99: string | null }>(
    `SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY merged_at - received_at) AS p50,
            percentile_disc(0.99) WITHIN GROUP (ORDER BY merged_at - received_at) AS p99
       FROM order_book_deltas WHERE received_at >= $1`,
    [since],
  );
  const millis = (text: string | null): number | null =>
    text === null ? null : Math.round(Number(text) / 1_000);
  return { p50: millis(rows[0]!.p50), p99: millis(rows[0]!.p99) };
}

function explain({ events, books }: TruthCheck, note: (text: string) => void): void {
  for (const { verdict, identity, time, count } of events.examples)
    note(`${verdict}: ${identity} at ${time} (${count})`);
  for (const { venue, instrument, at, tape, truth } of books.examples) {
    note(
      `wrong book: ${venue} ${instrument} at ${at}: tape ${JSON.stringify(tape)}, truth ${JSON.stringify(truth)}`,
    );
  }
}

/** Adds up a finished run from the databases, the gatherers' last figures and, where there is one, the truth log. */
export async function summarize(sources: SummarySources): Promise<RunSummary> {
  const { databases, totals, truthFile, note, startedAtMicros: since } = sources;
  const stored = Object.fromEntries(
    await Promise.all(
      GATHERERS.map(
        async (name) =>
          [
            name,
            sum(
              await connected(databases.lines[name], (client) => rowsPerKind(client, 'ingested_at', since)),
            ),
          ] as const,
      ),
    ),
  ) as Record<GathererName, number>;
  return await connected(databases.production, async (client) => {
    const rows = await rowsPerKind(client, 'merged_at', since);
    const { configuration, scratch } = sources;
    const check = truthFile === null ? null : await checkTruth(client, { truthFile, scratch, configuration });
    if (check !== null) explain(check, note);
    return {
      seconds: Math.round(sources.seconds * 10) / 10,
      lines: Object.fromEntries(
        GATHERERS.map((name) => [
          name,
          { ...(totals.get(name)?.totals ?? { frames: 0, events: 0, gaps: 0 }), stored: stored[name] },
        ]),
      ),
      tape: { rows, duplicates: sum(stored) - sum(rows) },
      truth:
        check === null
          ? null
          : {
              events: check.events.events,
              on_tape: check.events.on_tape,
              missing: check.events.missing,
              extra: check.events.extra,
              in_gaps: check.events.in_gaps,
              after_horizon: check.events.after_horizon,
              unsent: check.events.unsent,
              undeclared: check.events.undeclared,
              books_compared: check.books.books_compared,
              books_wrong: check.books.books_wrong,
              books_incomplete: check.books.books_incomplete,
            },
      latency_ms: {
        frame_to_stream: frameToStream(totals),
        frame_to_tape: await frameToTape(client, since),
      },
      peak_rss_mb: sources.peakRssMebibytes,
    };
  });
}
