import { formatPrice, type Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '#src/units/time.ts';
import type { LevelChange } from '../market/order-flow.ts';
import type { Random } from '../market/random.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import type { PolymarketGateway } from './gateway.ts';
import {
  bookMessage,
  type PolymarketMarketState,
  type PrintedTrade,
  seenBy,
  sizeText,
  tokenLevels,
  tokenTop,
  type WireBook,
  wireBook,
} from './market.ts';
import { TradeIdentity } from './trade-identity.ts';

const BOTH = [0, 1] as const;
/** Trades that REST can tell of at least. */
const KEPT_TRADES = 1_000;

/** A fill as it is told: of one of the two tokens. */
export interface PrintedFill {
  readonly outcome: 0 | 1;
  readonly price: Price;
  readonly size: Size;
  readonly taker: 'buy' | 'sell';
}

/** What the exchange says of its trading on the socket, and writes into the truth log. */
export class PolymarketReports {
  readonly #timeline: Timeline;
  readonly #truth: TruthSink;
  readonly #gateway: () => PolymarketGateway | null;
  readonly #random: Random;
  readonly #resends: number;
  readonly #identity = new TradeIdentity();
  #trades: PrintedTrade[] = [];
  /** The snapshot that was last written to the truth log, by token. */
  readonly #snapshots = new Map<string, string>();
  readonly #initial = new Map<string, { market: PolymarketMarketState; outcome: 0 | 1; book: WireBook }>();

  /** @param resends share of the changes that are sent a second time */
  constructor(
    timeline: Timeline,
    truth: TruthSink,
    gateway: () => PolymarketGateway | null,
    random: Random,
    resends: number,
  ) {
    this.#timeline = timeline;
    this.#truth = truth;
    this.#gateway = gateway;
    this.#random = random;
    this.#resends = resends;
  }

  /** The last ones, oldest first. */
  get trades(): readonly PrintedTrade[] {
    return this.#trades;
  }

  /** The books with which a market begins. */
  begun(market: PolymarketMarketState): void {
    for (const outcome of BOTH) {
      this.#truth.book(
        'polymarket',
        market.tokens[outcome],
        (market.stamp * MICROS_PER_MILLI) as Micros,
        tokenLevels(market, outcome, 'bid'),
        tokenLevels(market, outcome, 'ask'),
      );
    }
  }

  /** The first book of a subscription. It counts as sent when `sentInitial` says so. */
  initialBook(market: PolymarketMarketState, outcome: 0 | 1): string {
    const book = wireBook(market, outcome);
    this.#initial.set(market.tokens[outcome], { market, outcome, book });
    return bookMessage(book, true);
  }

  sentInitial(tokens: readonly string[], delivered: boolean): void {
    for (const token of tokens) {
      const sent = this.#initial.get(token);
      if (delivered && sent !== undefined) this.#logSnapshot(sent.market, sent.outcome, sent.book, 1);
    }
    this.#initial.clear();
  }

  /** Changes of one instant: one message for both tokens. */
  change(market: PolymarketMarketState, changes: readonly LevelChange[]): void {
    const stamp = (market.stamp * MICROS_PER_MILLI) as Micros;
    const entries: Record<string, string>[] = [];
    const made: { outcome: 0 | 1; side: 'bid' | 'ask'; price: Price; size: Size; hash: string }[] = [];
    for (const { side, price, change } of changes) {
      const size = market.book.change(side, price, change) as Size;
      for (const outcome of BOTH) {
        const seen = seenBy(outcome, side, price);
        const { hash } = wireBook(market, outcome);
        const top = tokenTop(market, outcome);
        entries.push({
          asset_id: market.tokens[outcome],
          price: formatPrice(seen.price),
          size: sizeText(size),
          side: seen.side === 'bid' ? 'BUY' : 'SELL',
          hash,
          best_bid: formatPrice(top.bid ?? (0 as Price)),
          best_ask: formatPrice(top.ask ?? (1_000_000 as Price)),
        });
        made.push({ outcome, ...seen, size, hash });
      }
    }
    const frame = JSON.stringify({
      market: market.condition,
      price_changes: entries,
      timestamp: String(market.stamp),
      event_type: 'price_change',
    });
    const traits = { order: market.stamp, repeatable: true };
    const delivered = this.#gateway()!.change(market.tokens, frame, traits);
    for (const { outcome, side, price, size, hash } of made) {
      this.#truth.event(
        {
          kind: 'book_delta',
          venue: 'polymarket',
          instrument: market.tokens[outcome],
          side,
          price,
          size,
          exchange_ts: stamp,
          hash,
        },
        delivered[outcome]!,
        this.#timeline.now,
      );
    }
    if (this.#random.chance(this.#resends)) this.#resendLater(market, frame, traits);
  }

  /** The same message again, while nothing else has happened in the market. */
  #resendLater(
    market: PolymarketMarketState,
    frame: string,
    traits: { order: number; repeatable: boolean },
  ): void {
    const { stamp } = market;
    const { size } = market.made;
    this.#timeline.after(this.#random.between(0, 30) * MICROS_PER_MILLI, () => {
      if (market.stamp === stamp && market.made.size === size)
        this.#gateway()!.resend(market.tokens, frame, traits);
    });
  }

  /** Both books, after a trade. */
  books(market: PolymarketMarketState): void {
    for (const outcome of BOTH) {
      const book = wireBook(market, outcome);
      const traits = { order: market.stamp, repeatable: true };
      const delivered = this.#gateway()!.token(market.tokens[outcome], bookMessage(book, false), traits);
      this.#logSnapshot(market, outcome, book, delivered);
    }
  }

  /** A fill, told of one token. */
  print(market: PolymarketMarketState, fill: PrintedFill, stamp: number, transaction: string): void {
    const token = market.tokens[fill.outcome];
    const message = {
      market: market.condition,
      asset_id: token,
      price: formatPrice(fill.price),
      size: sizeText(fill.size),
      fee_rate_bps: '0',
      side: fill.taker === 'buy' ? 'BUY' : 'SELL',
      timestamp: String(stamp),
      event_type: 'last_trade_price',
      transaction_hash: transaction,
    };
    this.#trades.push(message);
    if (this.#trades.length >= 2 * KEPT_TRADES) this.#trades = this.#trades.slice(-KEPT_TRADES);
    const delivered = this.#gateway()!.token(token, JSON.stringify(message), {
      order: stamp,
      repeatable: false,
    });
    const exchange_ts = (stamp * MICROS_PER_MILLI) as Micros;
    this.#truth.event(
      {
        kind: 'trade',
        venue: 'polymarket',
        instrument: token,
        trade_id: this.#identity.of({
          instrument: token,
          exchange_ts,
          taker_side: fill.taker,
          price: fill.price,
          size: fill.size,
          transaction,
        }),
        price: fill.price,
        size: fill.size,
        taker_side: fill.taker,
        is_block: false,
        exchange_ts,
      },
      delivered,
      this.#timeline.now,
    );
  }

  /** Best prices where they have changed, for those who asked for them. */
  tops(market: PolymarketMarketState): void {
    for (const outcome of BOTH) {
      const { bid, ask } = tokenTop(market, outcome);
      const key = `${bid} ${ask}`;
      if (market.announced[outcome] === key) continue;
      market.announced[outcome] = key;
      // Not guaranteed, says the venue: one that equals another of this millisecond is left out.
      const made = `${outcome} ${key}`;
      if (market.made.has(made)) continue;
      market.made.add(made);
      const token = market.tokens[outcome];
      const message = {
        market: market.condition,
        asset_id: token,
        best_bid: formatPrice(bid ?? (0 as Price)),
        best_ask: formatPrice(ask ?? (1_000_000 as Price)),
        spread: formatPrice(((ask ?? 1_000_000) - (bid ?? 0)) as Price),
        timestamp: String(market.stamp),
        event_type: 'best_bid_ask',
      };
      const delivered = this.#gateway()!.token(
        token,
        JSON.stringify(message),
        { order: market.stamp, repeatable: true },
        true,
      );
      this.#truth.event(
        {
          kind: 'ticker',
          venue: 'polymarket',
          instrument: token,
          bid,
          ask,
          bid_size: null,
          ask_size: null,
          last: null,
          volume: null,
          open_interest: null,
          exchange_ts: (market.stamp * MICROS_PER_MILLI) as Micros,
        },
        delivered,
        this.#timeline.now,
      );
    }
  }

  refined(market: PolymarketMarketState): void {
    for (const outcome of BOTH) {
      const token = market.tokens[outcome];
      const message = {
        asset_id: token,
        market: market.condition,
        old_tick_size: '0.01',
        new_tick_size: '0.001',
        timestamp: String(market.stamp),
        event_type: 'tick_size_change',
      };
      const delivered = this.#gateway()!.token(token, JSON.stringify(message), {
        order: market.stamp,
        repeatable: true,
      });
      this.#truth.event(
        {
          kind: 'lifecycle',
          venue: 'polymarket',
          market: market.condition,
          instruments: [token],
          type: 'tick_size_change',
          details: message,
          exchange_ts: (market.stamp * MICROS_PER_MILLI) as Micros,
        },
        delivered,
        this.#timeline.now,
      );
    }
  }

  /** A market was made or resolved: told to everybody who asked for announcements. */
  announce(
    type: 'new_market' | 'market_resolved',
    market: PolymarketMarketState,
    fields: Record<string, unknown>,
  ): void {
    const stamp = Math.floor(this.#timeline.stamp / MICROS_PER_MILLI);
    const message = { ...fields, timestamp: String(stamp), event_type: type };
    const delivered = this.#gateway()!.announce(JSON.stringify(message), { order: stamp, repeatable: true });
    this.#truth.event(
      {
        kind: 'lifecycle',
        venue: 'polymarket',
        market: market.condition,
        instruments: market.tokens,
        type,
        status: type === 'new_market' ? 'active' : 'resolved',
        details: message,
        exchange_ts: (stamp * MICROS_PER_MILLI) as Micros,
      },
      delivered,
      this.#timeline.now,
    );
  }

  /** The same book may be sent many times; it is one event. */
  #logSnapshot(market: PolymarketMarketState, outcome: 0 | 1, book: WireBook, delivered: number): void {
    const token = market.tokens[outcome];
    const key = `${book.timestamp} ${book.hash}`;
    if (this.#snapshots.get(token) === key) return;
    this.#snapshots.set(token, key);
    const time = (market.stamp * MICROS_PER_MILLI) as Micros;
    this.#truth.event(
      {
        kind: 'book_snapshot',
        venue: 'polymarket',
        instrument: token,
        source: 'ws',
        bids: tokenLevels(market, outcome, 'bid'),
        asks: tokenLevels(market, outcome, 'ask'),
        snapshot_ts: time,
        exchange_ts: time,
        hash: book.hash,
      },
      delivered,
      this.#timeline.now,
    );
  }
}
