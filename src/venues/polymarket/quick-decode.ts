import type { AbsoluteBookDelta } from '../../events/event.ts';
import { ONE_DOLLAR, type Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import { MICROS_PER_MILLI, type Micros } from '../../units/time.ts';
import type { FrameContext, StatedTop } from '../decoder.ts';
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

const PRICE_CHANGE = word('price_change');
const BUY = word('BUY');
const SELL = word('SELL');

/** More changes in one frame are for the decoder proper. */
const MOST_CHANGES = 64;

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/** A change, and the best prices stated with it. */
interface Entry {
  readonly event: Writable<AbsoluteBookDelta>;
  readonly top: Writable<StatedTop>;
}

/**
 * Decodes `price_change` in its plainest form of today, which is nearly all of the traffic, straight from the frame's
 * bytes. Whatever is in the least unusual is left to the decoder proper; what is decoded here is decoded there to
 * the same.
 */
export class QuickPolymarketDecoder {
  private readonly frame = new FrameBytes();
  private readonly message = new ObjectScanner(this.frame, MESSAGE);
  private readonly entry = new ObjectScanner(this.frame, CHANGE);
  private readonly entries: Entry[] = [];
  /** By number of entries. */
  private readonly results: (FrameResult | undefined)[] = [];

  /**
   * The decoded frame, or null where it is for the decoder proper. The next call uses the same objects again.
   *
   * @param frame its text, or the bytes of that in UTF-8
   */
  decode(frame: string | Uint8Array, context: FrameContext): FrameResult | null {
    if (!this.frame.load(frame)) return null;
    const { message } = this;
    const { bytes } = this.frame;
    let at = message.begin(0);
    if (at < 0 || message.pending !== CHANGES || bytes[at] !== OPEN_BRACKET) return null;
    let count = 0;
    do {
      at = this.entry.begin(at + 1);
      if (at < 0 || this.entry.pending >= 0) return null;
      if (count === MOST_CHANGES || !this.change(this.entries[count] ?? this.another())) return null;
      count++;
    } while (bytes[at] === COMMA);
    if (bytes[at] !== CLOSE_BRACKET) return null;
    if (message.resume(at + 1) !== frame.length || message.pending >= 0) return null;
    const { kinds, starts, ends } = message;
    if (kinds[TYPE] !== Found.nothing && !message.is(TYPE, PRICE_CHANGE)) return null;
    if (kinds[TIMESTAMP] !== Found.text) return null;
    const exchange_ts = this.frame.integer(starts[TIMESTAMP]!, ends[TIMESTAMP]!) * MICROS_PER_MILLI;
    if (!(exchange_ts > 0 && exchange_ts <= Number.MAX_SAFE_INTEGER)) return null;
    for (let index = 0; index < count; index++) {
      const { event } = this.entries[index]!;
      event.received_at = context.received_at;
      event.exchange_ts = exchange_ts as Micros;
    }
    return this.resultOf(count);
  }

  private change({ event, top }: Entry): boolean {
    const { entry, frame } = this;
    const isBuy = entry.is(SIDE, BUY);
    if (!isBuy && !entry.is(SIDE, SELL)) return false;
    const price = this.decimal(PRICE);
    const size = this.decimal(SIZE);
    const bid = this.decimal(BID);
    const ask = this.decimal(ASK);
    if (!(price > 0 && price < ONE_DOLLAR) || !(size >= 0) || Number.isNaN(bid + ask)) return false;
    if (!entry.hasText(TOKEN) || !entry.hasText(HASH)) return false;
    const instrument = frame.recurringText(entry.starts[TOKEN]!, entry.ends[TOKEN]!);
    event.instrument = instrument;
    event.side = isBuy ? 'bid' : 'ask';
    event.price = price as Price;
    event.size = size as Size;
    event.hash = frame.text(entry.starts[HASH]!, entry.ends[HASH]!);
    top.instrument = instrument;
    // An empty side is written as 0, an empty side of asks also as one dollar.
    top.bid = bid === 0 ? null : (bid as Price);
    top.ask = ask === 0 || ask === ONE_DOLLAR ? null : (ask as Price);
    return true;
  }

  private another(): Entry {
    const entry = {
      event: {
        kind: 'book_delta',
        venue: 'polymarket',
        received_at: 0 as Micros,
        instrument: '',
        side: 'bid',
        price: 0 as Price,
        size: 0 as Size,
        exchange_ts: 0 as Micros,
        hash: '',
      },
      top: { instrument: '', bid: null, ask: null },
    } satisfies Entry;
    this.entries.push(entry);
    return entry;
  }

  /** The first so many entries as a frame. */
  private resultOf(count: number): FrameResult {
    let result = this.results[count];
    if (result === undefined) {
      result = new FrameResult();
      for (const { event, top } of this.entries.slice(0, count)) {
        result.event(event);
        result.top(top);
      }
      this.results[count] = result;
    }
    return result;
  }

  private decimal(key: number): number {
    const { kinds, starts, ends } = this.entry;
    return kinds[key] === Found.text ? this.frame.millionths(starts[key]!, ends[key]!) : Number.NaN;
  }
}
