import type { DecodedFrame, FrameContext, FrameDecoder } from '../decoder.ts';
import { type Fields, integerOf, isFields, KnownKeys, shown } from '../field-values.ts';
import { frameText } from '../frame-bytes.ts';
import { FrameResult } from '../frame-result.ts';
import { decodeDelta, decodeSnapshot } from './decode-book.ts';
import { decodeError, decodeOk, decodeSubscribed, decodeUnsubscribed } from './decode-control.ts';
import { decodeCombination, decodeEventLifecycle, decodeMarketLifecycle } from './decode-lifecycle.ts';
import { decodeTicker } from './decode-ticker.ts';
import { decodeTrade } from './decode-trade.ts';
import { QuickKalshiDecoder } from './quick-decode.ts';

const ENVELOPE = new KnownKeys(
  'frame',
  'type',
  'sid',
  'seq',
  'id',
  'msg',
  'market_tickers',
  'code',
  'message',
);

/** Messages of private and reference channels, which this project does not subscribe to and has no events for. */
const NOT_MARKET_DATA: ReadonlySet<string> = new Set([
  'fill',
  'market_position',
  'market_positions',
  'user_order',
  'user_orders',
  'order_group_updates',
  'rfq_created',
  'rfq_deleted',
  'quote_created',
  'quote_accepted',
  'quote_executed',
  'cfbenchmarks_value',
  'cfbenchmarks_value_5hz',
  'cfbenchmarks_value_indexlist',
  'cfbenchmarks_value_5hz_indexlist',
  'pyth_value',
  'pyth_value_underlying_list',
]);

/** Decodes the WebSocket frames of Kalshi: one JSON object each, today's forms and those since 2025. */
export class KalshiDecoder implements FrameDecoder {
  readonly venue = 'kalshi';

  private readonly quick = new QuickKalshiDecoder();

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
    let fields: unknown;
    try {
      fields = JSON.parse(frame);
    } catch (error) {
      if (frame.trim() === '') result.problem('empty', 'the frame is empty');
      else result.problem('not_json', `${(error as Error).message}: ${shown(frame)}`);
      return result;
    }
    if (isFields(fields)) decodeFields(fields, context, result);
    else result.problem('wrong_shape', `the frame is ${shown(fields)}, not one JSON object`);
    return result;
  }
}

function decodeFields(fields: Fields, context: FrameContext, result: FrameResult): void {
  const { type, msg } = fields;
  result.sid = numberOf(fields, 'sid', result);
  result.seq = numberOf(fields, 'seq', result);
  ENVELOPE.check(fields, result);
  if (isFields(msg)) {
    switch (type) {
      case 'orderbook_delta':
        decodeDelta(msg, context, result);
        return;
      case 'ticker':
        decodeTicker(msg, context, result);
        return;
      case 'trade':
        decodeTrade(msg, context, result);
        return;
      case 'orderbook_snapshot':
        decodeSnapshot(msg, context, result);
        return;
      case 'market_lifecycle':
      case 'market_lifecycle_v2':
      case 'multivariate_market_lifecycle':
        decodeMarketLifecycle(type, msg, context, result);
        return;
      case 'event_lifecycle':
      case 'event_fee_update':
        decodeEventLifecycle(type, msg, context, result);
        return;
      case 'multivariate':
      case 'multivariate_lookup':
        decodeCombination(type, msg, context, result);
        return;
    }
  }
  switch (type) {
    case 'subscribed':
      decodeSubscribed(fields, result);
      return;
    case 'unsubscribed':
      decodeUnsubscribed(fields, result);
      return;
    case 'ok':
      decodeOk(fields, result);
      return;
    case 'error':
      decodeError(fields, result);
      return;
    case undefined:
      result.problem('missing_field', 'the frame has no type');
      return;
  }
  if (typeof type === 'string' && NOT_MARKET_DATA.has(type)) {
    result.problem('unknown_type', `${shown(type)} is not market data`);
  } else if (isFields(msg)) {
    result.problem('unknown_type', `the type ${shown(type)} is not known`);
  } else {
    result.problem('wrong_shape', `${shown(type)}: msg is ${shown(msg)}, not an object`);
  }
}

/** The whole number at `key`, or 0 where there is none. */
function numberOf(fields: Fields, key: 'sid' | 'seq', result: FrameResult): number {
  const value = fields[key];
  if (value === undefined || value === null) return 0;
  const number = integerOf(value);
  if (number !== undefined) return number;
  result.problem('wrong_shape', `${key} is ${shown(value)}, not a whole number`);
  return 0;
}
