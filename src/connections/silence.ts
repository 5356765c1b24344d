import type { FrameOutcome, LineKeeper } from '../capture/line.ts';
import type { Micros } from '../units/time.ts';
import { LEAST_SUSPICIOUS } from './data-watch.ts';
import type { Life } from './life.ts';
import { SharedAnnouncements } from './shared-announcements.ts';
import { SharedFlow } from './shared-flow.ts';

/** A feed of the venue, or what it announces, beside the subscriptions of books. */
const FEED = null;

/** A connection that brings data again, or beside one that does, after a silence that chance does not explain. */
export interface Interruption {
  readonly life: Life;
  /** Receive time since which it may have lost something. */
  readonly since: Micros;
}

export interface SilencesParts {
  readonly keeper: LineKeeper;
  /** By then at least a heartbeat has come over a socket that is in order, microseconds. */
  readonly unheardAfter: number;
  /** Whether a number shows what was lost in a silence on connections of a purpose. */
  readonly isNumbered: (purpose: string) => boolean;
  readonly lives: () => Iterable<Life>;
}

/**
 * Finds what is more silent than chance explains, long before it can be called stalled, and has it put in doubt until it
 * is heard again or ended: a process that ends meanwhile, and a reader who asks meanwhile, must not take the silence for
 * the venue's. Where nothing numbers the messages it also tells what may be lost once data comes again.
 */
export class Silences {
  readonly #parts: SilencesParts;
  readonly #flow = new SharedFlow();
  readonly #announcements = new SharedAnnouncements();
  readonly #doubted = new Map<Life, Set<number | null>>();

  constructor(parts: SilencesParts) {
    this.#parts = parts;
  }

  /**
   * A frame with data has come over a connection, whose watches do not know of it yet.
   *
   * @param lateBy by how much it may have waited for this process to read it, microseconds: so much of the silence before it
   *   is not the venue's. @returns the connections that may have lost something before it.
   */
  data(life: Life, outcome: FrameOutcome, now: Micros, lateBy: number): Interruption[] {
    const { purpose } = life.place;
    if (this.#parts.isNumbered(purpose)) return [];
    const then = (now - lateBy) as Micros;
    const found: Interruption[] = [];
    const isOfBook = purpose === 'book' && outcome.touched.length > 0 && outcome.proven.length === 0;
    if (isOfBook) {
      if (this.#flow.isSilent(this.#parts.lives(), then)) found.push(...this.#allInterrupted(then, now));
      this.#flow.data(now, lateBy === 0);
      life.bookAt = now;
    }
    if (this.isLost(life, then, now)) {
      life.watch.doubt();
      life.interruptedAt = now;
      found.push({ life, since: life.watch.lastAt });
    }
    this.#announcements.heard(life, then);
    if (outcome.announced === 'first') this.#announcements.first(life, this.#parts.lives(), now);
    if (outcome.announced === 'copy') this.#announcements.copy(life);
    return found;
  }

  /** To be called about every second, but not while what has come may wait to be read. */
  look(now: Micros): void {
    const { keeper } = this.#parts;
    const isFlowSilent = this.#flow.isSilent(this.#parts.lives(), now);
    for (const life of this.#parts.lives()) {
      const silent = this.#silentOf(life, now, isFlowSilent);
      const before = this.#doubted.get(life);
      if (silent.size === 0 && before === undefined) continue;
      for (const sid of silent) if (before?.has(sid) !== true) keeper.doubt?.(life.epoch, sid, now);
      for (const sid of before ?? []) if (!silent.has(sid)) keeper.believe?.(life.epoch, sid, now);
      if (silent.size > 0) this.#doubted.set(life, silent);
      else this.#doubted.delete(life);
    }
  }

  /** Whether all that a life carries was more silent than usual at the last look. */
  isDoubted(life: Life): boolean {
    return this.#doubted.get(life)?.has(FEED) === true;
  }

  /**
   * Whether a connection is more silent up to then than its own data, or what others were told, explains, and that is not
   * judged yet. Whatever was due may be lost even if data comes again, where no number shows that it is not.
   */
  isLost(life: Life, then: Micros, now = then): boolean {
    const { interruptedAt } = life;
    const isJudged =
      interruptedAt !== null && interruptedAt <= now && then - interruptedAt <= LEAST_SUSPICIOUS;
    return !isJudged && this.#isSilentAlone(life, then);
  }

  /** The life is over; what it carried is judged. */
  ended(life: Life, now: Micros): void {
    this.#doubted.delete(life);
    this.#announcements.ended(life, now);
  }

  #isSilent(life: Life, now: Micros, isFlowSilent: boolean): boolean {
    if (now - life.lastInboundAt > this.#parts.unheardAfter || this.#isSilentAlone(life, now)) return true;
    return isFlowSilent && this.#sharesSilence(life, now);
  }

  #isSilentAlone(life: Life, then: Micros): boolean {
    return life.watch.isSuspicious(then) || this.#announcements.isSilent(life, then);
  }

  /**
   * Whether a connection of books has brought none of late, or first ones only: announcements that go on say nothing of
   * books. One that was opened only just had no time to.
   */
  #sharesSilence({ place, state, bookAt, startedAt }: Life, then: Micros): boolean {
    if (state !== 'open' || place.purpose !== 'book') return false;
    return then - (bookAt ?? startedAt) > LEAST_SUSPICIOUS;
  }

  #allInterrupted(then: Micros, now: Micros): Interruption[] {
    const found: Interruption[] = [];
    const silentSince = this.#flow.lastAt!;
    for (const life of this.#parts.lives()) {
      if (!this.#sharesSilence(life, then)) continue;
      for (const { watch } of life.carriages.values()) watch.doubt();
      life.interruptedAt = now;
      // First books that came meanwhile show nothing of what was due of others.
      found.push({ life, since: Math.min(life.bookAt ?? life.watch.lastAt, silentSince) as Micros });
    }
    return found;
  }

  #silentOf(life: Life, now: Micros, isFlowSilent: boolean): Set<number | null> {
    const silent = new Set<number | null>();
    if (life.state !== 'open') return silent;
    const isWhole = this.#isSilent(life, now, isFlowSilent);
    if (isWhole) silent.add(FEED);
    for (const { sid, watch } of life.carriages.values())
      if (isWhole || watch.isSuspicious(now)) silent.add(sid);
    return silent;
  }
}
