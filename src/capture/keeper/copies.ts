/** Two slots for each key that is remembered: what is looked for is found, or a free slot, within a step or two. */
const SLOTS_PER_KEY = 2;
const SEED = 0x9747b28c | 0;

/** Of a slot, in words of four bytes: two halves of the text's hash, the key, nothing; and the number, of eight. */
const WIDTH = 6;
const SECOND = 1;
const KEY = 2;
/** Where the number stands, in words of eight bytes. */
const NUMBER = 2;

/**
 * Keys of one generation. What belongs to a slot lies together, because nearly every key is looked for in memory that
 * nothing has touched for long. A first half of 0 is a free slot.
 */
class KeyTable {
  size = 0;
  private readonly mask: number;
  private readonly words: Int32Array;
  private readonly numbers: Float64Array;

  /** @param capacity a power of two. */
  constructor(capacity: number) {
    const slots = capacity * SLOTS_PER_KEY;
    this.mask = slots - 1;
    this.words = new Int32Array(slots * WIDTH);
    this.numbers = new Float64Array(this.words.buffer);
  }

  clear(): void {
    this.words.fill(0);
    this.size = 0;
  }

  /** The slot that holds it, or the complement of the one where it belongs. */
  find(first: number, second: number, number: number, key: number): number {
    const { words, numbers, mask } = this;
    let slot = (first ^ key ^ (number % 2_147_483_648)) & mask;
    for (; words[slot * WIDTH] !== 0; slot = (slot + 1) & mask) {
      const at = slot * WIDTH;
      if (
        words[at] === first &&
        words[at + SECOND] === second &&
        words[at + KEY] === key &&
        numbers[(at >> 1) + NUMBER] === number
      )
        return slot;
    }
    return ~slot;
  }

  put(slot: number, first: number, second: number, number: number, key: number): void {
    const at = slot * WIDTH;
    this.words[at] = first;
    this.words[at + SECOND] = second;
    this.words[at + KEY] = key;
    this.numbers[(at >> 1) + NUMBER] = number;
    this.size++;
  }
}

/**
 * Remembers the latest keys, at least `capacity` and at most twice as many, in arrays of numbers: a set of texts
 * that live for minutes would keep the garbage collector busy. A key is a text, of which 64 bits of hash are kept,
 * and two numbers, which are kept as they are.
 */
export class RecentKeys {
  private readonly capacity: number;
  private newer: KeyTable;
  private older: KeyTable;

  /** @param capacity a power of two. */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.newer = new KeyTable(capacity);
    this.older = new KeyTable(capacity);
  }

  /**
   * Whether the key is new; it is remembered from now on.
   *
   * @param number any number but NaN, e.g. a time.
   * @param key a signed 32-bit integer.
   */
  add(text: string, number: number, key: number): boolean {
    let first = SEED;
    let second = text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      first = Math.imul(first ^ code, 0x5bd1e995);
      first ^= first >>> 15;
      second = (Math.imul(second, 0x01000193) + code) | 0;
    }
    first ||= 1;
    const slot = this.newer.find(first, second, number, key);
    if (slot >= 0 || this.older.find(first, second, number, key) >= 0) return false;
    if (this.newer.size < this.capacity) {
      this.newer.put(~slot, first, second, number, key);
      return true;
    }
    const emptied = this.older;
    emptied.clear();
    this.older = this.newer;
    this.newer = emptied;
    emptied.put(~emptied.find(first, second, number, key), first, second, number, key);
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

  /**
   * Whether this is the first copy of what it says.
   *
   * @param lateBy by how much it may have come before `at`
   */
  add(key: string, connection: string, at: number, lateBy = 0): boolean {
    let seen = this.newer.get(key) ?? this.older.get(key);
    if (seen === undefined || at - seen.since > this.window + lateBy) {
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
