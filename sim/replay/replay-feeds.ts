import type { Level } from '#src/events/event.ts';
import type { RecordedMessage } from '#src/replay/recorded-message.ts';
import { formatMillionths } from '#src/units/decimal.ts';
import { complement, formatPrice, type Price, parsePrice } from '#src/units/price.ts';
import { formatSize } from '#src/units/size.ts';
import type { KalshiFeed } from '../kalshi/socket-rules.ts';
import type { PolymarketFeed } from '../polymarket/gateway.ts';
import { fittingTick } from './fitting-tick.ts';
import { RecordedBooks } from './recorded-books.ts';
import { RecordedTrades } from './recorded-trades.ts';
import type { RecordingSurvey } from './recording-survey.ts';

type Body = Readonly<Record<string, unknown>>;
type Pair = readonly [string, string];

/** A NO price in the other convention; what is no price stays as it is. */
function otherPrice(value: unknown): unknown {
  if (typeof value === 'number') return 100 - value;
  if (typeof value !== 'string') return value;
  const decimals = value.includes('.') ? value.length - value.indexOf('.') - 1 : 0;
  try {
    return formatMillionths(complement(parsePrice(value)), decimals);
  } catch {
    return value;
  }
}

const NO_LEVELS = ['no_dollars_fp', 'no_dollars', 'no'] as const;

/** The same Kalshi message with NO prices in the other convention. */
export function inOtherConvention(type: string, body: Body): Body {
  if (type === 'orderbook_snapshot') {
    const changed: Record<string, unknown> = { ...body };
    for (const key of NO_LEVELS) {
      const levels = body[key];
      if (Array.isArray(levels)) changed[key] = levels.map(([price, size]) => [otherPrice(price), size]);
    }
    return changed;
  }
  if (body['side'] !== 'no') return body;
  const changed: Record<string, unknown> = { ...body };
  for (const key of ['price_dollars', 'price']) if (key in body) changed[key] = otherPrice(body[key]);
  return changed;
}

/** A recorded Kalshi message in both conventions, as JSON. */
export function bothConventions(
  message: RecordedMessage & { venue: 'kalshi' },
  useYesPrice: boolean,
): { no: string; yes: string } {
  const same = JSON.stringify(message.body);
  const changed = inOtherConvention(message.type, message.body);
  const other = changed === message.body ? same : JSON.stringify(changed);
  return useYesPrice ? { no: other, yes: same } : { no: same, yes: other };
}

/** Kalshi's books and trades of a recording, as far as it has been played. */
export class ReplayedKalshi implements KalshiFeed {
  readonly trades = new RecordedTrades('kalshi');
  readonly #survey: RecordingSurvey;
  readonly #books: RecordedBooks;

  constructor(survey: RecordingSurvey, books: RecordedBooks) {
    this.#survey = survey;
    this.#books = books;
  }

  isKnown(ticker: string): boolean {
    return this.#survey.tickers.has(ticker);
  }

  /** Before its first change a book is given as recorded; after, as it has become. */
  snapshot(ticker: string, useYesPrice: boolean): string | null {
    if (this.#books.has(ticker)) {
      const { yes, no } = this.levels(ticker);
      const levels = useYesPrice ? no.map(([price, size]): Pair => [otherPrice(price) as string, size]) : no;
      return JSON.stringify({
        market_ticker: ticker,
        market_id: '',
        ...(yes.length > 0 ? { yes_dollars_fp: yes } : {}),
        ...(levels.length > 0 ? { no_dollars_fp: levels } : {}),
      });
    }
    const opening = this.#survey.openings.get(ticker);
    if (opening?.message.venue !== 'kalshi') return null;
    const forms = bothConventions(opening.message, opening.useYesPrice);
    return useYesPrice ? forms.yes : forms.no;
  }

  ticker(): string | null {
    return null;
  }

  /** The book in YES prices, best first: before its first change as recorded, after as it has become. */
  sides(ticker: string): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } {
    let books = this.#books;
    const opening = this.#survey.openings.get(ticker);
    if (!books.has(ticker) && opening !== undefined) {
      books = new RecordedBooks('kalshi');
      books.apply(opening.message, opening.useYesPrice);
    }
    return { bids: books.levels(ticker, 'bid'), asks: books.levels(ticker, 'ask') };
  }

  /** NO in NO prices, ascending. */
  levels(ticker: string): { yes: Pair[]; no: Pair[] } {
    const yes = this.#books
      .levels(ticker, 'bid')
      .map(([price, size]): Pair => [formatMillionths(price, 4), formatMillionths(size, 2)])
      .reverse();
    const no = this.#books
      .levels(ticker, 'ask')
      .map(([price, size]): Pair => [formatMillionths(complement(price), 4), formatMillionths(size, 2)])
      .reverse();
    return { yes, no };
  }
}

/** Polymarket's books and trades of a recording, as far as it has been played. */
export class ReplayedPolymarket implements PolymarketFeed {
  readonly trades = new RecordedTrades('polymarket');
  readonly #survey: RecordingSurvey;
  readonly #books: RecordedBooks;
  /** Recorded time of the last message about each token, as text of milliseconds. */
  readonly #times = new Map<string, string>();
  /** As the venue said them last, by token. */
  readonly #ticks = new Map<string, string>();
  readonly #lastPrices = new Map<string, string>();

  constructor(survey: RecordingSurvey, books: RecordedBooks) {
    this.#survey = survey;
    this.#books = books;
  }

  played(message: RecordedMessage & { venue: 'polymarket' }): void {
    const { timestamp, tick_size, new_tick_size, last_trade_price, price } = message.body;
    const tick = new_tick_size ?? tick_size;
    const last = message.type === 'last_trade_price' ? price : last_trade_price;
    for (const token of message.instruments) {
      if (typeof timestamp === 'string') this.#times.set(token, timestamp);
      if (typeof tick === 'string') this.#ticks.set(token, tick);
      if (typeof last === 'string') this.#lastPrices.set(token, last);
    }
  }

  /** Forgets what was played, as before the first message. */
  clear(): void {
    this.#times.clear();
    this.#ticks.clear();
    this.#lastPrices.clear();
    this.trades.clear();
  }

  /** As the venue said it, or the coarsest that the book's prices allow. */
  tickSize(token: string): string {
    const said = this.#ticks.get(token) ?? this.#survey.openings.get(token)?.message.body['tick_size'];
    if (typeof said === 'string') return said;
    const tick = fittingTick(this.#books.levels(token, 'bid'), this.#books.levels(token, 'ask'));
    return formatPrice(tick as Price);
  }

  /** Of the last trade, as the venue said it; null where it has said nothing. */
  lastPrice(token: string): string | null {
    const said =
      this.#lastPrices.get(token) ?? this.#survey.openings.get(token)?.message.body['last_trade_price'];
    return typeof said === 'string' ? said : null;
  }

  initialBook(token: string): string | null {
    const book = this.body(token);
    return book === null ? null : JSON.stringify({ ...book, event_type: 'book' });
  }

  /** The book's own fields, worst level first, or null when nothing is known of it yet. */
  body(token: string): Body | null {
    if (!this.#books.has(token)) return this.#survey.openings.get(token)?.message.body ?? null;
    const side = (name: 'bid' | 'ask'): { price: string; size: string }[] =>
      this.#books
        .levels(token, name)
        .map(([price, size]) => ({ price: formatPrice(price), size: formatSize(size) }))
        .reverse();
    return {
      market: this.#survey.tokens.get(token)?.market ?? '',
      asset_id: token,
      timestamp: this.#times.get(token) ?? String(Math.floor(this.#survey.from / 1_000)),
      hash: this.#books.hash(token),
      bids: side('bid'),
      asks: side('ask'),
    };
  }
}
