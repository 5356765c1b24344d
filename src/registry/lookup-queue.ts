import type { BackoffSettings } from '../http/backoff.ts';

interface Lookup {
  due: number;
  attempts: number;
}

export interface LookupSettings {
  /** Waits between attempts for what the venue does not know yet, in milliseconds; doubled up to the cap. */
  readonly retry: BackoffSettings;
  readonly maxAttempts: number;
  /** What was not found is not looked up again for this long. */
  readonly forgetAfterMillis: number;
  /** Most that may wait; more are refused, because the next full listing finds them too. */
  readonly capacity: number;
}

const MICROS = 1_000;
const REMEMBERED = 100_000;

/** Names that the venue is to be asked about: each once, when due, again with growing waits, and not for ever. */
export class LookupQueue {
  readonly #settings: LookupSettings;
  readonly #waiting = new Map<string, Lookup>();
  /** Names not found, with the time from which they may be asked about again. */
  readonly #unknown = new Map<string, number>();

  constructor(settings: LookupSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#settings.capacity;
  }

  /** Whether it waits to be asked about. */
  has(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** False when it is refused: already not found lately, or too many wait. An earlier due time wins. */
  add(name: string, due: number, now: number): boolean {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      waiting.due = Math.min(waiting.due, due);
      return true;
    }
    const until = this.#unknown.get(name);
    if (until !== undefined) {
      if (now < until) return false;
      this.#unknown.delete(name);
    }
    if (this.isFull) return false;
    this.#waiting.set(name, { due, attempts: 0 });
    return true;
  }

  /** Up to `limit` names that are due; they stay until `found`, `missing` for the last time, or `drop`. */
  due(now: number, limit: number): string[] {
    const names: string[] = [];
    for (const [name, lookup] of this.#waiting) {
      if (lookup.due > now) continue;
      names.push(name);
      if (names.length === limit) break;
    }
    return names;
  }

  /** Earliest due time, or Infinity. */
  next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lookup of this.#waiting.values()) if (lookup.due < next) next = lookup.due;
    return next;
  }

  found(name: string): void {
    this.#waiting.delete(name);
    this.#unknown.delete(name);
  }

  /** The venue does not know it: true when that was the last attempt. */
  missing(name: string, now: number): boolean {
    const lookup = this.#waiting.get(name);
    if (lookup === undefined) return false;
    lookup.attempts++;
    if (lookup.attempts < this.#settings.maxAttempts) {
      const { baseMillis, capMillis } = this.#settings.retry;
      lookup.due = now + Math.min(capMillis, baseMillis * 2 ** (lookup.attempts - 1)) * MICROS;
      return false;
    }
    this.#waiting.delete(name);
    if (this.#unknown.size >= REMEMBERED) this.#unknown.delete(this.#unknown.keys().next().value!);
    this.#unknown.set(name, now + this.#settings.forgetAfterMillis * MICROS);
    return true;
  }

  /** Takes a name out without an answer being remembered. */
  drop(name: string): void {
    this.#waiting.delete(name);
  }
}
