const SMALLEST = 4_096;
/** Kept free at most; what comes back beyond is left to the collector. */
const MOST_KEPT_BYTES = 33_554_432;

/**
 * Memory for records, used again once the stream has them: memory outside the heap that is taken anew brings a
 * collection of the whole heap nearer, and records are most of it. Sizes are powers of two.
 */
export class RecordBuffers {
  /** By the logarithm of their size. */
  private readonly free: Buffer[][] = [];
  private freeBytes = 0;

  /** Bytes that are kept for what comes. */
  get keptBytes(): number {
    return this.freeBytes;
  }

  /** Memory of at least so many bytes, holding anything. */
  take(bytes: number): Buffer {
    const power = 32 - Math.clz32(Math.max(bytes, SMALLEST) - 1);
    const kept = this.free[power]?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(2 ** power);
    this.freeBytes -= kept.length;
    return kept;
  }

  /** Takes back memory as it was given out by `take`. Whoever gives it must be the last that looks at it. */
  give(memory: Buffer): void {
    if (this.freeBytes + memory.length > MOST_KEPT_BYTES) return;
    this.freeBytes += memory.length;
    const power = 31 - Math.clz32(memory.length);
    this.free[power] ??= [];
    this.free[power].push(memory);
  }
}
