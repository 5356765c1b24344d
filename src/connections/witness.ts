import type { BookSnapshotEvent } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';

/** Most instruments of one request; what one Polymarket answer holds. */
const BATCH = 100;
const BETWEEN = MICROS_PER_SECOND;
/** More waiting than this is no longer about single books. */
const MOST_WAITING = 5_000;

type FetchBooks = (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;

/** Asks for books by REST, a few at a time: the second witness where a subscription alone cannot convince. */
export class Witness {
  readonly #fetchBooks: FetchBooks | undefined;
  readonly #report: { books(snapshot: BookSnapshotEvent): void; failed(message: string): void };
  readonly #waiting = new Set<string>();
  #isAsking = false;
  #notBefore = 0 as Micros;

  constructor(
    fetchBooks: FetchBooks | undefined,
    report: { books(snapshot: BookSnapshotEvent): void; failed(message: string): void },
  ) {
    this.#fetchBooks = fetchBooks;
    this.#report = report;
  }

  ask(instruments: readonly string[]): void {
    if (this.#fetchBooks === undefined) return;
    for (const instrument of instruments) {
      if (this.#waiting.size >= MOST_WAITING) return;
      this.#waiting.add(instrument);
    }
  }

  tick(now: Micros): void {
    if (this.#isAsking || this.#waiting.size === 0 || now < this.#notBefore || this.#fetchBooks === undefined)
      return;
    const batch: string[] = [];
    for (const instrument of this.#waiting) {
      if (batch.length === BATCH) break;
      batch.push(instrument);
    }
    for (const instrument of batch) this.#waiting.delete(instrument);
    this.#isAsking = true;
    this.#notBefore = (now + BETWEEN) as Micros;
    void this.#run(this.#fetchBooks, batch);
  }

  async #run(fetchBooks: FetchBooks, batch: readonly string[]): Promise<void> {
    try {
      for (const snapshot of await fetchBooks(batch)) this.#report.books(snapshot);
    } catch (error) {
      this.#report.failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isAsking = false;
    }
  }
}
