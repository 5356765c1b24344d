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

/** What a WebSocket `book` does not say and the venue hashes all the same (`undefined` where unknown). */
export interface BookTerms {
  readonly min_order_size?: string | undefined;
  readonly tick_size?: string | undefined;
  readonly neg_risk?: boolean | undefined;
}

/** The terms with the last trade prices that may be hashed in, most likely first: the last known, the previous. */
export interface BookHashKnowledge extends BookTerms {
  readonly last_trade_price: readonly string[];
}

const NAMES = ['market', 'asset_id'] as const;
const TERMS = ['min_order_size', 'tick_size', 'neg_risk'] as const;

/**
 * What today's form hashes, up to the last trade price: nine of the ten fields in the venue's order, strings as the
 * venue sends them. The last price stands at the end, so that several can be tried on one text.
 */
export function todaysHashText(book: Fields, terms: BookTerms): string {
  return JSON.stringify({
    market: book['market'],
    asset_id: book['asset_id'],
    timestamp: book['timestamp'],
    hash: '',
    bids: levelsOf(book['bids'] ?? book['buys']),
    asks: levelsOf(book['asks'] ?? book['sells']),
    min_order_size: book['min_order_size'] ?? terms.min_order_size,
    tick_size: book['tick_size'] ?? terms.tick_size,
    neg_risk: book['neg_risk'] ?? terms.neg_risk,
  }).slice(0, -1);
}

/** SHA-1 of a text of `todaysHashText` with a last trade price. */
export function todaysBookHash(text: string, lastTradePrice: string): string {
  return hash('sha1', `${text},"last_trade_price":${JSON.stringify(lastTradePrice)}}`, 'hex');
}

/** SHA-1 over the five fields of the form of 2023 to 2025. */
export function olderBookHash(book: Fields): string {
  const fields = {
    market: book['market'],
    asset_id: book['asset_id'],
    bids: levelsOf(book['bids'] ?? book['buys']),
    asks: levelsOf(book['asks'] ?? book['sells']),
    hash: '',
  };
  return hash('sha1', JSON.stringify(fields), 'hex');
}

/** The first of several last trade prices with which the text gives the hash, or null. */
export function matchingPrice(text: string, stated: string, candidates: Iterable<string>): string | null {
  for (const candidate of candidates) if (todaysBookHash(text, candidate) === stated) return candidate;
  return null;
}

/** What keeps a book from being checked, in words; null where nothing does but the last trade price. */
export function lackingField(book: Fields, terms: BookTerms): string | null {
  if (book['timestamp'] === undefined) return 'timestamp is not known';
  for (const key of TERMS) if ((book[key] ?? terms[key]) === undefined) return `${key} is not known`;
  return null;
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
  for (const key of NAMES) {
    if (typeof book[key] !== 'string') return { verdict: 'not_checkable', reason: `the book has no ${key}` };
  }
  const own = book['last_trade_price'];
  const candidates = new Set(
    typeof own === 'string' ? [own, ...knowledge.last_trade_price] : knowledge.last_trade_price,
  );
  const reason =
    lackingField(book, knowledge) ?? (candidates.size === 0 ? 'last_trade_price is not known' : null);
  if (reason === null) {
    const matching = matchingPrice(todaysHashText(book, knowledge), stated, candidates);
    if (matching !== null) return { verdict: 'matched', form: 'today', last_trade_price: matching };
  }
  if (olderBookHash(book) === stated) return { verdict: 'matched', form: 'older', last_trade_price: null };
  return reason === null ? { verdict: 'unmatched' } : { verdict: 'not_checkable', reason };
}

/** Levels in the order sent, with the two keys in the venue's order. */
function levelsOf(levels: unknown): unknown {
  if (!Array.isArray(levels)) return [];
  return (levels as readonly unknown[]).map((level) =>
    isFields(level) ? { price: level['price'], size: level['size'] } : level,
  );
}
