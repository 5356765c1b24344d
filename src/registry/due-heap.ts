/**
 * Slots by the time at which they are due: a binary heap in two parallel arrays, so that a million markets need
 * neither a million timers nor a million objects. Setting another time for a slot leaves the old entry behind;
 * the caller tells which entries still hold.
 */
export class DueHeap {
  #times: number[] = [];
  #slots: number[] = [];
  readonly #holds: (slot: number, time: number) => boolean;
  #sizeAfterSweep = 0;

  /** @param holds whether the slot is (still) due at that time */
  constructor(holds: (slot: number, time: number) => boolean) {
    this.#holds = holds;
  }

  get size(): number {
    return this.#times.length;
  }

  push(time: number, slot: number): void {
    if (this.#times.length > 1024 && this.#times.length > this.#sizeAfterSweep * 2) this.#sweep();
    this.#times.push(time);
    this.#slots.push(slot);
    this.#up(this.#times.length - 1);
  }

  /** Time of the first entry that holds, or Infinity. */
  next(): number {
    while (this.#times.length > 0 && !this.#holds(this.#slots[0]!, this.#times[0]!)) this.#removeFirst();
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns the first slot due at `now` or before, or −1. */
  popDue(now: number): number {
    if (this.next() > now) return -1;
    const slot = this.#slots[0]!;
    this.#removeFirst();
    return slot;
  }

  /** Drops entries that no longer hold once they may outnumber those that do. */
  #sweep(): void {
    const times = this.#times;
    const slots = this.#slots;
    this.#times = [];
    this.#slots = [];
    const kept = new Set<number>();
    times.forEach((time, index) => {
      const slot = slots[index]!;
      if (kept.has(slot) || !this.#holds(slot, time)) return;
      kept.add(slot);
      this.#times.push(time);
      this.#slots.push(slot);
    });
    for (let index = (this.#times.length >> 1) - 1; index >= 0; index--) this.#down(index);
    this.#sizeAfterSweep = this.#times.length;
  }

  #removeFirst(): void {
    const time = this.#times.pop()!;
    const slot = this.#slots.pop()!;
    if (this.#times.length === 0) return;
    this.#times[0] = time;
    this.#slots[0] = slot;
    this.#down(0);
  }

  #up(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#times[parent]! <= this.#times[index]!) return;
      this.#swap(parent, index);
      index = parent;
    }
  }

  #down(from: number): void {
    const length = this.#times.length;
    for (let index = from; ; ) {
      const left = index * 2 + 1;
      const right = left + 1;
      let least = index;
      if (left < length && this.#times[left]! < this.#times[least]!) least = left;
      if (right < length && this.#times[right]! < this.#times[least]!) least = right;
      if (least === index) return;
      this.#swap(least, index);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const time = this.#times[a]!;
    const slot = this.#slots[a]!;
    this.#times[a] = this.#times[b]!;
    this.#slots[a] = this.#slots[b]!;
    this.#times[b] = time;
    this.#slots[b] = slot;
  }
}
