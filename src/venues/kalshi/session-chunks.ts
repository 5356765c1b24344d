/** Longest text of one command's tickers, in bytes of JSON: nobody has published a limit, and this one works. */
const MAX_BYTES = 32_768;
/** A subscription that refuses even this few more is full. */
const SMALLEST = 8;

/**
 * What is known of the unpublished limits, shared by all sessions of a venue so that each is found out once:
 * how many tickers one command may name, and how many one subscription may hold (error 26).
 */
export class MarketLimits {
  /** Tickers in one command. */
  chunk: number;
  /** Tickers on one subscription, as far as refusals have shown. */
  perSubscription: number = Number.POSITIVE_INFINITY;

  constructor(chunk = 400) {
    this.chunk = chunk;
  }

  /** How many may be asked for on a subscription that holds `held`; 0 means it is full. */
  allowed(held: number): number {
    return Math.max(0, Math.min(this.chunk, this.perSubscription - held));
  }

  /**
   * Error 26 answered `asked` more tickers on a subscription that held `held`. Returns how many to try next on
   * the same one; 0 means that it is full.
   */
  refused(held: number, asked: number): number {
    if (held === 0) {
      this.chunk = Math.min(this.chunk, Math.max(1, asked >> 1));
      return this.chunk;
    }
    if (asked <= SMALLEST) {
      this.perSubscription = Math.min(this.perSubscription, held);
      return 0;
    }
    this.perSubscription = Math.min(this.perSubscription, held + asked - 1);
    return asked >> 1;
  }
}

/** How many of `tickers` one command takes: at most `count`, within the bytes of one command, at least one. */
export function fitting(tickers: Iterable<string>, count: number): number {
  let bytes = 0;
  let taken = 0;
  for (const ticker of tickers) {
    bytes += ticker.length + 3;
    if (taken >= count || (bytes > MAX_BYTES && taken > 0)) break;
    taken++;
  }
  return taken;
}

/** Tickers waiting to be asked for, in order: those that a refusal gave back come first, in their own portions. */
export class TickerQueue {
  readonly #fresh = new Set<string>();
  /** Given back; a portion is never joined with another, so that halving finds the one refused. */
  readonly #back: string[][] = [];
  #backCount = 0;

  get size(): number {
    return this.#fresh.size + this.#backCount;
  }

  push(tickers: Iterable<string>): void {
    for (const ticker of tickers) this.#fresh.add(ticker);
  }

  giveBack(tickers: readonly string[]): void {
    if (tickers.length === 0) return;
    this.#back.push([...tickers]);
    this.#backCount += tickers.length;
  }

  /** Takes the next portion of at most `count`. */
  take(count: number): string[] {
    const portion = this.#back[0];
    if (portion !== undefined) {
      const taken = portion.splice(0, fitting(portion, count));
      if (portion.length === 0) this.#back.shift();
      this.#backCount -= taken.length;
      return taken;
    }
    const taken: string[] = [];
    const size = fitting(this.#fresh, count);
    for (const ticker of this.#fresh) {
      if (taken.length === size) break;
      taken.push(ticker);
    }
    for (const ticker of taken) this.#fresh.delete(ticker);
    return taken;
  }

  /** Takes a ticker out of the queue. False when it was not waiting. */
  remove(ticker: string): boolean {
    if (this.#fresh.delete(ticker)) return true;
    for (const [index, portion] of this.#back.entries()) {
      const at = portion.indexOf(ticker);
      if (at < 0) continue;
      portion.splice(at, 1);
      this.#backCount--;
      if (portion.length === 0) this.#back.splice(index, 1);
      return true;
    }
    return false;
  }
}
