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

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#slots.length;
  }

  push(item: T): void {
    if (this.#length >= this.#slots.length * GROW_AT) this.#resize(this.#slots.length * 2);
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item;
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
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    const capacity = this.#slots.length;
    if (capacity > SMALLEST && this.#length <= capacity * SHRINK_AT) this.#resize(capacity / 2);
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
  }
}
