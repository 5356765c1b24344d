import { type BookSnapshotEvent, isOfBook, type MarketEvent, type Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { FrameDecoder } from '../venues/decoder.ts';
import { venueDefinition } from '../venues/registration.ts';
import { recordedFrame } from './recorded-message.ts';
import { RunningBooks } from './running-books.ts';
import { timedMessages } from './timed-messages.ts';

/** Which events; absent conditions let everything through. Times are those at which frames were received. */
export interface EventFilter {
  readonly venues?: ReadonlySet<string>;
  readonly instruments?: ReadonlySet<string>;
  readonly kinds?: ReadonlySet<string>;
  /** Included. */
  readonly from?: Micros;
  /** Not included. */
  readonly to?: Micros;
}

function isMeant({ venues, instruments }: EventFilter, event: MarketEvent): boolean {
  if (venues?.has(event.venue) === false) return false;
  if (instruments === undefined) return true;
  const about = event.kind === 'lifecycle' ? event.instruments : [event.instrument];
  return about.some((instrument) => instruments.has(instrument));
}

/**
 * The events of recordings in the order in which they were received, as decoded. Where `from` lies within them, the
 * books as they are then come first, each as a snapshot of source `engine`. A recording may hold earlier times after
 * later ones, as one of the tape does: a change of a book from before `from` that stands behind the books is given,
 * because they lack it.
 *
 * @param files plain or compressed
 * @param skipped told of every line that cannot be played
 * @throws RecordingError where a file cannot be read
 */
export async function* playEvents(
  files: readonly string[],
  filter: EventFilter = {},
  skipped?: (file: string, line: number) => void,
): AsyncGenerator<MarketEvent> {
  const { from, to, kinds } = filter;
  const decoders = new Map<Venue, FrameDecoder>();
  const venueOf = new Map<string, Venue>();
  const books = from === undefined ? null : new RunningBooks();
  let hasBegun = from === undefined;
  const isWanted = (event: MarketEvent): boolean => kinds?.has(event.kind) ?? true;
  function* openings(): Generator<MarketEvent> {
    hasBegun = true;
    for (const instrument of books!.instruments) {
      const opening: BookSnapshotEvent = {
        kind: 'book_snapshot',
        venue: venueOf.get(instrument)!,
        received_at: from!,
        instrument,
        source: 'engine',
        bids: books!.levels(instrument, 'bid'),
        asks: books!.levels(instrument, 'ask'),
        snapshot_ts: from!,
        exchange_ts: null,
      };
      if (isWanted(opening)) yield opening;
    }
  }
  for await (const { at, message, useYesPrice } of timedMessages(files, skipped)) {
    let decoder = decoders.get(message.venue);
    if (decoder === undefined) {
      decoder = venueDefinition(message.venue).decoder();
      decoders.set(message.venue, decoder);
    }
    if (!hasBegun && at >= from!) yield* openings();
    if (to !== undefined && at >= to) continue;
    for (const event of decoder.decode(recordedFrame(message), { received_at: at, useYesPrice }).events) {
      if (!isMeant(filter, event)) continue;
      if (hasBegun) {
        const isEarly = from !== undefined && at < from;
        if (isWanted(event) && (isOfBook(event) || !isEarly)) yield event;
        continue;
      }
      if (isOfBook(event)) venueOf.set(event.instrument, event.venue);
      books!.event(event);
    }
  }
  if (!hasBegun) yield* openings();
}
