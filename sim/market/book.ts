import type { Level, Side } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';

/**
 * The exchange's own order book, kept plainly as two sorted lists: it is what the captured books are compared
 * with, so it shares no code with the engine under test. Prices micro-dollars ascending, sizes micro-contracts.
 */
export class SimulatedBook {
  readonly #bids: [number, number][] = [];
  readonly #asks: [number, number][] = [];

  #side(side: Side): [number, number][] {
    return side === 'bid' ? this.#bids : this.#asks;
  }

  /** Adds a signed change. @returns the new size. @throws RangeError when it would fall below zero. */
  change(side: Side, price: number, change: number): number {
    const levels = this.#side(side);
    let index = 0;
    while (index < levels.length && levels[index]![0] < price) index++;
    const level = levels[index];
    if (level === undefined || level[0] !== price) {
      if (change < 0) throw new RangeError(`no ${side} at ${price} to take ${-change} from`);
      if (change > 0) levels.splice(index, 0, [price, change]);
      return change;
    }
    level[1] += change;
    if (level[1] < 0) throw new RangeError(`${side} at ${price} would fall to ${level[1]}`);
    if (level[1] === 0) levels.splice(index, 1);
    return level[1];
  }

  sizeAt(side: Side, price: number): number {
    return this.#side(side).find(([at]) => at === price)?.[1] ?? 0;
  }

  /** Best price, or null when the side is empty. */
  best(side: Side): Price | null {
    const levels = this.#side(side);
    const level = side === 'bid' ? levels.at(-1) : levels[0];
    return (level?.[0] ?? null) as Price | null;
  }

  bestSize(side: Side): Size | null {
    const levels = this.#side(side);
    const level = side === 'bid' ? levels.at(-1) : levels[0];
    return (level?.[1] ?? null) as Size | null;
  }

  count(side: Side): number {
    return this.#side(side).length;
  }

  /** Levels best first. */
  levels(side: Side): Level[] {
    const levels = this.#side(side).map(([price, size]): Level => [price as Price, size as Size]);
    return side === 'bid' ? levels.reverse() : levels;
  }

  /** Level number `index` counted from the best. */
  level(side: Side, index: number): Level {
    const levels = this.#side(side);
    const [price, size] = levels[side === 'bid' ? levels.length - 1 - index : index]!;
    return [price as Price, size as Size];
  }

  /** Levels by ascending price, not to be changed. */
  ascending(side: Side): readonly (readonly [number, number])[] {
    return this.#side(side);
  }
}
