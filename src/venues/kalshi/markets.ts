import type { LifecycleEvent } from '../../events/event.ts';
import { chunks } from '../../http/chunks.ts';
import type { CatalogueMarket } from '../../registry/catalogue.ts';
import type { CatalogueNews, VenueCatalogue } from '../../registry/venue-catalogue.ts';
import { type Micros, microsFromSeconds, parseRfc3339 } from '../../units/time.ts';
import type { KalshiRest } from './rest.ts';
import type { KalshiMarketsQuery } from './rest-queries.ts';
import type { KalshiMarket } from './rest-schema.ts';

/** Tickers of combos, made of legs of other markets; about a million a day. */
const COMBO_PREFIX = 'KXMVE';
/** A paused market keeps its book open: it comes back by a message, without a new snapshot. */
const OPEN_STATUSES: ReadonlySet<string> = new Set(['active', 'inactive', 'open', 'paused']);
/** No more trading, whatever becomes of the result. */
const FINAL_STATUSES: ReadonlySet<string> = new Set([
  'determined',
  'disputed',
  'amended',
  'settled',
  'finalized',
]);
/** In this order a market that moves on while it is listed is met again further on. */
const LISTED = ['unopened', 'open', 'paused'] as const;
/** Tickers go into the address of the request. */
const LOOKUP_CHUNK = 50;

/** What trading changes all the time, and what follows from the rest. */
const VOLATILE =
  /^(yes|no)_(bid|ask)|^last_price|^previous_|^volume|^open_interest|^liquidity|^notional_value|^updated_time$|^price_(delta|change)/;

/** Names of fields that have been judged: a million markets have the same few dozen. */
const judged = new Map<string, boolean>();
const MOST_JUDGED = 1_000;

function isVolatile(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  if (judged.size >= MOST_JUDGED) judged.clear();
  const found = VOLATILE.test(name);
  judged.set(name, found);
  return found;
}

/** Kalshi's catalogue for the registry. A market has one instrument, its ticker, in YES prices. */
export class KalshiCatalogue implements VenueCatalogue {
  readonly venue = 'kalshi';
  /** Opening and closing send no message. */
  readonly keepsToItsClock = true;
  readonly #rest: KalshiRest;
  readonly #combos: boolean;

  /** @param combos whether multivariate markets are captured too */
  constructor(rest: KalshiRest, combos: boolean) {
    this.#rest = rest;
    this.#combos = combos;
  }

  async *listOpen(signal: AbortSignal): AsyncGenerator<readonly CatalogueMarket[]> {
    // Each whole listing is the occasion to learn what the account may ask for.
    await this.#rest.adoptLimits(signal);
    for (const status of LISTED) yield* this.#pages({ status }, signal);
  }

  async *listUpdated(since: Micros, signal: AbortSignal): AsyncGenerator<readonly CatalogueMarket[]> {
    yield* this.#pages({ min_updated_ts: Math.max(0, Math.floor(since / 1_000_000)) }, signal);
  }

  async fetchMarkets(markets: readonly string[], signal: AbortSignal): Promise<readonly CatalogueMarket[]> {
    const found: CatalogueMarket[] = [];
    for (const tickers of chunks(markets, LOOKUP_CHUNK)) {
      for await (const page of this.#rest.markets({ tickers }, signal)) found.push(...page.map(kalshiMarket));
    }
    return found;
  }

  fetchInstruments(instruments: readonly string[], signal: AbortSignal): Promise<readonly CatalogueMarket[]> {
    return this.fetchMarkets(instruments, signal);
  }

  news(event: LifecycleEvent): CatalogueNews | null {
    if (event.market === undefined || this.ignores(event.market)) return null;
    const { market, details } = event;
    switch (event.type) {
      case 'created': {
        const whole = createdMarket(market, details);
        return whole === null ? { market, confirm: true } : { market, whole, confirm: !isCombo(market) };
      }
      case 'activated':
        return { market, is_open: true, confirm: true };
      case 'close_date_updated': {
        const close_ts = seconds(details['close_ts']);
        return close_ts === null ? { market, confirm: true } : { market, close_ts, confirm: true };
      }
      case 'determined':
      case 'settled':
        return { market, is_open: false, is_final: true, confirm: !isCombo(market) };
      default:
        return { market, confirm: true };
    }
  }

  labels(market: CatalogueMarket): readonly string[] {
    return [market.market, market.event ?? '', market.series ?? '', market.title];
  }

  content({ details }: CatalogueMarket): unknown {
    return Object.keys(details)
      .filter((name) => !isVolatile(name))
      .sort()
      .map((name) => [name, details[name]]);
  }

  ignores(instrument: string): boolean {
    return !this.#combos && isCombo(instrument);
  }

  async *#pages(query: KalshiMarketsQuery, signal: AbortSignal): AsyncGenerator<readonly CatalogueMarket[]> {
    const filter = this.#combos ? {} : { mve_filter: 'exclude' as const };
    for await (const page of this.#rest.markets({ ...query, ...filter }, signal)) {
      yield page.filter((market) => !this.ignores(market.ticker)).map(kalshiMarket);
    }
  }
}

/** A market of the REST interface as the catalogue holds it. A time that cannot be read is null. */
function kalshiMarket(market: KalshiMarket): CatalogueMarket {
  const event = market.event_ticker || null;
  return {
    venue: 'kalshi',
    market: market.ticker,
    event,
    series: seriesOf(event),
    title: market.title || market.yes_sub_title || market.ticker,
    status: market.status,
    is_open: OPEN_STATUSES.has(market.status),
    is_final: FINAL_STATUSES.has(market.status),
    open_ts: time(market.open_time),
    close_ts: time(market.close_time),
    instruments: [{ instrument: market.ticker, outcome: 'YES' }],
    details: market,
  };
}

/** What a `created` message tells of a new market; null where it lacks the times. */
function createdMarket(ticker: string, message: Readonly<Record<string, unknown>>): CatalogueMarket | null {
  const open_ts = seconds(message['open_ts']);
  const close_ts = seconds(message['close_ts']);
  if (open_ts === null || close_ts === null) return null;
  const metadata = (message['additional_metadata'] ?? {}) as Readonly<Record<string, unknown>>;
  const event = word(metadata['event_ticker']);
  return {
    venue: 'kalshi',
    market: ticker,
    event,
    series: seriesOf(event),
    title: word(metadata['title']) ?? word(metadata['name']) ?? ticker,
    status: 'initialized',
    is_open: false,
    open_ts,
    close_ts,
    instruments: [{ instrument: ticker, outcome: 'YES' }],
    details: message,
  };
}

/** An event's ticker begins with its series'; the market itself does not name it. */
function seriesOf(event: string | null): string | null {
  return event === null ? null : event.split('-', 1)[0]!;
}

/** Whether a ticker, of a market or of an event, is a combo's. */
export function isCombo(ticker: string): boolean {
  return ticker.startsWith(COMBO_PREFIX);
}

function word(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function seconds(value: unknown): Micros | null {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0
    ? microsFromSeconds(number)
    : null;
}

function time(text: string | null | undefined): Micros | null {
  if (!text) return null;
  try {
    const at = parseRfc3339(text);
    // A zero time of the server's language stands for none.
    return at > 0 ? at : null;
  } catch {
    return null;
  }
}
