import type { StreamLine } from '#src/events/captured.ts';
import type { Level, Side } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';

/** Seeded numbers, so that a failing case can be run again. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * bound);
  }

  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }
}

export interface TrueChange {
  readonly instrument: string;
  readonly time: number;
  readonly side: Side;
  readonly price: number;
  readonly change: number;
  readonly size: number;
}

/** The venue's books, as plain as can be, with every change ever made. */
export class VenueModel {
  readonly changes: TrueChange[] = [];
  private readonly books = new Map<string, { bid: Map<number, number>; ask: Map<number, number> }>();

  constructor(instruments: readonly string[]) {
    for (const instrument of instruments) this.books.set(instrument, { bid: new Map(), ask: new Map() });
  }

  /** @param spared levels not to change; the one that is changed is added */
  change(instrument: string, time: number, dice: Dice, spared?: Set<string>): TrueChange {
    let side: Side;
    let price: number;
    do {
      side = dice.chance(0.5) ? 'bid' : 'ask';
      price = (side === 'bid' ? 40 - dice.below(6) : 42 + dice.below(6)) * 10_000;
    } while (spared?.has(`${side}${price}`));
    spared?.add(`${side}${price}`);
    const level = this.books.get(instrument)![side];
    const before = level.get(price) ?? 0;
    const size = before > 0 && dice.chance(0.45) ? 0 : before + 1_000_000 * (1 + dice.below(2));
    if (size === 0) level.delete(price);
    else level.set(price, size);
    const change = { instrument, time, side, price, change: size - before, size };
    this.changes.push(change);
    return change;
  }

  levels(instrument: string): { bids: Level[]; asks: Level[] } {
    const book = this.books.get(instrument)!;
    return { bids: sorted(book.bid, -1), asks: sorted(book.ask, 1) };
  }

  /** The book after every change up to and at `time`. */
  levelsAt(instrument: string, time: number): { bids: Level[]; asks: Level[] } {
    const bid = new Map<number, number>();
    const ask = new Map<number, number>();
    for (const change of this.changes) {
      if (change.instrument !== instrument || change.time > time) continue;
      const side = change.side === 'bid' ? bid : ask;
      if (change.size === 0) side.delete(change.price);
      else side.set(change.price, change.size);
    }
    return { bids: sorted(bid, -1), asks: sorted(ask, 1) };
  }
}

function sorted(side: ReadonlyMap<number, number>, direction: 1 | -1): Level[] {
  return [...side]
    .sort((a, b) => direction * (a[0] - b[0]))
    .map(([price, size]) => [price as Price, size as Size]);
}

export interface ReadGap {
  readonly from: number;
  readonly to: number | null;
}

/** The gaps of one instrument, as a reader of the line's records puts them together. */
export function gapsOf(lines: readonly StreamLine[], instrument: string): ReadGap[] {
  const gaps = new Map<string, ReadGap>();
  for (const line of lines) {
    if (line.kind !== 'gap' || !(line.all === true || line.instruments!.includes(instrument))) continue;
    gaps.set(line.gap_id, { from: line.from, to: line.to });
  }
  return [...gaps.values()];
}

/** The book at `time` rebuilt from one line's records alone, or null where the line does not vouch for it. */
export function rebuild(
  lines: readonly StreamLine[],
  instrument: string,
  time: number,
): { bids: Level[]; asks: Level[] } | null {
  let anchor: { at: number; held: number; bids: readonly Level[]; asks: readonly Level[] } | null = null;
  for (const line of lines) {
    if (line.kind !== 'book_snapshot' || line.instrument !== instrument || line.snapshot_ts > time) continue;
    const isExact =
      (line.source === 'engine' && line.depth === undefined) ||
      (line.source === 'ws' && line.exchange_ts !== null);
    if (isExact && (anchor === null || line.snapshot_ts >= anchor.at)) {
      anchor = { at: line.snapshot_ts, held: line.instant_index ?? 0, bids: line.bids, asks: line.asks };
    }
  }
  if (anchor === null) return null;
  const { at, held } = anchor;
  for (const gap of gapsOf(lines, instrument)) {
    if (gap.from <= time && (gap.to === null || gap.to > at)) return null;
  }
  const sides = {
    bid: new Map<number, number>(anchor.bids.map(([price, size]) => [price, size])),
    ask: new Map<number, number>(anchor.asks.map(([price, size]) => [price, size])),
  };
  const deltas = lines.filter(
    (line) =>
      line.kind === 'book_delta' &&
      line.instrument === instrument &&
      line.exchange_ts! <= time &&
      (line.exchange_ts! > at ||
        (line.change === undefined && line.exchange_ts === at && line.instant_index >= held)),
  ) as Extract<StreamLine, { kind: 'book_delta' }>[];
  // One row per identity, as the databases keep it.
  const rows = new Map<string, (typeof deltas)[number]>();
  for (const delta of deltas) {
    const key = `${delta.exchange_ts} ${delta.side} ${delta.price} ${delta.change ?? delta.size} ${delta.hash} ${delta.occurrence}`;
    if (!rows.has(key)) rows.set(key, delta);
  }
  const ordered = [...rows.values()].sort(
    (a, b) => a.exchange_ts! - b.exchange_ts! || a.instant_index - b.instant_index,
  );
  for (const delta of ordered) {
    const side = sides[delta.side];
    const size = delta.change === undefined ? delta.size : (side.get(delta.price) ?? 0) + delta.change;
    if (size === 0) side.delete(delta.price);
    else side.set(delta.price, size);
  }
  return { bids: sorted(sides.bid, -1), asks: sorted(sides.ask, 1) };
}
