import type { Side } from '#src/events/event.ts';
import { MICROS_PER_DAY, MICROS_PER_MILLI, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import { GRIDS, type KalshiEventFacts, type KalshiMarketState, newMarket } from '../../sim/kalshi/market.ts';
import type { ListedMarket } from '../../sim/kalshi/rest-data.ts';
import { SUBJECTS, tickerDate } from '../../sim/names.ts';

const MARKETS_PER_EVENT = 5;
const DIGITS = 8;
/** Places on each side of a book at which orders may rest, a tick apart. */
export const PLACES = 10;
const STRUCTURE = 'linear_cent';
const CONTRACT = 1_000_000;

/** Scrambles two integers to one of 32 bits. */
function scrambled(a: number, b: number): number {
  let mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x27d4eb2f, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/**
 * Any number of open Kalshi markets, of which none is held: what there is to know of one, its book included, is made
 * from the seed and the market's number whenever it is asked for.
 */
export class CrowdMarkets {
  readonly size: number;
  readonly #seed: number;
  readonly #openedAt: Micros;
  readonly #closeAt: Micros;

  constructor(size: number, seed: number, now: Micros) {
    this.size = size;
    this.#seed = seed;
    const second = (Math.floor(now / MICROS_PER_SECOND) * MICROS_PER_SECOND) as Micros;
    this.#openedAt = (second - MICROS_PER_DAY) as Micros;
    this.#closeAt = (second + 30 * MICROS_PER_DAY) as Micros;
  }

  ticker(number: number): string {
    return `${this.#eventTicker(number)}-T${String(number).padStart(DIGITS, '0')}`;
  }

  /** The number of a market, or -1 where there is no such market. */
  numberOf(ticker: string): number {
    const number = Number(ticker.slice(-DIGITS));
    const isKnown = Number.isInteger(number) && number >= 0 && number < this.size;
    return isKnown && this.ticker(number) === ticker ? number : -1;
  }

  listed(number: number): ListedMarket {
    return {
      ticker: this.ticker(number),
      event: this.#event(number),
      status: 'active',
      createdAt: this.#openedAt,
      updatedAt: this.#openedAt,
      closeAt: this.#closeAt,
      settledAt: null,
    };
  }

  /** Where the sides of a market's book meet, micro-dollars. */
  fair(number: number): number {
    return (15 + (scrambled(this.#seed, number) % 71)) * 10_000;
  }

  /** Price of a place, counted from the best, which is 0. */
  price(number: number, side: Side, place: number): number {
    const away = (place + 1) * 10_000;
    return side === 'bid' ? this.fair(number) - away : this.fair(number) + away;
  }

  /** The market with the book that it opened with. Two of three places have an order. */
  open(number: number): KalshiMarketState {
    const { ticker, event, createdAt, closeAt } = this.listed(number);
    const market = newMarket({
      ticker,
      id: `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
      event,
      subtitle: `${number} ${SUBJECTS[number % SUBJECTS.length]!.unit}`,
      strike: number,
      createdAt,
      openAt: createdAt,
      closeAt,
      status: 'active',
      structure: STRUCTURE,
      fair: GRIDS[STRUCTURE]!.floor(this.fair(number)),
    });
    for (const [half, side] of (['bid', 'ask'] as const).entries()) {
      for (let place = 0; place < PLACES; place++) {
        const drawn = scrambled(this.#seed + 1, number * 2 * PLACES + half * PLACES + place);
        if (drawn % 3 === 0) continue;
        market.book.change(side, this.price(number, side, place), (1 + (drawn % 5_000)) * CONTRACT);
      }
    }
    market.stamp = createdAt + (number % 1_000) * MICROS_PER_MILLI;
    return market;
  }

  #eventTicker(number: number): string {
    const group = Math.floor(number / MARKETS_PER_EVENT);
    return `KXCROWD${SUBJECTS[group % SUBJECTS.length]!.code}-${tickerDate(Math.floor(group / SUBJECTS.length) % 300)}`;
  }

  #event(number: number): KalshiEventFacts {
    const subject = SUBJECTS[Math.floor(number / MARKETS_PER_EVENT) % SUBJECTS.length]!;
    return {
      event_ticker: this.#eventTicker(number),
      series_ticker: `KXCROWD${subject.code}`,
      title: subject.question,
      sub_title: '',
      category: subject.category,
      mutually_exclusive: false,
      isCombo: false,
    };
  }
}
