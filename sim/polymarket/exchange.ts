import { complement, formatPrice, type Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { type Micros, MICROS_PER_DAY, MICROS_PER_MILLI, MICROS_PER_SECOND } from '#src/units/time.ts';
import { Activity } from '../market/activity.ts';
import { PriceGrid } from '../market/grid.ts';
import { type Fill, type LevelChange, nextAction, openingOrders } from '../market/order-flow.ts';
import { Random } from '../market/random.ts';
import { SUBJECTS } from '../names.ts';
import type { SimulationSettings } from '../settings.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import type { PolymarketFeed, PolymarketGateway } from './gateway.ts';
import {
  bookMessage,
  newMarket,
  OUTCOMES,
  type PolymarketMarketState,
  seenBy,
  sizeText,
  tokenLevels,
  tokenTop,
  wireBook,
  type WireBook,
} from './market.ts';
import { TradeIdentity } from './trade-identity.ts';

/** Canonical events that one action of the order flow makes on average; found by counting. */
const EVENTS_PER_ACTION = 3.3;
/** A trade's message comes up to this long after the book that is hashed with its price. */
const LONGEST_PRINT_DELAY = 100_000;
const BOTH = [0, 1] as const;

/** The simulated Polymarket: its markets, what traders do there, and what becomes of it on the socket. */
export class PolymarketExchange implements PolymarketFeed {
  /** By condition id. */
  readonly markets = new Map<string, PolymarketMarketState>();
  readonly tokens = new Map<string, { readonly market: PolymarketMarketState; readonly outcome: 0 | 1 }>();
  readonly timeline: Timeline;
  readonly #settings: SimulationSettings;
  readonly #truth: TruthSink;
  readonly #flow: Random;
  readonly #life: Random;
  readonly #active = new Activity<PolymarketMarketState>();
  readonly #identity = new TradeIdentity();
  /** The snapshot that was last written to the truth log, by token. */
  readonly #snapshots = new Map<string, string>();
  readonly #initial = new Map<string, WireBook>();
  #gateway: PolymarketGateway | null = null;
  #unprinted = new Set<() => void>();
  #created = 0;

  constructor(settings: SimulationSettings, timeline: Timeline, truth: TruthSink) {
    this.#settings = settings;
    this.timeline = timeline;
    this.#truth = truth;
    this.#flow = new Random(settings.seed, 'polymarket flow');
    this.#life = new Random(settings.seed, 'polymarket life');
  }

  start(gateway: PolymarketGateway): void {
    this.#gateway = gateway;
    const { polymarketMarkets, rate, lifecycle } = this.#settings;
    for (let index = 0; index < polymarketMarkets; index++) this.#found();
    if (polymarketMarkets === 0) return;
    this.#repeat(this.#flow, rate / 2 / EVENTS_PER_ACTION, () => this.#act());
    this.#repeat(this.#life, (lifecycle.created * 2) / 3 / 60, () => this.#create());
    this.#repeat(this.#life, (lifecycle.closed * 2) / 3 / 60, () => this.#resolve());
  }

  /** Trades whose message is still due are announced now: nothing is in the air when the exchange pauses. */
  printTrades(): void {
    for (const print of [...this.#unprinted]) print();
  }

  initialBook(token: string): string | null {
    const known = this.tokens.get(token);
    if (known === undefined || !known.market.isListed || known.market.isClosed) return null;
    const book = wireBook(known.market, known.outcome);
    this.#initial.set(token, book);
    return bookMessage(book, true);
  }

  sentInitial(tokens: readonly string[], delivered: boolean): void {
    for (const token of tokens) {
      const book = this.#initial.get(token);
      const known = this.tokens.get(token);
      if (delivered && book !== undefined && known !== undefined) this.#logSnapshot(known.market, known.outcome, book, 1);
    }
    this.#initial.clear();
  }

  #repeat(random: Random, perSecond: number, action: () => void): void {
    if (perSecond <= 0) return;
    const again = (): void =>
      this.timeline.after(random.exponential(perSecond) * MICROS_PER_SECOND, () => {
        action();
        again();
      });
    again();
  }

  #make(isListed: boolean, fair: number): PolymarketMarketState {
    const random = this.#life;
    const number = this.#created++;
    const subject = SUBJECTS[number % SUBJECTS.length]!;
    const strike = Math.floor(number / SUBJECTS.length) * 5 + 10;
    const token = (): string => BigInt(`0x${random.hex(64)}`).toString();
    const market = newMarket({
      id: String(1_000_000 + number),
      condition: `0x${random.hex(64)}`,
      questionId: `0x${random.hex(64)}`,
      slug: `sim-${subject.code.toLowerCase()}-${strike}-${number}`,
      question: `${subject.question} ${strike} ${subject.unit}?`,
      category: subject.category,
      tokens: [token(), token()],
      createdAt: this.timeline.stamp,
      endAt: (this.timeline.stamp + random.between(1, 60) * MICROS_PER_DAY) as Micros,
      negRisk: random.chance(0.3),
      tick: random.chance(0.15) ? 1_000 : 10_000,
      fair,
      last: 500_000 as Price,
      isListed,
      stamp: Math.floor(this.timeline.stamp / MICROS_PER_MILLI),
    });
    this.markets.set(market.condition, market);
    for (const outcome of BOTH) this.tokens.set(market.tokens[outcome], { market, outcome });
    return market;
  }

  #found(): void {
    const random = this.#life;
    // Some markets are so near to certainty that their grid is going to be refined.
    const fair = random.chance(0.06) ? random.pick([40_000, 960_000]) : random.between(6, 94) * 10_000;
    const market = this.#make(true, fair);
    for (const { side, price, change } of openingOrders(market.grid, fair, random)) market.book.change(side, price, change);
    market.last = market.grid.floor(fair) as Price;
    this.#active.add(market, random.between(0, this.#settings.polymarketMarkets));
    this.#logBooks(market);
  }

  /** Announced at once, known to the order book service some time later, traded after that. */
  #create(): void {
    const random = this.#life;
    const market = this.#make(false, random.between(20, 80) * 10_000);
    this.#logBooks(market);
    this.#announce('new_market', market, {
      id: market.id,
      question: market.question,
      market: market.condition,
      slug: market.slug,
      description: `Resolves to Yes if so. ${market.question}`,
      assets_ids: market.tokens,
      outcomes: OUTCOMES,
      event_message: { id: `9${market.id}`, ticker: market.slug, slug: market.slug, title: market.question, description: '' },
      tags: [market.category],
      condition_id: market.condition,
      active: true,
      clob_token_ids: market.tokens,
      order_price_min_tick_size: formatPrice(market.tick as Price),
      sports_market_type: '',
      line: '',
      game_start_time: '',
    });
    this.timeline.after(this.#settings.clobDelay, () => {
      market.isListed = true;
      this.timeline.after(random.between(500, 4_000) * MICROS_PER_MILLI, () => this.#active.add(market, random.between(0, 300)));
    });
  }

  #resolve(): void {
    const random = this.#life;
    const market = this.#active.size > 20 ? random.pick(this.#active.items()) : null;
    if (market === null) return;
    this.#active.retire(market);
    market.isClosed = true;
    market.winner = random.chance(0.5) ? 0 : 1;
    this.#announce('market_resolved', market, {
      id: market.id,
      market: market.condition,
      assets_ids: market.tokens,
      winning_asset_id: market.tokens[market.winner],
      winning_outcome: OUTCOMES[market.winner],
      tags: [market.category],
    });
  }

  #act(): void {
    const market = this.#active.pick(this.#flow);
    if (market === null) return;
    if (this.#flow.chance(0.1)) {
      const moved = this.#flow.chance(0.5) ? market.grid.above(market.fair) : market.grid.below(market.fair);
      market.fair = Math.min(Math.max(moved, 30_000), 970_000);
    }
    const { changes, fills } = nextAction(market.book, market.grid, market.fair, this.#flow, false);
    if (changes.length === 0) return;
    this.#stamp(market, changes);
    if (fills.length > 0) market.last = fills.at(-1)!.price as Price;
    this.#change(market, changes);
    if (fills.length > 0) this.#trade(market, fills);
    this.#announceTops(market);
    this.#refineGrid(market);
  }

  /**
   * Times have milliseconds only. A size that a level already had in this millisecond would make a message equal
   * to an earlier one, which everybody takes for a resend: it is put into the next.
   */
  #stamp(market: PolymarketMarketState, changes: readonly LevelChange[]): void {
    const now = Math.floor(this.timeline.stamp / MICROS_PER_MILLI);
    if (now > market.stamp) {
      market.stamp = now;
      market.made.clear();
    }
    const keys = changes.map(({ side, price, change }) => `${side}${price}=${market.book.sizeAt(side, price) + change}`);
    if (keys.some((key) => market.made.has(key))) {
      market.stamp++;
      market.made.clear();
    }
    for (const { side, price } of changes) market.made.add(`${side}${price}=${market.book.sizeAt(side, price)}`);
    for (const key of keys) market.made.add(key);
  }

  #change(market: PolymarketMarketState, changes: readonly LevelChange[]): void {
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
    const delivered = this.#gateway!.change(market.tokens, frame, traits);
    for (const { outcome, side, price, size, hash } of made) {
      this.#truth.event(
        { kind: 'book_delta', venue: 'polymarket', instrument: market.tokens[outcome], side, price, size, exchange_ts: stamp, hash },
        delivered[outcome]!,
        this.timeline.now,
      );
    }
    if (this.#flow.chance(this.#settings.resends)) this.#resendLater(market, frame, traits);
  }

  /** The same message again, while nothing else has happened in the market. */
  #resendLater(market: PolymarketMarketState, frame: string, traits: { order: number; repeatable: boolean }): void {
    const { stamp } = market;
    const { size } = market.made;
    this.timeline.after(this.#flow.between(0, 30) * MICROS_PER_MILLI, () => {
      if (market.stamp === stamp && market.made.size === size) this.#gateway!.resend(market.tokens, frame, traits);
    });
  }

  /** The books after a trade come at once, hashed with its price; its own message comes a little later. */
  #trade(market: PolymarketMarketState, fills: readonly Fill[]): void {
    for (const outcome of BOTH) {
      const book = wireBook(market, outcome);
      const traits = { order: market.stamp, repeatable: true };
      const delivered = this.#gateway!.token(market.tokens[outcome], bookMessage(book, false), traits);
      this.#logSnapshot(market, outcome, book, delivered);
    }
    const transaction = `0x${this.#flow.hex(64)}`;
    const stamp = market.stamp;
    const prints = fills.map((fill) => this.#printed(fill));
    let isPrinted = false;
    const print = (): void => {
      if (isPrinted) return;
      isPrinted = true;
      this.#unprinted.delete(print);
      for (const one of prints) this.#print(market, one, stamp, transaction);
    };
    this.#unprinted.add(print);
    this.timeline.after(this.#flow.between(0, LONGEST_PRINT_DELAY), print);
    for (const fill of fills) market.volume += fill.size;
  }

  /** A fill is told of one of the two tokens: buying NO at 1 − p is selling YES at p. */
  #printed(fill: Fill): { outcome: 0 | 1; price: Price; size: Size; taker: 'buy' | 'sell' } {
    const outcome = this.#flow.chance(0.5) ? 0 : 1;
    const { price, size, taker } = fill;
    if (outcome === 0) return { outcome, price: price as Price, size: size as Size, taker };
    return { outcome, price: complement(price as Price), size: size as Size, taker: taker === 'buy' ? 'sell' : 'buy' };
  }

  #print(
    market: PolymarketMarketState,
    fill: { outcome: 0 | 1; price: Price; size: Size; taker: 'buy' | 'sell' },
    stamp: number,
    transaction: string,
  ): void {
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
    const delivered = this.#gateway!.token(token, JSON.stringify(message), { order: stamp, repeatable: false });
    const exchange_ts = (stamp * MICROS_PER_MILLI) as Micros;
    this.#truth.event(
      {
        kind: 'trade',
        venue: 'polymarket',
        instrument: token,
        trade_id: this.#identity.of({ instrument: token, exchange_ts, taker_side: fill.taker, price: fill.price, size: fill.size, transaction }),
        price: fill.price,
        size: fill.size,
        taker_side: fill.taker,
        is_block: false,
        exchange_ts,
      },
      delivered,
      this.timeline.now,
    );
  }

  #announceTops(market: PolymarketMarketState): void {
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
      const delivered = this.#gateway!.token(token, JSON.stringify(message), { order: market.stamp, repeatable: true }, true);
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
        this.timeline.now,
      );
    }
  }

  /** The grid becomes finer when the price leaves 0.04 to 0.96. */
  #refineGrid(market: PolymarketMarketState): void {
    if (market.tick !== 10_000 || (market.last >= 40_000 && market.last <= 960_000)) return;
    market.tick = 1_000;
    market.grid = PriceGrid.uniform(1_000);
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
      const delivered = this.#gateway!.token(token, JSON.stringify(message), { order: market.stamp, repeatable: true });
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
        this.timeline.now,
      );
    }
  }

  #announce(type: 'new_market' | 'market_resolved', market: PolymarketMarketState, fields: Record<string, unknown>): void {
    const stamp = Math.floor(this.timeline.stamp / MICROS_PER_MILLI);
    const message = { ...fields, timestamp: String(stamp), event_type: type };
    const delivered = this.#gateway!.announce(JSON.stringify(message), { order: stamp, repeatable: true });
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
      this.timeline.now,
    );
  }

  #logBooks(market: PolymarketMarketState): void {
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
      this.timeline.now,
    );
  }
}
