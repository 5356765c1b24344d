import type { LifecycleEvent } from '../../events/event.ts';
import type { FrameContext } from '../decoder.ts';
import { type Fields, KnownKeys, keptDetails, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';

/** The market's status after each announcement; null where it stays. Types that are missing here are news. */
const STATUS_AFTER: ReadonlyMap<string, string | null> = new Map([
  ['created', 'initialized'],
  ['activated', 'active'],
  ['deactivated', 'inactive'],
  ['close_date_updated', null],
  ['determined', 'determined'],
  ['settled', 'finalized'],
  ['price_level_structure_updated', null],
  ['metadata_updated', null],
  ['fractional_trading_updated', null],
]);

const MARKET = new KnownKeys(
  'market lifecycle message',
  'event_type',
  'market_ticker',
  'market_id',
  'event_ticker',
  'exchange_index',
  'open_ts',
  'close_ts',
  'is_deactivated',
  'determination_ts',
  'settled_ts',
  'result',
  'settlement_value',
  'price_level_structure',
  'price_ranges',
  'additional_metadata',
  'strike_type',
  'floor_strike',
  'cap_strike',
  'custom_strike',
  'yes_sub_title',
  'fractional_trading_enabled',
);

const EVENT = new KnownKeys(
  'event lifecycle message',
  'event_ticker',
  'exchange_index',
  'title',
  'subtitle',
  'sub_title',
  'collateral_return_type',
  'series_ticker',
  'strike_date',
  'strike_period',
  'fee_type_override',
  'fee_multiplier_override',
);

const COMBINATION = new KnownKeys(
  'multivariate message',
  'collection_ticker',
  'event_ticker',
  'market_ticker',
  'selected_markets',
);

/**
 * `market_lifecycle_v2` and `multivariate_market_lifecycle`. The message is kept whole in `details`; a type that
 * is not known is kept under the venue's own word. These messages have no event time.
 */
export function decodeMarketLifecycle(
  type: string,
  msg: Fields,
  context: FrameContext,
  result: FrameResult,
): void {
  const ticker = textOf(msg['market_ticker']);
  if (ticker === undefined && textOf(msg['event_ticker']) !== undefined) {
    decodeEventLifecycle(type, msg, context, result);
    return;
  }
  if (ticker === undefined) {
    result.problem('missing_field', `${type}: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  MARKET.check(msg, result, ticker);
  const word = textOf(msg['event_type']);
  const status = word === undefined ? undefined : STATUS_AFTER.get(word);
  if (status === undefined) {
    result.problem(
      'unknown_value',
      `${type}: event_type is ${shown(msg['event_type'])}; kept as it is`,
      ticker,
    );
  }
  const details = keptDetails(msg, type, result);
  result.event(market(ticker, word ?? type, status ?? undefined, details, context));
}

/** `event_lifecycle` and `event_fee_update`: about an event, and so about no market in particular. */
export function decodeEventLifecycle(
  type: string,
  msg: Fields,
  context: FrameContext,
  result: FrameResult,
): void {
  const event = textOf(msg['event_ticker']);
  if (event === undefined) {
    result.problem('missing_field', `${type}: event_ticker is ${shown(msg['event_ticker'])}`);
    return;
  }
  EVENT.check(msg, result);
  result.event({
    kind: 'lifecycle',
    venue: 'kalshi',
    received_at: context.received_at,
    event,
    instruments: [],
    type,
    details: keptDetails(msg, type, result),
    exchange_ts: null,
  });
}

/** `multivariate_lookup` (gone since 2026-08-06): which combo market stands for the chosen legs. */
export function decodeCombination(
  type: string,
  msg: Fields,
  context: FrameContext,
  result: FrameResult,
): void {
  const ticker = textOf(msg['market_ticker']);
  if (ticker === undefined) {
    result.problem('missing_field', `${type}: market_ticker is ${shown(msg['market_ticker'])}`);
    return;
  }
  COMBINATION.check(msg, result, ticker);
  result.event(market(ticker, type, undefined, keptDetails(msg, type, result), context));
}

function market(
  ticker: string,
  type: string,
  status: string | undefined,
  details: Fields,
  context: FrameContext,
): LifecycleEvent {
  const event = {
    kind: 'lifecycle',
    venue: 'kalshi',
    received_at: context.received_at,
    market: ticker,
    instruments: [ticker],
    type,
    details,
    exchange_ts: null,
  } as const;
  return status === undefined ? event : { ...event, status };
}
