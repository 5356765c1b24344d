/** Remembers the latest keys, at least `capacity` and at most twice as many. */
export class RecentKeys {
  private readonly capacity: number;
  private newer = new Set<string>();
  private older = new Set<string>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Whether the key is new; it is remembered from now on. */
  add(key: string): boolean {
    if (this.newer.has(key) || this.older.has(key)) return false;
    if (this.newer.size >= this.capacity) {
      this.older = this.newer;
      this.newer = new Set();
    }
    this.newer.add(key);
    return true;
  }
}

interface Seen {
  since: number;
  emitted: number;
  readonly byConnection: Map<string, number>;
}

/**
 * Tells copies from repetitions where messages have no time of the venue: the same content from another
 * connection within the window is a copy, from the same connection it is said again.
 */
export class CopyCounter {
  private readonly window: number;
  private readonly capacity: number;
  private newer = new Map<string, Seen>();
  private older = new Map<string, Seen>();

  /** @param window microseconds within which copies arrive. */
  constructor(window: number, capacity: number) {
    this.window = window;
    this.capacity = capacity;
  }

  /** Whether this is the first copy of what it says. */
  add(key: string, connection: string, at: number): boolean {
    let seen = this.newer.get(key) ?? this.older.get(key);
    if (seen === undefined || at - seen.since > this.window) {
      seen = { since: at, emitted: 0, byConnection: new Map() };
      if (this.newer.size >= this.capacity) {
        this.older = this.newer;
        this.newer = new Map();
      }
      this.newer.set(key, seen);
    }
    const count = (seen.byConnection.get(connection) ?? 0) + 1;
    seen.byConnection.set(connection, count);
    if (count <= seen.emitted) return false;
    seen.emitted = count;
    seen.since = at;
    return true;
  }
}
