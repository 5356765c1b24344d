import { levelOut } from './placement.ts';
import type { PoolSettings } from './pool-contract.ts';
import type { Assignment } from './slot.ts';
import { Slot } from './slot.ts';

/** What each of some slots gets, and what is left because all are full. */
export interface Distribution {
  readonly shares: readonly (readonly [slot: Slot, share: readonly Assignment[]])[];
  readonly rest: readonly Assignment[];
}

/** The places of a pool: which there are, and which of them newcomers go to. */
export class Slots {
  readonly all: Slot[] = [];
  readonly #venue: string;
  readonly #book: PoolSettings['book'];
  #bookNumber = 0;

  constructor(venue: string, book: PoolSettings['book']) {
    this.#venue = venue;
    this.#book = book;
  }

  get books(): Slot[] {
    return this.all.filter(({ purpose }) => purpose === 'book');
  }

  add(purpose: string, number: number): Slot {
    const slot = new Slot(`${this.#venue}-${purpose}-${number}`, purpose);
    this.all.push(slot);
    return slot;
  }

  /** Shares newcomers out evenly. `total` is how many the pool holds with them; none go to `except`. */
  distribute(newcomers: readonly Assignment[], total: number, except: Slot | null): Distribution {
    const { instrumentsPerConnection } = this.#book;
    const berths = this.#berths(newcomers.length, total, except);
    const rooms = berths.map(({ assignments }) => ({
      load: assignments.size,
      room: instrumentsPerConnection - assignments.size,
    }));
    const counts = levelOut(rooms, newcomers.length);
    const shares: [Slot, Assignment[]][] = [];
    let next = 0;
    for (const [index, slot] of berths.entries()) {
      const share = newcomers.slice(next, next + counts[index]!);
      next += share.length;
      if (share.length > 0) shares.push([slot, share]);
    }
    return { shares, rest: newcomers.slice(next) };
  }

  /** Whether other connections than this one can take so many, further ones included. */
  hasRoomBeside(slot: Slot, count: number): boolean {
    const { connections, instrumentsPerConnection } = this.#book;
    const others = this.books.filter((other) => other !== slot);
    if (others.length + 1 < connections) return true;
    const room = others.reduce((sum, other) => sum + instrumentsPerConnection - other.assignments.size, 0);
    return room >= count;
  }

  /** Those in use, and as many further ones as the numbers ask for. */
  #berths(newcomers: number, total: number, except: Slot | null): Slot[] {
    const { connections, instrumentsPerConnection, minimumPerConnection } = this.#book;
    const others = this.books.filter((slot) => slot !== except);
    const berths = others.filter(({ assignments }) => assignments.size > 0);
    const idle = others.filter(({ assignments }) => assignments.size === 0);
    const free = berths.reduce((sum, slot) => sum + instrumentsPerConnection - slot.assignments.size, 0);
    const least = berths.length + Math.ceil(Math.max(0, newcomers - free) / instrumentsPerConnection);
    const wanted = Math.max(1, Math.floor(total / Math.max(1, minimumPerConnection)), least);
    const count = Math.min(wanted, connections - (except === null ? 0 : 1));
    while (berths.length < count) berths.push(idle.shift() ?? this.add('book', ++this.#bookNumber));
    return berths;
  }
}
