import type { LineKeeper } from '../capture/line.ts';
import type { Micros } from '../units/time.ts';
import type { Life } from './life.ts';
import type { SharedFlows } from './shared-flow.ts';

/** A feed of the venue, or what it announces, beside the subscriptions of books. */
const FEED = null;

/**
 * Finds what is more silent than chance explains, long before it can be called stalled, and has it put in doubt until it
 * is heard again or ended: a process that ends meanwhile, and a reader who asks meanwhile, must not take the silence for
 * the venue's.
 */
export class Silences {
  readonly #keeper: LineKeeper;
  readonly #unheardAfter: number;
  readonly #flows: SharedFlows;
  readonly #doubted = new Map<Life, Set<number | null>>();

  /** @param unheardAfter by then at least a heartbeat has come over a socket that is in order, microseconds. */
  constructor(keeper: LineKeeper, flows: SharedFlows, unheardAfter: number) {
    this.#keeper = keeper;
    this.#flows = flows;
    this.#unheardAfter = unheardAfter;
  }

  /** To be called about every second, but not while what has come may wait to be read. */
  look(lives: Iterable<Life>, now: Micros): void {
    for (const life of lives) {
      const silent = this.#silentOf(life, now);
      const before = this.#doubted.get(life);
      if (silent.size === 0 && before === undefined) continue;
      for (const sid of silent) if (before?.has(sid) !== true) this.#keeper.doubt?.(life.epoch, sid, now);
      for (const sid of before ?? []) if (!silent.has(sid)) this.#keeper.believe?.(life.epoch, sid, now);
      if (silent.size > 0) this.#doubted.set(life, silent);
      else this.#doubted.delete(life);
    }
  }

  /** Whether all that a life carries is more silent than usual. */
  isSilent(life: Life, now: Micros): boolean {
    if (now - life.lastInboundAt > this.#unheardAfter) return true;
    return life.watch.isSuspicious(now) || this.#flows.isSilent(life, now);
  }

  /** The life is over; what it carried is judged. */
  ended(life: Life): void {
    this.#doubted.delete(life);
  }

  #silentOf(life: Life, now: Micros): Set<number | null> {
    const silent = new Set<number | null>();
    if (life.state !== 'open') return silent;
    const isWhole = this.isSilent(life, now);
    if (isWhole) silent.add(FEED);
    for (const { sid, watch } of life.carriages.values())
      if (isWhole || watch.isSuspicious(now)) silent.add(sid);
    return silent;
  }
}
