import type { AbsoluteBookDelta } from '../../events/event.ts';
import { ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '../../units/time.ts';
import type { FrameContext } from '../decoder.ts';
import { FrameBytes } from '../frame-bytes.ts';
import { FrameResult } from '../frame-result.ts';
import { Found, ObjectScanner, word } from '../object-scanner.ts';

const CHANGES = 0;
const TYPE = 1;
const TIMESTAMP = 2;
const MESSAGE = ['price_changes', 'event_type', 'timestamp', 'market'] as const;

const TOKEN = 0;
const PRICE = 1;
const SIZE = 2;
const SIDE = 3;
const HASH = 4;
const BID = 5;
const ASK = 6;
const CHANGE = ['asset_id', 'price', 'size', 'side', 'hash', 'best_bid', 'best_ask'] as const;

const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const COMMA = 44;

/** A change without its time, which stands behind the list in some frames. */
interface Untimed {
  readonly instrument: string;
  readonly side: 'bid' | 'ask';
  readonly price: Price;
  readonly size: Size;
  readonly hash: string;
  readonly bid: Price | null;
  readonly ask: Price | null;
}

const PRICE_CHANGE = word('price_change');
const BUY = word('BUY');
const SELL = word('SELL');

/**
 * Decodes `price_change` in its plainest form of today, which is nearly all of the traffic, straight from the frame's
 * bytes. Whatever is in the least unusual is left to the decoder proper; what is decoded here is decoded there to
 * the same.
 */
export class QuickPolymarketDecoder {
  private readonly frame = new FrameBytes();
  private readonly message = new ObjectScanner(this.frame, MESSAGE);
  private readonly entry = new ObjectScanner(this.frame, CHANGE);

  /** The decoded frame, or null where it is for the decoder proper. */
  decode(frame: string, context: FrameContext): FrameResult | null {
    if (!this.frame.load(frame)) return null;
    const { message } = this;
    const { bytes } = this.frame;
    let at = message.begin(0);
    if (at < 0 || message.pending !== CHANGES || bytes[at] !== OPEN_BRACKET) return null;
    const changes: Untimed[] = [];
    do {
      at = this.entry.begin(at + 1);
      if (at < 0 || this.entry.pending >= 0) return null;
      const change = this.change();
      if (change === null) return null;
      changes.push(change);
    } while (bytes[at] === COMMA);
    if (bytes[at] !== CLOSE_BRACKET) return null;
    if (message.resume(at + 1) !== frame.length || message.pending >= 0) return null;
    const { kinds, starts, ends } = message;
    if (kinds[TYPE] !== Found.nothing && !message.is(TYPE, PRICE_CHANGE)) return null;
    if (kinds[TIMESTAMP] !== Found.text) return null;
    const exchange_ts = this.frame.integer(starts[TIMESTAMP]!, ends[TIMESTAMP]!) * MICROS_PER_MILLI;
    if (!(exchange_ts > 0 && exchange_ts <= Number.MAX_SAFE_INTEGER)) return null;
    const result = new FrameResult();
    for (const { instrument, side, price, size, hash, bid, ask } of changes) {
      const event: AbsoluteBookDelta = {
        kind: 'book_delta',
        venue: 'polymarket',
        received_at: context.received_at,
        instrument,
        side,
        price,
        size,
        exchange_ts: exchange_ts as Micros,
        hash,
      };
      result.event(event);
      result.top({ instrument, bid, ask });
    }
    return result;
  }

  private change(): Untimed | null {
    const { entry, frame } = this;
    const isBuy = entry.is(SIDE, BUY);
    if (!isBuy && !entry.is(SIDE, SELL)) return null;
    const price = this.decimal(PRICE);
    const size = this.decimal(SIZE);
    const bid = this.decimal(BID);
    const ask = this.decimal(ASK);
    if (!(price > 0 && price < ONE_DOLLAR) || !(size >= 0) || Number.isNaN(bid + ask)) return null;
    if (!entry.hasText(TOKEN) || !entry.hasText(HASH)) return null;
    return {
      instrument: frame.recurringText(entry.starts[TOKEN]!, entry.ends[TOKEN]!),
      side: isBuy ? 'bid' : 'ask',
      price: price as Price,
      size: size as Size,
      hash: frame.text(entry.starts[HASH]!, entry.ends[HASH]!),
      // An empty side is written as 0, an empty side of asks also as one dollar.
      bid: bid === 0 ? null : (bid as Price),
      ask: ask === 0 || ask === ONE_DOLLAR ? null : (ask as Price),
    };
  }

  private decimal(key: number): number {
    const { kinds, starts, ends } = this.entry;
    return kinds[key] === Found.text ? this.frame.millionths(starts[key]!, ends[key]!) : Number.NaN;
  }
}
