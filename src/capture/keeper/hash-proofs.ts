import type { MarketEvent } from '../../events/event.ts';
import type { BookProofs } from '../../venues/book-proofs.ts';
import type { InstrumentState, Source } from './instrument-state.ts';

/**
 * Holds the line's own books against the hashes that the venue states with its changes, now and then, and dates a
 * book's last proof by those that match. One that does not match makes no gap: it proves nothing.
 *
 * @param events of one frame, all of them applied
 * @param frame its number: a book to which something of it was not applied is not what the venue speaks of
 */
export function holdAgainstHashes(
  proofs: BookProofs,
  states: Pick<ReadonlyMap<string, InstrumentState>, 'get'>,
  source: Source,
  events: readonly MarketEvent[],
  frame: number,
): void {
  for (let index = events.length - 1; index >= 0; index--) {
    const event = events[index]!;
    if (event.kind !== 'book_delta') continue;
    const { instrument, exchange_ts, hash, received_at } = event;
    if (hash === undefined || exchange_ts === null) continue;
    const state = states.get(instrument);
    if (state === undefined || state.source !== source || !state.isProven) continue;
    if (state.unappliedFrame === frame || isFollowed(events, index)) continue;
    if (!proofs.isDue(instrument, received_at)) continue;
    const { book } = state;
    proofs.holdOwnBook(
      { instrument, exchange_ts, hash },
      book.levels('bid'),
      book.levels('ask'),
      received_at,
    );
  }
  for (const { instrument, exchange_ts } of proofs.takeProofs()) {
    const state = states.get(instrument);
    // Another change of that millisecond may still have been lost.
    if (state !== undefined) state.verifiedUntil = Math.max(state.verifiedUntil, exchange_ts - 1);
  }
}

/** Whether a later event of the frame is of the same book, so that the book is not what this one speaks of. */
function isFollowed(events: readonly MarketEvent[], index: number): boolean {
  const { instrument } = events[index] as { readonly instrument: string };
  for (let later = index + 1; later < events.length; later++) {
    const event = events[later]!;
    if (event.kind !== 'lifecycle' && event.instrument === instrument) return true;
  }
  return false;
}
