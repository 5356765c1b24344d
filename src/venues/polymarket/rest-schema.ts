import { z } from 'zod';

/**
 * Shapes of the CLOB's and Gamma's REST bodies: strict about what is used, open to everything else. Token ids are
 * strings of some 77 digits and are never read as numbers.
 */

const text = z.string();
const flag = z.boolean().nullish();
const number = z.union([z.string(), z.number()]);
const tokenId = z.string().regex(/^\d+$/, { error: 'expected a token id, decimal digits in a string' });

const level = z.looseObject({ price: number, size: number });

export const bookSchema = z.looseObject({
  asset_id: tokenId,
  market: text,
  timestamp: number,
  hash: z.string().nullish(),
  bids: z.array(level).nullable(),
  asks: z.array(level).nullable(),
  min_order_size: number.nullish(),
  tick_size: number.nullish(),
  neg_risk: flag,
  last_trade_price: number.nullish(),
});

const clobToken = z.looseObject({ token_id: text, outcome: z.string().nullish() });

/** An element of `/markets` and `/sampling-markets`; `/simplified-markets` leaves most of it out. */
export const clobMarketSchema = z.looseObject({
  condition_id: text,
  question: z.string().nullish(),
  market_slug: z.string().nullish(),
  enable_order_book: flag,
  active: flag,
  closed: flag,
  archived: flag,
  accepting_orders: flag,
  end_date_iso: z.string().nullish(),
  tokens: z.array(clobToken),
});

export const clobPageSchema = z.looseObject({
  data: z.array(z.unknown()),
  next_cursor: z.string().nullish(),
});

/** Gamma writes lists as JSON inside a string, or as lists, unpredictably; kept as received. */
const listText = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .refine((value) => listFrom(value) !== null, { error: 'expected a list, or a list as JSON in a string' });

/** The list that a field of Gamma holds in either form; empty where there is none. */
export function gammaList(value: string | readonly string[] | null | undefined): readonly string[] {
  return listFrom(value) ?? [];
}

function listFrom(value: string | readonly string[] | null | undefined): readonly string[] | null {
  if (typeof value !== 'string') return value ?? [];
  if (value === '') return [];
  try {
    const list: unknown = JSON.parse(value);
    return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list : null;
  } catch {
    return null;
  }
}

const gammaEventSummary = z.looseObject({
  id: number.nullish(),
  slug: z.string().nullish(),
  title: z.string().nullish(),
  seriesSlug: z.string().nullish(),
  series: z.array(z.looseObject({ slug: z.string().nullish() })).nullish(),
});

export const gammaMarketSchema = z.looseObject({
  id: number,
  conditionId: text.min(1),
  question: z.string().nullish(),
  slug: z.string().nullish(),
  startDate: z.string().nullish(),
  endDate: z.string().nullish(),
  createdAt: z.string().nullish(),
  active: flag,
  closed: flag,
  archived: flag,
  acceptingOrders: flag,
  enableOrderBook: flag,
  umaResolutionStatus: z.string().nullish(),
  outcomes: listText,
  /** `""` and `[]` until the tokens exist. */
  clobTokenIds: listText,
  events: z.array(gammaEventSummary).nullish(),
});

export const gammaEventSchema = z.looseObject({
  id: number,
  slug: z.string().nullish(),
  title: z.string().nullish(),
  markets: z.array(z.unknown()).nullish(),
});

export const tickSizeSchema = z.looseObject({ minimum_tick_size: number });
export const negRiskSchema = z.looseObject({ neg_risk: z.boolean() });
export const priceSchema = z.looseObject({ price: number });
export const midpointSchema = z.looseObject({ mid: number });
export const spreadSchema = z.looseObject({ spread: number });
export const lastTradePriceSchema = z.looseObject({ price: number, side: z.string().nullish() });
export const historyPointSchema = z.looseObject({ t: z.number(), p: number });
export const historySchema = z.looseObject({ history: z.array(z.unknown()) });

export type PolymarketBookBody = z.infer<typeof bookSchema>;
export type ClobMarket = z.infer<typeof clobMarketSchema>;
export type GammaMarket = z.infer<typeof gammaMarketSchema>;
export type GammaEvent = z.infer<typeof gammaEventSchema>;
