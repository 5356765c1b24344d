import type { Side } from './event.ts';

/** Numbers kept per change of the current instant: level (price and side), amount, hash key. */
const WIDTH = 3;
/** Numbers kept per change of an earlier instant: its time as well. */
const PAST_WIDTH = 4;
/** Changes of earlier instants that are kept: what comes out of order comes a few messages late. */
const PAST_KEPT = 16 * PAST_WIDTH;

/** How a change relates to what the line has seen of its instrument. */
export const Placement = {
  /** New: to be emitted, and applied to the book. */
  fresh: 0,
  /** The same event sent again: to be dropped. */
  resend: 1,
  /**
   * Older than the newest instant of its instrument. It is numbered among the changes of its own instant that are
   * remembered; where none is, it is the first of its content, and so the same row if it was seen before.
   */
  late: 2,
} as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

/**
 * Numbers the changes of one instrument on one line, as the events arrive: `occurrence` counts the ones with
 * exactly equal content at one `exchange_ts`, `instantIndex` all changes at that `exchange_ts`. The newest instant
 * is remembered in full, and of the earlier ones the last sixteen changes. Answers lie in the two public fields
 * until the next call, so that the usual case, one change per instant, allocates nothing. It counts what one
 * subscription sends: another that takes over may send the same changes again, and has a counter of its own.
 */
export class OccurrenceCounter {
  occurrence = 0;
  instantIndex = 0;
  private time = Number.NEGATIVE_INFINITY;
  private count = 0;
  private level = 0;
  private amount = 0;
  private hash = 0;
  /** The second and later changes of the instant. */
  private rest: number[] | null = null;
  /** Time, level, amount and hash of changes of earlier instants: a ring once it is full. */
  private past: number[] | null = null;
  private oldest = 0;

  /**
   * Places a signed change. The venue numbers its messages, so every one that arrives is a change of its own.
   *
   * @param time `exchange_ts`, or the receive time where the venue gives none.
   */
  placeSigned(time: number, side: Side, price: number, change: number): Placement {
    const level = levelOf(side, price);
    if (time !== this.time) {
      if (time < this.time) return this.placeLate(time, level, change, 0, false);
      this.begin(time, level, change, 0);
      return Placement.fresh;
    }
    let equal = this.level === level && this.amount === change ? 1 : 0;
    const rest = this.rest;
    if (rest !== null) {
      for (let at = 0; at < rest.length; at += WIDTH) {
        if (rest[at] === level && rest[at + 1] === change) equal++;
      }
    }
    this.append(level, change, 0, equal);
    return Placement.fresh;
  }

  /**
   * Places an absolute size. The venue numbers nothing and sends updates again: one equal to the latest change of
   * its level at the same instant is the same event; with another change of that level between, it is a new one.
   *
   * @param hashKey 32-bit key of the venue's hash, 0 without one.
   */
  placeAbsolute(time: number, side: Side, price: number, size: number, hashKey: number): Placement {
    const level = levelOf(side, price);
    if (time !== this.time) {
      if (time < this.time) return this.placeLate(time, level, size, hashKey, true);
      this.begin(time, level, size, hashKey);
      return Placement.fresh;
    }
    let equal = 0;
    let latestIsEqual = false;
    if (this.level === level) {
      latestIsEqual = this.amount === size && this.hash === hashKey;
      if (latestIsEqual) equal++;
    }
    const rest = this.rest;
    if (rest !== null) {
      for (let at = 0; at < rest.length; at += WIDTH) {
        if (rest[at] !== level) continue;
        latestIsEqual = rest[at + 1] === size && rest[at + 2] === hashKey;
        if (latestIsEqual) equal++;
      }
    }
    if (latestIsEqual) return Placement.resend;
    this.append(level, size, hashKey, equal);
    return Placement.fresh;
  }

  /** How many changes of that instant have been placed, as far as they are remembered. */
  countAt(time: number): number {
    if (time === this.time) return this.count;
    const { past } = this;
    let count = 0;
    if (past !== null) for (let at = 0; at < past.length; at += PAST_WIDTH) if (past[at] === time) count++;
    return count;
  }

  private begin(time: number, level: number, amount: number, hash: number): void {
    if (this.count > 0) {
      this.remember(this.time, this.level, this.amount, this.hash);
      const rest = this.rest;
      if (rest !== null) {
        for (let at = 0; at < rest.length; at += WIDTH)
          this.remember(this.time, rest[at]!, rest[at + 1]!, rest[at + 2]!);
      }
    }
    this.time = time;
    this.count = 1;
    this.level = level;
    this.amount = amount;
    this.hash = hash;
    this.rest = null;
    this.occurrence = 0;
    this.instantIndex = 0;
  }

  private append(level: number, amount: number, hash: number, equal: number): void {
    if (this.rest === null) this.rest = [level, amount, hash];
    else this.rest.push(level, amount, hash);
    this.occurrence = equal;
    this.instantIndex = this.count++;
  }

  private placeLate(
    time: number,
    level: number,
    amount: number,
    hash: number,
    isAbsolute: boolean,
  ): Placement {
    let count = 0;
    let equal = 0;
    let latestIsEqual = false;
    const length = this.past?.length ?? 0;
    for (let step = 0; step < length; step += PAST_WIDTH) {
      const past = this.past!;
      const at = (this.oldest + step) % length;
      if (past[at] !== time) continue;
      count++;
      if (past[at + 1] !== level) continue;
      latestIsEqual = past[at + 2] === amount && past[at + 3] === hash;
      if (latestIsEqual) equal++;
    }
    if (isAbsolute && latestIsEqual) return Placement.resend;
    this.remember(time, level, amount, hash);
    this.occurrence = equal;
    this.instantIndex = count;
    return Placement.late;
  }

  private remember(time: number, level: number, amount: number, hash: number): void {
    if (this.past === null) this.past = [];
    const { past } = this;
    if (past.length < PAST_KEPT) {
      past.push(time, level, amount, hash);
      return;
    }
    const at = this.oldest;
    past[at] = time;
    past[at + 1] = level;
    past[at + 2] = amount;
    past[at + 3] = hash;
    this.oldest = (at + PAST_WIDTH) % PAST_KEPT;
  }
}

/** Price and side as one integer: twice the price, plus one for asks. */
function levelOf(side: Side, price: number): number {
  return side === 'bid' ? 2 * price : 2 * price + 1;
}

/** Ids remembered, unless told otherwise; trades of one instant arrive within seconds of each other. */
const REMEMBERED_TRADES = 65_536;

/**
 * Numbers equal trades, for a venue that gives trades no id: one transaction may fill several orders of the same
 * size at the same price. The derived id names instrument and time, so one counter serves all instruments of a
 * subscription; trades may come out of the order of their times. Two subscriptions may bring the same trade, so
 * that each is counted by itself.
 */
export class TradeCounter {
  private readonly capacity: number;
  private newer = new Map<string, number>();
  private older = new Map<string, number>();

  /** @param capacity ids remembered, at least. */
  constructor(capacity = REMEMBERED_TRADES) {
    this.capacity = capacity;
  }

  /**
   * @param id identity of the trade without the ordinal.
   * @returns the ordinal, from 0.
   */
  next(id: string): number {
    const ordinal = this.newer.get(id) ?? this.older.get(id) ?? 0;
    if (this.newer.size >= this.capacity) {
      this.older = this.newer;
      this.newer = new Map();
    }
    this.newer.set(id, ordinal + 1);
    return ordinal;
  }
}
