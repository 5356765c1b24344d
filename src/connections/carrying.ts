import type { LineKeeper } from '../capture/line.ts';
import type { GapCause } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { Carriage, Life } from './life.ts';
import type { Recovery } from './recovery.ts';
import { Assignment, isSettled, type Slot } from './slot.ts';
import type { Slots } from './slots.ts';

/** Which instruments are wanted, on which connection each is put, and which subscription carries it. */
export class Carrying {
  readonly #assignments = new Map<string, Assignment>();
  readonly #unplaced = new Set<Assignment>();
  #seeded = 0;
  /** What the keeper did not vouch for at the last reconciliation. */
  #doubted = new Set<Assignment>();
  #round = this.#assignments.values();
  readonly #slots: Slots;
  readonly #keeper: LineKeeper;
  readonly #recovery: Recovery;

  constructor(slots: Slots, keeper: LineKeeper, recovery: Recovery) {
    this.#slots = slots;
    this.#keeper = keeper;
    this.#recovery = recovery;
  }

  get size(): number {
    return this.#assignments.size;
  }

  get unplaced(): number {
    return this.#unplaced.size;
  }

  get(instrument: string): Assignment | undefined {
    return this.#assignments.get(instrument);
  }

  /** Puts newcomers on connections. Returns how many found no room and wait. */
  request(instruments: readonly string[], now: Micros): number {
    const fresh: Assignment[] = [];
    for (const instrument of instruments) {
      if (this.#assignments.has(instrument)) continue;
      const assignment = new Assignment(instrument, now);
      this.#assignments.set(instrument, assignment);
      fresh.push(assignment);
    }
    return fresh.length === 0 ? 0 : this.#place(fresh, null, now);
  }

  release(instruments: readonly string[], now: Micros): void {
    const leaving: Assignment[] = [];
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      this.#assignments.delete(instrument);
      this.#unplaced.delete(assignment);
      this.#unseed(assignment, now);
      assignment.ticket++;
      leaving.push(assignment);
    }
    for (const [slot, group] of bySlot(leaving)) {
      for (const assignment of group) assignment.slot = null;
      this.#takeOff(slot, group, now);
    }
  }

  /** Tries again for those without a place. */
  placeWaiting(now: Micros): void {
    if (this.#unplaced.size > 0) this.#place([...this.#unplaced], null, now);
  }

  /** Puts those that no session carries back on their connection. */
  carry(assignments: readonly Assignment[], now: Micros): void {
    for (const [slot, group] of bySlot(assignments)) this.#putOn(slot, group, now);
  }

  /** Moves them to another connection. False when there is none. */
  move(slot: Slot, assignments: readonly Assignment[], now: Micros): boolean {
    if (!this.#slots.hasRoomBeside(slot, assignments.length)) return false;
    this.#takeOff(slot, assignments, now);
    for (const assignment of assignments) {
      assignment.slot = null;
      forget(assignment);
    }
    this.#place(assignments, slot, now);
    return true;
  }

  /** A socket opened: its session is told of everything on the slot. */
  opened(slot: Slot, life: Life, now: Micros): void {
    const names: string[] = [];
    for (const assignment of slot.assignments) {
      // What a successor is told of stays with the old connection until it is bound anew.
      if (slot.current === life) assignment.carrier = life;
      this.#recovery.watch(assignment, now);
      names.push(assignment.instrument);
    }
    if (names.length > 0) life.session.add(names, now);
  }

  /** A subscription carries these from now on. */
  bound(life: Life, sid: number, instruments: readonly string[], now: Micros): void {
    const carriage = life.carriage(sid, now);
    const wanted: string[] = [];
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      wanted.push(instrument);
      const before = assignment.carriage;
      // Until a successor has shown the book, the old connection goes on with it.
      assignment.previous = before !== null && before.life !== life ? before : null;
      assignment.carrier = life;
      assignment.carriage = carriage;
      life.removed.delete(instrument);
      this.#recovery.watch(assignment, now);
    }
    if (wanted.length > 0) this.#keeper.bind(life.epoch, sid, wanted);
  }

  /** A subscription ended: what it carried is lost, and put on again. */
  dropped(life: Life, instruments: readonly string[], cause: GapCause, now: Micros): void {
    const lost: string[] = [];
    for (const assignment of this.#mine(life, instruments)) {
      this.#unseed(assignment, now);
      if (assignment.carriage?.life === life) lost.push(assignment.instrument);
      forget(assignment);
      this.#recovery.uncarried(assignment, now);
    }
    if (lost.length > 0) this.#keeper.lose(lost, now, cause);
  }

  /** The venue refuses these for themselves: tried again much later. */
  refused(life: Life, instruments: readonly string[], now: Micros): void {
    for (const assignment of this.#mine(life, instruments)) {
      forget(assignment);
      this.#recovery.refused(assignment, now);
    }
  }

  /** The successor is the slot's connection now. */
  takenOver(slot: Slot, successor: Life, now: Micros): void {
    for (const assignment of slot.assignments) this.#handOver(assignment, successor, now);
  }

  /**
   * Takes a life that is over out of everything that it carried. What another socket of the slot still carries
   * goes back to that one; what none carries waits for the next socket.
   */
  withdraw(slot: Slot, life: Life, now: Micros): void {
    const { current, successor } = slot;
    const back = new Map<Carriage, Assignment[]>();
    for (const assignment of slot.assignments) {
      const { carriage, previous } = assignment;
      if (previous?.life === life) assignment.previous = null;
      if (carriage?.life === life) {
        assignment.carriage = null;
        if (previous !== null && previous.life === current && current.state === 'open') {
          assignment.carriage = previous;
          assignment.carrier = current;
          assignment.previous = null;
          // Not taken over yet: the old connection never stopped.
          if (assignment.seenOn !== life) continue;
          const group = back.get(previous);
          if (group === undefined) back.set(previous, [assignment]);
          else group.push(assignment);
        }
      }
      if (assignment.carrier !== life) continue;
      this.#unseed(assignment, now);
      assignment.carrier = null;
      if (successor !== life && successor?.state === 'open') this.#handOver(assignment, successor, now);
      else if (current !== life && current?.state === 'open') this.#recovery.uncarried(assignment, now);
    }
    for (const [carriage, assignments] of back) {
      this.#keeper.bind(carriage.life.epoch, carriage.sid, names(assignments));
      for (const assignment of assignments) {
        this.#unseed(assignment, now);
        this.#recovery.trouble(assignment, now);
      }
    }
  }

  /** The keeper no longer vouches for these, which this life carried. */
  lost(life: Life, instruments: readonly string[], now: Micros): void {
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      if (assignment.carriage === null || assignment.carriage.life === life) this.#unseed(assignment, now);
    }
  }

  proven(instruments: readonly string[]): void {
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      if (!assignment.isSeeded) this.#seeded++;
      assignment.isSeeded = true;
      assignment.seenOn = assignment.carriage?.life ?? null;
      this.#recovery.healed(assignment);
    }
  }

  /** The instruments that some subscription of this life of a connection carries. */
  carriedBy(slot: Slot, life: Life): string[] {
    const carried: string[] = [];
    for (const { carriage, instrument } of slot.assignments)
      if (carriage?.life === life) carried.push(instrument);
    return carried;
  }

  inDoubt(instruments: readonly string[], now: Micros): void {
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      this.#unseed(assignment, now);
      this.#recovery.trouble(assignment, now);
    }
  }

  /**
   * Looks for books that the keeper vouches for no longer without having said so, and treats as in doubt those
   * found twice in a row. Costs nothing while the counts agree. Returns how many there were.
   */
  reconcile(now: Micros): number {
    const before = this.#doubted;
    this.#doubted = new Set();
    const { proven } = this.#keeper.counts();
    if (proven >= this.#seeded) return 0;
    let found = 0;
    for (const assignment of this.#assignments.values()) {
      if (!isSettled(assignment) || this.#keeper.isProven(assignment.instrument)) continue;
      if (before.has(assignment)) {
        found++;
        this.#unseed(assignment, now);
        this.#recovery.trouble(assignment, now);
      } else this.#doubted.add(assignment);
    }
    return found;
  }

  /** The next few instruments with a settled book, round and round over all of them. */
  nextSettled(count: number): string[] {
    const found: string[] = [];
    for (let looked = 0; found.length < count && looked < this.#assignments.size; looked++) {
      let next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#assignments.values();
        next = this.#round.next();
        // The end of a round is the end of its last request.
        if (found.length > 0 || next.done === true) break;
      }
      if (isSettled(next.value)) found.push(next.value.instrument);
    }
    return found;
  }

  /** Those without a proven book for longer than `patience` microseconds: how many, and the first few names. */
  overdue(
    patience: number,
    now: Micros,
    named: number,
  ): { readonly count: number; readonly names: string[] } {
    const found: string[] = [];
    let count = 0;
    for (const assignment of this.#assignments.values()) {
      if (isSettled(assignment) || now - assignment.wantingSince <= patience) continue;
      count++;
      if (found.length < named) found.push(assignment.instrument);
    }
    return { count, names: found };
  }

  #place(assignments: readonly Assignment[], except: Slot | null, now: Micros): number {
    const { shares, rest } = this.#slots.distribute(assignments, this.#assignments.size, except);
    for (const [slot, share] of shares) {
      for (const assignment of share) {
        this.#unplaced.delete(assignment);
        assignment.slot = slot;
      }
      this.#putOn(slot, share, now);
    }
    for (const assignment of rest) this.#unplaced.add(assignment);
    return rest.length;
  }

  /** Tells the slot's session to carry these; a slot without a socket does so once it has one. */
  #putOn(slot: Slot, assignments: readonly Assignment[], now: Micros): void {
    // Where they will stay; a socket that still has to open is told of all its instruments then.
    const life = slot.successor?.state === 'open' ? slot.successor : slot.current;
    if (life?.state !== 'open') return;
    for (const assignment of assignments) {
      assignment.carrier = life;
      life.forgotten.delete(assignment.instrument);
      this.#recovery.watch(assignment, now);
    }
    life.session.add(names(assignments), now);
  }

  #takeOff(slot: Slot, assignments: readonly Assignment[], now: Micros): void {
    const instruments = names(assignments);
    for (const life of [slot.current, slot.successor]) {
      if (life === null || life.state === 'over') continue;
      for (const instrument of instruments) life.removed.set(instrument, now);
      life.session.remove(instruments, now);
    }
  }

  /** A successor was told of everything when it opened; what it has forgotten since is put on again later. */
  #handOver(assignment: Assignment, successor: Life, now: Micros): void {
    if (assignment.carriage?.life !== successor && successor.forgotten.has(assignment.instrument)) {
      forget(assignment);
      this.#recovery.refused(assignment, now);
    } else assignment.carrier = successor;
  }

  #unseed(assignment: Assignment, now: Micros): void {
    if (!assignment.isSeeded) return;
    assignment.isSeeded = false;
    assignment.wantingSince = now;
    this.#seeded--;
  }

  /** Those of these that this life is to carry; of a successor it is only noted that it forgot the others. */
  *#mine(life: Life, instruments: readonly string[]): Generator<Assignment> {
    for (const instrument of instruments) {
      const assignment = this.#assignments.get(instrument);
      if (assignment === undefined) continue;
      if (assignment.carrier === life) yield assignment;
      else life.forgotten.add(instrument);
    }
  }
}

function forget(assignment: Assignment): void {
  assignment.carrier = null;
  assignment.carriage = null;
  assignment.previous = null;
}

function names(assignments: readonly Assignment[]): string[] {
  return assignments.map(({ instrument }) => instrument);
}

function bySlot(assignments: readonly Assignment[]): Map<Slot, Assignment[]> {
  const groups = new Map<Slot, Assignment[]>();
  for (const assignment of assignments) {
    if (assignment.slot === null) continue;
    const group = groups.get(assignment.slot);
    if (group === undefined) groups.set(assignment.slot, [assignment]);
    else group.push(assignment);
  }
  return groups;
}
