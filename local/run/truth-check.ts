import { statSync } from 'node:fs';
import type { ClientBase } from 'pg';
import type { Configuration } from '#src/config/schema.ts';
import type { MarketEvent } from '#src/events/event.ts';
import { bookAt, horizonOf } from '#src/storage/production/tape-queries.ts';
import { comparedTapeEvents, tapeGapIndex } from '#src/storage/production/truth-source.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { type BookComparison, compareBooks, type EventComparison } from '#src/tape/truth-comparison.ts';
import { comparedEvent } from '#src/tape/truth-identity.ts';
import { sampleTrueBooks } from '#src/truth/book-samples.ts';
import { EventPartitions } from '#src/truth/event-partitions.ts';
import { readTruth } from '#src/truth/read-truth.ts';
import type { Micros } from '#src/units/time.ts';
import { captureScope } from './capture-scope.ts';

/** Instruments whose books are compared, and instants of each. */
const INSTRUMENTS = 200;
const INSTANTS = 4;
/** Books are compared from here on: before it, lines are still starting. */
const WARM_UP_MICROS = 10_000_000;
/** And up to here before the end: lines that stop cannot vouch for their last moments. */
const COOL_DOWN_MICROS = 3_000_000;
/** Bytes of the truth log for each part of the comparison: about a hundred thousand events. */
const BYTES_PER_PART = 32 * 2 ** 20;
/** Every part has a file open. */
const MOST_PARTS = 512;

export interface TruthCheck {
  readonly events: EventComparison;
  readonly books: BookComparison;
}

export interface TruthCheckSources {
  /** The exchange's own log; of the last run only, as the exchange begins it anew. */
  readonly truthFile: string;
  /** A folder of its own, which is gone afterwards. */
  readonly scratch: string;
  readonly configuration: Pick<Configuration, 'venues'>;
}

/** When the exchange of this log began. */
async function beginOf(truthFile: string): Promise<Micros> {
  for await (const record of readTruth(truthFile)) if (record.kind === 'header') return record.started_at;
  return 0 as Micros;
}

/**
 * Holds the tape against the simulated exchange's own log: every event by identity, and books at several instants.
 * Takes the same memory however long the run was, but for the tape's gaps.
 */
export async function checkTruth(
  client: ClientBase,
  { truthFile, scratch, configuration }: TruthCheckSources,
): Promise<TruthCheck> {
  const horizon = (await horizonOf(client, defaultRules)) ?? (0 as Micros);
  const startedAt = await beginOf(truthFile);
  const gaps = await tapeGapIndex(client);
  const parts = Math.min(MOST_PARTS, Math.ceil(statSync(truthFile).size / BYTES_PER_PART) || 1);
  const partitions = new EventPartitions(scratch, parts);
  try {
    let last = 0;
    for await (const record of readTruth(truthFile)) {
      if (!('delivered' in record)) continue;
      last = Math.max(last, record.emitted_at);
      const event = comparedEvent({ ...record, received_at: record.emitted_at } as MarketEvent);
      if (event === null) continue;
      const sentAt =
        record.kind === 'book_snapshot' && record.delivered > 0 ? { sentAt: record.emitted_at } : {};
      partitions.truth({ ...event, delivered: record.delivered, ...sentAt });
    }
    for await (const event of comparedTapeEvents(client)) {
      // Rows of an earlier run on the same data are another exchange's.
      if (event.time === null || event.time >= startedAt) partitions.tape(event);
    }
    const events = partitions.finish({
      gapsOf: gaps.of,
      horizon,
      provenSince: gaps.firstProof(startedAt) ?? horizon,
      isWanted: captureScope(configuration, gaps.names),
    });
    const trueBooks = await sampleTrueBooks(() => readTruth(truthFile), {
      instruments: INSTRUMENTS,
      instants: INSTANTS,
      after: (startedAt + WARM_UP_MICROS) as Micros,
      last: (Math.min(last, horizon) - COOL_DOWN_MICROS) as Micros,
    });
    const books = await compareBooks(
      trueBooks.samples,
      ({ venue, instrument, at }) => bookAt(client, venue, instrument, at, defaultRules),
      trueBooks.of,
    );
    return { events, books };
  } finally {
    partitions.close();
  }
}
