import { complement, formatPrice, type Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { MICROS_PER_DAY, MICROS_PER_MILLI, type Micros } from '#src/units/time.ts';
import { Activity } from '../market/activity.ts';
import { PriceGrid } from '../market/grid.ts';
import { type Fill, type LevelChange, nextAction, openingOrders } from '../market/order-flow.ts';
import { Random } from '../market/random.ts';
import { SUBJECTS } from '../names.ts';
import type { SimulationSettings } from '../settings.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import type { PolymarketFeed, PolymarketGateway } from './gateway.ts';
import { newMarket, OUTCOMES, type PolymarketMarketState, type PrintedTrade } from './market.ts';
import { PolymarketReports, type PrintedFill } from './reports.ts';

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
  readonly #flow: Random;
  readonly #life: Random;
  readonly #active = new Activity<PolymarketMarketState>();
  readonly #reports: PolymarketReports;
  #gateway: PolymarketGateway | null = null;
  #unprinted = new Set<() => void>();
  #created = 0;

  constructor(settings: SimulationSettings, timeline: Timeline, truth: TruthSink) {
    this.#settings = settings;
    this.timeline = timeline;
    this.#flow = new Random(settings.seed, 'polymarket flow');
    this.#life = new Random(settings.seed, 'polymarket life');
    this.#reports = new PolymarketReports(timeline, truth, () => this.#gateway, this.#flow, settings.resends);
  }

  start(gateway: PolymarketGateway): void {
    this.#gateway = gateway;
    const { polymarketMarkets, rate, lifecycle } = this.#settings;
    for (let index = 0; index < polymarketMarkets; index++) this.#found();
    if (polymarketMarkets === 0) return;
    this.timeline.repeat(this.#flow, rate / 2 / EVENTS_PER_ACTION, () => this.#act());
    this.timeline.repeat(this.#life, (lifecycle.created * 2) / 3 / 60, () => this.#create());
    this.timeline.repeat(this.#life, (lifecycle.closed * 2) / 3 / 60, () => this.#resolve());
  }

  /** What may befall markets befalls some of them now: one comes, one is resolved. */
  stir(): void {
    this.#create();
    this.#resolve();
  }

  /** Trades whose message is still due are announced now: nothing is in the air when the exchange pauses. */
  printTrades(): void {
    for (const print of [...this.#unprinted]) print();
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
    for (const { side, price, change } of openingOrders(market.grid, fair, random))
      market.book.change(side, price, change);
    market.last = market.grid.floor(fair) as Price;
    this.#active.add(market, random.between(0, this.#settings.polymarketMarkets));
    this.#reports.begun(market);
  }

  /** Announced at once, known to the order book service some time later, traded after that. */
  #create(): void {
    const random = this.#life;
    const market = this.#make(false, random.between(20, 80) * 10_000);
    this.#reports.begun(market);
    this.#reports.announce('new_market', market, {
      id: market.id,
      question: market.question,
      market: market.condition,
      slug: market.slug,
      description: `Resolves to Yes if so. ${market.question}`,
      assets_ids: market.tokens,
      outcomes: OUTCOMES,
      event_message: {
        id: `9${market.id}`,
        ticker: market.slug,
        slug: market.slug,
        title: market.question,
        description: '',
      },
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
      this.timeline.after(random.between(500, 4_000) * MICROS_PER_MILLI, () =>
        this.#active.add(market, random.between(0, 300)),
      );
    });
  }

  #resolve(): void {
    const random = this.#life;
    const market = this.#active.size > 20 ? random.pick(this.#active.items()) : null;
    if (market === null) return;
    this.#active.retire(market);
    market.isClosed = true;
    market.winner = random.chance(0.5) ? 0 : 1;
    this.#reports.announce('market_resolved', market, {
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
    this.#reports.change(market, changes);
    if (fills.length > 0) this.#trade(market, fills);
    this.#reports.tops(market);
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
    const keys = changes.map(
      ({ side, price, change }) => `${side}${price}=${market.book.sizeAt(side, price) + change}`,
    );
    if (keys.some((key) => market.made.has(key))) {
      market.stamp++;
      market.made.clear();
    }
    for (const { side, price } of changes)
      market.made.add(`${side}${price}=${market.book.sizeAt(side, price)}`);
    for (const key of keys) market.made.add(key);
  }

  /** The books after a trade come at once, hashed with its price; its own message comes a little later. */
  #trade(market: PolymarketMarketState, fills: readonly Fill[]): void {
    this.#reports.books(market);
    const transaction = `0x${this.#flow.hex(64)}`;
    const stamp = market.stamp;
    const prints = fills.map((fill) => this.#printed(fill));
    let isPrinted = false;
    const print = (): void => {
      if (isPrinted) return;
      isPrinted = true;
      this.#unprinted.delete(print);
      for (const one of prints) this.#reports.print(market, one, stamp, transaction);
    };
    this.#unprinted.add(print);
    this.timeline.after(this.#flow.between(0, LONGEST_PRINT_DELAY), print);
    for (const fill of fills) market.volume += fill.size;
  }

  /** A fill is told of one of the two tokens: buying NO at 1 − p is selling YES at p. */
  #printed(fill: Fill): PrintedFill {
    const outcome = this.#flow.chance(0.5) ? 0 : 1;
    const { price, size, taker } = fill;
    if (outcome === 0) return { outcome, price: price as Price, size: size as Size, taker };
    return {
      outcome,
      price: complement(price as Price),
      size: size as Size,
      taker: taker === 'buy' ? 'sell' : 'buy',
    };
  }

  /** The grid becomes finer when the price leaves 0.04 to 0.96. */
  #refineGrid(market: PolymarketMarketState): void {
    if (market.tick !== 10_000 || (market.last >= 40_000 && market.last <= 960_000)) return;
    market.tick = 1_000;
    market.grid = PriceGrid.uniform(1_000);
    this.#reports.refined(market);
  }

  /** The last ones, oldest first. */
  get trades(): readonly PrintedTrade[] {
    return this.#reports.trades;
  }

  initialBook(token: string): string | null {
    const known = this.tokens.get(token);
    if (known === undefined || !known.market.isListed || known.market.isClosed) return null;
    return this.#reports.initialBook(known.market, known.outcome);
  }

  sentInitial(tokens: readonly string[], delivered: boolean): void {
    this.#reports.sentInitial(tokens, delivered);
  }
}
