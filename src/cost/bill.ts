import { billingRules, freeTypes } from './billing-rules.ts';
import { type Assumptions, lineTraffic, MONTH_SECONDS, type Packing } from './load.ts';
import { type PriceList, priceOf } from './price-list.ts';
import { estateCharges } from './rules/operations.ts';
import { type Estate, UnknownCost } from './rules/rule.ts';
import type { CostedResource } from './template-resources.ts';

/** One line of a bill. */
export interface BillLine {
  readonly service: string;
  readonly item: string;
  /** Units a month. */
  readonly quantity: number;
  readonly unit: string;
  readonly dollars: number;
}

export interface Bill {
  readonly region: string;
  /** Day of the price list. */
  readonly pricesOf: string;
  /** Greatest first. */
  readonly lines: readonly BillLine[];
  readonly services: readonly { readonly service: string; readonly dollars: number }[];
  readonly dollars: number;
  /** Of them, by prices that nobody has checked. */
  readonly uncheckedDollars: number;
  /** Of events on the tape: each was captured three times and is there once. */
  readonly dollarsPerMillionEvents: number;
}

const cents = (dollars: number): number => Math.round(dollars * 100) / 100;

/**
 * The monthly bill of what the templates declare, under a load.
 *
 * @throws UnknownCost naming every type of resource without a rule.
 * @throws PriceMissing when a rule asks for what the list does not have.
 */
export function billOf(
  resources: readonly CostedResource[],
  assumptions: Assumptions,
  packing: Packing,
  prices: PriceList,
): Bill {
  const unknown = new Set(
    resources.map(({ type }) => type).filter((type) => !(type in billingRules) && !(type in freeTypes)),
  );
  if (unknown.size > 0)
    throw new UnknownCost(`neither priced nor known to be free: ${[...unknown].sort().join(', ')}`);
  const estate: Estate = { resources, assumptions, packing, traffic: lineTraffic(assumptions, packing) };
  const found = new Map<string, BillLine>();
  let unchecked = 0;
  const charges = [
    ...resources.flatMap((resource) => billingRules[resource.type]?.(resource, estate) ?? []),
    ...estateCharges(estate),
  ];
  for (const { service, item, quantity, price } of charges) {
    if (quantity === 0) continue;
    const { usd, unit, seen } = priceOf(prices, price);
    if (seen === undefined) unchecked += quantity * usd;
    const key = `${service}\n${item}`;
    const before = found.get(key) ?? { service, item, quantity: 0, unit, dollars: 0 };
    found.set(key, {
      ...before,
      quantity: before.quantity + quantity,
      dollars: before.dollars + quantity * usd,
    });
  }
  const lines = [...found.values()].sort((one, other) => other.dollars - one.dollars);
  const byService = new Map<string, number>();
  for (const { service, dollars } of lines) byService.set(service, (byService.get(service) ?? 0) + dollars);
  const dollars = lines.reduce((sum, line) => sum + line.dollars, 0);
  return {
    region: prices.region,
    pricesOf: prices.as_of,
    lines: lines.map((line) => ({ ...line, dollars: cents(line.dollars) })),
    services: [...byService]
      .map(([service, sum]) => ({ service, dollars: cents(sum) }))
      .sort((one, other) => other.dollars - one.dollars),
    dollars: cents(dollars),
    uncheckedDollars: cents(unchecked),
    dollarsPerMillionEvents: dollars / ((assumptions.rate * MONTH_SECONDS) / 1_000_000),
  };
}
