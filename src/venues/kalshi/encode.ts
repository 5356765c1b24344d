import type {
  BookDeltaEvent,
  BookSnapshotEvent,
  Level,
  LifecycleEvent,
  MarketEvent,
  TickerEvent,
  TradeEvent,
} from '../../events/event.ts';
import { formatMillionths } from '../../units/decimal.ts';
import { complement, ONE_DOLLAR } from '../../units/price.ts';
import { formatRfc3339, MICROS_PER_MILLI, MICROS_PER_SECOND, type Micros } from '../../units/time.ts';
import type { FrameEncoder } from '../frame-encoder.ts';

const dollars = (price: number): string => formatMillionths(price, 4);
const contracts = (size: number): string => formatMillionths(size, 2);
const wholeMillis = (time: Micros): number => Math.floor(time / MICROS_PER_MILLI);
const COMBINATION = /^KXMVE/;

type Fields = Readonly<Record<string, unknown>>;

/** Time of a message without a finer one: absent where the venue gave none. */
const coarseTime = (time: Micros | null): Fields =>
  time === null ? {} : { ts: Math.floor(time / MICROS_PER_SECOND), ts_ms: wholeMillis(time) };

const fineTime = (key: 'ts' | 'time', time: Micros | null): Fields =>
  time === null ? {} : { [key]: formatRfc3339(time), ts_ms: wholeMillis(time) };

function delta(event: BookDeltaEvent): Fields {
  const isBid = event.side === 'bid';
  return {
    market_ticker: event.instrument,
    market_id: '',
    price_dollars: dollars(isBid ? event.price : complement(event.price)),
    delta_fp: contracts(event.change ?? 0),
    side: isBid ? 'yes' : 'no',
    ...fineTime('ts', event.exchange_ts),
  };
}

/** Both sides ascending, NO in NO prices; an empty side is left out. */
function snapshot(event: BookSnapshotEvent): Fields {
  const level = (price: number, size: number): readonly string[] => [dollars(price), contracts(size)];
  const yes = event.bids.map(([price, size]: Level) => level(price, size)).reverse();
  const no = event.asks.map(([price, size]: Level) => level(complement(price), size)).reverse();
  return {
    market_ticker: event.instrument,
    market_id: '',
    ...(yes.length > 0 ? { yes_dollars_fp: yes } : {}),
    ...(no.length > 0 ? { no_dollars_fp: no } : {}),
  };
}

/** Its socket gives trades milliseconds; what finer time REST may have told is cut off. */
function trade(event: TradeEvent): Fields {
  const side = event.taker_side === null ? null : event.taker_side === 'buy' ? 'yes' : 'no';
  return {
    trade_id: event.trade_id,
    market_ticker: event.instrument,
    yes_price_dollars: dollars(event.price),
    no_price_dollars: dollars(complement(event.price)),
    count_fp: contracts(event.size),
    ...(side === null
      ? {}
      : { taker_side: side, taker_outcome_side: side, taker_book_side: side === 'yes' ? 'bid' : 'ask' }),
    is_block_trade: event.is_block,
    ...coarseTime(event.exchange_ts),
  };
}

function ticker(event: TickerEvent): Fields {
  const sizes = {
    yes_bid_size_fp: event.bid === null ? 0 : event.bid_size,
    yes_ask_size_fp: event.ask === null ? 0 : event.ask_size,
    volume_fp: event.volume,
    open_interest_fp: event.open_interest,
  };
  const known = Object.entries(sizes).filter(([, size]) => size !== null);
  const seconds = event.exchange_ts === null ? {} : coarseTime(event.exchange_ts);
  return {
    market_ticker: event.instrument,
    market_id: '',
    price_dollars: event.last === null ? '' : dollars(event.last),
    yes_bid_dollars: dollars(event.bid ?? 0),
    yes_ask_dollars: dollars(event.ask ?? ONE_DOLLAR),
    ...Object.fromEntries(known.map(([key, size]) => [key, contracts(size!)])),
    ...seconds,
    ...fineTime('time', event.exchange_ts),
  };
}

/** The message is kept as it came; only the name of its frame has to be found again. */
function lifecycleType({ market, type, details }: LifecycleEvent): string {
  if (market === undefined || typeof details['event_type'] !== 'string') return type;
  return COMBINATION.test(market) ? 'multivariate_market_lifecycle' : 'market_lifecycle_v2';
}

/** Kalshi's socket messages, one a frame, in NO prices; all on one subscription, numbered from 1. */
export class KalshiEncoder implements FrameEncoder {
  #seq = 0;

  encode(events: readonly MarketEvent[]): string[] {
    return events.map((event) => this.#encode(event));
  }

  #encode(event: MarketEvent): string {
    switch (event.kind) {
      case 'book_delta':
        return this.#frame('orderbook_delta', delta(event));
      case 'book_snapshot':
        return this.#frame('orderbook_snapshot', snapshot(event));
      case 'trade':
        return this.#frame('trade', trade(event));
      case 'ticker':
        return this.#frame('ticker', ticker(event));
      case 'lifecycle':
        return this.#frame(lifecycleType(event), event.details);
    }
  }

  #frame(type: string, msg: Fields): string {
    return JSON.stringify({ type, sid: 1, seq: ++this.#seq, msg });
  }
}
