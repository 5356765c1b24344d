import { z } from 'zod';
import type { BookSnapshotEvent } from '../../events/event.ts';
import { type AnswerProblem, reasonText, wrongShape } from '../../http/answer-shape.ts';
import { chunks } from '../../http/chunks.ts';
import { HttpClient, type HttpClientOptions, type HttpRequest } from '../../http/http-client.ts';
import { orNull } from '../../http/http-error.ts';
import { JsonApi } from '../../http/json-api.ts';
import { cursorPages } from '../../http/pagination.ts';
import { queryOf } from '../../http/query.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import { type Price, parsePrice } from '../../units/price.ts';
import { type Micros, microsFromSeconds } from '../../units/time.ts';
import type { FetchedBooks, HashVerdicts } from '../fetched-books.ts';
import { BookHashEvidence } from './book-hash-evidence.ts';
import { polymarketRestBook } from './rest-events.ts';
import { type PolymarketLimits, polymarketLimits } from './rest-limits.ts';
import * as schemas from './rest-schema.ts';

export interface PolymarketRestOptions extends Omit<HttpClientOptions, 'headers'> {
  /** Shared with the Gamma client of the same process; made from `rateShare` where absent. */
  readonly limits?: PolymarketLimits;
  /** Part of the published limits for this process; 0.8 unless said. */
  readonly rateShare?: number;
  /** Shown every book, which says all that its hash is made of; its own where absent. */
  readonly hashes?: BookHashEvidence;
  /** Told of every element of an answer that could not be used. */
  readonly problem?: (problem: AnswerProblem) => void;
}

export interface PricePoint {
  readonly at: Micros;
  readonly price: Price;
}

export interface PriceHistoryQuery {
  /** Unix seconds. */
  readonly startTs?: number;
  readonly endTs?: number;
  readonly interval?: '1m' | '1h' | '6h' | '1d' | '1w' | 'max';
  /** Minutes between points. */
  readonly fidelity?: number;
}

/** Most tokens in one `POST /books`: the venue limits it by bytes, at about 500. */
export const BATCH = 250;
/** The last one that microseconds can be counted to. */
const LATEST_SECOND = Math.floor(Number.MAX_SAFE_INTEGER / 1_000_000);
/** Base64 of −1: the cursor after the last page. */
const LAST_CURSOR = 'LTE=';

/**
 * The public part of Polymarket's CLOB REST interface. A token or market that is not there is null; anything else
 * that fails is an `HttpError`. An element that cannot be read is reported to `problem` and costs nothing else.
 */
export class PolymarketRest {
  readonly #api: JsonApi;
  readonly #limits: PolymarketLimits;
  readonly #hashes: BookHashEvidence;

  constructor(options: PolymarketRestOptions) {
    const { limits, rateShare, problem, hashes, ...http } = options;
    this.#hashes = hashes ?? new BookHashEvidence();
    this.#limits = limits ?? polymarketLimits(rateShare ?? 0.8, options.clock, options.sleep);
    this.#api = new JsonApi(new HttpClient(http), problem ?? (() => {}));
  }

  /** Null for a token that is unknown or closed. */
  book(token: string): Promise<BookSnapshotEvent | null> {
    const request = this.#get('/book', { token_id: token }, this.#limits.book);
    return orNull(async () => {
      const { body, answer } = await this.#api.ask(request, schemas.bookSchema);
      if (body.asset_id !== token) throw wrongShape(answer, request, `answered for token ${body.asset_id}`);
      this.#hashes.restBook(body, answer.received_at);
      try {
        return polymarketRestBook(body, answer.received_at);
      } catch (error) {
        throw wrongShape(answer, request, reasonText(error));
      }
    });
  }

  /** Books of any number of tokens, 250 to a request. The venue leaves out what it does not know. */
  async books(tokens: readonly string[], signal?: AbortSignal): Promise<FetchedBooks> {
    const wanted = new Set(tokens);
    const books = new Map<string, BookSnapshotEvent>();
    const hashes: HashVerdicts = { matched: 0, unmatched: 0, not_checkable: 0 };
    for (const chunk of chunks([...wanted], BATCH)) {
      const request: HttpRequest = {
        method: 'POST',
        path: '/books',
        route: '/books',
        json: chunk.map((token_id) => ({ token_id })),
        limit: this.#limits.books,
        ...(signal === undefined ? {} : { signal }),
      };
      const { body, answer } = await this.#api.ask(request, z.array(z.unknown()));
      const bodies = this.#api.elements('/books', body, schemas.bookSchema);
      const read = (one: schemas.PolymarketBookBody): BookSnapshotEvent => {
        hashes[this.#hashes.restBook(one, answer.received_at).verdict]++;
        return polymarketRestBook(one, answer.received_at);
      };
      for (const book of this.#api.readEach('/books', bodies, read)) {
        if (wanted.has(book.instrument)) books.set(book.instrument, book);
      }
    }
    const missing = [...wanted].filter((token) => !books.has(token));
    return { books: [...books.values()], missing, hashes };
  }

  markets(signal?: AbortSignal): AsyncGenerator<readonly schemas.ClobMarket[]> {
    return this.#listing('/markets', signal);
  }

  /** Markets that pay rewards for resting orders. */
  samplingMarkets(signal?: AbortSignal): AsyncGenerator<readonly schemas.ClobMarket[]> {
    return this.#listing('/sampling-markets', signal);
  }

  /** All markets with little more than their tokens and flags. */
  simplifiedMarkets(signal?: AbortSignal): AsyncGenerator<readonly schemas.ClobMarket[]> {
    return this.#listing('/simplified-markets', signal);
  }

  market(conditionId: string): Promise<schemas.ClobMarket | null> {
    const path = `/markets/${encodeURIComponent(conditionId)}`;
    const request = { ...this.#get(path, {}, this.#limits.clob), route: '/markets/{condition_id}' };
    return orNull(async () => (await this.#api.ask(request, schemas.clobMarketSchema)).body);
  }

  /** The server's clock, to the second. */
  async time(): Promise<Micros> {
    const request = this.#get('/time', {}, this.#limits.clob);
    const { body, answer } = await this.#api.ask(request, z.union([z.number(), z.string()]));
    const isTime = /^\d+$/.test(String(body)) && Number(body) <= LATEST_SECOND;
    if (!isTime) throw wrongShape(answer, request, 'expected Unix seconds');
    return microsFromSeconds(Number(body));
  }

  /** Resolves when the service says that it is well. @throws HttpError otherwise */
  async ok(): Promise<void> {
    await this.#api.ask({ ...this.#get('/ok', {}, this.#limits.clob), plain: true }, z.unknown());
  }

  tickSize(token: string): Promise<Price | null> {
    const request = this.#get('/tick-size', { token_id: token }, this.#limits.tickSize);
    return this.#price(request, schemas.tickSizeSchema, (body) => body.minimum_tick_size);
  }

  negRisk(token: string): Promise<boolean | null> {
    const request = this.#get('/neg-risk', { token_id: token }, this.#limits.clob);
    return orNull(async () => (await this.#api.ask(request, schemas.negRiskSchema)).body.neg_risk);
  }

  /** Best price of one side of the book. */
  price(token: string, side: 'BUY' | 'SELL'): Promise<Price | null> {
    const request = this.#get('/price', { token_id: token, side }, this.#limits.book);
    return this.#price(request, schemas.priceSchema, (body) => body.price);
  }

  midpoint(token: string): Promise<Price | null> {
    const request = this.#get('/midpoint', { token_id: token }, this.#limits.book);
    return this.#price(request, schemas.midpointSchema, (body) => body.mid);
  }

  spread(token: string): Promise<Price | null> {
    const request = this.#get('/spread', { token_id: token }, this.#limits.clob);
    return this.#price(request, schemas.spreadSchema, (body) => body.spread);
  }

  lastTradePrice(token: string): Promise<Price | null> {
    const request = this.#get('/last-trade-price', { token_id: token }, this.#limits.clob);
    return this.#price(request, schemas.lastTradePriceSchema, (body) => body.price);
  }

  async pricesHistory(token: string, query: PriceHistoryQuery): Promise<PricePoint[] | null> {
    const request = this.#get('/prices-history', { market: token, ...query }, this.#limits.pricesHistory);
    return orNull(async () => {
      const { body } = await this.#api.ask(request, schemas.historySchema);
      const points = this.#api.elements(request.route, body.history, schemas.historyPointSchema);
      return this.#api.readEach(request.route, points, ({ t, p }) => ({
        at: microsFromSeconds(t),
        price: parsePrice(String(p)),
      }));
    });
  }

  #get(path: string, parameters: Parameters<typeof queryOf>[0], limit: RateLimit): HttpRequest {
    return { method: 'GET', path, route: path, query: queryOf(parameters), limit };
  }

  #listing(path: string, signal: AbortSignal | undefined): AsyncGenerator<readonly schemas.ClobMarket[]> {
    return cursorPages(path, async (cursor) => {
      const request = this.#get(path, { next_cursor: cursor ?? undefined }, this.#limits.clob);
      const asked = signal === undefined ? request : { ...request, signal };
      const { body } = await this.#api.ask(asked, schemas.clobPageSchema);
      const next = body.next_cursor ?? '';
      return {
        items: this.#api.elements(path, body.data, schemas.clobMarketSchema),
        next: next === '' || next === LAST_CURSOR ? null : next,
      };
    });
  }

  #price<T>(
    request: HttpRequest,
    schema: z.ZodType<T>,
    pick: (body: T) => string | number,
  ): Promise<Price | null> {
    return orNull(async () => {
      const { body, answer } = await this.#api.ask(request, schema);
      try {
        return parsePrice(String(pick(body)));
      } catch (error) {
        throw wrongShape(answer, request, reasonText(error));
      }
    });
  }
}
