import { MICROS_PER_MINUTE } from '#src/units/time.ts';
import type { Random } from '../market/random.ts';
import type { SocketFault } from './specification.ts';

/**
 * When the faults of one connection are due: for each fault a random process of its own, so that connections
 * fail independently of each other. Rates are looked up anew each time and may change at any time.
 */
export class FaultPlan {
  readonly #rates: () => Readonly<Partial<Record<SocketFault, number>>>;
  readonly #random: Random;
  readonly #due = new Map<SocketFault, { at: number; rate: number }>();
  readonly #demanded = new Set<SocketFault>();

  /** @param rates faults a minute */
  constructor(rates: () => Readonly<Partial<Record<SocketFault, number>>>, random: Random) {
    this.#rates = rates;
    this.#random = random;
  }

  get random(): Random {
    return this.#random;
  }

  /** Makes a fault due at once, one time. */
  demand(fault: SocketFault): void {
    this.#demanded.add(fault);
  }

  /** Whether the fault is due; asking takes it. @param now microseconds */
  take(fault: SocketFault, now: number): boolean {
    if (this.#demanded.delete(fault)) return true;
    const rate = this.#rates()[fault] ?? 0;
    if (rate <= 0) return false;
    const due = this.#due.get(fault);
    if (due === undefined || due.rate !== rate) {
      this.#schedule(fault, rate, now);
      return false;
    }
    if (now < due.at) return false;
    this.#schedule(fault, rate, now);
    return true;
  }

  #schedule(fault: SocketFault, rate: number, now: number): void {
    this.#due.set(fault, { at: now + this.#random.exponential(rate) * MICROS_PER_MINUTE, rate });
  }
}
