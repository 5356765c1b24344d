import type { Side } from '#src/events/event.ts';
import { complement, type Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '#src/units/time.ts';
import type { Timeline } from '../timeline.ts';
import type { TruthSink } from '../truth-log.ts';
import type { KalshiGateway } from './gateway.ts';
import type { KalshiMarketState } from './market.ts';
import { contracts, cutTime, dollars, wholeMillis, wholeSeconds } from './notation.ts';

/** A trade as the exchange keeps it; time in microseconds, price micro-dollars, size micro-contracts. */
export interface KalshiTrade {
  readonly id: string;
  readonly ticker: string;
  readonly price: number;
  readonly size: number;
  readonly taker: 'buy' | 'sell';
  readonly at: Micros;
  readonly isBlock: boolean;
}

/** What of the socket server takes messages. */
export type MessageOutlet = Pick<KalshiGateway, 'book' | 'market'>;

/** What the exchange says of its trading on the socket, and writes into the truth log. */
export class KalshiReports {
  readonly #timeline: Pick<Timeline, 'now'>;
  readonly #truth: Pick<TruthSink, 'event'>;
  readonly #gateway: () => MessageOutlet | null;

  constructor(
    timeline: Pick<Timeline, 'now'>,
    truth: Pick<TruthSink, 'event'>,
    gateway: () => MessageOutlet | null,
  ) {
    this.#timeline = timeline;
    this.#truth = truth;
    this.#gateway = gateway;
  }

  /** A change of one level. */
  change(market: KalshiMarketState, side: Side, price: number, change: number, stamp: Micros): void {
    const { ticker, id } = market;
    const head = `{"market_ticker":"${ticker}","market_id":"${id}","price_dollars":"`;
    const tail = `","delta_fp":"${contracts(change)}","side":"${side === 'bid' ? 'yes' : 'no'}","ts":"${cutTime(stamp)}","ts_ms":${wholeMillis(stamp)}}`;
    const yes = `${head}${dollars(price)}${tail}`;
    const no = side === 'bid' ? yes : `${head}${dollars(complement(price as Price))}${tail}`;
    const delivered = this.#gateway()!.book(ticker, 'orderbook_delta', no, yes);
    this.#truth.event(
      {
        kind: 'book_delta',
        venue: 'kalshi',
        instrument: ticker,
        side,
        price: price as Price,
        change: change as Size,
        exchange_ts: stamp,
      },
      delivered,
      this.#timeline.now,
    );
  }

  trade(trade: KalshiTrade): void {
    const side = trade.taker === 'buy' ? 'yes' : 'no';
    const millis = wholeMillis(trade.at);
    const msg = `{"trade_id":"${trade.id}","market_ticker":"${trade.ticker}","yes_price_dollars":"${dollars(trade.price)}","no_price_dollars":"${dollars(complement(trade.price as Price))}","count_fp":"${contracts(trade.size)}","taker_side":"${side}","taker_outcome_side":"${side}","taker_book_side":"${trade.taker === 'buy' ? 'bid' : 'ask'}","is_block_trade":${trade.isBlock},"ts":${wholeSeconds(trade.at)},"ts_ms":${millis}}`;
    const delivered = this.#gateway()!.market('trade', trade.ticker, msg);
    this.#truth.event(
      {
        kind: 'trade',
        venue: 'kalshi',
        instrument: trade.ticker,
        trade_id: trade.id,
        price: trade.price as Price,
        size: trade.size as Size,
        taker_side: trade.taker,
        is_block: trade.isBlock,
        exchange_ts: (millis * MICROS_PER_MILLI) as Micros,
      },
      delivered,
      this.#timeline.now,
    );
  }

  /** Top of book and figures of the day. Two ticks of one market never bear the same millisecond. */
  tick(market: KalshiMarketState): void {
    const { book } = market;
    const millis = Math.max(wholeMillis(market.stamp as Micros), market.tickStamp + 1);
    market.tickStamp = millis;
    const stamp = (millis * MICROS_PER_MILLI) as Micros;
    const bid = book.best('bid');
    const ask = book.best('ask');
    const msg = `{"market_ticker":"${market.ticker}","market_id":"${market.id}","price_dollars":"${market.last === null ? '' : dollars(market.last)}","yes_bid_dollars":"${dollars(bid ?? 0)}","yes_ask_dollars":"${dollars(ask ?? 1_000_000)}","yes_bid_size_fp":"${contracts(book.bestSize('bid') ?? 0)}","yes_ask_size_fp":"${contracts(book.bestSize('ask') ?? 0)}","last_trade_size_fp":"${contracts(market.lastSize)}","volume_fp":"${contracts(market.volume)}","open_interest_fp":"${contracts(market.openInterest)}","dollar_volume":${market.dollarVolume},"dollar_open_interest":${Math.floor(market.openInterest / 1_000_000)},"ts":${wholeSeconds(stamp)},"ts_ms":${millis},"time":"${cutTime(stamp)}"}`;
    market.lastTick = msg;
    const delivered = this.#gateway()!.market('ticker', market.ticker, msg);
    this.#truth.event(
      {
        kind: 'ticker',
        venue: 'kalshi',
        instrument: market.ticker,
        bid,
        ask,
        bid_size: book.bestSize('bid'),
        ask_size: book.bestSize('ask'),
        last: market.last,
        volume: market.volume as Size,
        open_interest: market.openInterest as Size,
        exchange_ts: stamp,
      },
      delivered,
      this.#timeline.now,
    );
  }
}
