import type { LifecycleEvent } from '../../events/event.ts';
import type { CatalogueMarket } from '../../registry/catalogue.ts';
import type { CatalogueNews, VenueCatalogue } from '../../registry/venue-catalogue.ts';
import { type Micros, parseRfc3339 } from '../../units/time.ts';
import { type BookHashEvidence, catalogueTerms } from './book-hash-evidence.ts';
import type { GammaRest } from './gamma.ts';
import { type GammaMarket, gammaList } from './rest-schema.ts';

/** Fields whose change is worth telling; the others are prices, volumes, pictures and rankings. */
const LASTING = [
  'question',
  'slug',
  'description',
  'resolutionSource',
  'startDate',
  'endDate',
  'active',
  'closed',
  'archived',
  'acceptingOrders',
  'enableOrderBook',
  'orderPriceMinTickSize',
  'orderMinSize',
  'negRisk',
  'negRiskMarketID',
  'groupItemTitle',
  'umaResolutionStatus',
  'questionID',
] as const;

/** Polymarket's catalogue for the registry: each outcome token of a market is an instrument. */
export class PolymarketCatalogue implements VenueCatalogue {
  readonly venue = 'polymarket';
  /** Markets trade on after their end date until they are closed. */
  readonly keepsToItsClock = false;
  readonly #gamma: GammaRest;
  readonly #hashes: BookHashEvidence | null;

  /** @param hashes told what the socket's books leave out and are hashed with */
  constructor(gamma: GammaRest, hashes: BookHashEvidence | null = null) {
    this.#gamma = gamma;
    this.#hashes = hashes;
  }

  async *listOpen(signal: AbortSignal): AsyncGenerator<readonly CatalogueMarket[]> {
    for await (const page of this.#gamma.markets({ closed: false, archived: false }, signal)) {
      yield page.map(this.#read);
    }
  }

  /** New markets only, newest first: Gamma cannot list what changed. */
  async *listUpdated(since: Micros, signal: AbortSignal): AsyncGenerator<readonly CatalogueMarket[]> {
    const query = { closed: false, archived: false, newestFirst: true };
    for await (const page of this.#gamma.markets(query, signal)) {
      yield page.map(this.#read);
      if (page.some((market) => (time(market.createdAt) ?? 0) < since)) return;
    }
  }

  async fetchMarkets(markets: readonly string[], signal: AbortSignal): Promise<readonly CatalogueMarket[]> {
    return (await this.#gamma.marketsByCondition(markets, signal)).map(this.#read);
  }

  async fetchInstruments(
    instruments: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly CatalogueMarket[]> {
    return (await this.#gamma.marketsByToken(instruments, signal)).map(this.#read);
  }

  news(event: LifecycleEvent): CatalogueNews | null {
    const { market } = event;
    if (market === undefined || market === '') return null;
    if (event.type === 'market_resolved') {
      return { market, is_open: false, is_final: true, confirm: true };
    }
    if (event.type !== 'new_market') return { market, confirm: true };
    if (event.instruments.length === 0) return { market, confirm: true };
    return { market, whole: announcedMarket(market, event), confirm: true };
  }

  labels(market: CatalogueMarket): readonly string[] {
    const { details } = market;
    const events = Array.isArray(details['events']) ? details['events'] : [details['event_message']];
    const slugs = [
      details['slug'],
      ...events.map((event) => (event as { slug?: unknown } | undefined)?.slug),
    ];
    return [market.market, market.event, market.series, market.title, ...slugs].filter(
      (label): label is string => typeof label === 'string',
    );
  }

  content(market: CatalogueMarket): unknown {
    return [market.title, market.instruments, LASTING.map((field) => market.details[field] ?? null)];
  }

  ignores(): boolean {
    return false;
  }

  readonly #read = (listed: GammaMarket): CatalogueMarket => {
    const market = polymarketMarket(listed);
    if (market.is_open) {
      const tokens = market.instruments.map(({ instrument }) => instrument);
      this.#hashes?.catalogue(market.market, tokens, catalogueTerms(market.details));
    }
    return market;
  };
}

/**
 * A market of Gamma as the catalogue holds it: to be captured when it is active, neither closed nor archived, and
 * has an order book and its tokens. The status is its flags in one word.
 */
export function polymarketMarket(market: GammaMarket): CatalogueMarket {
  const tokens = gammaList(market.clobTokenIds);
  const event = market.events?.[0];
  return {
    venue: 'polymarket',
    market: market.conditionId,
    event: event?.id === null || event?.id === undefined ? null : String(event.id),
    series: event?.seriesSlug || event?.series?.[0]?.slug || null,
    title: market.question || market.slug || market.conditionId,
    status: statusOf(market),
    is_open: statusOf(market) === 'active' && market.enableOrderBook === true && tokens.length > 0,
    is_final: market.closed === true,
    open_ts: time(market.startDate),
    close_ts: time(market.endDate),
    instruments: outcomes(tokens, gammaList(market.outcomes)),
    details: market,
  };
}

function statusOf(market: GammaMarket): string {
  if (market.closed) return market.umaResolutionStatus === 'resolved' ? 'resolved' : 'closed';
  if (market.archived) return 'archived';
  return market.active ? 'active' : 'inactive';
}

/** What a `new_market` message tells; Gamma may not know the market yet. */
function announcedMarket(market: string, event: LifecycleEvent): CatalogueMarket {
  const { details } = event;
  const names = Array.isArray(details['outcomes']) ? details['outcomes'].map(String) : [];
  const message = details['event_message'] as { id?: unknown } | undefined;
  const active = details['active'] !== false;
  return {
    venue: 'polymarket',
    market,
    event: message?.id === undefined || message.id === null ? null : String(message.id),
    series: null,
    title: typeof details['question'] === 'string' ? details['question'] : market,
    status: active ? 'active' : 'inactive',
    is_open: active,
    open_ts: event.exchange_ts,
    close_ts: null,
    instruments: outcomes(event.instruments, names),
    details,
  };
}

function outcomes(tokens: readonly string[], names: readonly string[]): CatalogueMarket['instruments'] {
  return tokens.map((instrument, index) => ({ instrument, outcome: names[index] ?? `outcome ${index + 1}` }));
}

function time(text: string | null | undefined): Micros | null {
  if (!text) return null;
  try {
    const at = parseRfc3339(text);
    return at > 0 ? at : null;
  } catch {
    return null;
  }
}
