import { BOOK_TYPES, type RecordedMessage } from '#src/replay/recorded-message.ts';
import type { TimedMessage } from '#src/replay/timed-messages.ts';
import type { VenueListeners } from '../server/venue-listeners.ts';
import { RecordedBooks } from './recorded-books.ts';
import type { RecordingSurvey } from './recording-survey.ts';
import { bothConventions, ReplayedKalshi, ReplayedPolymarket } from './replay-feeds.ts';

const REPEATABLE = { order: -1, repeatable: true } as const;

/** Hands recorded messages to whoever has subscribed to them, and keeps the books that they make. */
export class ReplayDelivery {
  readonly kalshi: ReplayedKalshi;
  readonly polymarket: ReplayedPolymarket;
  readonly #survey: RecordingSurvey;
  readonly #listeners: () => VenueListeners;
  readonly #books = { kalshi: new RecordedBooks('kalshi'), polymarket: new RecordedBooks('polymarket') };

  constructor(survey: RecordingSurvey, listeners: () => VenueListeners) {
    this.#survey = survey;
    this.#listeners = listeners;
    this.kalshi = new ReplayedKalshi(survey, this.#books.kalshi);
    this.polymarket = new ReplayedPolymarket(survey, this.#books.polymarket);
  }

  /** As before the first message. */
  clear(): void {
    this.#books.kalshi.clear();
    this.#books.polymarket.clear();
    this.kalshi.trades.clear();
    this.polymarket.clear();
  }

  /** @returns to how many subscribers it was handed */
  send(timed: TimedMessage): number {
    const { message } = timed;
    this.#keepTrade(timed);
    return message.venue === 'kalshi'
      ? this.#sendKalshi(message, timed)
      : this.#sendPolymarket(message, timed);
  }

  #sendKalshi(message: RecordedMessage & { venue: 'kalshi' }, timed: TimedMessage): number {
    const gateway = this.#listeners().kalshi!;
    const { type, instrument } = message;
    const forms = bothConventions(message, timed.useYesPrice);
    switch (type) {
      case 'orderbook_snapshot':
      case 'orderbook_delta': {
        if (instrument === null) return 0;
        // Everybody who subscribed was given the first book then.
        const isOpening = type === 'orderbook_snapshot' && !this.#books.kalshi.has(instrument);
        this.#books.kalshi.apply(message, timed.useYesPrice);
        return isOpening && this.#survey.openings.has(instrument)
          ? 0
          : gateway.book(instrument, type, forms.no, forms.yes);
      }
      case 'trade':
      case 'ticker':
        return instrument === null ? 0 : gateway.market(type, instrument, forms.no);
      case 'market_lifecycle_v2':
      case 'event_lifecycle':
      case 'event_fee_update':
        return gateway.announce('market_lifecycle_v2', type, forms.no);
      case 'multivariate_market_lifecycle':
        return gateway.announce('multivariate_market_lifecycle', type, forms.no);
      default:
        return 0;
    }
  }

  #sendPolymarket(message: RecordedMessage & { venue: 'polymarket' }, timed: TimedMessage): number {
    const gateway = this.#listeners().polymarket!;
    const { type, instruments } = message;
    const frame = JSON.stringify(message.body);
    this.polymarket.played(message);
    if (type === 'new_market' || type === 'market_resolved') return gateway.announce(frame, REPEATABLE);
    const token = instruments[0];
    if (token === undefined) return 0;
    const isOpening = type === 'book' && !this.#books.polymarket.has(token);
    if (type === 'book' || type === 'price_change') this.#books.polymarket.apply(message, timed.useYesPrice);
    if (isOpening && this.#survey.openings.has(token)) return 0;
    if (type === 'price_change')
      return gateway.change(instruments, frame, REPEATABLE).reduce((sum, count) => sum + count, 0);
    return gateway.token(token, frame, REPEATABLE, type === 'best_bid_ask');
  }

  #keepTrade(timed: TimedMessage): void {
    const { venue, type } = timed.message;
    if (venue === 'kalshi' && type === 'trade') this.kalshi.trades.apply(timed);
    if (venue === 'polymarket' && type === 'last_trade_price') this.polymarket.trades.apply(timed);
  }

  /** What was said before the time that was sought changes what REST tells, and is not said again. */
  skip(timed: TimedMessage): void {
    const { message, useYesPrice } = timed;
    this.#keepTrade(timed);
    const isBook = BOOK_TYPES.has(message.type);
    if (message.venue === 'kalshi') {
      if (isBook) this.#books.kalshi.apply(message, useYesPrice);
      return;
    }
    this.polymarket.played(message);
    if (isBook) this.#books.polymarket.apply(message, useYesPrice);
  }

  /** Everybody who has a book is given it anew. */
  giveBooks(): void {
    const { kalshi, polymarket } = this.#listeners();
    for (const ticker of this.#survey.tickers) {
      const no = this.kalshi.snapshot(ticker, false);
      if (no !== null) kalshi!.book(ticker, 'orderbook_snapshot', no, this.kalshi.snapshot(ticker, true)!);
    }
    for (const token of this.#survey.tokens.keys()) {
      const book = this.polymarket.initialBook(token);
      if (book !== null) polymarket!.token(token, book, REPEATABLE);
    }
  }
}
