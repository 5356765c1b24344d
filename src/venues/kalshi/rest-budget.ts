import type { Sleep } from '../../http/sleep.ts';
import { TokenBucket } from '../../http/token-bucket.ts';
import type { Clock } from '../../units/time.ts';
import type { KalshiAccountLimits, KalshiEndpointCosts } from './rest-schema.ts';

/** Tokens of a request whose endpoint has no cost of its own. */
const DEFAULT_COST = 10;
/** Basic tier: 20 requests a second. Raised when the venue tells the account's own limits. */
const SIGNED = { refillPerSecond: 200, capacity: 200 };
/** Unsigned requests have an unpublished limit per address: refusals were seen at four to five a second. */
const UNSIGNED = { refillPerSecond: 30, capacity: 60 };

/** What requests may cost: one token bucket for reading, and the price of each endpoint. */
export class KalshiBudget {
  readonly bucket: TokenBucket;
  readonly #share: number;
  #defaultCost = DEFAULT_COST;
  #costs = new Map<string, number>();

  /** @param share part of the account's budget that this process may use, above 0 and at most 1 */
  constructor(signed: boolean, share: number, clock: Clock, sleep: Sleep) {
    if (!(share > 0 && share <= 1))
      throw new RangeError(`share of the rate budget is ${share}, expected 0 < share <= 1`);
    this.#share = share;
    const { refillPerSecond, capacity } = signed ? SIGNED : UNSIGNED;
    this.bucket = new TokenBucket(
      { refillPerSecond: refillPerSecond * share, capacity: capacity * share },
      clock,
      sleep,
    );
  }

  cost(method: string, route: string): number {
    return this.#costs.get(endpoint(method, route)) ?? this.#defaultCost;
  }

  /** Takes over what `/account/limits` says: buckets today, one number of tokens per second in the older form. */
  setLimits(limits: KalshiAccountLimits): void {
    const refill = limits.read?.refill_rate ?? limits.read_limit;
    if (refill === null || refill === undefined) return;
    const capacity = limits.read?.bucket_capacity ?? refill;
    this.bucket.reconfigure({ refillPerSecond: refill * this.#share, capacity: capacity * this.#share });
  }

  /** Takes over what `/account/endpoint_costs` says; parameters in its paths may have any name. */
  setCosts(costs: KalshiEndpointCosts): void {
    this.#defaultCost = costs.default_cost ?? DEFAULT_COST;
    this.#costs = new Map(
      (costs.endpoint_costs ?? []).map(({ method, path, cost }) => [endpoint(method, path), cost]),
    );
  }
}

function endpoint(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/^\/trade-api\/v2/, '').replace(/\{[^}]*\}/g, '{}')}`;
}
