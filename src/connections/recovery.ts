import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import { Allowance } from './allowance.ts';
import { DueQueue } from './due-queue.ts';
import type { Life } from './life.ts';
import type { Assignment, Slot } from './slot.ts';
import { isSettled } from './slot.ts';

const LONGEST_DELAY = 10 * MICROS_PER_MINUTE;
const RECHECK = 10 * MICROS_PER_SECOND;
/** Trouble this long ago is forgotten: the next begins with the mildest remedy, at once. */
const FORGET_AFTER = 5 * MICROS_PER_MINUTE;
/** A market is often asked for at the very moment at which it opens: a second look costs little. */
const FIRST_LOOK = 2 * MICROS_PER_SECOND;
const MOST_SLOW = 50;
const SETTLE = MICROS_PER_SECOND;
const FIRST_WAIT = MICROS_PER_SECOND / 2;
const LONGEST_WAIT = MICROS_PER_MINUTE;

/** What recovery asks of the pool. */
export interface Remedies {
  /** Puts instruments that no session carries onto their connection again, or finds one for them. */
  carry(assignments: readonly Assignment[], now: Micros): void;
  /** Moves them to another connection. False when there is none. */
  move(slot: Slot, assignments: readonly Assignment[], now: Micros): boolean;
  /** Replaces the whole connection. False when it was replaced only just. */
  replace(slot: Slot, reason: string, now: Micros): boolean;
  /** Asks for the books by REST. */
  witness(instruments: readonly string[]): void;
  count(what: string, by: number): void;
}

export interface RecoverySettings {
  readonly firstEventDeadline: number;
}

interface Entry {
  readonly assignment: Assignment;
  readonly ticket: number;
  /** Of a first look, long before the deadline: when that is. */
  readonly deadline: Micros | null;
}

/**
 * Sees to it that every book that was asked for comes, and comes back after it was lost. An instrument that
 * has shown nothing at its deadline gets ever stronger remedies (a fresh book on the same subscription, out
 * and in again, another connection), ever further apart. Nothing is done for those that are well.
 */
export class Recovery {
  readonly #settings: RecoverySettings;
  readonly #remedies: Remedies;
  readonly #due = new DueQueue<Entry>();
  readonly #mild = new Allowance(5_000, 20_000);
  readonly #moves = new Allowance(50, 200);

  constructor(settings: RecoverySettings, remedies: Remedies) {
    this.#settings = settings;
    this.#remedies = remedies;
  }

  /** The instrument was just asked for: something must come within the deadline. */
  watch(assignment: Assignment, now: Micros): void {
    const deadline = (now + this.#settings.firstEventDeadline) as Micros;
    this.#schedule(assignment, now + Math.min(FIRST_LOOK, this.#settings.firstEventDeadline / 2), deadline);
  }

  /** The instrument's book is in doubt: a remedy at once, or a little later if it relapses all the time. */
  trouble(assignment: Assignment, now: Micros): void {
    // Known already: its next look is scheduled.
    if (assignment.isTroubled) return;
    assignment.isTroubled = true;
    this.#schedule(assignment, now + this.#relapse(assignment, now));
  }

  /** Not carried by any session any more: carried again at once, or later if that happens all the time. */
  uncarried(assignment: Assignment, now: Micros): void {
    this.#schedule(assignment, now + this.#relapse(assignment, now));
  }

  /** Back to normal. The next trouble begins with the mildest remedy again. */
  healed(assignment: Assignment): void {
    if (assignment.attempts > 0) this.#remedies.count('rescued', 1);
    assignment.attempts = 0;
    assignment.isTroubled = false;
  }

  /** Refused by the venue for itself: tried again much later. */
  refused(assignment: Assignment, now: Micros): void {
    assignment.attempts++;
    assignment.troubledAt = now;
    this.#schedule(
      assignment,
      now + Math.min(MICROS_PER_MINUTE * 2 ** Math.min(assignment.attempts - 1, 4), LONGEST_DELAY),
    );
  }

  tick(now: Micros): void {
    const uncarried: Assignment[] = [];
    const ill = new Map<Life, Assignment[]>();
    const slow = new Map<Life, Assignment[]>();
    for (let entry = this.#due.take(now); entry !== null; entry = this.#due.take(now)) {
      const { assignment, ticket, deadline } = entry;
      if (ticket !== assignment.ticket || isSettled(assignment)) continue;
      const life = assignment.carrier;
      if (life === null) {
        uncarried.push(assignment);
        this.watch(assignment, now);
      } else if (assignment.carriage?.life !== life) {
        // Its session has not come to it yet; the deadline begins with the asking.
        this.#schedule(assignment, now + RECHECK);
      } else if (deadline !== null) {
        this.#schedule(assignment, deadline);
        add(slow, life, assignment);
      } else add(ill, life, assignment);
    }
    for (const [life, assignments] of slow) {
      // A few that are slow were perhaps asked for before the venue had a book; many are merely under way.
      if (assignments.length > MOST_SLOW || !life.session.refresh(names(assignments), now)) continue;
      this.#remedies.count('early_refresh', assignments.length);
    }
    if (uncarried.length > 0) this.#remedies.carry(uncarried, now);
    for (const [life, assignments] of ill) this.#treat(life, assignments, now);
  }

  #treat(life: Life, assignments: Assignment[], now: Micros): void {
    const granted = this.#mild.take(now, assignments.length);
    for (const assignment of assignments.splice(granted)) this.#schedule(assignment, now + SETTLE);
    const fresh: Assignment[] = [];
    const again: Assignment[] = [];
    const far: Assignment[] = [];
    for (const assignment of assignments) {
      assignment.attempts++;
      assignment.troubledAt = now;
      this.#schedule(assignment, now + this.#delay(assignment.attempts));
      (assignment.attempts === 1 ? fresh : assignment.attempts === 2 ? again : far).push(assignment);
    }
    if (fresh.length > 0) {
      if (life.session.refresh(names(fresh), now)) this.#remedies.count('rescue_refresh', fresh.length);
      else far.push(...fresh);
    }
    if (again.length > 0) {
      if (life.session.reseat(names(again), now)) this.#remedies.count('rescue_reseat', again.length);
      else far.push(...again);
    }
    if (far.length > 0) this.#elsewhere(life, far, now);
  }

  #elsewhere(life: Life, assignments: Assignment[], now: Micros): void {
    const slot = assignments[0]!.slot;
    if (slot === null) return;
    this.#remedies.witness(names(assignments));
    // Most of a connection in doubt is the connection's fault: a new one costs less than moving each.
    const isMost = assignments.length >= 10 && assignments.length * 2 > slot.assignments.size;
    if (isMost && this.#remedies.replace(slot, `${assignments.length} books are in doubt`, now)) return;
    const granted = this.#moves.take(now, assignments.length);
    for (const assignment of assignments.splice(granted)) {
      assignment.attempts--;
      this.#schedule(assignment, now + SETTLE);
    }
    if (assignments.length === 0) return;
    if (this.#remedies.move(slot, assignments, now)) this.#remedies.count('rescue_move', assignments.length);
    else if (life.session.reseat(names(assignments), now))
      this.#remedies.count('rescue_reseat', assignments.length);
    else this.#remedies.replace(slot, 'no other connection has room', now);
  }

  #relapse(assignment: Assignment, now: Micros): number {
    if (now - assignment.troubledAt > FORGET_AFTER) assignment.relapses = 0;
    assignment.troubledAt = now;
    const wait = assignment.relapses === 0 ? 0 : FIRST_WAIT * 2 ** Math.min(assignment.relapses - 1, 16);
    assignment.relapses++;
    return Math.min(wait, LONGEST_WAIT);
  }

  #delay(attempts: number): number {
    return Math.min(
      this.#settings.firstEventDeadline * 2 ** Math.max(0, Math.min(attempts - 1, 20)),
      LONGEST_DELAY,
    );
  }

  #schedule(assignment: Assignment, due: number, deadline: Micros | null = null): void {
    assignment.ticket++;
    this.#due.add(due as Micros, { assignment, ticket: assignment.ticket, deadline });
  }
}

function add(groups: Map<Life, Assignment[]>, life: Life, assignment: Assignment): void {
  const group = groups.get(life);
  if (group === undefined) groups.set(life, [assignment]);
  else group.push(assignment);
}

function names(assignments: readonly Assignment[]): string[] {
  return assignments.map(({ instrument }) => instrument);
}
