import { type Clock, MICROS_PER_MILLI } from '../units/time.ts';
import type { Sleep } from './sleep.ts';

/** A budget that requests wait for. */
export interface RateLimit {
  /**
   * Resolves when the cost has been taken, in the order of the calls: a cheap request never overtakes a dear
   * one. Rejects with the signal's reason when it is aborted while waiting; nothing is taken then.
   */
  acquire(cost: number, signal?: AbortSignal): Promise<void>;
  /** The venue refused a request although the budget allowed it: nobody goes before `waitMillis` are over. */
  refused(waitMillis: number): void;
}

interface Waiter {
  readonly cost: number;
  readonly grant: () => void;
  cancelled: boolean;
}

/**
 * The queue in front of a budget: first come, first served, one sleep at a time. A subclass says when a cost
 * can be taken.
 */
export abstract class QueuedLimit implements RateLimit {
  protected readonly clock: Clock;
  readonly #sleep: Sleep;
  #queue: Waiter[] = [];
  #head = 0;
  #running = false;
  #wake: AbortController | undefined;
  #notBefore = 0;

  constructor(clock: Clock, sleep: Sleep) {
    this.clock = clock;
    this.#sleep = sleep;
  }

  /** Takes the cost and returns 0, or returns the microseconds until it is worth asking again. */
  protected abstract take(cost: number, now: number): number;

  /** Requests that wait now. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  acquire(cost: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.#running && this.#wait(cost) === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.cancelled = true;
        reject(signal?.reason);
        // It may be the one that all others wait behind.
        this.reconsider();
      };
      const waiter: Waiter = {
        cost,
        cancelled: false,
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiter);
      if (!this.#running) void this.#run();
    });
  }

  refused(waitMillis: number): void {
    this.#notBefore = Math.max(this.#notBefore, this.clock() + waitMillis * MICROS_PER_MILLI);
  }

  /** The budget changed: whoever sleeps is to ask again. */
  protected reconsider(): void {
    this.#wake?.abort();
  }

  #wait(cost: number): number {
    const now = this.clock();
    return now < this.#notBefore ? this.#notBefore - now : this.take(cost, now);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#head < this.#queue.length) {
      const waiter = this.#queue[this.#head]!;
      const wait = waiter.cancelled ? 0 : this.#wait(waiter.cost);
      if (wait > 0) {
        this.#wake = new AbortController();
        // A woken sleep rejects; that only means that the budget has to be asked again.
        await this.#sleep(Math.ceil(wait / MICROS_PER_MILLI), this.#wake.signal).catch(() => {});
        continue;
      }
      this.#head++;
      if (!waiter.cancelled) waiter.grant();
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
    }
    this.#queue = [];
    this.#head = 0;
    this.#running = false;
  }
}

/** Several budgets at once, e.g. one of an endpoint and one of the whole host; taken one after the other. */
export function everyLimit(limits: readonly RateLimit[]): RateLimit {
  return {
    async acquire(cost, signal) {
      for (const limit of limits) await limit.acquire(cost, signal);
    },
    refused(waitMillis) {
      for (const limit of limits) limit.refused(waitMillis);
    },
  };
}
