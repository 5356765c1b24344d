import type { Level } from '../../events/event.ts';
import { complement, formatPrice, parsePrice } from '../../units/price.ts';
import { formatSize } from '../../units/size.ts';
import { MICROS_PER_MILLI, MICROS_PER_SECOND, type Micros } from '../../units/time.ts';
import type { BookHashFigures, BookProof, BookProofs, HashedBook, UnmatchedHash } from '../book-proofs.ts';
import { type Fields, textOf } from '../field-values.ts';
import {
  type BookHashVerdict,
  type BookTerms,
  lackingField,
  matchingPrice,
  olderBookHash,
  todaysHashText,
  verifyBookHash,
} from './book-hash.ts';

/** A trade whose price is hashed into a book is told a tenth of a second later (protocol: the book hash). */
const TRADE_FOLLOWS = MICROS_PER_SECOND;
const SAMPLES_KEPT = 16;
/** The line's own book is held against hashes of its changes this often, per token and in all. */
const OWN_BOOK_EVERY = 10 * MICROS_PER_SECOND;
const OWN_BOOKS_PER_SECOND = 50;
/** A venue that hashes something else with its changes is asked a hundredth as often after so many failures. */
const HOPELESS = 200;

type Source = UnmatchedHash['source'];

/** What is known of one token. */
interface Token {
  readonly token: string;
  market: string | null;
  min_order_size: string | undefined;
  tick_size: string | undefined;
  neg_risk: boolean | undefined;
  /** The last trade price and the one before it, as the venue wrote them. */
  last: string | null;
  previous: string | null;
  /** When its own book may be looked at again. */
  ownBookDue: number;
}

/** A book whose hash may need the price of a trade that is still to be told. */
interface Waiting {
  readonly source: 'socket' | 'change';
  readonly token: Token;
  readonly text: string;
  readonly hash: string;
  readonly timestamp: string;
  readonly tried: string[];
  readonly at: Micros;
  isDone: boolean;
}

/**
 * Holds Polymarket's hashes against the books they are said of. What a socket's book leaves out is learnt from REST
 * and the catalogue; the last trade price is tried as the last one told, the one before, and any told within the
 * next second, of the token itself or, turned round, of the other token of its market.
 */
export class BookHashEvidence implements BookProofs {
  readonly #tokens = new Map<string, Token>();
  /** Tokens by market, as far as both have been heard of. */
  readonly #markets = new Map<string, Token[]>();
  readonly #waiting: Waiting[] = [];
  readonly #waitingByMarket = new Map<string, Waiting[]>();
  readonly #samples: UnmatchedHash[] = [];
  #proofs: BookProof[] = [];
  #ownBooksFrom = 0;
  #ownBooks = 0;
  #passed = 0;
  readonly #figures: BookHashFigures = {
    socket_matched: 0,
    socket_unmatched: 0,
    socket_not_checkable: 0,
    rest_matched: 0,
    rest_unmatched: 0,
    rest_not_checkable: 0,
    change_matched: 0,
    change_unmatched: 0,
    waiting: 0,
  };

  figures(): BookHashFigures {
    return this.#figures;
  }

  unmatched(): readonly UnmatchedHash[] {
    return this.#samples;
  }

  takeProofs(): readonly BookProof[] {
    if (this.#proofs.length === 0) return this.#proofs;
    const proofs = this.#proofs;
    this.#proofs = [];
    return proofs;
  }

  /** What the catalogue says of a market's tokens; what the venue's own books said goes before it. */
  catalogue(market: string, tokens: readonly string[], terms: BookTerms): void {
    for (const name of tokens) {
      const token = this.#token(name, market);
      token.min_order_size ??= terms.min_order_size;
      token.tick_size ??= terms.tick_size;
      token.neg_risk ??= terms.neg_risk;
    }
  }

  /** Forgets tokens that are no longer captured. */
  forget(tokens: readonly string[]): void {
    for (const name of tokens) {
      const token = this.#tokens.get(name);
      if (token === undefined) continue;
      this.#tokens.delete(name);
      const rest = (this.#markets.get(token.market ?? '') ?? []).filter((one) => one !== token);
      if (rest.length > 0) this.#markets.set(token.market!, rest);
      else this.#markets.delete(token.market ?? '');
    }
  }

  /** A book by REST, parsed but otherwise as received: it has all that goes into its hash. */
  restBook(body: Fields, at: Micros): BookHashVerdict {
    const verdict = verifyBookHash(body, { last_trade_price: [] });
    const name = textOf(body['asset_id']);
    if (name !== undefined) {
      const token = this.#token(name, textOf(body['market']));
      learn(token, body);
      if (verdict.verdict === 'unmatched') this.#sample('rest', token, body, [], at);
    }
    this.#figures[`rest_${verdict.verdict}`]++;
    return verdict;
  }

  /** A `book` of the socket, parsed but otherwise as received. */
  socketBook(book: Fields, at: Micros): void {
    this.#settle(at);
    const name = textOf(book['asset_id']);
    const stated = textOf(book['hash']);
    const market = textOf(book['market']);
    if (name === undefined || stated === undefined || market === undefined) {
      this.#figures.socket_not_checkable++;
      return;
    }
    const token = this.#token(name, market);
    learn(token, book);
    if (lackingField(book, token) !== null) {
      // The older form needs nothing beside the message.
      if (olderBookHash(book) === stated) this.#figures.socket_matched++;
      else this.#figures.socket_not_checkable++;
      return;
    }
    const text = todaysHashText(book, token);
    const tried = this.#candidates(token);
    if (matchingPrice(text, stated, tried) !== null || olderBookHash(book) === stated) {
      this.#figures.socket_matched++;
      return;
    }
    this.#wait({
      source: 'socket',
      token,
      text,
      hash: stated,
      timestamp: String(book['timestamp']),
      tried,
      at,
      isDone: false,
    });
  }

  /** A `last_trade_price` of the socket: books that were sent before it may be hashed with its price. */
  trade(message: Fields, at: Micros): void {
    this.#settle(at);
    const name = textOf(message['asset_id']);
    const price = textOf(message['price']);
    if (name === undefined || price === undefined) return;
    const token = this.#token(name, textOf(message['market']));
    if (token.last !== price) {
      token.previous = token.last;
      token.last = price;
    }
    if (token.market === null) return;
    for (const waiting of this.#waitingByMarket.get(token.market) ?? []) {
      const candidate = waiting.token === token ? price : turned(price);
      if (waiting.isDone || candidate === null) continue;
      waiting.tried.push(candidate);
      if (matchingPrice(waiting.text, waiting.hash, [candidate]) !== null) this.#matched(waiting);
    }
  }

  /** A `tick_size_change` of the socket: the tick is hashed into every book. */
  tickSize(message: Fields): void {
    const name = textOf(message['asset_id']);
    const tick = textOf(message['new_tick_size']);
    if (name !== undefined && tick !== undefined)
      this.#token(name, textOf(message['market'])).tick_size = tick;
  }

  isDue(instrument: string, at: Micros): boolean {
    const token = this.#tokens.get(instrument);
    if (token === undefined || token.market === null || at < token.ownBookDue) return false;
    if (token.last === null || lackingField({ timestamp: '' }, token) !== null) return false;
    if (at - this.#ownBooksFrom >= MICROS_PER_SECOND) {
      this.#ownBooksFrom = at;
      this.#ownBooks = 0;
    }
    if (this.#ownBooks >= OWN_BOOKS_PER_SECOND) return false;
    const { change_matched, change_unmatched } = this.#figures;
    if (change_matched === 0 && change_unmatched >= HOPELESS && ++this.#passed % 100 !== 0) return false;
    this.#ownBooks++;
    token.ownBookDue = at + OWN_BOOK_EVERY;
    return true;
  }

  holdOwnBook(
    change: { readonly instrument: string; readonly exchange_ts: Micros; readonly hash: string },
    bids: readonly Level[],
    asks: readonly Level[],
    at: Micros,
  ): void {
    this.#settle(at);
    const token = this.#token(change.instrument, undefined);
    const timestamp = String(change.exchange_ts / MICROS_PER_MILLI);
    const book = {
      market: token.market,
      asset_id: token.token,
      timestamp,
      bids: worstFirst(bids),
      asks: worstFirst(asks),
    };
    const text = todaysHashText(book, token);
    const tried = this.#candidates(token);
    const waiting: Waiting = {
      source: 'change',
      token,
      text,
      hash: change.hash,
      timestamp,
      tried,
      at,
      isDone: false,
    };
    if (matchingPrice(text, change.hash, tried) !== null) this.#matched(waiting);
    else this.#wait(waiting);
  }

  #token(name: string, market: string | undefined): Token {
    let token = this.#tokens.get(name);
    if (token === undefined) {
      token = {
        token: name,
        market: null,
        min_order_size: undefined,
        tick_size: undefined,
        neg_risk: undefined,
        last: null,
        previous: null,
        ownBookDue: Number.NEGATIVE_INFINITY,
      };
      this.#tokens.set(name, token);
    }
    if (token.market === null && market !== undefined) {
      token.market = market;
      const others = this.#markets.get(market);
      if (others === undefined) this.#markets.set(market, [token]);
      else others.push(token);
    }
    return token;
  }

  /** Last trade prices that may be hashed in: its own, then those of the other token, turned round. */
  #candidates(token: Token): string[] {
    const candidates = new Set<string>();
    const add = (price: string | null): void => {
      if (price !== null) candidates.add(price);
    };
    add(token.last);
    const others = token.market === null ? [] : (this.#markets.get(token.market) ?? []);
    for (const other of others) if (other !== token && other.last !== null) add(turned(other.last));
    add(token.previous);
    for (const other of others) if (other !== token && other.previous !== null) add(turned(other.previous));
    return [...candidates];
  }

  #wait(waiting: Waiting): void {
    const market = waiting.token.market!;
    this.#waiting.push(waiting);
    this.#figures.waiting++;
    const list = this.#waitingByMarket.get(market);
    if (list === undefined) this.#waitingByMarket.set(market, [waiting]);
    else list.push(waiting);
  }

  #matched(waiting: Waiting): void {
    const { source, token, timestamp } = waiting;
    waiting.isDone = true;
    this.#figures[`${source}_matched`]++;
    if (source !== 'change') return;
    const exchange_ts = (Number(timestamp) * MICROS_PER_MILLI) as Micros;
    this.#proofs.push({ instrument: token.token, exchange_ts });
  }

  /** Gives up on what has waited long enough. */
  #settle(now: Micros): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!first.isDone && now - first.at <= TRADE_FOLLOWS) return;
      this.#waiting.shift();
      this.#figures.waiting--;
      const market = first.token.market!;
      const rest = this.#waitingByMarket.get(market)!.filter((one) => one !== first);
      if (rest.length === 0) this.#waitingByMarket.delete(market);
      else this.#waitingByMarket.set(market, rest);
      if (first.isDone) continue;
      this.#figures[`${first.source}_unmatched`]++;
      this.#sample(first.source, first.token, first, first.tried, first.at);
    }
  }

  #sample(
    source: Source,
    { token }: Token,
    book: { readonly hash?: unknown; readonly timestamp?: unknown },
    tried: readonly string[],
    at: Micros,
  ): void {
    if (this.#samples.length === SAMPLES_KEPT) this.#samples.shift();
    const { hash, timestamp } = book;
    this.#samples.push({
      source,
      instrument: token,
      timestamp: String(timestamp),
      hash: String(hash),
      tried,
      at,
    });
  }
}

/** What a book says itself beside its levels. */
function learn(token: Token, book: Fields): void {
  const { min_order_size, tick_size, neg_risk, last_trade_price } = book;
  token.min_order_size = textOf(min_order_size) ?? token.min_order_size;
  token.tick_size = textOf(tick_size) ?? token.tick_size;
  if (typeof neg_risk === 'boolean') token.neg_risk = neg_risk;
  const last = textOf(last_trade_price);
  if (last === undefined || last === token.last) return;
  token.previous = token.last;
  token.last = last;
}

/** The price of a trade as the other token of its market has it; null where it is no price. */
function turned(price: string): string | null {
  try {
    return formatPrice(complement(parsePrice(price)));
  } catch {
    return null;
  }
}

/** Whether a stored book is the one that the hash is of, in today's form, with what the catalogue and trades say. */
export function provesStoredBook(stored: HashedBook, hash: string): boolean | null {
  const terms = catalogueTerms(stored.details);
  const book = {
    market: stored.market,
    asset_id: stored.instrument,
    timestamp: String(stored.exchange_ts / MICROS_PER_MILLI),
    bids: worstFirst(stored.bids),
    asks: worstFirst(stored.asks),
  };
  if (olderBookHash(book) === hash) return true;
  const ticks = new Set([...stored.tickSizes, ...(terms.tick_size === undefined ? [] : [terms.tick_size])]);
  const prices = stored.lastTradePrices.map(formatPrice);
  if (prices.length === 0) return null;
  let isChecked = false;
  for (const tick_size of ticks) {
    const known = { ...terms, tick_size };
    if (lackingField(book, known) !== null) continue;
    isChecked = true;
    if (matchingPrice(todaysHashText(book, known), hash, prices) !== null) return true;
  }
  return isChecked ? false : null;
}

/** Levels as the venue writes and orders them. */
function worstFirst(levels: readonly Level[]): { price: string; size: string }[] {
  return levels.map(([price, size]) => ({ price: formatPrice(price), size: formatSize(size) })).reverse();
}

/** The terms in a market of Gamma, which has numbers where a book has texts. */
export function catalogueTerms(details: Readonly<Record<string, unknown>>): BookTerms {
  const { orderMinSize, orderPriceMinTickSize, order_price_min_tick_size, negRisk } = details;
  const text = (value: unknown): string | undefined =>
    typeof value === 'number' && value > 0 ? String(value) : textOf(value);
  return {
    min_order_size: text(orderMinSize),
    tick_size: text(orderPriceMinTickSize) ?? text(order_price_min_tick_size),
    neg_risk: typeof negRisk === 'boolean' ? negRisk : undefined,
  };
}
