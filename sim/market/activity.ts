import type { Random } from './random.ts';

/**
 * Chooses which market acts next: few are busy, most are quiet (Zipf). The weight of a market is fixed when it
 * is added; retiring one leaves the others' as they are.
 */
export class Activity<T> {
  readonly #items = new Map<T, number>();
  #list: T[] = [];
  #sums: number[] = [];
  #changed = true;

  /** @param rank 0 for the busiest */
  add(item: T, rank: number): void {
    this.#items.set(item, 1 / (rank + 4) ** 1.05);
    this.#changed = true;
  }

  retire(item: T): void {
    if (this.#items.delete(item)) this.#changed = true;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  get size(): number {
    return this.#items.size;
  }

  /** All items, in the order of adding. */
  items(): readonly T[] {
    this.#refresh();
    return this.#list;
  }

  pick(random: Random): T | null {
    this.#refresh();
    const total = this.#sums.at(-1);
    if (total === undefined) return null;
    const point = random.unit() * total;
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sums[middle]! <= point) low = middle + 1;
      else high = middle;
    }
    return this.#list[low]!;
  }

  #refresh(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#list = [...this.#items.keys()];
    let sum = 0;
    this.#sums = [...this.#items.values()].map((weight) => {
      sum += weight;
      return sum;
    });
  }
}
