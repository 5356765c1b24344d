import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import type { Slot } from './slot.ts';

/** After this time the silent ones, and those that nothing carries, are no reason to wait. */
const SHOWN_WITHIN = 2 * MICROS_PER_MINUTE;
/** The old connection stays this long for what is still on it alone. */
const CARRIED_WITHIN = 10 * MICROS_PER_MINUTE;
/** What the old connection of a feed cannot show to have brought, because it was quiet, the new one has. */
const FEED_OVERLAP = 6 * MICROS_PER_SECOND;
const BETWEEN = 5 * MICROS_PER_SECOND;
const LONGEST_BETWEEN = 30 * MICROS_PER_MINUTE;
/** Books in doubt do not wait longer for the next connection, however many were in vain. */
const LONGEST_IN_DOUBT = 30 * MICROS_PER_SECOND;
/** Replacements for a reason, at one time; for age there is one at a time. */
const AT_ONCE = 4;

export interface ReplacementActions {
  /** Opens a successor; false when that is not possible now. */
  begin(slot: Slot, now: Micros): boolean;
  /** Lets the successor take over and closes the old connection. */
  finish(slot: Slot, now: Micros): void;
  /** Gives up a successor that does not bring what it was opened for; `failed` follows. */
  abandon(slot: Slot, reason: string): void;
  notice(kind: string, message: string, slot: Slot): void;
}

/**
 * Replaces connections without a break: the new socket is opened and carries everything before the old one is
 * closed. Old age is staggered, one connection at a time; connections in doubt come first.
 */
export class Replacement {
  readonly #maxAge: number;
  readonly #firstEventDeadline: number;
  readonly #random: () => number;
  readonly #actions: ReplacementActions;

  constructor(
    settings: { readonly maxAge: number; readonly firstEventDeadline: number },
    random: () => number,
    actions: ReplacementActions,
  ) {
    this.#maxAge = settings.maxAge;
    this.#firstEventDeadline = settings.firstEventDeadline;
    this.#random = random;
    this.#actions = actions;
  }

  /** A socket of this slot opened: its age begins. Ages differ by up to a quarter, lest all fall due together. */
  opened(slot: Slot, now: Micros): void {
    slot.replaceAt = (now + Math.round(this.#maxAge * (0.75 + this.#random() / 4))) as Micros;
  }

  /** A successor failed before it took over. */
  failed(slot: Slot, now: Micros): void {
    this.#postpone(slot, now);
  }

  /** Whether a connection whose books are in doubt may be replaced by now. */
  isAllowed(slot: Slot, now: Micros): boolean {
    return now >= Math.min(slot.notReplacedBefore, slot.replacementTriedAt + LONGEST_IN_DOUBT);
  }

  /** To be called about every second. */
  look(slots: readonly Slot[], now: Micros): void {
    let running = 0;
    for (const slot of slots) {
      if (slot.successor === null) continue;
      running++;
      if (this.#isReady(slot, now)) this.#actions.finish(slot, now);
    }
    for (const slot of slots) {
      if (slot.replaceReason === null) continue;
      if (this.#isOverdue(slot, now)) this.#actions.abandon(slot, slot.replaceReason);
      if (slot.successor !== null || slot.current?.state !== 'open' || !slot.isWanted) {
        // On its way anyhow, or gone: a new socket comes, and the reason with the old one goes.
        slot.replaceReason = null;
        continue;
      }
      if (!this.isAllowed(slot, now) || running >= AT_ONCE) continue;
      if (!this.#actions.begin(slot, now)) continue;
      this.#actions.notice('replacing', slot.replaceReason, slot);
      slot.replaceReason = null;
      running++;
      this.#postpone(slot, now);
    }
    if (running > 0) return;
    const old = slots
      .filter((slot) => slot.replaceAt !== null && slot.replaceAt <= now && slot.notReplacedBefore <= now)
      .filter((slot) => slot.current?.state === 'open' && slot.isWanted)
      .sort((a, b) => a.replaceAt! - b.replaceAt!)[0];
    if (old !== undefined && !this.#actions.begin(old, now)) this.#postpone(old, now);
  }

  #isReady(slot: Slot, now: Micros): boolean {
    const { successor } = slot;
    if (successor === null || successor.state !== 'open') return false;
    if (slot.purpose !== 'book') {
      return successor.carryingSince !== null && now - successor.carryingSince >= FEED_OVERLAP;
    }
    const passed = now - (successor.openedAt ?? now);
    for (const { carriage, seenOn } of slot.assignments) {
      if (carriage?.life === successor) {
        if (seenOn !== successor && passed < SHOWN_WITHIN) return false;
      } else if (passed < (carriage === null ? SHOWN_WITHIN : CARRIED_WITHIN)) {
        return false;
      }
    }
    return true;
  }

  /** Whether books are in doubt that a successor was to bring, and has had its time for. */
  #isOverdue({ successor }: Slot, now: Micros): boolean {
    if (successor?.state !== 'open') return false;
    return now - (successor.openedAt ?? now) >= this.#firstEventDeadline;
  }

  #postpone(slot: Slot, now: Micros): void {
    slot.replacementTriedAt = now;
    if (now - slot.notReplacedBefore > LONGEST_BETWEEN) slot.replacements = 0;
    const wait = Math.min(BETWEEN * 2 ** slot.replacements, LONGEST_BETWEEN);
    slot.replacements++;
    slot.notReplacedBefore = (now + wait) as Micros;
  }
}
