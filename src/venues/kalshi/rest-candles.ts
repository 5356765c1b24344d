import { type Price, parsePrice, priceFromCents } from '../../units/price.ts';
import { parseSize, type Size } from '../../units/size.ts';
import { type Micros, microsFromSeconds } from '../../units/time.ts';
import type { KalshiCandleBody } from './rest-schema.ts';

/** Open, high, low and close of one period; each null where nothing happened. */
interface KalshiOhlc {
  readonly open: Price | null;
  readonly high: Price | null;
  readonly low: Price | null;
  readonly close: Price | null;
}

/** One candle as Kalshi computes it. */
export interface KalshiCandle {
  readonly end_ts: Micros;
  readonly price: KalshiOhlc;
  readonly yes_bid: KalshiOhlc;
  readonly yes_ask: KalshiOhlc;
  /** Last trade price before the period, where there was none in it. */
  readonly previous: Price | null;
  readonly volume: Size;
  readonly open_interest: Size;
}

type Fields = Readonly<Record<string, unknown>> | null | undefined;

/**
 * A candle under either naming: live ones say `open_dollars` and `volume_fp`, historical ones `open` and
 * `volume`, dollar strings both. An unsuffixed number is cents, as before 2026.
 *
 * @throws DecimalError or TimeError naming the value that cannot be read
 */
export function kalshiCandle(body: KalshiCandleBody): KalshiCandle {
  return {
    end_ts: microsFromSeconds(body.end_period_ts),
    price: ohlc(body.price),
    yes_bid: ohlc(body.yes_bid),
    yes_ask: ohlc(body.yes_ask),
    previous: price(body.price, 'previous'),
    volume: count(body.volume_fp ?? body.volume),
    open_interest: count(body.open_interest_fp ?? body.open_interest),
  };
}

function ohlc(fields: Fields): KalshiOhlc {
  return {
    open: price(fields, 'open'),
    high: price(fields, 'high'),
    low: price(fields, 'low'),
    close: price(fields, 'close'),
  };
}

function price(fields: Fields, name: string): Price | null {
  const dollars = fields?.[`${name}_dollars`];
  if (typeof dollars === 'string' && dollars !== '') return parsePrice(dollars);
  const value = fields?.[name];
  if (typeof value === 'string' && value !== '') return parsePrice(value);
  return typeof value === 'number' ? priceFromCents(value) : null;
}

function count(value: string | number | null | undefined): Size {
  return value === null || value === undefined || value === '' ? (0 as Size) : parseSize(String(value));
}
