import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import { MICROS_PER_DAY, MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { endOf, type Interval } from './intervals.ts';

/** Widths of buckets, in microseconds; they begin at whole multiples since the epoch, days at midnight UTC. */
export const candleWidths = {
  '1m': MICROS_PER_MINUTE,
  '5m': 5 * MICROS_PER_MINUTE,
  '1h': 60 * MICROS_PER_MINUTE,
  '1d': MICROS_PER_DAY,
} as const;

export type CandleWidth = keyof typeof candleWidths;

/** What happened to an instrument within a bucket of venue time. */
export interface Candle {
  readonly venue: string;
  readonly instrument: string;
  /** Begin of the bucket. */
  readonly bucket: Micros;
  /** Prices of the trades, or mids of the books; null without any. */
  readonly open: Price | null;
  readonly high: Price | null;
  readonly low: Price | null;
  readonly close: Price | null;
  readonly volume: Size;
  readonly trades: number;
}

/** A candle, and whether nothing of its bucket can be missing. */
export interface JudgedCandle extends Candle {
  readonly complete: boolean;
}

/** What becomes of buckets without a price: left out, given with nulls, or given with the last price before. */
export type EmptyBuckets = 'skip' | 'null' | 'carry';

/** What is known of an instrument besides its candles. */
export interface CandleSurroundings {
  /** Last price before the span; null when there is none. */
  readonly priceBefore: Price | null;
  /** The tape's gaps of the instrument and of its whole venue, as `union` gives them. */
  readonly gaps: readonly Interval[];
  /** Up to which venue time every running line has been merged; null when no line ever ran. */
  readonly horizon: Micros | null;
}

export interface CandleSpan {
  readonly width: number;
  readonly empty: EmptyBuckets;
  /** First bucket to give; that of the first candle when absent. */
  readonly from?: Micros;
  /** No bucket at or after it; up to the last candle when absent. */
  readonly to?: Micros;
}

/** The begin of the bucket that an instant lies in. */
export function bucketOf(at: Micros, width: number): Micros {
  return (Math.floor(at / width) * width) as Micros;
}

/** Gives the candles of one instrument after another, with what is asked for where nothing happened. */
export class CandleSeries {
  readonly #span: CandleSpan;
  readonly #surroundings: CandleSurroundings;
  readonly #venue: string;
  readonly #instrument: string;
  #next: Micros | null;
  #price: Price | null;
  /** Gaps that end before the bucket that was judged last. */
  #gapsBehind = 0;

  constructor(venue: string, instrument: string, span: CandleSpan, surroundings: CandleSurroundings) {
    this.#venue = venue;
    this.#instrument = instrument;
    this.#span = span;
    this.#surroundings = surroundings;
    this.#next = span.from === undefined ? null : bucketOf(span.from, span.width);
    this.#price = surroundings.priceBefore;
  }

  /** @param candle the next one in ascending order. */
  *add(candle: Candle): Generator<JudgedCandle> {
    yield* this.#fillUpTo(candle.bucket);
    this.#next = (candle.bucket + this.#span.width) as Micros;
    if (candle.close === null) {
      yield* this.#empty(candle);
      return;
    }
    this.#price = candle.close;
    yield this.#judge(candle);
  }

  /** After the last candle: what is left of the span. */
  *finish(): Generator<JudgedCandle> {
    const { to } = this.#span;
    if (to !== undefined) yield* this.#fillUpTo(to);
  }

  *#fillUpTo(end: Micros): Generator<JudgedCandle> {
    if (this.#span.empty === 'skip' || this.#next === null) return;
    for (; this.#next < end; this.#next = (this.#next + this.#span.width) as Micros) {
      yield* this.#empty({
        venue: this.#venue,
        instrument: this.#instrument,
        bucket: this.#next,
        volume: 0 as Size,
        trades: 0,
      });
    }
  }

  /** A bucket without a price; it may have a volume all the same where prices are mids. */
  *#empty(bucket: Omit<Candle, 'open' | 'high' | 'low' | 'close'>): Generator<JudgedCandle> {
    if (this.#span.empty === 'skip' && bucket.trades === 0) return;
    const price = this.#span.empty === 'carry' ? this.#price : null;
    yield this.#judge({ ...bucket, open: price, high: price, low: price, close: price });
  }

  /** Buckets come in ascending order, so that each gap is gone over once. */
  #judge(candle: Candle): JudgedCandle {
    const { gaps, horizon } = this.#surroundings;
    const end = candle.bucket + this.#span.width;
    while (this.#gapsBehind < gaps.length && endOf(gaps[this.#gapsBehind]!) <= candle.bucket)
      this.#gapsBehind++;
    const next = gaps[this.#gapsBehind];
    const isWhole = next === undefined || next.from >= end;
    return { ...candle, complete: horizon !== null && end <= horizon && isWhole };
  }
}
