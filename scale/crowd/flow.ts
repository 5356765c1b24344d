import type { Side } from '#src/events/event.ts';
import type { TruthContent } from '#src/truth/truth-record.ts';
import type { Micros } from '#src/units/time.ts';
import type { KalshiMarketState } from '../../sim/kalshi/market.ts';
import { KalshiReports, type MessageOutlet } from '../../sim/kalshi/reports.ts';
import { Random } from '../../sim/market/random.ts';
import { Fingerprinter } from '../fingerprint.ts';
import { type CrowdMarkets, PLACES } from './markets.ts';

/** Of ten messages so many are changes, and of the others ticks; the rest are trades. */
const CHANGES = 7;
const TICKS = 2;
const KINDS = 10;
const CONTRACT = 1_000_000;

/**
 * Trading in the first markets of a crowd, the first of them most. It makes one message after the other, as fast as it
 * is asked for them, and keeps the fingerprint of all that it made.
 */
export class CrowdFlow {
  readonly truth = new Fingerprinter();
  /** Those in which something has happened; the others are as they opened. */
  readonly #states = new Map<number, KalshiMarketState>();
  readonly #markets: CrowdMarkets;
  readonly #busy: number;
  readonly #random: Random;
  readonly #reports: KalshiReports;
  readonly #time = { now: 0 as Micros };
  #made = 0;

  /** @param busy markets in which something happens. */
  constructor(markets: CrowdMarkets, busy: number, seed: number, outlet: MessageOutlet) {
    this.#markets = markets;
    this.#busy = Math.min(busy, markets.size);
    this.#random = new Random(seed, 'crowd flow');
    this.#reports = new KalshiReports(this.#time, { event: (content) => this.#note(content) }, () => outlet);
  }

  /** Messages made so far. */
  get made(): number {
    return this.#made;
  }

  /** The market as it is now, or null where nothing has happened in it yet. */
  state(number: number): KalshiMarketState | null {
    return this.#states.get(number) ?? null;
  }

  /** Makes the next message. @param now the venue's time of it. */
  next(now: Micros): void {
    const random = this.#random;
    const unit = random.unit();
    const number = Math.floor(this.#busy * unit * unit);
    let market = this.#states.get(number);
    if (market === undefined) {
      market = this.#markets.open(number);
      this.#states.set(number, market);
    }
    this.#time.now = now;
    const stamp = Math.max(now, market.stamp + 1) as Micros;
    market.stamp = stamp;
    const kind = this.#made++ % KINDS;
    if (kind < CHANGES) this.#change(market, number, stamp);
    else if (kind < CHANGES + TICKS) this.#reports.tick(market);
    else this.#trade(market, number, stamp);
  }

  #change(market: KalshiMarketState, number: number, stamp: Micros): void {
    const random = this.#random;
    const drawn = random.word();
    const side: Side = (drawn & 1) === 0 ? 'bid' : 'ask';
    const price = this.#markets.price(number, side, (drawn >>> 1) % PLACES);
    const held = market.book.sizeAt(side, price);
    const isTaken = held > 0 && (drawn & 0x100) !== 0;
    const change = isTaken ? -held : (1 + ((drawn >>> 9) % 500)) * CONTRACT;
    market.book.change(side, price, change);
    this.#reports.change(market, side, price, change, stamp);
  }

  #trade(market: KalshiMarketState, number: number, stamp: Micros): void {
    const random = this.#random;
    this.#reports.trade({
      id: random.uuid(),
      ticker: market.ticker,
      price: this.#markets.fair(number),
      size: random.between(1, 500) * CONTRACT,
      taker: random.chance(0.5) ? 'buy' : 'sell',
      at: stamp,
      isBlock: false,
    });
  }

  #note(content: TruthContent): void {
    if (content.kind === 'lifecycle' || content.kind === 'book_snapshot' || content.exchange_ts === null)
      return;
    const { kind, instrument, exchange_ts } = content;
    const [first, second] =
      content.kind === 'book_delta'
        ? [content.price, 'change' in content ? content.change : null]
        : content.kind === 'trade'
          ? [content.price, content.size]
          : [content.bid, content.ask];
    this.truth.add({ kind, instrument, exchange_ts, first: first ?? null, second: second ?? null });
  }
}
