import { OrderBook } from '../../book/order-book.ts';
import type {
  BookDeltaEvent,
  BookSnapshotEvent,
  Level,
  MarketEvent,
  TickerEvent,
  TradeEvent,
} from '../../events/event.ts';
import { formatPrice, type Price } from '../../units/price.ts';
import { formatSize } from '../../units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '../../units/time.ts';
import type { FrameEncoder, MarketOf } from '../frame-encoder.ts';

type Fields = Readonly<Record<string, unknown>>;

const timestamp = (time: Micros | null): Fields =>
  time === null ? {} : { timestamp: String(Math.floor(time / MICROS_PER_MILLI)) };

/** An empty side is stated as the price beyond all others. */
const best = (price: Price | null, none: '0' | '1'): string => (price === null ? none : formatPrice(price));

/** Changes of one market and instant, which the venue tells in one message. */
interface OpenChanges {
  readonly at: Micros | null;
  readonly entries: Fields[];
}

/**
 * Polymarket's messages of the market channel. Changes of one market and instant share a message; the best prices
 * beside each are those of the book as it is after it, and left out for a token whose book is not known.
 */
export class PolymarketEncoder implements FrameEncoder {
  readonly #marketOf: MarketOf;
  readonly #books = new Map<string, OrderBook>();
  #step = 0;

  constructor(marketOf: MarketOf) {
    this.#marketOf = marketOf;
  }

  encode(events: readonly MarketEvent[]): string[] {
    const frames: string[] = [];
    const open = new Map<string, OpenChanges>();
    const close = (market: string): void => {
      const changes = open.get(market);
      if (changes === undefined) return;
      open.delete(market);
      const { at, entries } = changes;
      frames.push(
        JSON.stringify({ event_type: 'price_change', market, ...timestamp(at), price_changes: entries }),
      );
    };
    for (const event of events) {
      if (event.kind === 'lifecycle') {
        frames.push(JSON.stringify({ ...event.details, event_type: event.type }));
        continue;
      }
      const market = this.#marketOf(event.instrument);
      if (event.kind === 'book_delta') {
        if (open.get(market)?.at !== event.exchange_ts) close(market);
        const changes = open.get(market) ?? { at: event.exchange_ts, entries: [] };
        open.set(market, changes);
        changes.entries.push(this.#change(event));
        continue;
      }
      close(market);
      frames.push(JSON.stringify(this.#message(event, market)));
    }
    for (const market of [...open.keys()]) close(market);
    return frames;
  }

  #change(event: BookDeltaEvent): Fields {
    const { instrument, side, price, size = 0 as never, hash } = event;
    const book = this.#books.get(instrument);
    book?.set(side, price, size, ++this.#step);
    return {
      asset_id: instrument,
      price: formatPrice(price),
      size: formatSize(size),
      side: side === 'bid' ? 'BUY' : 'SELL',
      ...(hash === undefined ? {} : { hash }),
      ...(book === undefined ? {} : { best_bid: best(book.bestBid, '0'), best_ask: best(book.bestAsk, '1') }),
    };
  }

  #message(event: BookSnapshotEvent | TradeEvent | TickerEvent, market: string): Fields {
    const about = { market, asset_id: event.instrument, ...timestamp(event.exchange_ts) };
    switch (event.kind) {
      case 'book_snapshot':
        return { event_type: 'book', ...about, ...this.#book(event) };
      case 'trade':
        return {
          event_type: 'last_trade_price',
          ...about,
          price: formatPrice(event.price),
          size: formatSize(event.size),
          ...(event.taker_side === null ? {} : { side: event.taker_side === 'buy' ? 'BUY' : 'SELL' }),
        };
      case 'ticker':
        return {
          event_type: 'best_bid_ask',
          ...about,
          best_bid: best(event.bid, '0'),
          best_ask: best(event.ask, '1'),
        };
    }
  }

  /** Levels from the worst to the best, as the venue gives them. */
  #book({ instrument, bids, asks, hash }: BookSnapshotEvent): Fields {
    const book = this.#books.get(instrument) ?? new OrderBook();
    this.#books.set(instrument, book);
    book.replace(bids, asks, ++this.#step);
    const levels = (side: readonly Level[]): Fields[] =>
      side.map(([price, size]) => ({ price: formatPrice(price), size: formatSize(size) })).reverse();
    return { hash: hash ?? '', bids: levels(bids), asks: levels(asks) };
  }
}
