const SMALLEST = 16;
const GROW_AT = 0.7;
const SHRINK_AT = 0.125;

/**
 * First-in-first-out queue in a ring whose capacity is a power of two. It doubles when 70 % full and never
 * refuses; it halves when an eighth full, so that a backlog once worked off gives its memory back.
 */
export class GrowableRing<T> {
  #slots: (T | undefined)[] = new Array(SMALLEST);
  #head = 0;
  #length = 0;
  /** What follows from the capacity, reckoned once. */
  #mask = SMALLEST - 1;
  #growAt = SMALLEST * GROW_AT;
  #shrinkAt = -1;

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#slots.length;
  }

  push(item: T): void {
    if (this.#length >= this.#growAt) this.#resize(this.#slots.length * 2);
    this.#slots[(this.#head + this.#length) & this.#mask] = item;
    this.#length++;
  }

  /** Puts an item before the oldest. */
  unshift(item: T): void {
    if (this.#length >= this.#slots.length * GROW_AT) this.#resize(this.#slots.length * 2);
    this.#head = (this.#head - 1) & (this.#slots.length - 1);
    this.#slots[this.#head] = item;
    this.#length++;
  }

  /** The oldest item, left in place; undefined when empty. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** Takes the oldest item; undefined when empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const slots = this.#slots;
    const head = this.#head;
    const item = slots[head];
    slots[head] = undefined;
    this.#head = (head + 1) & this.#mask;
    if (--this.#length <= this.#shrinkAt) this.#resize(slots.length / 2);
    return item;
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.#length; index++) {
      yield this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T;
    }
  }

  #resize(capacity: number): void {
    const slots: (T | undefined)[] = new Array(capacity);
    for (let index = 0; index < this.#length; index++) {
      slots[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
    this.#mask = capacity - 1;
    this.#growAt = capacity * GROW_AT;
    this.#shrinkAt = capacity > SMALLEST ? capacity * SHRINK_AT : -1;
  }
}
