import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import type { KalshiEventFacts } from '../kalshi/market.ts';
import type { KalshiTrade } from '../kalshi/reports.ts';
import type { KalshiRestData, ListedMarket } from '../kalshi/rest-data.ts';
import type { ListedPolymarket, PolymarketRestData } from '../polymarket/rest-data.ts';
import type { RecordingSurvey } from './recording-survey.ts';
import type { ReplayedKalshi, ReplayedPolymarket } from './replay-feeds.ts';

const OPEN_FOR = 365 * MICROS_PER_DAY;

/** `KXSERIES-EVENT-MARKET`: the ticker's parts name event and series. */
function eventOf(ticker: string): KalshiEventFacts {
  const parts = ticker.split('-');
  const event = parts.length > 1 ? parts.slice(0, -1).join('-') : ticker;
  return {
    event_ticker: event,
    series_ticker: parts[0]!,
    title: event,
    sub_title: '',
    category: '',
    mutually_exclusive: false,
    isCombo: ticker.startsWith('KXMVE'),
  };
}

/** The markets of a recording as Kalshi's REST would list them: all of them open. */
export class ReplayedKalshiListing implements KalshiRestData {
  readonly isTrading = true;
  readonly #feed: ReplayedKalshi;
  readonly #markets = new Map<string, ListedMarket>();
  readonly #events = new Map<string, KalshiEventFacts>();
  readonly #openedAt: Micros;
  readonly #closeAt: Micros;

  constructor(survey: RecordingSurvey, feed: ReplayedKalshi, now: Micros) {
    this.#feed = feed;
    this.#openedAt = (Math.min(survey.from, now) - MICROS_PER_DAY) as Micros;
    this.#closeAt = (now + OPEN_FOR) as Micros;
    for (const ticker of survey.tickers) {
      const named = eventOf(ticker);
      const event = this.#events.get(named.event_ticker) ?? named;
      this.#events.set(event.event_ticker, event);
      this.#markets.set(ticker, {
        ticker,
        event,
        status: 'active',
        createdAt: this.#openedAt,
        updatedAt: this.#openedAt,
        closeAt: this.#closeAt,
        settledAt: null,
      });
    }
  }

  markets(skipped = 0): Iterable<ListedMarket> {
    return this.#markets.values().drop(skipped);
  }

  market(ticker: string): ListedMarket | undefined {
    return this.#markets.get(ticker);
  }

  events(): Iterable<KalshiEventFacts> {
    return this.#events.values();
  }

  object(ticker: string): Record<string, unknown> {
    const { event } = this.#markets.get(ticker)!;
    const opened = formatRfc3339(this.#openedAt);
    const closes = formatRfc3339(this.#closeAt);
    return {
      ticker,
      event_ticker: event.event_ticker,
      market_type: 'binary',
      title: ticker,
      yes_sub_title: '',
      no_sub_title: '',
      status: 'active',
      created_time: opened,
      updated_time: opened,
      open_time: opened,
      close_time: closes,
      latest_expiration_time: closes,
      result: '',
    };
  }

  book(ticker: string): ReturnType<KalshiRestData['book']> {
    if (!this.#markets.has(ticker)) return null;
    const opening = this.#feed.snapshot(ticker, false);
    if (opening === null) return { yes: [], no: [] };
    const { yes_dollars_fp, no_dollars_fp } = JSON.parse(opening) as Record<
      string,
      [string, string][] | undefined
    >;
    const ascending = (levels: [string, string][] = []): [string, string][] =>
      levels.toSorted(([a], [b]) => Number(a) - Number(b));
    return { yes: ascending(yes_dollars_fp), no: ascending(no_dollars_fp) };
  }

  trades(): readonly KalshiTrade[] {
    return [];
  }
}

/** The markets of a recording as Polymarket's REST would list them: all of them open. */
export class ReplayedPolymarketListing implements PolymarketRestData {
  readonly #feed: ReplayedPolymarket;
  readonly #markets = new Map<string, ListedPolymarket>();
  readonly #byToken = new Map<string, ListedPolymarket>();

  constructor(survey: RecordingSurvey, feed: ReplayedPolymarket, now: Micros) {
    this.#feed = feed;
    const tokens = new Map<string, string[]>();
    for (const [token, { market }] of survey.tokens)
      tokens.set(market, [...(tokens.get(market) ?? []), token]);
    let id = 0;
    for (const [condition, known] of tokens) {
      const market: ListedPolymarket = {
        id: String(++id),
        condition,
        questionId: condition,
        slug: condition,
        question: condition,
        category: '',
        tokens: known,
        outcomes: known.map((_, index) => `outcome ${index + 1}`),
        lastPrices: known.map(() => '0.5'),
        tickSize: '0.01',
        negRisk: false,
        createdAt: Math.min(survey.from, now) as Micros,
        endAt: (now + OPEN_FOR) as Micros,
        isListed: true,
        isClosed: false,
        winner: null,
        volume: '0',
      };
      this.#markets.set(condition, market);
      for (const token of known) this.#byToken.set(token, market);
    }
  }

  markets(): Iterable<ListedPolymarket> {
    return this.#markets.values();
  }

  market(condition: string): ListedPolymarket | undefined {
    return this.#markets.get(condition);
  }

  marketOfToken(token: string): ListedPolymarket | undefined {
    return this.#byToken.get(token);
  }

  book(token: string): Readonly<Record<string, unknown>> | null {
    const book = this.#feed.body(token);
    if (book === null) return null;
    const { buys, sells, bids = buys, asks = sells, ...rest } = book;
    return {
      min_order_size: '5',
      tick_size: '0.01',
      neg_risk: false,
      last_trade_price: '',
      ...rest,
      bids,
      asks,
    };
  }
}
