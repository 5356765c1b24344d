import type { Micros } from '../units/time.ts';

/** Items ordered by the time they are due (a binary heap): a million pending ones cost nothing until then. */
export class DueQueue<Item> {
  readonly #times: number[] = [];
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(due: Micros, item: Item): void {
    const times = this.#times;
    const items = this.#items;
    let index = items.length;
    times.push(due);
    items.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (times[parent]! <= due) break;
      times[index] = times[parent]!;
      items[index] = items[parent]!;
      index = parent;
    }
    times[index] = due;
    items[index] = item;
  }

  /** Removes and returns the earliest item due at or before `now`, or null. */
  take(now: Micros): Item | null {
    const times = this.#times;
    const items = this.#items;
    if (items.length === 0 || times[0]! > now) return null;
    const result = items[0]!;
    const time = times.pop()!;
    const item = items.pop()!;
    const size = items.length;
    if (size === 0) return result;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && times[child + 1]! < times[child]!) child++;
      if (times[child]! >= time) break;
      times[index] = times[child]!;
      items[index] = items[child]!;
      index = child;
    }
    times[index] = time;
    items[index] = item;
    return result;
  }
}
