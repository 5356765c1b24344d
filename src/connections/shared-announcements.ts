import type { Micros } from '../units/time.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';
import type { Life } from './life.ts';

/** By then every connection has brought its copy, or other data. */
const WITHIN = 10 * MICROS_PER_SECOND;
/** So many copies must have come, and at least half of those that were due, before the venue is taken to send them to all. */
const EVIDENCE = 20;
/** Counts are halved from here on: what a venue does may change. */
const REMEMBERED = 1_000;
/** A connection that was found silent may have been one that was not told: that counts as so many copies that did not come. */
const IN_VAIN = 50;

/**
 * What a venue announces to every connection is a witness where nothing numbers the messages: one that brings nothing
 * after another has brought it is silent, however seldom it has anything of its own to bring.
 */
export class SharedAnnouncements {
  /** By connection that has brought nothing since: when another brought an announcement. */
  readonly #awaited = new Map<Life, Micros>();
  /** Connections that have brought some, and those of them that owe a copy. */
  readonly #announcing = new Set<Life>();
  readonly #owing = new Set<Life>();
  #copies = 0;
  #due = 0;

  /** A connection was the first to bring an announcement. */
  first(life: Life, lives: Iterable<Life>, now: Micros): void {
    this.#announcing.add(life);
    for (const other of lives) {
      if (other === life || other.place.purpose !== life.place.purpose) continue;
      // One that never brought any may be one that the venue does not tell.
      if (!this.#announcing.has(other)) continue;
      if (!this.#awaited.has(other)) this.#awaited.set(other, now);
      if (this.#owing.has(other)) continue;
      // Once, however many it owes: one that is dead says nothing of what the venue does.
      this.#owing.add(other);
      this.#due++;
    }
    if (this.#due < REMEMBERED) return;
    this.#due /= 2;
    this.#copies /= 2;
  }

  /** The connection has brought what another had brought before. */
  copy(life: Life): void {
    this.#announcing.add(life);
    if (this.#owing.delete(life)) this.#copies++;
  }

  /** The connection has brought something at last. */
  heard(life: Life, then: Micros): void {
    if (this.isSilent(life, then)) this.#due += IN_VAIN;
    this.#awaited.delete(life);
  }

  /** The connection is gone. */
  ended(life: Life, now: Micros): void {
    this.heard(life, now);
    this.#announcing.delete(life);
    if (this.#owing.delete(life)) this.#due--;
  }

  /** Whether it has brought nothing up to then for too long after another brought what all get. */
  isSilent(life: Life, then: Micros): boolean {
    const since = this.#awaited.get(life);
    if (since === undefined) return false;
    // A clock that was set back: nothing awaited lies ahead.
    if (then < since) this.#awaited.set(life, then);
    return then - since > WITHIN && this.#copies >= EVIDENCE && this.#copies * 2 >= this.#due;
  }
}
