/** First in, first out, each with a time before which it is not due. For times that never decrease. */
export class DueList<T> {
  private items: T[] = [];
  private times: number[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(item: T, due: number): void {
    this.items.push(item);
    this.times.push(due);
  }

  /** The oldest item if it is due, else undefined. */
  take(now: number): T | undefined {
    const head = this.head;
    if (head === this.items.length || this.times[head]! > now) return undefined;
    const item = this.items[head];
    this.head++;
    if (this.head === this.items.length) {
      this.items = [];
      this.times = [];
      this.head = 0;
    } else if (this.head >= 4_096 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.times = this.times.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
