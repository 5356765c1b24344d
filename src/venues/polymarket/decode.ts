import { isNestedDeeply } from '../../units/nesting.ts';
import type { DecodedFrame, FrameContext, FrameDecoder } from '../decoder.ts';
import { type Fields, isFields, shown, textOf } from '../field-values.ts';
import { frameText } from '../frame-bytes.ts';
import { FrameResult } from '../frame-result.ts';
import type { BookHashEvidence } from './book-hash-evidence.ts';
import { decodeBook, decodePriceChange } from './decode-book.ts';
import { decodeNewMarket, decodeResolved, decodeTickSize } from './decode-lifecycle.ts';
import { decodeBestPrices, decodeTrade } from './decode-trade.ts';
import { QuickPolymarketDecoder } from './quick-decode.ts';

/**
 * Decodes the frames of Polymarket's market channel: one JSON object or an array of them, the text `PONG`, or
 * nothing at all.
 */
export class PolymarketDecoder implements FrameDecoder {
  readonly venue = 'polymarket';

  private readonly quick = new QuickPolymarketDecoder();
  private readonly hashes: BookHashEvidence | null;

  /** @param hashes shown every message that a hash is said of, or that goes into one */
  constructor(hashes: BookHashEvidence | null = null) {
    this.hashes = hashes;
  }

  decode(frame: string | Uint8Array, context: FrameContext): DecodedFrame {
    return this.quick.decode(frame, context)?.lasting() ?? this.decodeAny(frame, context);
  }

  peek(frame: string | Uint8Array, context: FrameContext): DecodedFrame {
    return this.quick.decode(frame, context) ?? this.decodeAny(frame, context);
  }

  /** Decodes every frame, and finds what is wrong with it. */
  decodeAny(given: string | Uint8Array, context: FrameContext): DecodedFrame {
    const frame = frameText(given);
    const result = new FrameResult();
    if (frame === 'PONG') {
      result.control({ type: 'pong' });
      return result;
    }
    let content: unknown;
    try {
      content = JSON.parse(frame);
    } catch (error) {
      const text = frame.trim();
      if (text === '') result.problem('empty', 'the frame is empty');
      else if (text === 'PONG') result.control({ type: 'pong' });
      else result.problem('not_json', `${(error as Error).message}: ${shown(frame)}`);
      return result;
    }
    if (!Array.isArray(content)) this.message(content, context, result);
    else if (content.length === 0) result.problem('empty', 'the frame is an empty list');
    else for (const message of content as readonly unknown[]) this.message(message, context, result);
    return result;
  }

  private message(message: unknown, context: FrameContext, result: FrameResult): void {
    decodeMessage(message, context, result);
    if (this.hashes === null || !isFields(message)) return;
    switch (message['event_type'] ?? inferredType(message)) {
      case 'book':
        // The hash is of the message written down again.
        if (!isNestedDeeply(message)) this.hashes.socketBook(message, context.received_at);
        break;
      case 'last_trade_price':
        this.hashes.trade(message, context.received_at);
        break;
      case 'tick_size_change':
        this.hashes.tickSize(message);
        break;
    }
  }
}

function decodeMessage(message: unknown, context: FrameContext, result: FrameResult): void {
  if (!isFields(message)) {
    result.problem('wrong_shape', `the message is ${shown(message)}, not a JSON object`);
    return;
  }
  const type = message['event_type'] ?? inferredType(message);
  switch (type) {
    case 'price_change':
      decodePriceChange(message, context, result);
      return;
    case 'book':
      decodeBook(message, context, result);
      return;
    case 'last_trade_price':
      decodeTrade(message, context, result);
      return;
    case 'best_bid_ask':
      decodeBestPrices(message, context, result);
      return;
    case 'tick_size_change':
      decodeTickSize(message, context, result);
      return;
    case 'new_market':
      decodeNewMarket(message, context, result);
      return;
    case 'market_resolved':
      decodeResolved(message, context, result);
      return;
    case undefined:
      result.problem(
        'missing_field',
        'the message has no event_type and is of no form that is known without one',
      );
      return;
  }
  result.problem('unknown_type', `the event_type ${shown(type)} is not known`, textOf(message['asset_id']));
}

/** What a message without `event_type` is, as far as its lists tell. */
function inferredType(message: Fields): 'price_change' | 'book' | undefined {
  if (message['price_changes'] !== undefined || message['changes'] !== undefined) return 'price_change';
  for (const key of ['bids', 'asks', 'buys', 'sells']) if (message[key] !== undefined) return 'book';
  return undefined;
}
