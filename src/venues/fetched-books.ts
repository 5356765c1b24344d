import type { BookSnapshotEvent } from '../events/event.ts';

/** How many books proved to be as sent by the venue's own hash of them. One that does not match proves nothing. */
export interface HashVerdicts {
  matched: number;
  unmatched: number;
  not_checkable: number;
}

/** Order books obtained by REST, as far as the venue had them; the same for every venue. */
export interface FetchedBooks {
  readonly books: readonly BookSnapshotEvent[];
  /** Asked for and not answered: unknown, closed, or in a form that could not be read. */
  readonly missing: readonly string[];
  /** Absent where the venue has no hashes. */
  readonly hashes?: HashVerdicts;
}
