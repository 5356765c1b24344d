import type { RecorderFigures } from '#src/archive/raw-recorder.ts';
import type { KeeperCounters } from '#src/capture/keeper.ts';
import type { VenueLineStatus } from '#src/capture/venue-line.ts';
import { isConnected } from '#src/connections/pool-contract.ts';
import type { BatcherFigures } from '#src/stream/batcher-options.ts';
import type { LatencyHistogram } from '#src/telemetry/latency.ts';
import { metricLine } from '#src/telemetry/published-metrics.ts';

/** What of a gatherer is published. */
export interface PublishedLine {
  readonly gatherer: string;
  readonly batcher: BatcherFigures | null;
  /** Emptied by every publication. */
  readonly frameToStream: LatencyHistogram;
  readonly venues: readonly {
    readonly venue: string;
    readonly status: Pick<VenueLineStatus, 'connections' | 'keeper' | 'unauthorized'>;
    readonly counters: Pick<KeeperCounters, 'frames' | 'events' | 'losses' | 'problems'>;
    readonly recorder: Pick<RecorderFigures, 'dropped_lines' | 'waiting_bytes'>;
  }[];
}

/** Writes a gatherer's figures to its log, from where CloudWatch takes them. */
export class LinePublisher {
  readonly #namespace: string;
  readonly #write: (text: string) => void;
  readonly #before = new Map<string, number>();

  constructor(namespace: string, write: (text: string) => void) {
    this.#namespace = namespace;
    this.#write = write;
  }

  publish(atMillis: number, line: PublishedLine): void {
    const { gatherer, batcher, frameToStream, venues } = line;
    const p99 = frameToStream.quantile(0.99);
    frameToStream.reset();
    const waiting = venues.reduce((sum, { recorder }) => sum + recorder.waiting_bytes, 0);
    const dropped = venues.reduce((sum, { recorder }) => sum + recorder.dropped_lines, 0);
    const refused = (batcher?.set_aside_lines ?? 0) + (batcher?.not_encodable_lines ?? 0);
    this.#line(
      metricLine(
        this.#namespace,
        'line',
        atMillis,
        { gatherer },
        {
          line_alive: 1,
          line_backlog: batcher?.backlog_lines ?? 0,
          line_oldest_age: (batcher?.oldest_age ?? 0) / 1_000_000,
          line_disk_used: ((batcher?.journal_bytes ?? 0) + waiting) / 1_000_000,
          line_refused: this.#added('refused', refused),
          line_raw_dropped: this.#added('raw_dropped', dropped),
          line_frame_to_stream_p99: p99 === null ? null : p99 / 1_000,
        },
      ),
    );
    for (const { venue, status, counters } of venues) {
      const added = (name: keyof typeof counters): number => this.#added(`${venue} ${name}`, counters[name]);
      this.#line(
        metricLine(
          this.#namespace,
          'lineVenue',
          atMillis,
          { gatherer, venue },
          {
            venue_instruments_expected: status.keeper.expected,
            venue_instruments_proven: status.keeper.proven,
            venue_connections_open: status.connections.filter(isConnected).length,
            venue_frames: added('frames'),
            venue_events: added('events'),
            venue_losses: added('losses'),
            venue_unreadable: added('problems'),
            venue_unauthorized: status.unauthorized ? 1 : 0,
          },
        ),
      );
    }
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }

  #added(name: string, total: number): number {
    const before = this.#before.get(name) ?? 0;
    this.#before.set(name, total);
    return total - before;
  }
}
