import { isConnected } from '#src/connections/pool-contract.ts';
import type { Verdict } from '#src/telemetry/health-server.ts';
import { MICROS_PER_SECOND } from '#src/units/time.ts';
import type { Gatherer } from './gatherer.ts';
import type { PublishedLine } from './published.ts';

/** A line that the stream does not have after this long, in microseconds, holds up the whole tape. */
const LONGEST_WAIT = 30 * MICROS_PER_SECOND;

const millis = (micros: number | null): number | null =>
  micros === null ? null : Math.round(micros / 100) / 10;

/** Resyncs for each book that is captured, in the life of the process. */
const ratio = (resyncs: number, books: number): number | null =>
  books === 0 ? null : Math.round((resyncs / books) * 10_000) / 10_000;

/** What `/status` answers: the line in numbers, every connection, and what went wrong by kind. */
export function statusOf(gatherer: Gatherer, name: string): Record<string, unknown> {
  const venues: Record<string, unknown> = {};
  const connections: unknown[] = [];
  let frames = 0;
  let events = 0;
  let gapsOpen = 0;
  for (const { venue, line, counters, recorder, proofs } of gatherer.venues) {
    const status = line.status();
    frames += counters.frames;
    events += counters.events;
    gapsOpen += status.keeper.expected - status.keeper.proven;
    venues[venue] = {
      // One without anything to carry has no socket, and needs none.
      connections: status.connections.filter(({ state }) => state !== 'idle').length,
      connected: status.connections.filter(isConnected).length,
      ...status.keeper,
      resync_ratio: ratio(counters.resyncs, status.keeper.expected),
      registry: status.registry,
      unauthorized: status.unauthorized,
      notices: status.counters,
      counters,
      recorder: recorder.figures(),
      ...(proofs === null
        ? {}
        : { book_hashes: { ...proofs.figures(), latest_unmatched: proofs.unmatched() } }),
    };
    connections.push(...status.connections.map((connection) => ({ venue, ...connection })));
  }
  const figures = gatherer.batcher?.figures();
  return {
    gatherer: name,
    epoch: gatherer.epoch,
    started_at: gatherer.startedAt,
    listed: gatherer.listed,
    health: healthOf(gatherer),
    rates: gatherer.rates.rates(),
    frames,
    events,
    gaps_opened: gatherer.gapsOpened,
    gaps_open: gapsOpen,
    venues,
    connections,
    problems: Object.fromEntries(gatherer.problems),
    stream: { backlog: figures?.backlog_lines ?? 0, spilled_bytes: figures?.journal_bytes ?? 0, ...figures },
    latency_ms: {
      p50: millis(gatherer.metrics.frameToStream.quantile(0.5)),
      p99: millis(gatherer.metrics.frameToStream.quantile(0.99)),
    },
  };
}

/**
 * Health of the feed, not of the process: why a line does not capture, in words. Before the first listing a line
 * is not ready, and ill only where the listing fails.
 */
export function healthOf(gatherer: Gatherer): Verdict {
  const reasons: string[] = [];
  for (const { venue, line } of gatherer.venues) {
    const { connections, keeper, unauthorized } = line.status();
    const failure = gatherer.listingFailures.get(venue);
    if (failure !== undefined) reasons.push(`${venue}: markets cannot be listed: ${failure}`);
    if (unauthorized) reasons.push(`${venue}: the venue refuses the key`);
    const open = connections.filter(isConnected).length;
    if (gatherer.listed && connections.length > 0 && open === 0)
      reasons.push(`${venue}: no connection is open`);
    if (gatherer.listed && keeper.expected > 0 && keeper.proven === 0)
      reasons.push(`${venue}: no book is proven`);
  }
  const stream = gatherer.batcher?.figures();
  if (stream?.spilling === true) {
    reasons.push(`stream: ${stream.backlog_lines} lines wait, also on disk (${stream.journal_lines})`);
  } else if (stream !== undefined && stream.oldest_age > LONGEST_WAIT) {
    reasons.push(
      `stream: the oldest line has waited for ${Math.round(stream.oldest_age / MICROS_PER_SECOND)} s`,
    );
  }
  return { ok: reasons.length === 0, reasons };
}

/** Ready once every venue's markets are listed. */
export function readinessOf(gatherer: Gatherer): Verdict {
  return gatherer.listed
    ? { ok: true, reasons: [] }
    : { ok: false, reasons: ['the first listing is not complete'] };
}

/** What is published of the line, read off it now. */
export function publishedOf(gatherer: Gatherer, name: string): PublishedLine {
  return {
    gatherer: name,
    batcher: gatherer.batcher?.figures() ?? null,
    frameToStream: gatherer.metrics.recentFrameToStream,
    venues: gatherer.venues.map(({ venue, line, counters, recorder }) => ({
      venue,
      status: line.status(),
      counters,
      recorder: recorder.figures(),
    })),
  };
}

/** Metrics that are read off the line rather than counted as they happen. */
export async function metricsOf(gatherer: Gatherer): Promise<string> {
  for (const { venue, line } of gatherer.venues) {
    const { connections, keeper } = line.status();
    gatherer.metrics.instruments(venue, keeper);
    gatherer.metrics.openGaps(venue, keeper.expected - keeper.proven);
    const states: Record<string, number> = {};
    for (const { state } of connections) states[state] = (states[state] ?? 0) + 1;
    gatherer.metrics.connections(venue, states);
  }
  return await gatherer.metrics.text();
}
