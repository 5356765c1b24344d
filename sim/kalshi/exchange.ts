import type { Price } from '#src/units/price.ts';
import { MICROS_PER_DAY, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import { Activity } from '../market/activity.ts';
import { type Fill, type LevelChange, nextAction, openingOrders } from '../market/order-flow.ts';
import { Random } from '../market/random.ts';
import { SUBJECTS, tickerDate } from '../names.ts';
import type { SimulationSettings } from '../settings.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import { KalshiAnnouncer } from './announcements.ts';
import type { KalshiGateway } from './gateway.ts';
import {
  GRIDS,
  type KalshiEventFacts,
  type KalshiMarketState,
  newMarket,
  snapshotMessage,
} from './market.ts';
import { KalshiReports, type KalshiTrade } from './reports.ts';
import type { KalshiFeed } from './socket-rules.ts';

/** Canonical events that one action of the order flow makes on average; found by counting. */
const EVENTS_PER_ACTION = 1.9;
const MARKETS_PER_EVENT = 5;
const TRADES_KEPT = 200_000;
/** Announcements of equal content about one market keep at least this distance. */
const TOGGLE_DISTANCE = 30 * MICROS_PER_SECOND;

/** The simulated Kalshi: its markets, what traders do there, and what becomes of it on the socket. */
export class KalshiExchange implements KalshiFeed {
  readonly markets = new Map<string, KalshiMarketState>();
  readonly events = new Map<string, KalshiEventFacts>();
  /** Oldest first. */
  readonly trades: KalshiTrade[] = [];
  readonly timeline: Timeline;
  readonly #settings: SimulationSettings;
  readonly #truth: TruthSink;
  readonly #flow: Random;
  readonly #life: Random;
  readonly #active = new Activity<KalshiMarketState>();
  readonly #announcer: KalshiAnnouncer;
  readonly #reports: KalshiReports;
  #gateway: KalshiGateway | null = null;
  #created = 0;

  constructor(settings: SimulationSettings, timeline: Timeline, truth: TruthSink) {
    this.#settings = settings;
    this.timeline = timeline;
    this.#truth = truth;
    this.#flow = new Random(settings.seed, 'kalshi flow');
    this.#life = new Random(settings.seed, 'kalshi life');
    this.#announcer = new KalshiAnnouncer(timeline, truth, () => this.#gateway);
    this.#reports = new KalshiReports(timeline, truth, () => this.#gateway);
  }

  /** Makes the markets there are at the beginning and sets everything going. */
  start(gateway: KalshiGateway): void {
    this.#gateway = gateway;
    const { kalshiMarkets, kalshiCombos, rate, lifecycle } = this.#settings;
    const ranks = Array.from({ length: kalshiMarkets }, (_, index) => index);
    for (let index = ranks.length - 1; index > 0; index--) {
      const other = this.#life.between(0, index);
      [ranks[index], ranks[other]] = [ranks[other]!, ranks[index]!];
    }
    for (const rank of ranks) this.#found(rank);
    for (let count = 0; count < kalshiCombos; count++) this.#createCombo(false);
    if (kalshiMarkets === 0) return;
    this.timeline.repeat(this.#flow, rate / 2 / EVENTS_PER_ACTION, () => this.#act());
    const life = (perMinute: number, action: () => void): void =>
      this.timeline.repeat(this.#life, perMinute / 60, action);
    life(lifecycle.created, () => this.#create());
    life(lifecycle.closed, () => this.#closeEarly());
    life(lifecycle.paused, () => this.#pause());
    life(lifecycle.regridded, () => this.#regrid());
    life(lifecycle.renamed, () => this.#rename());
    if (kalshiCombos > 0) life(lifecycle.created * 4, () => this.#createCombo(true));
  }

  isKnown(ticker: string): boolean {
    return this.markets.has(ticker);
  }

  snapshot(ticker: string, useYesPrice: boolean): string | null {
    const market = this.markets.get(ticker);
    return market === undefined || market.status === 'initialized'
      ? null
      : snapshotMessage(market, useYesPrice);
  }

  ticker(ticker: string): string | null {
    return this.markets.get(ticker)?.lastTick ?? null;
  }

  /** What may befall markets befalls some of them now: one comes, one closes, pauses, gets another grid or title. */
  stir(): void {
    this.#create();
    this.#closeEarly();
    this.#pause();
    this.#regrid();
    this.#rename();
  }

  #eventFor(number: number): KalshiEventFacts {
    const group = Math.floor(number / MARKETS_PER_EVENT);
    const subject = SUBJECTS[group % SUBJECTS.length]!;
    const round = Math.floor(group / SUBJECTS.length);
    const series = `KXSIM${subject.code}`;
    const ticker = `${series}-${tickerDate(round)}`;
    const known = this.events.get(ticker);
    if (known !== undefined) return known;
    const event: KalshiEventFacts = {
      event_ticker: ticker,
      series_ticker: series,
      title: subject.question,
      sub_title: `By ${tickerDate(round)}`,
      category: subject.category,
      mutually_exclusive: false,
      isCombo: false,
    };
    this.events.set(ticker, event);
    return event;
  }

  #make(
    status: 'initialized' | 'active',
    openAt: number,
    closeAt: number,
  ): { market: KalshiMarketState; isNewEvent: boolean } {
    const random = this.#life;
    const number = this.#created++;
    const before = this.events.size;
    const event = this.#eventFor(number);
    const strike = (number % MARKETS_PER_EVENT) * 5 + 10 + (random.chance(0.2) ? 0.5 : 0);
    const market = newMarket({
      ticker: `${event.event_ticker}-${random.chance(0.2) ? 'B' : 'T'}${strike}`,
      id: random.uuid(),
      event,
      subtitle: `${strike} ${SUBJECTS[Math.floor(number / MARKETS_PER_EVENT) % SUBJECTS.length]!.unit}`,
      strike,
      createdAt: this.timeline.stamp,
      openAt: openAt as Micros,
      closeAt: closeAt as Micros,
      status,
      structure: random.chance(0.8) ? 'linear_cent' : random.pick(Object.keys(GRIDS)),
      fair: random.between(60, 940) * 1_000,
    });
    this.markets.set(market.ticker, market);
    return { market, isNewEvent: this.events.size > before };
  }

  /** A market that is there from the beginning: open in most cases, some to open or to close soon. */
  #found(rank: number): void {
    const random = this.#life;
    const now = this.timeline.stamp;
    const isUnopened = random.chance(0.02);
    const wait = random.between(5, 90) * MICROS_PER_SECOND;
    const closesSoon = random.chance(0.01);
    const closeIn = closesSoon
      ? random.between(20, 120) * MICROS_PER_SECOND
      : random.between(1, 60) * MICROS_PER_DAY;
    const openAt = isUnopened ? now + wait : now - random.between(1, 30) * MICROS_PER_DAY;
    const { market } = this.#make(isUnopened ? 'initialized' : 'active', openAt, now + wait + closeIn);
    if (!isUnopened) {
      for (const { side, price, change } of openingOrders(GRIDS[market.structure]!, market.fair, random)) {
        market.book.change(side, price, change);
      }
      market.stamp = now;
      this.#active.add(market, rank);
    }
    this.#truth.book('kalshi', market.ticker, now, market.book.levels('bid'), market.book.levels('ask'));
    if (isUnopened) this.timeline.at(market.openAt, () => this.#open(market));
    if (closesSoon) this.timeline.at(market.closeAt, () => this.#close(market));
  }

  /** Trading begins. The socket says nothing of it. */
  #open(market: KalshiMarketState): void {
    if (market.status !== 'initialized') return;
    market.status = 'active';
    market.updatedAt = this.timeline.stamp;
    this.#active.add(market, this.#life.between(0, 200));
  }

  #create(): void {
    const random = this.#life;
    const wait = random.between(2, 8) * MICROS_PER_SECOND;
    const now = this.timeline.stamp;
    // Whole seconds, as the announcement has them.
    const openAt = Math.ceil((now + wait) / MICROS_PER_SECOND) * MICROS_PER_SECOND;
    const { market, isNewEvent } = this.#make(
      'initialized',
      openAt,
      openAt + random.between(60, 3_600) * MICROS_PER_SECOND,
    );
    this.#truth.book('kalshi', market.ticker, now, [], []);
    if (isNewEvent) this.#announcer.event(market.event);
    this.#announcer.created(market);
    this.timeline.at(market.openAt, () => this.#open(market));
    this.timeline.at(market.closeAt, () => this.#close(market));
  }

  #createCombo(announced: boolean): void {
    const random = this.#life;
    const event: KalshiEventFacts = {
      event_ticker: `KXMVESIM-S${random.hex(12).toUpperCase()}`,
      series_ticker: 'KXMVESIM',
      title: 'All of these',
      sub_title: '',
      category: 'Sports',
      mutually_exclusive: false,
      isCombo: true,
    };
    const now = this.timeline.stamp;
    const market = newMarket({
      ticker: `${event.event_ticker}-${random.hex(10).toUpperCase()}`,
      id: random.uuid(),
      event,
      subtitle: 'yes, yes',
      strike: 0,
      createdAt: now,
      openAt: now,
      closeAt: (now + MICROS_PER_DAY) as Micros,
      status: 'active',
      structure: 'deci_cent',
      fair: random.between(20, 200) * 1_000,
    });
    this.events.set(event.event_ticker, event);
    this.markets.set(market.ticker, market);
    this.#truth.book('kalshi', market.ticker, now, [], []);
    if (announced) this.#announcer.created(market);
  }

  /** Trading ends. The socket says nothing of it; the outcome follows, then the settlement. */
  #close(market: KalshiMarketState): void {
    if (market.status !== 'active' && market.status !== 'inactive') return;
    market.status = 'closed';
    market.updatedAt = this.timeline.stamp;
    this.#active.retire(market);
    const random = this.#life;
    this.timeline.after(random.between(4, 12) * MICROS_PER_SECOND, () => {
      market.status = 'determined';
      market.result = random.chance(0.5) ? 'yes' : 'no';
      market.updatedAt = this.timeline.stamp;
      this.#announcer.determined(market);
      this.timeline.after(random.between(4, 10) * MICROS_PER_SECOND, () => {
        market.status = 'finalized';
        market.settledAt = this.timeline.stamp;
        market.updatedAt = market.settledAt;
        this.#announcer.settled(market);
      });
    });
  }

  #closeEarly(): void {
    const market = this.#active.size > 20 ? this.#life.pick(this.#active.items()) : null;
    if (market === null) return;
    market.closeAt = this.timeline.stamp;
    this.#announcer.closeDate(market);
    this.#close(market);
  }

  #pause(): void {
    const market = this.#active.size > 20 ? this.#active.pick(this.#life) : null;
    if (market === null || this.timeline.now - market.toggledAt < TOGGLE_DISTANCE) return;
    market.status = 'inactive';
    market.toggledAt = this.timeline.now;
    market.updatedAt = this.timeline.stamp;
    this.#active.retire(market);
    this.#announcer.toggled(market, true);
    const rank = this.#life.between(0, 50);
    this.timeline.after(this.#life.between(10, 20) * MICROS_PER_SECOND, () => {
      if (market.status !== 'inactive') return;
      market.status = 'active';
      market.updatedAt = this.timeline.stamp;
      this.#announcer.toggled(market, false);
      // All resting orders were cancelled.
      const cancelled = (['bid', 'ask'] as const).flatMap((side) =>
        market.book.levels(side).map(([price, size]): LevelChange => ({ side, price, change: -size })),
      );
      this.#apply(market, cancelled, []);
      this.#active.add(market, rank);
    });
  }

  #regrid(): void {
    const market = this.#active.pick(this.#life);
    if (market === null) return;
    // The same structure again within seconds would be an announcement of equal content.
    if (this.timeline.now - market.toggledAt < TOGGLE_DISTANCE) return;
    market.toggledAt = this.timeline.now;
    market.structure = this.#life.pick(
      Object.keys(GRIDS).filter((structure) => structure !== market.structure),
    );
    market.updatedAt = this.timeline.stamp;
    this.#announcer.regridded(market);
  }

  #rename(): void {
    const market = this.#active.pick(this.#life);
    if (market === null) return;
    market.updatedAt = this.timeline.stamp;
    this.#announcer.renamed(market, `${market.subtitle} (${this.#life.hex(6)})`);
  }

  #act(): void {
    const market = this.#active.pick(this.#flow);
    if (market === null) return;
    const grid = GRIDS[market.structure]!;
    if (this.#flow.chance(0.1)) {
      const moved = this.#flow.chance(0.5) ? grid.above(market.fair) : grid.below(market.fair);
      market.fair = Math.min(Math.max(moved, 40_000), 960_000);
    }
    const { changes, fills } = nextAction(market.book, grid, market.fair, this.#flow, true);
    this.#apply(market, changes, fills);
    if (this.#flow.chance(0.002)) this.#block(market);
  }

  /** A trade agreed off the book: it leaves the book alone. */
  #block(market: KalshiMarketState): void {
    const price = GRIDS[market.structure]!.floor(market.fair);
    this.#trade(
      market,
      { price, size: this.#flow.between(1_000, 9_000) * 1_000_000, taker: 'buy' },
      market.stamp,
      true,
    );
  }

  #apply(market: KalshiMarketState, changes: readonly LevelChange[], fills: readonly Fill[]): void {
    if (changes.length === 0) return;
    const { book } = market;
    const before = topOf(market);
    const stamp = Math.max(this.timeline.stamp, market.stamp + 1) as Micros;
    market.stamp = stamp;
    for (const { side, price, change } of changes) {
      book.change(side, price, change);
      this.#reports.change(market, side, price, change, stamp);
    }
    for (const fill of fills) this.#trade(market, fill, stamp, false);
    if (fills.length > 0 || topOf(market) !== before) this.#reports.tick(market);
  }

  #trade(market: KalshiMarketState, fill: Fill, stamp: number, isBlock: boolean): void {
    market.previous = market.last;
    market.last = fill.price as Price;
    market.lastSize = fill.size;
    market.volume += fill.size;
    const trade: KalshiTrade = {
      id: this.#flow.uuid(),
      ticker: market.ticker,
      price: fill.price,
      size: fill.size,
      taker: fill.taker,
      at: stamp as Micros,
      isBlock,
    };
    market.openInterest += this.#flow.chance(0.7) ? fill.size : 0;
    market.dollarVolume += Math.floor(((fill.size / 10_000) * fill.price) / 100_000_000);
    this.trades.push(trade);
    if (this.trades.length > TRADES_KEPT * 1.1) this.trades.splice(0, this.trades.length - TRADES_KEPT);
    this.#reports.trade(trade);
  }
}

function topOf(market: KalshiMarketState): string {
  const { book } = market;
  return `${book.best('bid')} ${book.bestSize('bid')} ${book.best('ask')} ${book.bestSize('ask')}`;
}
