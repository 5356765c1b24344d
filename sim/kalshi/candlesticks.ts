import { formatMillionths } from '#src/units/decimal.ts';
import { MICROS_PER_SECOND } from '#src/units/time.ts';
import type { ListedTrade } from './rest-data.ts';

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
  trades: readonly ListedTrade[],
  market: Readonly<Record<string, unknown>>,
): unknown[] {
  const length = request.minutes * 60;
  const byPeriod = new Map<number, ListedTrade[]>();
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
        open_dollars: formatMillionths(prices[0]!, 4),
        high_dollars: formatMillionths(Math.max(...prices), 4),
        low_dollars: formatMillionths(Math.min(...prices), 4),
        close_dollars: formatMillionths(prices.at(-1)!, 4),
        ...(previous === null ? {} : { previous_dollars: previous }),
      },
      volume_fp: formatMillionths(volume, 2),
      open_interest_fp: market['open_interest_fp'],
    };
    previous = candle.price.close_dollars;
    return candle;
  });
}
