import { formatMillionths } from '#src/units/decimal.ts';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { type KalshiEventFacts, priceRanges } from '../kalshi/market.ts';
import type { KalshiRestData, ListedMarket, ListedTrade } from '../kalshi/rest-data.ts';
import type { PrintedTrade } from '../polymarket/market.ts';
import type { ListedPolymarket, PolymarketRestData } from '../polymarket/rest-data.ts';
import { fittingTick } from './fitting-tick.ts';
import type { RecordingSurvey } from './recording-survey.ts';
import type { ReplayedKalshi, ReplayedPolymarket } from './replay-feeds.ts';

const OPEN_FOR = 365 * MICROS_PER_DAY;
const ONE_DOLLAR = 1_000_000;
const dollars = (price: number): string => formatMillionths(price, 4);
const contracts = (size: number): string => formatMillionths(size, 2);

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

  /** What a recording does not tell is as of a market in which nothing else has happened. */
  object(ticker: string): Record<string, unknown> {
    const { event } = this.#markets.get(ticker)!;
    const opened = formatRfc3339(this.#openedAt);
    const closes = formatRfc3339(this.#closeAt);
    const { bids, asks } = this.#feed.sides(ticker);
    const [bid = 0, bidSize = 0] = bids[0] ?? [];
    const [ask = ONE_DOLLAR, askSize = 0] = asks[0] ?? [];
    const trades = this.#feed.trades.figures(ticker);
    const volume = contracts(trades?.volume ?? 0);
    const structure = fittingTick(bids, asks) === 10_000 ? 'linear_cent' : 'deci_cent';
    return {
      ticker,
      event_ticker: event.event_ticker,
      market_type: 'binary',
      title: ticker,
      subtitle: '',
      yes_sub_title: '',
      no_sub_title: '',
      status: 'active',
      created_time: opened,
      updated_time: opened,
      open_time: opened,
      close_time: closes,
      expiration_time: closes,
      latest_expiration_time: closes,
      settlement_timer_seconds: 0,
      yes_bid_dollars: dollars(bid),
      yes_bid_size_fp: contracts(bidSize),
      yes_ask_dollars: dollars(ask),
      yes_ask_size_fp: contracts(askSize),
      no_bid_dollars: dollars(ONE_DOLLAR - ask),
      no_ask_dollars: dollars(ONE_DOLLAR - bid),
      last_price_dollars: dollars(trades?.last ?? 0),
      previous_price_dollars: dollars(trades?.previous ?? 0),
      previous_yes_bid_dollars: dollars(0),
      previous_yes_ask_dollars: dollars(0),
      volume_fp: volume,
      volume_24h_fp: volume,
      open_interest_fp: contracts(0),
      liquidity_dollars: dollars(0),
      notional_value_dollars: dollars(ONE_DOLLAR),
      result: '',
      expiration_value: '',
      can_close_early: false,
      rules_primary: '',
      rules_secondary: '',
      price_level_structure: structure,
      price_ranges: priceRanges(structure),
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

  trades(): readonly ListedTrade[] {
    return this.#feed.trades.all.map((trade) => ({
      id: trade.trade_id,
      ticker: trade.instrument,
      price: trade.price,
      size: trade.size,
      taker: trade.taker_side,
      at: trade.exchange_ts,
      isBlock: trade.is_block,
    }));
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
        lastPrices: [],
        tickSize: '',
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

  *markets(): Generator<ListedPolymarket> {
    for (const market of this.#markets.values()) yield this.#asPlayed(market);
  }

  market(condition: string): ListedPolymarket | undefined {
    const market = this.#markets.get(condition);
    return market === undefined ? undefined : this.#asPlayed(market);
  }

  marketOfToken(token: string): ListedPolymarket | undefined {
    const market = this.#byToken.get(token);
    return market === undefined ? undefined : this.#asPlayed(market);
  }

  #asPlayed(market: ListedPolymarket): ListedPolymarket {
    const { tokens } = market;
    const volume = tokens.reduce((sum, token) => sum + (this.#feed.trades.figures(token)?.volume ?? 0), 0);
    return {
      ...market,
      lastPrices: tokens.map((token) => this.#feed.lastPrice(token) ?? '0.5'),
      tickSize: this.#feed.tickSize(tokens[0]!),
      volume: String(Math.floor(volume / 1_000_000)),
    };
  }

  /** In the order of the fields in which the venue hashes them. */
  book(token: string): Readonly<Record<string, unknown>> | null {
    const book = this.#feed.body(token);
    if (book === null) return null;
    const { market, asset_id, timestamp, hash, buys, sells, bids = buys, asks = sells } = book;
    return {
      ...{ market, asset_id, timestamp, hash, bids, asks },
      min_order_size: book['min_order_size'] ?? '5',
      tick_size: this.#feed.tickSize(token),
      neg_risk: book['neg_risk'] ?? false,
      last_trade_price: this.#feed.lastPrice(token) ?? '',
    };
  }

  lastSide(token: string): string {
    return this.#feed.trades.figures(token)?.taker?.toUpperCase() ?? '';
  }

  trades(): readonly PrintedTrade[] {
    return this.#feed.trades.all.map(({ body }) => body as unknown as PrintedTrade);
  }
}
