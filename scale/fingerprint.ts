/** What tells two sets of events apart, in whatever order they come: how many, and two sums over all of them. */
export interface Fingerprint {
  readonly events: number;
  readonly sum: number;
  readonly xor: number;
}

/** The fields of an event that all sides must agree on; one of today's Kalshi messages always has them. */
export interface FingerprintedEvent {
  readonly kind: string;
  readonly instrument: string;
  readonly exchange_ts: number;
  /** Price and change of a delta, price and size of a trade, best prices of a tick. */
  readonly first: number | null;
  readonly second: number | null;
}

/** Adds up events to a fingerprint. An event that is there twice, or lacks, or differs in anything changes it. */
export class Fingerprinter {
  #events = 0;
  #sum = 0;
  #xor = 0;

  add({ kind, instrument, exchange_ts, first, second }: FingerprintedEvent): void {
    const text = `${kind} ${instrument} ${exchange_ts} ${first} ${second}`;
    let hash = 0x811c9dc5;
    for (let index = 0; index < text.length; index++)
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    hash ^= hash >>> 15;
    this.#events++;
    this.#sum = (this.#sum + Math.imul(hash, 0x85ebca6b)) >>> 0;
    this.#xor = (this.#xor ^ hash) >>> 0;
  }

  get value(): Fingerprint {
    return { events: this.#events, sum: this.#sum, xor: this.#xor };
  }
}
