import type { Assumptions, LineTraffic, Packing } from '../load.ts';
import type { CostedResource } from '../template-resources.ts';

/** All that an environment is made of, and its load. */
export interface Estate {
  readonly resources: readonly CostedResource[];
  readonly assumptions: Assumptions;
  readonly packing: Packing;
  /** Of one line, a second. */
  readonly traffic: LineTraffic;
}

/** Units a month of one priced thing. */
export interface Charge {
  readonly service: string;
  readonly item: string;
  readonly quantity: number;
  /** Name in the price list. */
  readonly price: string;
}

/** What one resource costs a month. */
export type BillingRule = (resource: CostedResource, estate: Estate) => readonly Charge[];

/** A template holds what is neither priced nor known to be free. */
export class UnknownCost extends Error {
  override readonly name = 'UnknownCost';
}

/** Hours of a month. */
export const HOURS = 730;
/** Lines of capture, each of which sees everything. */
export const LINES = 3;

/** Resources of a type. */
export const ofType = ({ resources }: Estate, type: string): CostedResource[] =>
  resources.filter((resource) => resource.type === type);

/** As a price's name has it: `r7g.large` is `r7g_large`. */
export const nameOfClass = (instanceClass: string): string => instanceClass.replaceAll('.', '_');
