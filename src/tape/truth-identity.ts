import type { EventKind, Level, LifecycleEvent, MarketEvent } from '../events/event.ts';
import { hashKey, lifecycleContentKey, snapshotContentKey, tickerContentKey } from '../events/identity.ts';
import { MICROS_PER_MILLI, type Micros } from '../units/time.ts';

/** Kinds of events that are compared one by one. */
export type ComparedKind = Exclude<EventKind, 'gap'>;

/** One event reduced to what both sides agree on: truth log and tape give equal texts for the same event. */
export interface ComparedEvent {
  readonly kind: ComparedKind;
  readonly venue: string;
  /** Instrument; for lifecycle messages the market or event. */
  readonly subject: string;
  /** What a lifecycle message is about, in the names that gaps have. */
  readonly instruments?: readonly string[];
  /** Venue time, or the time of receipt where there is none; null where neither is known. */
  readonly time: Micros | null;
  readonly identity: string;
}

const join = (...parts: readonly unknown[]): string => parts.map((part) => String(part ?? '')).join('|');

export function tradeIdentity(trade: {
  readonly venue: string;
  readonly instrument: string;
  readonly trade_id: string;
  readonly price: number;
  readonly size: number;
  readonly taker_side: string | null;
  readonly is_block: boolean;
  readonly exchange_ts: number;
}): string {
  // Whole milliseconds: WebSocket and REST give the same trade with different precision.
  const millis = Math.floor(trade.exchange_ts / MICROS_PER_MILLI);
  const { venue, trade_id, instrument, price, size, taker_side, is_block } = trade;
  return join('trade', venue, trade_id, instrument, price, size, taker_side, is_block, millis);
}

export function deltaIdentity(delta: {
  readonly instrument: string;
  readonly exchange_ts: number;
  readonly side: string;
  readonly price: number;
  readonly amount: number;
  readonly hash_key: number;
}): string {
  return join(
    'book_delta',
    delta.instrument,
    delta.exchange_ts,
    delta.side,
    delta.price,
    delta.amount,
    delta.hash_key,
  );
}

export function tickerIdentity(instrument: string, exchange_ts: number, content_key: number): string {
  return join('ticker', instrument, exchange_ts, content_key);
}

/** With every level: a book that bears the venue's hash and holds other levels is another book. */
export function snapshotIdentity(book: {
  readonly instrument: string;
  readonly exchange_ts: number;
  readonly hash_key: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}): string {
  const { instrument, exchange_ts, hash_key, bids, asks } = book;
  return join('book_snapshot', instrument, exchange_ts, hash_key, bids.join(' '), asks.join(' '));
}

/** With the status and the message itself, by their key. */
export function lifecycleIdentity(event: LifecycleEvent): string {
  const { venue, type, exchange_ts } = event;
  return join('lifecycle', venue, subjectOf(event), type, exchange_ts, lifecycleContentKey(event));
}

function subjectOf({ market, event }: LifecycleEvent): string {
  return market ?? event ?? '';
}

/**
 * An event of the truth log, given the time of its sending as `received_at`, as it is compared; null where the
 * tape cannot hold it one to one.
 */
export function comparedEvent(event: MarketEvent): ComparedEvent | null {
  const base = { kind: event.kind, venue: event.venue, time: event.exchange_ts ?? event.received_at };
  if (event.kind === 'lifecycle') {
    const { instruments } = event;
    return { ...base, subject: subjectOf(event), instruments, identity: lifecycleIdentity(event) };
  }
  const { instrument, exchange_ts } = event;
  if (exchange_ts === null) return null;
  switch (event.kind) {
    case 'trade':
      return { ...base, subject: instrument, identity: tradeIdentity({ ...event, exchange_ts }) };
    case 'book_delta': {
      const amount = event.change === undefined ? event.size : event.change;
      const identity = deltaIdentity({ ...event, exchange_ts, amount, hash_key: hashKey(event.hash) });
      return { ...base, subject: instrument, identity };
    }
    case 'ticker': {
      const content = tickerContentKey(event);
      return { ...base, subject: instrument, identity: tickerIdentity(instrument, exchange_ts, content) };
    }
    case 'book_snapshot': {
      const identity = snapshotIdentity({ ...event, exchange_ts, hash_key: snapshotContentKey(event) });
      return { ...base, subject: instrument, identity };
    }
  }
}
