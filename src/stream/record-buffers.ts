const SMALLEST = 4_096;
/** Kept free at most. */
const MOST_KEPT_BYTES = 33_554_432;

/** Free memory of one size. */
interface SizeClass {
  readonly free: Buffer[];
  /** Number of the taking at which it was last asked for. */
  takenAt: number;
}

/**
 * Memory for records, used again once the stream has them: memory outside the heap that is taken anew brings a
 * collection of the whole heap nearer, and records are most of it. Sizes are powers of two; of those that nobody asks
 * for any more nothing is kept once there is enough of others.
 */
export class RecordBuffers {
  /** By the logarithm of the size. */
  private readonly classes = new Map<number, SizeClass>();
  private freeBytes = 0;
  private takings = 0;

  /** Bytes that are kept for what comes. */
  get keptBytes(): number {
    return this.freeBytes;
  }

  /** Memory of at least so many bytes, holding anything. */
  take(bytes: number): Buffer {
    const power = 32 - Math.clz32(Math.max(bytes, SMALLEST) - 1);
    const own = this.classOf(power);
    own.takenAt = ++this.takings;
    const kept = own.free.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(2 ** power);
    this.freeBytes -= kept.length;
    return kept;
  }

  /** Takes back memory as it was given out by `take`. Whoever gives it must be the last that looks at it. */
  give(memory: Buffer): void {
    const own = this.classOf(31 - Math.clz32(memory.length));
    while (this.freeBytes + memory.length > MOST_KEPT_BYTES) {
      const dropped = this.leastWanted(own)?.free.pop();
      if (dropped === undefined) return;
      this.freeBytes -= dropped.length;
    }
    this.freeBytes += memory.length;
    own.free.push(memory);
  }

  private classOf(power: number): SizeClass {
    let found = this.classes.get(power);
    if (found === undefined) {
      found = { free: [], takenAt: 0 };
      this.classes.set(power, found);
    }
    return found;
  }

  /** The size that was asked for longest ago, of those that have memory free and were asked for before this one was. */
  private leastWanted(than: SizeClass): SizeClass | undefined {
    let least: SizeClass | undefined;
    for (const one of this.classes.values())
      if (one.free.length > 0 && one.takenAt < (least ?? than).takenAt) least = one;
    return least;
  }
}
