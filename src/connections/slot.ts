import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import type { BackoffSettings } from './backoff.ts';
import { backoffDelay } from './backoff.ts';
import type { DataWatch } from './data-watch.ts';
import type { Carriage, Life, LifeEnd } from './life.ts';
import type { ConnectionState, ConnectionStatus } from './pool-contract.ts';

/** A connection that lived this long was sound: the next failure begins counting anew. */
const SOUND_AFTER = 30 * MICROS_PER_SECOND;
/** The same close this often in a row, each after a short life, is a loop. */
const LOOP = 3;
const LOOP_CAP = 5 * MICROS_PER_MINUTE;
/** Closes that say "not now"; every other code says that what we do is not accepted. */
const TRANSIENT = new Set([0, 1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014]);

/** One named place in the pool: a sequence of lives, at most one of them current and one about to replace it. */
export class Slot {
  /** Name without epoch, e.g. `kalshi-book-17`. */
  readonly name: string;
  readonly purpose: string;
  /** Those whose `slot` this is; they enter and leave by that. */
  readonly assignments = new Set<Assignment>();
  /** How many of them some subscription carries, and how many of those have a proven book: kept by them. */
  subscribed = 0;
  seeded = 0;
  current: Life | null = null;
  /** A new socket that takes over while the current one still runs. */
  successor: Life | null = null;
  epochs = 0;
  /** Watch of the last life that had data: what is usual here. */
  usual: DataWatch | null = null;
  nextAttemptAt = 0 as Micros;
  /** When the connection is replaced for its age. */
  replaceAt: Micros | null = null;
  /** Replace as soon as allowed, and why. */
  replaceReason: string | null = null;
  notReplacedBefore = 0 as Micros;
  /** When a successor was last opened, or failed. */
  replacementTriedAt = 0 as Micros;
  replacements = 0;
  emptySince: Micros | null = null;
  reconnects = 0;
  lastClose: ConnectionStatus['last_close'] = null;
  isUnauthorized = false;
  #failures = 0;
  #sameCloses = 0;

  constructor(name: string, purpose: string) {
    this.name = name;
    this.purpose = purpose;
  }

  get isLooping(): boolean {
    return this.#sameCloses >= LOOP;
  }

  /** Feeds are always wanted, book connections while they have instruments. */
  get isWanted(): boolean {
    return this.purpose !== 'book' || this.assignments.size > 0;
  }

  /** Takes note of the end of a life and decides when the next may begin. */
  fell(life: Life, end: LifeEnd, now: Micros, random: () => number, backoff: BackoffSettings): void {
    const lived = life.openedAt === null ? 0 : now - life.openedAt;
    const isSound = lived >= SOUND_AFTER && life.hasData;
    if (isSound) {
      this.#failures = 0;
      this.#sameCloses = 0;
    }
    this.#sameCloses = !isSound && this.lastClose?.code === end.code ? this.#sameCloses + 1 : 1;
    this.#failures++;
    this.lastClose = { at: now, code: end.code, reason: end.reason.slice(0, 200) };
    this.isUnauthorized = end.kind === 'unauthorized';
    const isObjection = end.code >= 1000 && !TRANSIENT.has(end.code);
    const settings = this.isLooping && isObjection ? { first: backoff.first, cap: LOOP_CAP } : backoff;
    this.nextAttemptAt = (now + backoffDelay(this.#failures, random, settings)) as Micros;
  }

  state(now: Micros): ConnectionState {
    if (this.successor !== null && this.current !== null) return 'replacing';
    if (this.current !== null) return this.current.state === 'open' ? 'open' : 'connecting';
    if (this.isUnauthorized) return 'unauthorized';
    if (!this.isWanted) return 'idle';
    return this.isLooping && this.nextAttemptAt > now ? 'looping' : 'waiting';
  }
}

/** One instrument that the pool has to carry, and how far that has come. A million of these are held. */
export class Assignment {
  readonly instrument: string;
  /** The life whose session was told to carry it. */
  carrier: Life | null = null;
  /** Where it was before, while a successor has not taken over for good. */
  previous: Carriage | null = null;
  /** The life on which its data was last seen. */
  seenOn: Life | null = null;
  /** Rescue attempts of the present trouble. */
  attempts = 0;
  /** Since when it has had no proven book, while it has none. */
  wantingSince: Micros;
  /** Its book is in doubt and a remedy is scheduled. */
  isTroubled = false;
  /** Troubles lately, those that were mended included. */
  relapses = 0;
  troubledAt = 0 as Micros;
  /** The only valid entry of the recovery queue carries this number. */
  ticket = 0;
  #slot: Slot | null = null;
  #carriage: Carriage | null = null;
  #isSeeded = false;

  constructor(instrument: string, now: Micros) {
    this.instrument = instrument;
    this.wantingSince = now;
  }

  /** Null while all connections are full. */
  get slot(): Slot | null {
    return this.#slot;
  }

  set slot(slot: Slot | null) {
    this.#count(-1);
    this.#slot?.assignments.delete(this);
    this.#slot = slot;
    slot?.assignments.add(this);
    this.#count(1);
  }

  /** Set once a subscription carries it. */
  get carriage(): Carriage | null {
    return this.#carriage;
  }

  set carriage(carriage: Carriage | null) {
    this.#count(-1);
    this.#carriage = carriage;
    this.#count(1);
  }

  /** The keeper called its book proven, and has not taken that back. */
  get isSeeded(): boolean {
    return this.#isSeeded;
  }

  set isSeeded(isSeeded: boolean) {
    this.#count(-1);
    this.#isSeeded = isSeeded;
    this.#count(1);
  }

  #count(by: 1 | -1): void {
    if (this.#slot === null || this.#carriage === null) return;
    this.#slot.subscribed += by;
    if (this.#isSeeded) this.#slot.seeded += by;
  }
}

/** Nothing more to wait for: the book is proven and its present subscription has shown itself. */
export function isSettled(assignment: Assignment): boolean {
  return (
    assignment.isSeeded && assignment.carriage !== null && assignment.seenOn === assignment.carriage.life
  );
}
