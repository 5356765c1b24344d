import type { ClientBase } from 'pg';
import type { Configuration } from '#src/config/schema.ts';
import type { MarketEvent } from '#src/events/event.ts';
import { bookAt, horizonOf } from '#src/storage/production/tape-queries.ts';
import { comparedTapeEvents, tapeGapIndex } from '#src/storage/production/truth-source.ts';
import { defaultRules } from '#src/tape/rules.ts';
import {
  type BookComparison,
  type BookSample,
  compareBooks,
  type EventComparison,
  type SimpleBook,
  TruthComparison,
} from '#src/tape/truth-comparison.ts';
import { comparedEvent } from '#src/tape/truth-identity.ts';
import { readTruth } from '#src/truth/read-truth.ts';
import { TruthBookBuilder } from '#src/truth/truth-books.ts';
import type { TruthRecord } from '#src/truth/truth-record.ts';
import type { Micros } from '#src/units/time.ts';
import { captureScope } from './capture-scope.ts';

/** Instruments whose books are compared, and instants of each. */
const INSTRUMENTS = 200;
const INSTANTS = 4;
/** Books are compared from here on: before it, lines are still starting. */
const WARM_UP_MICROS = 10_000_000;
/** And up to here before the end: lines that stop cannot vouch for their last moments. */
const COOL_DOWN_MICROS = 3_000_000;

export interface TruthCheck {
  readonly events: EventComparison;
  readonly books: BookComparison;
}

interface Timeline {
  readonly venue: string;
  readonly instrument: string;
  readonly records: TruthRecord[];
}

function timeOf(record: TruthRecord): number {
  if (record.kind === 'book') return record.at;
  return 'exchange_ts' in record ? (record.exchange_ts ?? 0) : 0;
}

/** The exchange's own book at a time, from the records of its instrument. */
function trueBook(timeline: Timeline, at: Micros): SimpleBook | null {
  const builder = new TruthBookBuilder();
  for (const record of timeline.records) if (timeOf(record) <= at) builder.apply(record);
  return builder.isKnown ? builder.book() : null;
}

/** When the exchange of this log began. */
async function beginOf(truthFile: string): Promise<Micros> {
  for await (const record of readTruth(truthFile)) if (record.kind === 'header') return record.started_at;
  return 0 as Micros;
}

/** Evenly picked instruments, the busiest tenth always among them. */
function chosen(timelines: readonly Timeline[]): Timeline[] {
  const busiest = [...timelines].sort((left, right) => right.records.length - left.records.length);
  const always = busiest.slice(0, INSTRUMENTS / 10);
  const rest = busiest.slice(INSTRUMENTS / 10);
  const step = Math.max(1, rest.length / (INSTRUMENTS - always.length));
  for (let position = 0; position < rest.length; position += step) always.push(rest[Math.floor(position)]!);
  return always;
}

/**
 * Holds the tape against the simulated exchange's own log: every event by identity, and books at several instants.
 * An instant lies just before one of the instrument's changes, where a mistake in order would show.
 */
export async function checkTruth(
  client: ClientBase,
  truthFile: string,
  configuration: Pick<Configuration, 'venues'>,
): Promise<TruthCheck> {
  const horizon = (await horizonOf(client, defaultRules)) ?? (0 as Micros);
  const startedAt = await beginOf(truthFile);
  const gaps = await tapeGapIndex(client);
  const comparison = new TruthComparison({
    gapsOf: gaps.of,
    horizon,
    provenSince: gaps.firstProof(startedAt) ?? horizon,
    isWanted: captureScope(configuration, gaps.names),
    mayExceed: new Set(['book_snapshot']),
  });
  const timelines = new Map<string, Timeline>();
  let last = 0;
  for await (const record of readTruth(truthFile)) {
    if (record.kind === 'header') continue;
    if (record.kind === 'book' || record.kind === 'book_delta') {
      const timeline = timelines.get(record.instrument);
      if (timeline === undefined) {
        timelines.set(record.instrument, {
          venue: record.venue,
          instrument: record.instrument,
          records: [record],
        });
      } else timeline.records.push(record);
    }
    if (!('delivered' in record)) continue;
    last = Math.max(last, record.emitted_at);
    const event = comparedEvent({ ...record, received_at: record.emitted_at } as MarketEvent);
    if (event !== null) comparison.truth({ ...event, delivered: record.delivered });
  }
  for await (const event of comparedTapeEvents(client)) {
    // Rows of an earlier run on the same data are another exchange's.
    if (event.time === null || event.time >= startedAt) comparison.tape(event);
  }
  const samples: BookSample[] = [];
  for (const { venue, instrument, records } of chosen([...timelines.values()])) {
    const times = records.map(timeOf).filter((time) => time > startedAt + WARM_UP_MICROS);
    const step = Math.max(1, Math.floor(times.length / INSTANTS));
    for (let index = step - 1; index < times.length; index += step) {
      samples.push({ venue, instrument, at: (times[index]! - 1) as Micros });
    }
    samples.push({ venue, instrument, at: (Math.min(last, horizon) - COOL_DOWN_MICROS) as Micros });
  }
  const books = await compareBooks(
    samples,
    ({ venue, instrument, at }) => bookAt(client, venue, instrument, at, defaultRules),
    ({ instrument, at }) => trueBook(timelines.get(instrument)!, at),
  );
  return { events: comparison.finish(), books };
}
