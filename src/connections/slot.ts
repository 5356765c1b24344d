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
  readonly assignments = new Set<Assignment>();
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
export interface Assignment {
  readonly instrument: string;
  /** Null while all connections are full. */
  slot: Slot | null;
  /** The life whose session was told to carry it. */
  carrier: Life | null;
  /** Set once a subscription carries it. */
  carriage: Carriage | null;
  /** Where it was before, while a successor has not taken over for good. */
  previous: Carriage | null;
  /** The keeper called its book proven, and has not taken that back. */
  isSeeded: boolean;
  /** The life on which its data was last seen. */
  seenOn: Life | null;
  /** Rescue attempts of the present trouble. */
  attempts: number;
  /** Since when it has had no proven book, while it has none. */
  wantingSince: Micros;
  /** Its book is in doubt and a remedy is scheduled. */
  isTroubled: boolean;
  /** Troubles lately, those that were mended included. */
  relapses: number;
  troubledAt: Micros;
  /** The only valid entry of the recovery queue carries this number. */
  ticket: number;
}

export function newAssignment(instrument: string, now: Micros): Assignment {
  return {
    instrument,
    slot: null,
    carrier: null,
    carriage: null,
    previous: null,
    isSeeded: false,
    seenOn: null,
    attempts: 0,
    wantingSince: now,
    isTroubled: false,
    relapses: 0,
    troubledAt: 0 as Micros,
    ticket: 0,
  };
}

/** Nothing more to wait for: the book is proven and its present subscription has shown itself. */
export function isSettled(assignment: Assignment): boolean {
  return (
    assignment.isSeeded && assignment.carriage !== null && assignment.seenOn === assignment.carriage.life
  );
}
