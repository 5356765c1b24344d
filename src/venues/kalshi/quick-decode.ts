import type { SignedBookDelta, TickerEvent, TradeEvent } from '../../events/event.ts';
import { complement, ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '../../units/time.ts';
import type { FrameContext } from '../decoder.ts';
import { FrameBytes } from '../frame-bytes.ts';
import { FrameResult } from '../frame-result.ts';
import { Found, ObjectScanner, word } from '../object-scanner.ts';
import { UtcReader } from '../utc-text.ts';

const TYPE = 0;
const SID = 1;
const SEQ = 2;
const MSG = 3;
const ENVELOPE = ['type', 'sid', 'seq', 'msg'] as const;

/** The keys that all three kinds of message begin with here, by position. */
const TICKER = 0;
const TS = 1;
const TS_MS = 2;
const TIME = 3;
const SHARED = ['market_ticker', 'ts', 'ts_ms', 'time', 'market_id'] as const;

/** Seconds since the epoch have no more digits than this for centuries. */
const SECONDS_DIGITS = 10;

const DELTA_PRICE = 5;
const DELTA_CHANGE = 6;
const DELTA_SIDE = 7;
const DELTA = [...SHARED, 'price_dollars', 'delta_fp', 'side'] as const;

const TRADE_ID = 5;
const TRADE_YES = 6;
const TRADE_NO = 7;
const TRADE_COUNT = 8;
const TRADE_TAKER = 9;
const TRADE_OUTCOME = 10;
const TRADE_BOOK_SIDE = 11;
const TRADE_BLOCK = 12;
const TRADE = [
  ...SHARED,
  'trade_id',
  'yes_price_dollars',
  'no_price_dollars',
  'count_fp',
  'taker_side',
  'taker_outcome_side',
  'taker_book_side',
  'is_block_trade',
] as const;

const TOP_LAST = 5;
const TOP_BID = 6;
const TOP_ASK = 7;
const TOP_BID_SIZE = 8;
const TOP_ASK_SIZE = 9;
const TOP_VOLUME = 10;
const TOP_INTEREST = 11;
const TOP = [
  ...SHARED,
  'price_dollars',
  'yes_bid_dollars',
  'yes_ask_dollars',
  'yes_bid_size_fp',
  'yes_ask_size_fp',
  'volume_fp',
  'open_interest_fp',
  'last_trade_size_fp',
  'dollar_volume',
  'dollar_open_interest',
] as const;

const ORDERBOOK_DELTA = word('orderbook_delta');
const TICKER_TYPE = word('ticker');
const TRADE_TYPE = word('trade');
const YES = word('yes');
const NO = word('no');
const BID = word('bid');
const ASK = word('ask');
const EMPTY = word('');

const NO_TIME = 0 as Micros;
const NO_PRICE = 0 as Price;
const NO_SIZE = 0 as Size;

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/** A frame of one event of one kind, used for every frame of that kind. */
class OneEvent<Event extends SignedBookDelta | TradeEvent | TickerEvent> {
  readonly event: Writable<Event>;
  readonly result = new FrameResult();

  constructor(event: Event) {
    this.event = event;
    this.result.event(event);
  }
}

/**
 * Decodes the three messages that make up nearly all of the traffic, in their plainest form of today, straight from
 * the frame's bytes. Whatever is in the least unusual is left to the decoder proper, which also says what is wrong;
 * what is decoded here is decoded there to the same.
 */
export class QuickKalshiDecoder {
  private readonly frame = new FrameBytes();
  private readonly utc = new UtcReader();
  private readonly envelope = new ObjectScanner(this.frame, ENVELOPE);
  private readonly deltas = new ObjectScanner(this.frame, DELTA);
  private readonly trades = new ObjectScanner(this.frame, TRADE);
  private readonly tops = new ObjectScanner(this.frame, TOP);
  private readonly change = new OneEvent<SignedBookDelta>({
    kind: 'book_delta',
    venue: 'kalshi',
    received_at: NO_TIME,
    instrument: '',
    side: 'bid',
    price: NO_PRICE,
    change: NO_SIZE,
    exchange_ts: NO_TIME,
  });
  private readonly fill = new OneEvent<TradeEvent>({
    kind: 'trade',
    venue: 'kalshi',
    received_at: NO_TIME,
    instrument: '',
    trade_id: '',
    price: NO_PRICE,
    size: NO_SIZE,
    taker_side: 'buy',
    is_block: false,
    exchange_ts: NO_TIME,
  });
  private readonly tick = new OneEvent<TickerEvent>({
    kind: 'ticker',
    venue: 'kalshi',
    received_at: NO_TIME,
    instrument: '',
    bid: NO_PRICE,
    ask: NO_PRICE,
    bid_size: NO_SIZE,
    ask_size: NO_SIZE,
    last: NO_PRICE,
    volume: NO_SIZE,
    open_interest: NO_SIZE,
    exchange_ts: NO_TIME,
  });

  /**
   * The decoded frame, or null where it is for the decoder proper. The next call uses the same objects again.
   *
   * @param frame its text, or the bytes of that in UTF-8
   */
  decode(frame: string | Uint8Array, context: FrameContext): FrameResult | null {
    if (!this.frame.load(frame)) return null;
    const { envelope } = this;
    const at = envelope.begin(0);
    if (at < 0 || envelope.pending !== MSG) return null;
    let result: FrameResult | null = null;
    let end = -1;
    if (envelope.is(TYPE, ORDERBOOK_DELTA)) {
      end = this.deltas.begin(at);
      if (end > 0 && this.deltas.pending < 0) result = this.delta(context);
    } else if (envelope.is(TYPE, TICKER_TYPE)) {
      end = this.tops.begin(at);
      if (end > 0 && this.tops.pending < 0) result = this.ticker(context);
    } else if (envelope.is(TYPE, TRADE_TYPE)) {
      end = this.trades.begin(at);
      if (end > 0 && this.trades.pending < 0) result = this.trade(context);
    }
    if (result === null || envelope.resume(end) !== frame.length || envelope.pending >= 0) return null;
    const sid = this.count(SID);
    const seq = this.count(SEQ);
    if (Number.isNaN(sid) || Number.isNaN(seq)) return null;
    result.sid = sid;
    result.seq = seq;
    return result;
  }

  private delta(context: FrameContext): FrameResult | null {
    const { deltas } = this;
    const isYes = deltas.is(DELTA_SIDE, YES);
    if (!isYes && !deltas.is(DELTA_SIDE, NO)) return null;
    const price = this.decimal(deltas, DELTA_PRICE);
    const change = this.decimal(deltas, DELTA_CHANGE);
    const exchange_ts = this.time(deltas);
    if (!(price > 0 && price < ONE_DOLLAR) || Number.isNaN(change) || exchange_ts < 0) return null;
    if (!deltas.hasText(TICKER)) return null;
    const { event, result } = this.change;
    event.received_at = context.received_at;
    event.instrument = this.instrument(deltas);
    event.side = isYes ? 'bid' : 'ask';
    event.price = isYes || context.useYesPrice ? (price as Price) : complement(price as Price);
    event.change = change as Size;
    event.exchange_ts = exchange_ts as Micros;
    return result;
  }

  private trade(context: FrameContext): FrameResult | null {
    const { trades } = this;
    const isBuy = trades.is(TRADE_OUTCOME, YES);
    if (!isBuy && !trades.is(TRADE_OUTCOME, NO)) return null;
    if (!trades.is(TRADE_BOOK_SIDE, isBuy ? BID : ASK) || !trades.is(TRADE_TAKER, isBuy ? YES : NO))
      return null;
    const block = trades.kinds[TRADE_BLOCK];
    if (block !== Found.true && block !== Found.false) return null;
    const price = this.decimal(trades, TRADE_YES);
    const size = this.decimal(trades, TRADE_COUNT);
    const exchange_ts = this.time(trades);
    if (!(price > 0 && price < ONE_DOLLAR) || !(size >= 0) || exchange_ts < 0) return null;
    if (this.decimal(trades, TRADE_NO) !== complement(price as Price)) return null;
    if (!trades.hasText(TICKER) || !trades.hasText(TRADE_ID)) return null;
    const { event, result } = this.fill;
    event.received_at = context.received_at;
    event.instrument = this.instrument(trades);
    event.trade_id = this.frame.text(trades.starts[TRADE_ID]!, trades.ends[TRADE_ID]!);
    event.price = price as Price;
    event.size = size as Size;
    event.taker_side = isBuy ? 'buy' : 'sell';
    event.is_block = block === Found.true;
    event.exchange_ts = exchange_ts as Micros;
    return result;
  }

  private ticker(context: FrameContext): FrameResult | null {
    const { tops } = this;
    const bid = this.decimal(tops, TOP_BID);
    const ask = this.decimal(tops, TOP_ASK);
    const last = tops.is(TOP_LAST, EMPTY) ? 0 : this.decimal(tops, TOP_LAST);
    // An absent bid is 0, an absent ask one dollar, and a market that never traded has 0 for its last price.
    if (!(bid >= 0 && bid < ONE_DOLLAR && ask > 0 && ask <= ONE_DOLLAR)) return null;
    if (!(last >= 0 && last < ONE_DOLLAR)) return null;
    const bidSize = this.decimal(tops, TOP_BID_SIZE);
    const askSize = this.decimal(tops, TOP_ASK_SIZE);
    const volume = this.decimal(tops, TOP_VOLUME);
    const interest = this.decimal(tops, TOP_INTEREST);
    const exchange_ts = this.time(tops);
    if (Number.isNaN(bidSize + askSize + volume + interest) || exchange_ts < 0) return null;
    if (!tops.hasText(TICKER)) return null;
    const { event, result } = this.tick;
    event.received_at = context.received_at;
    event.instrument = this.instrument(tops);
    event.bid = bid === 0 ? null : (bid as Price);
    event.ask = ask === ONE_DOLLAR ? null : (ask as Price);
    event.bid_size = bid === 0 ? null : (bidSize as Size);
    event.ask_size = ask === ONE_DOLLAR ? null : (askSize as Size);
    event.last = last === 0 ? null : (last as Price);
    event.volume = volume as Size;
    event.open_interest = interest as Size;
    event.exchange_ts = exchange_ts as Micros;
    return result;
  }

  private instrument({ starts, ends }: ObjectScanner): string {
    return this.frame.recurringText(starts[TICKER]!, ends[TICKER]!);
  }

  private decimal({ kinds, starts, ends }: ObjectScanner, key: number): number {
    return kinds[key] === Found.text ? this.frame.millionths(starts[key]!, ends[key]!) : Number.NaN;
  }

  /** A number of the envelope, 0 where it has none. */
  private count(key: number): number {
    const { kinds, starts, ends } = this.envelope;
    if (kinds[key] === Found.nothing) return 0;
    return kinds[key] === Found.integer ? this.frame.integer(starts[key]!, ends[key]!) : Number.NaN;
  }

  /** The venue's time where `ts_ms` is there, alone or beside one finer text that agrees with it; else -1. */
  private time({ kinds, starts, ends }: ObjectScanner): number {
    if (kinds[TS_MS] !== Found.integer) return -1;
    const millis = this.frame.integer(starts[TS_MS]!, ends[TS_MS]!) * MICROS_PER_MILLI;
    if (!(millis > 0 && millis <= Number.MAX_SAFE_INTEGER)) return -1;
    let text = -1;
    if (kinds[TIME] === Found.text) text = TIME;
    else if (kinds[TIME] !== Found.nothing) return -1;
    if (kinds[TS] === Found.text) {
      if (text >= 0) return -1;
      text = TS;
    } else if (kinds[TS] === Found.integer) {
      if (ends[TS]! - starts[TS]! > SECONDS_DIGITS || !(this.frame.integer(starts[TS]!, ends[TS]!) > 0))
        return -1;
    } else if (kinds[TS] !== Found.nothing) return -1;
    if (text < 0) return millis;
    const fine = this.utc.read(this.frame.bytes, starts[text]!, ends[text]!);
    return fine > 0 && Math.abs(fine - millis) <= MICROS_PER_MILLI ? fine : -1;
  }
}
