import { MICROS_PER_SECOND } from '#src/units/time.ts';
import { contracts, dollars } from './notation.ts';
import type { KalshiTrade } from './reports.ts';

/** Times in Unix seconds; a period ends at a multiple of its length. */
export interface CandleRequest {
  readonly ticker: string;
  readonly start: number;
  readonly end: number;
  readonly minutes: number;
}

const MOST_CANDLES = 10_000;

/**
 * Candles of one market from its trades, in today's live form: keys of periods without trades are left out but for
 * `previous_dollars`. Best prices are those of now.
 */
export function candlesticks(
  request: CandleRequest,
  trades: readonly KalshiTrade[],
  market: Readonly<Record<string, unknown>>,
): unknown[] {
  const length = request.minutes * 60;
  const byPeriod = new Map<number, KalshiTrade[]>();
  for (const trade of trades) {
    if (trade.ticker !== request.ticker) continue;
    const end = Math.floor(trade.at / MICROS_PER_SECOND / length) * length + length;
    if (end < request.start || end > request.end) continue;
    const period = byPeriod.get(end);
    if (period === undefined) byPeriod.set(end, [trade]);
    else period.push(trade);
  }
  let previous: string | null = null;
  const same = (price: unknown): unknown => ({
    open_dollars: price,
    high_dollars: price,
    low_dollars: price,
    close_dollars: price,
  });
  return [...byPeriod].slice(0, MOST_CANDLES).map(([end, made]) => {
    const prices = made.map(({ price }) => price);
    const volume = made.reduce((sum, { size }) => sum + size, 0);
    const candle = {
      end_period_ts: end,
      yes_bid: same(market['yes_bid_dollars']),
      yes_ask: same(market['yes_ask_dollars']),
      price: {
        open_dollars: dollars(prices[0]!),
        high_dollars: dollars(Math.max(...prices)),
        low_dollars: dollars(Math.min(...prices)),
        close_dollars: dollars(prices.at(-1)!),
        ...(previous === null ? {} : { previous_dollars: previous }),
      },
      volume_fp: contracts(volume),
      open_interest_fp: market['open_interest_fp'],
    };
    previous = candle.price.close_dollars;
    return candle;
  });
}
