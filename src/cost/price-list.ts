import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const priceListSchema = z.strictObject({
  region: z.string().min(1),
  as_of: z.iso.date(),
  currency: z.literal('USD'),
  prices: z.record(
    z.string(),
    z.strictObject({
      usd: z.number().positive(),
      unit: z.string().min(1),
      /** AWS's own page, where the price is to be checked. */
      source: z.string().min(1),
      /** A page that gives the same amount; a price without one was not checked. */
      seen: z.string().min(1).optional(),
    }),
  ),
});

/** Prices of one region, put together on one day. */
export type PriceList = z.infer<typeof priceListSchema>;

/** Something has no price in the list. */
export class PriceMissing extends Error {
  override readonly name = 'PriceMissing';
}

/** The prices of a region. @throws PriceMissing when there is no list of the region. */
export function readPriceList(region: string): PriceList {
  let text: string;
  try {
    text = readFileSync(new URL(`prices.${region}.yaml`, import.meta.url), 'utf8');
  } catch {
    throw new PriceMissing(`there is no price list of region ${region}: src/cost/prices.${region}.yaml`);
  }
  return priceListSchema.parse(parse(text));
}

/** Price of one unit, in dollars. @throws PriceMissing naming the price. */
export function priceOf(list: PriceList, name: string): PriceList['prices'][string] {
  const price = list.prices[name];
  if (price === undefined) throw new PriceMissing(`${name} has no price in the list of ${list.region}`);
  return price;
}
