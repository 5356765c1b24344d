import { type Clock, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import type { KalshiGateway } from '../../sim/kalshi/gateway.ts';
import type { Fingerprint } from '../fingerprint.ts';
import type { CrowdFlow } from './flow.ts';

const STEP_MILLIS = 5;
/** Made in one go at most, so that a pump that is behind still hears pongs and commands. */
const MOST_AT_ONCE = 5_000;

/** What a pump did. */
export interface Flowed {
  readonly messages: number;
  /** How long it took, which is more than was asked for where the rate was too high for it. */
  readonly seconds: number;
  /** Of all that was ever made. */
  readonly truth: Fingerprint;
}

/** Makes messages at a steady rate, whatever the client does. */
export class FlowPump {
  readonly #flow: CrowdFlow;
  readonly #gateway: KalshiGateway;
  readonly #clock: Clock;

  constructor(flow: CrowdFlow, gateway: KalshiGateway, clock: Clock) {
    this.#flow = flow;
    this.#gateway = gateway;
    this.#clock = clock;
  }

  /** @param rate messages a second. */
  run(rate: number, seconds: number): Promise<Flowed> {
    const wanted = Math.round(rate * seconds);
    const before = this.#flow.made;
    const from = this.#clock();
    return new Promise((resolve) => {
      const step = (): void => {
        const now = this.#clock();
        const made = this.#flow.made - before;
        const due = Math.min(wanted, Math.floor(((now - from) / MICROS_PER_SECOND) * rate)) - made;
        this.#make(Math.min(due, MOST_AT_ONCE), now);
        if (this.#flow.made - before < wanted) {
          if (due > MOST_AT_ONCE) setImmediate(step);
          else setTimeout(step, STEP_MILLIS);
          return;
        }
        const took = (this.#clock() - from) / MICROS_PER_SECOND;
        resolve({ messages: wanted, seconds: took, truth: this.#flow.truth.value });
      };
      step();
    });
  }

  #make(count: number, now: Micros): void {
    if (count <= 0) return;
    const sockets = this.#gateway.connections.map(({ socket }) => socket);
    for (const socket of sockets) socket.cork();
    for (let made = 0; made < count; made++) this.#flow.next(now);
    for (const socket of sockets) socket.uncork();
  }
}
