import type { BookSnapshotEvent } from '../../events/event.ts';
import type { InstrumentState } from './instrument-state.ts';

/** Books that must disagree in a row, while the line's book stands still, to be believed. */
const WITNESSES = 2;

/** What a book by REST says about the line's own. */
export type RestVerdict = 'agrees' | 'older' | 'differs' | 'differs again';

/**
 * Holds a book by REST against the line's own. It has no place in the stream's order, and may itself be stale, so
 * that one which differs proves nothing: only several in a row count, while the line's book stood still.
 */
export function holdAgainstRest(state: InstrumentState, snapshot: BookSnapshotEvent): RestVerdict {
  const { book } = state;
  const { exchange_ts, depth } = snapshot;
  if (depth !== undefined || (exchange_ts !== null && exchange_ts < book.lastTime)) return 'older';
  if (book.equals(snapshot.bids, snapshot.asks)) {
    state.restDisagreements = 0;
    return 'agrees';
  }
  if (state.restMarker !== state.marker) state.restDisagreements = 0;
  state.restMarker = state.marker;
  state.restDisagreements++;
  return state.restDisagreements < WITNESSES ? 'differs' : 'differs again';
}
