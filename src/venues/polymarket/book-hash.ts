import { hash } from 'node:crypto';
import { type Fields, isFields } from '../field-values.ts';

/** The order of keys under which the venue hashes a book, by form (protocol: the book hash). */
type BookHashForm = 'today' | 'older';

export type BookHashVerdict =
  /** The hash proves the book as it was sent. */
  | { readonly verdict: 'matched'; readonly form: BookHashForm; readonly last_trade_price: string | null }
  /** No form and no candidate gives the hash. This alone proves nothing: a later trade may be hashed in. */
  | { readonly verdict: 'unmatched' }
  /** There is no hash, or what it is made of is not all here. */
  | { readonly verdict: 'not_checkable'; readonly reason: string };

/**
 * What a WebSocket `book` does not say and the venue hashes all the same, as known from the first `book` and REST
 * (`undefined` where unknown).
 */
export interface BookHashKnowledge {
  readonly min_order_size?: string | undefined;
  readonly tick_size?: string | undefined;
  readonly neg_risk?: boolean | undefined;
  /** Last trade prices that may be hashed in, most likely first: the last known, the next, the previous. */
  readonly last_trade_price: readonly string[];
}

const OLDER_KEYS = ['market', 'asset_id'] as const;

/** SHA-1 over the ten fields of today's form; strings as the venue sends them. */
export function todaysBookHash(
  book: Fields,
  knowledge: Omit<BookHashKnowledge, 'last_trade_price'>,
  lastTradePrice: string,
): string {
  return sha1({
    market: book['market'],
    asset_id: book['asset_id'],
    timestamp: book['timestamp'],
    hash: '',
    bids: levelsOf(book['bids'] ?? book['buys']),
    asks: levelsOf(book['asks'] ?? book['sells']),
    min_order_size: book['min_order_size'] ?? knowledge.min_order_size,
    tick_size: book['tick_size'] ?? knowledge.tick_size,
    neg_risk: book['neg_risk'] ?? knowledge.neg_risk,
    last_trade_price: lastTradePrice,
  });
}

/** SHA-1 over the five fields of the form of 2023 to 2025. */
export function olderBookHash(book: Fields): string {
  return sha1({
    market: book['market'],
    asset_id: book['asset_id'],
    bids: levelsOf(book['bids'] ?? book['buys']),
    asks: levelsOf(book['asks'] ?? book['sells']),
    hash: '',
  });
}

/**
 * Holds a `book` message, parsed but otherwise as received, against its own hash: today's form with every candidate
 * for the last trade price, then the older form. The message's own fields go before what is known beside it.
 */
export function verifyBookHash(book: unknown, knowledge: BookHashKnowledge): BookHashVerdict {
  if (!isFields(book)) return { verdict: 'not_checkable', reason: 'the book is no JSON object' };
  const stated = book['hash'];
  if (typeof stated !== 'string' || stated === '')
    return { verdict: 'not_checkable', reason: 'the book has no hash' };
  for (const key of OLDER_KEYS) {
    if (typeof book[key] !== 'string') return { verdict: 'not_checkable', reason: `the book has no ${key}` };
  }
  const own = book['last_trade_price'];
  const candidates = new Set(
    typeof own === 'string' ? [own, ...knowledge.last_trade_price] : knowledge.last_trade_price,
  );
  const lacking = lackingField(book, knowledge, candidates.size);
  if (lacking === null) {
    for (const candidate of candidates) {
      if (todaysBookHash(book, knowledge, candidate) === stated) {
        return { verdict: 'matched', form: 'today', last_trade_price: candidate };
      }
    }
  }
  if (olderBookHash(book) === stated) return { verdict: 'matched', form: 'older', last_trade_price: null };
  return lacking === null
    ? { verdict: 'unmatched' }
    : { verdict: 'not_checkable', reason: `${lacking} is not known` };
}

function lackingField(book: Fields, knowledge: BookHashKnowledge, candidates: number): string | null {
  if (book['timestamp'] === undefined) return 'timestamp';
  for (const key of ['min_order_size', 'tick_size', 'neg_risk'] as const) {
    if ((book[key] ?? knowledge[key]) === undefined) return key;
  }
  return candidates === 0 ? 'last_trade_price' : null;
}

/** Levels in the order sent, with the two keys in the venue's order. */
function levelsOf(levels: unknown): unknown {
  if (!Array.isArray(levels)) return [];
  return (levels as readonly unknown[]).map((level) =>
    isFields(level) ? { price: level['price'], size: level['size'] } : level,
  );
}

function sha1(body: object): string {
  return hash('sha1', JSON.stringify(body), 'hex');
}
