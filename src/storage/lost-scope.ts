import { type Venue, venueNames } from '../events/event.ts';
import { isStorableName } from './line-rows.ts';
import type { RecordFacts } from './record-facts.ts';

/** What a line that could not be stored leaves unproven. */
export interface LostScope {
  readonly venues: readonly Venue[];
  /** Null for every instrument of the venues. */
  readonly instruments: readonly string[] | null;
  /** Null where it may be anything of the life that the line came from. */
  readonly bounds: { readonly from: number; readonly to: number | null } | null;
  /** The gap that the line would have opened, so that its closing can still be told; null for a gap of its own. */
  readonly gapId: string | null;
  /** Whether the line was an event, false for a gap, null where that cannot be told. */
  readonly isEvent: boolean | null;
}

/** Around a time that stands for another one, which cannot be read. */
const MARGIN_MICROS = 60_000_000;
/** What a gatherer knows besides events: nobody takes its absence for proof. */
const notEvents = new Set<unknown>(['heartbeat', 'market', 'book_metrics', 'record_end']);
/** As the gatherer's encoder writes lines of the feed, so also where the rest cannot be read. */
const FEED_SUBJECT = /^\{"kind":"(trade|book_delta|ticker)","venue":"([a-z]+)","instrument":"([^"\\]+)"/;
const FEED_TIMES = /,"exchange_ts":(null|\d+),"received_at":(\d+)[,}]/;

type Fields = Readonly<Record<string, unknown>>;

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

function venuesOf({ venue }: Fields): readonly Venue[] {
  const known = venueNames.filter((name) => name === venue);
  return known.length > 0 ? known : venueNames;
}

function instrumentsOf({ kind, instrument, instruments }: Fields): readonly string[] | null {
  const named = kind === 'gap' || kind === 'lifecycle' ? instruments : [instrument];
  if (!Array.isArray(named) || named.length === 0 || !named.every(isStorableName)) return null;
  return named;
}

/** Of an event: its times, with a margin where one that it should bear cannot be read. */
function boundsOfEvent(fields: Fields): LostScope['bounds'] {
  const { received_at, exchange_ts, snapshot_ts } = fields;
  const wanted = [received_at, ...(fields['kind'] === 'book_snapshot' ? [snapshot_ts] : [])];
  if (exchange_ts !== null) wanted.push(exchange_ts);
  const times = wanted.filter(isTime);
  if (times.length === 0) return null;
  const margin = times.length < wanted.length ? MARGIN_MICROS : 0;
  return { from: Math.max(0, Math.min(...times) - margin), to: Math.max(...times) + 1 + margin };
}

function scopeOfGap(fields: Fields): LostScope {
  const { from, to, gap_id, all } = fields;
  const isOpening = to === null;
  return {
    venues: venuesOf(fields),
    instruments: all === true ? null : instrumentsOf(fields),
    bounds: isTime(from) ? { from, to: isTime(to) ? to : null } : null,
    // A closing that cannot be stored leaves what it would have closed open.
    gapId: isOpening && isStorableName(gap_id) ? gap_id : null,
    isEvent: false,
  };
}

const EVERYTHING: LostScope = {
  venues: venueNames,
  instruments: null,
  bounds: null,
  gapId: null,
  isEvent: null,
};

function feedLine(text: string): LostScope | null {
  const subject = FEED_SUBJECT.exec(text);
  if (subject === null) return null;
  const [, kind, venue, instrument] = subject;
  const times = FEED_TIMES.exec(text);
  const fields = {
    kind,
    venue,
    instrument,
    exchange_ts: times?.[1] === 'null' ? null : Number(times?.[1]),
    received_at: Number(times?.[2]),
  };
  return {
    venues: venuesOf(fields),
    instruments: instrumentsOf(fields),
    bounds: boundsOfEvent(fields),
    gapId: null,
    isEvent: true,
  };
}

/** As nothing is known of the record: any of its lines may have been anything. */
const NO_FACTS: RecordFacts = { end: null, mayHideGap: true };

/**
 * What is unproven now that this line is not stored: as little as can be said with certainty, and everything where
 * nothing can. Null for a line whose absence nobody takes for proof.
 *
 * @param facts what the rest of its record tells of it.
 */
export function lostWith(bytes: Uint8Array, facts: RecordFacts = NO_FACTS): LostScope | null {
  const scope = scopeOf(bytes);
  if (scope === null || scope.bounds !== null || facts.events === undefined) return scope;
  if (scope.isEvent === false || (scope.isEvent === null && facts.mayHideGap)) return scope;
  // An event, and the record has none: then this is not one either.
  if (facts.events === null) return null;
  return { ...scope, bounds: { from: facts.events[0], to: facts.events[1] + 1 } };
}

function scopeOf(bytes: Uint8Array): LostScope | null {
  const text = Buffer.from(bytes).toString('utf8');
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return feedLine(text) ?? EVERYTHING;
  }
  if (typeof line !== 'object' || line === null) return EVERYTHING;
  const fields = line as Fields;
  const { kind } = fields;
  if (notEvents.has(kind)) return null;
  if (kind === 'gap') return scopeOfGap(fields);
  // What does not say its kind may have been a gap of anything.
  if (typeof kind !== 'string') return EVERYTHING;
  return {
    venues: venuesOf(fields),
    instruments: instrumentsOf(fields),
    bounds: boundsOfEvent(fields),
    gapId: null,
    isEvent: true,
  };
}
