import type { BookSample, SimpleBook } from '../tape/truth-comparison.ts';
import type { Micros } from '../units/time.ts';
import { TruthBookBuilder } from './truth-books.ts';
import type { TruthRecord } from './truth-record.ts';

/** Reads the truth log anew, from its beginning. */
export type TruthReader = () => AsyncIterable<TruthRecord>;

export interface SampleRules {
  /** Instruments whose books are compared; the busiest tenth of these are always the busiest of all. */
  readonly instruments: number;
  /** Instants of each, spread evenly over its changes. */
  readonly instants: number;
  /** Changes at or before this venue time are passed over. */
  readonly after: Micros;
  /** One more instant, the same for every instrument. */
  readonly last: Micros;
}

/** Book changes of an instrument in the log. */
interface Activity {
  readonly venue: string;
  readonly instrument: string;
  changes: number;
  /** Those that may be sampled. */
  eligible: number;
}

type BookRecord = Extract<TruthRecord, { readonly kind: 'book' | 'book_delta' }>;

const isOfBook = (record: TruthRecord): record is BookRecord =>
  record.kind === 'book' || record.kind === 'book_delta';

const timeOf = (record: BookRecord): number =>
  record.kind === 'book' ? record.at : (record.exchange_ts ?? 0);

/** The exchange's own book at every sampled instant. */
export class TrueBooks {
  readonly samples: readonly BookSample[];
  readonly #books: ReadonlyMap<BookSample, TruthBookBuilder>;

  constructor(books: ReadonlyMap<BookSample, TruthBookBuilder>) {
    this.samples = [...books.keys()];
    this.#books = books;
  }

  /** Null where the instrument did not exist by then. */
  readonly of = (sample: BookSample): SimpleBook | null => {
    const builder = this.#books.get(sample);
    return builder?.isKnown === true ? builder.book() : null;
  };
}

/** Evenly picked instruments, the busiest always among them. */
function chosen(all: Iterable<Activity>, most: number): Activity[] {
  const busiest = [...all].sort((left, right) => right.changes - left.changes);
  const always = busiest.slice(0, most / 10);
  const rest = busiest.slice(always.length);
  const wanted = Math.min(rest.length, most - always.length);
  for (let index = 0; index < wanted; index++) always.push(rest[Math.floor((index * rest.length) / wanted)]!);
  return always;
}

/**
 * Chooses instants at which books are compared, and the exchange's own books at them. An instant lies just before
 * one of the instrument's changes, where a mistake in order would show. The log is read three times, so that
 * nothing is kept but a counter for each instrument and a book for each instant, however long the log is.
 */
export async function sampleTrueBooks(read: TruthReader, rules: SampleRules): Promise<TrueBooks> {
  const activities = new Map<string, Activity>();
  for await (const record of read()) {
    if (!isOfBook(record)) continue;
    const { venue, instrument } = record;
    let activity = activities.get(instrument);
    if (activity === undefined) {
      activity = { venue, instrument, changes: 0, eligible: 0 };
      activities.set(instrument, activity);
    }
    activity.changes++;
    if (timeOf(record) > rules.after) activity.eligible++;
  }

  const samples = new Map<string, BookSample[]>();
  const passed = new Map<string, number>();
  for (const { instrument } of chosen(activities.values(), rules.instruments)) samples.set(instrument, []);
  for await (const record of read()) {
    if (!isOfBook(record) || timeOf(record) <= rules.after) continue;
    const { venue, instrument } = record;
    const instants = samples.get(instrument);
    if (instants === undefined) continue;
    const number = (passed.get(instrument) ?? 0) + 1;
    passed.set(instrument, number);
    const due = Math.floor((number * rules.instants) / activities.get(instrument)!.eligible);
    if (due > instants.length) instants.push({ venue, instrument, at: (timeOf(record) - 1) as Micros });
  }
  for (const [instrument, instants] of samples) {
    instants.push({ venue: activities.get(instrument)!.venue, instrument, at: rules.last });
  }

  const books = new Map<BookSample, TruthBookBuilder>();
  for (const instants of samples.values())
    for (const sample of instants) books.set(sample, new TruthBookBuilder());
  for await (const record of read()) {
    if (!isOfBook(record)) continue;
    const time = timeOf(record);
    for (const sample of samples.get(record.instrument) ?? [])
      if (time <= sample.at) books.get(sample)!.apply(record);
  }
  return new TrueBooks(books);
}
