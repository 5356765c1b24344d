import type { BookSnapshotEvent } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';

/** Instruments of one request. */
const BATCH = 100;
const BETWEEN = MICROS_PER_SECOND;
/** More waiting than this is no longer about single books. */
const MOST_WAITING = 5_000;

type FetchBooks = (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;

export interface WitnessParts {
  readonly fetchBooks: FetchBooks | undefined;
  books(snapshot: BookSnapshotEvent): void;
  failed(message: string): void;
  /** Where nothing numbers the messages: the next few of all proven books, round and round; else null. */
  readonly round: { readonly every: number; total(): number; next(count: number): string[] } | null;
}

/**
 * Asks for books by REST, a few at a time: those where a subscription alone cannot convince, and in between, where
 * nothing numbers the messages, all others in turn. A change that was lost shows in no other way for a long time.
 */
export class Witness {
  readonly #parts: WitnessParts;
  readonly #waiting = new Set<string>();
  #isAsking = false;
  #notBefore = 0 as Micros;
  #roundAt: Micros | null = null;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  ask(instruments: readonly string[]): void {
    if (this.#parts.fetchBooks === undefined) return;
    for (const instrument of instruments) {
      if (this.#waiting.size >= MOST_WAITING) return;
      this.#waiting.add(instrument);
    }
  }

  tick(now: Micros): void {
    const { fetchBooks } = this.#parts;
    if (fetchBooks === undefined || this.#isAsking || now < this.#notBefore) return;
    const batch = this.#waiting.size > 0 ? this.#urgent() : this.#ofRound(now);
    if (batch.length === 0) return;
    this.#isAsking = true;
    this.#notBefore = (now + BETWEEN) as Micros;
    void this.#run(fetchBooks, batch);
  }

  #urgent(): string[] {
    const batch: string[] = [];
    for (const instrument of this.#waiting) {
      if (batch.length === BATCH) break;
      batch.push(instrument);
    }
    for (const instrument of batch) this.#waiting.delete(instrument);
    return batch;
  }

  #ofRound(now: Micros): string[] {
    const { round } = this.#parts;
    if (round === null) return [];
    // Spread evenly over the round, the last request of which may be a small one.
    const pause = round.every / Math.max(1, Math.ceil(round.total() / BATCH));
    this.#roundAt ??= now;
    if (now - this.#roundAt < pause) return [];
    this.#roundAt = now;
    return round.next(BATCH);
  }

  async #run(fetchBooks: FetchBooks, batch: readonly string[]): Promise<void> {
    try {
      for (const snapshot of await fetchBooks(batch)) this.#parts.books(snapshot);
    } catch (error) {
      this.#parts.failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isAsking = false;
    }
  }
}
