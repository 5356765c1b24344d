import type { BookSnapshotEvent } from '../events/event.ts';

/** Order books obtained by REST, as far as the venue had them; the same for every venue. */
export interface FetchedBooks {
  readonly books: readonly BookSnapshotEvent[];
  /** Asked for and not answered: unknown, closed, or in a form that could not be read. */
  readonly missing: readonly string[];
}
