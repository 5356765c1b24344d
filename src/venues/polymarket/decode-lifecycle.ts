import type { LifecycleEvent } from '../../events/event.ts';
import type { Price } from '../../units/price.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, KnownKeys, keptDetails, millionthsOf, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';
import { readTimestamp } from './decode-values.ts';

const TICK_SIZE = new KnownKeys(
  'tick_size_change',
  'event_type',
  'asset_id',
  'market',
  'old_tick_size',
  'new_tick_size',
  'timestamp',
  'side',
);
const NEW_MARKET = new KnownKeys(
  'new_market',
  'event_type',
  'id',
  'question',
  'market',
  'slug',
  'description',
  'assets_ids',
  'outcomes',
  'event_message',
  'timestamp',
  'tags',
  'condition_id',
  'active',
  'clob_token_ids',
  'order_price_min_tick_size',
  'sports_market_type',
  'line',
  'game_start_time',
  'group_item_title',
  'taker_base_fee',
  'maker_base_fee',
  'fees_enabled',
  'fee_schedule',
);
const RESOLVED = new KnownKeys(
  'market_resolved',
  'event_type',
  'id',
  'market',
  'condition_id',
  'question',
  'slug',
  'description',
  'assets_ids',
  'clob_token_ids',
  'outcomes',
  'event_message',
  'winning_asset_id',
  'winning_outcome',
  'timestamp',
  'tags',
);

/**
 * `tick_size_change`: the grid of a token's prices changes with the message's time. It is an event of the market's
 * life as well, so that the tape has it.
 */
export function decodeTickSize(fields: Fields, context: FrameContext, result: FrameResult): void {
  const instrument = textOf(fields['asset_id']);
  if (instrument === undefined) {
    const token = shown(fields['asset_id']);
    result.problem('missing_field', `tick_size_change: asset_id is ${token}, not a token id as text`);
    return;
  }
  TICK_SIZE.check(fields, result, instrument);
  const tick = millionthsOf(fields['new_tick_size']);
  if (tick > 0) result.tickSize({ instrument, tick: tick as Price });
  else {
    const text = `tick_size_change: new_tick_size is ${shown(fields['new_tick_size'])}, not a step in dollars`;
    result.problem('bad_price', text, instrument);
  }
  const market = textOf(fields['market']);
  if (market === undefined) {
    result.problem('missing_field', `tick_size_change: market is ${shown(fields['market'])}`, instrument);
    return;
  }
  result.event(lifecycle('tick_size_change', market, [instrument], undefined, fields, context, result));
}

/** `new_market`: a market was made. It is announced before the order book service may know it. */
export function decodeNewMarket(fields: Fields, context: FrameContext, result: FrameResult): void {
  NEW_MARKET.check(fields, result);
  const market = textOf(fields['market']) ?? textOf(fields['condition_id']);
  if (market === undefined) {
    result.problem('missing_field', `new_market: market is ${shown(fields['market'])}`);
    return;
  }
  const tokens = tokensOf(fields, 'new_market', result);
  const status = fields['active'] === true || fields['active'] === 'true' ? 'active' : undefined;
  result.event(lifecycle('new_market', market, tokens, status, fields, context, result));
}

/** `market_resolved`: the outcome is known. */
export function decodeResolved(fields: Fields, context: FrameContext, result: FrameResult): void {
  RESOLVED.check(fields, result);
  const market = textOf(fields['market']) ?? textOf(fields['condition_id']);
  if (market === undefined) {
    result.problem('missing_field', `market_resolved: market is ${shown(fields['market'])}`);
    return;
  }
  const tokens = tokensOf(fields, 'market_resolved', result);
  result.event(lifecycle('market_resolved', market, tokens, 'resolved', fields, context, result));
}

function lifecycle(
  type: string,
  market: string,
  instruments: readonly string[],
  status: string | undefined,
  fields: Fields,
  context: FrameContext,
  result: FrameResult,
): LifecycleEvent {
  const event = {
    kind: 'lifecycle',
    venue: 'polymarket',
    received_at: context.received_at,
    market,
    instruments,
    type,
    details: keptDetails(fields, type, result),
    exchange_ts: readTimestamp(fields, type, result, instruments.length === 1 ? instruments[0] : undefined),
  } as const;
  return status === undefined ? event : { ...event, status };
}

function tokensOf(fields: Fields, message: string, result: FrameResult): string[] {
  const list = fields['assets_ids'] ?? fields['clob_token_ids'];
  const tokens: string[] = [];
  let isWhole = Array.isArray(list);
  for (const token of isWhole ? (list as readonly unknown[]) : []) {
    if (typeof token === 'string' && token !== '') tokens.push(token);
    else isWhole = false;
  }
  if (!isWhole) {
    result.problem(
      'unknown_value',
      `${message}: assets_ids are ${shown(list)}, not a list of token ids as text`,
    );
  }
  return tokens;
}
