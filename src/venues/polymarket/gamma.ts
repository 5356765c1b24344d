import { z } from 'zod';
import { chunks } from '../../http/chunks.ts';
import { HttpClient, type HttpRequest } from '../../http/http-client.ts';
import { orNull } from '../../http/http-error.ts';
import { JsonApi } from '../../http/json-api.ts';
import { queryOf } from '../../http/query.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import type { PolymarketRestOptions } from './rest.ts';
import { type PolymarketLimits, polymarketLimits } from './rest-limits.ts';
import * as schemas from './rest-schema.ts';

/** Filters of both listings; absent means any. */
export interface GammaQuery {
  readonly active?: boolean;
  readonly closed?: boolean;
  readonly archived?: boolean;
  /** Newest first instead of oldest first. */
  readonly newestFirst?: boolean;
}

/** Pages that keep shifting: more vanished between two requests than they overlap by, again and again. */
export class ShiftingListingError extends Error {
  override readonly name = 'ShiftingListingError';
}

const PAGE = 500;
/** Elements that each page shares with the one before. Finding one of them again proves that none was skipped. */
const OVERLAP = 50;
/** Times that a listing may go back before it gives up. */
const MAX_STEPS_BACK = 20;
/** A condition id takes some 80 characters of the address, a token id some 95. */
const IDS_PER_REQUEST = 50;

/**
 * Polymarket's catalogue. Its listings have offsets, which shift while markets come and go: pages are ordered by
 * id and overlap, and an element seen twice is given once.
 */
export class GammaRest {
  readonly #api: JsonApi;
  readonly #limits: PolymarketLimits;

  constructor(options: PolymarketRestOptions) {
    const { limits, rateShare, problem, ...http } = options;
    this.#limits = limits ?? polymarketLimits(rateShare ?? 0.8, options.clock, options.sleep);
    this.#api = new JsonApi(new HttpClient(http), problem ?? (() => {}));
  }

  /** @throws ShiftingListingError when it cannot be walked without skipping something */
  markets(query: GammaQuery, signal?: AbortSignal): AsyncGenerator<readonly schemas.GammaMarket[]> {
    return this.#listing('/markets', query, schemas.gammaMarketSchema, this.#limits.gammaMarkets, signal);
  }

  /** @throws ShiftingListingError as `markets` does */
  events(query: GammaQuery, signal?: AbortSignal): AsyncGenerator<readonly schemas.GammaEvent[]> {
    return this.#listing('/events', query, schemas.gammaEventSchema, this.#limits.gammaEvents, signal);
  }

  /** By Gamma's own id. */
  market(id: string): Promise<schemas.GammaMarket | null> {
    const path = `/markets/${encodeURIComponent(id)}`;
    const request = this.#get(path, [], this.#limits.gammaMarkets, undefined);
    return orNull(
      async () =>
        (await this.#api.ask({ ...request, route: '/markets/{id}' }, schemas.gammaMarketSchema)).body,
    );
  }

  /** Markets of these condition ids as far as Gamma knows them, open or closed. */
  marketsByCondition(ids: readonly string[], signal?: AbortSignal): Promise<schemas.GammaMarket[]> {
    return this.#lookUp('condition_ids', ids, (market) => [market.conditionId], signal);
  }

  /** Markets of these outcome tokens as far as Gamma knows them, open or closed. */
  marketsByToken(tokens: readonly string[], signal?: AbortSignal): Promise<schemas.GammaMarket[]> {
    return this.#lookUp('clob_token_ids', tokens, (market) => schemas.gammaList(market.clobTokenIds), signal);
  }

  async #lookUp(
    parameter: 'condition_ids' | 'clob_token_ids',
    ids: readonly string[],
    idsOf: (market: schemas.GammaMarket) => readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<schemas.GammaMarket[]> {
    const found = new Map<string, schemas.GammaMarket>();
    let missing: readonly string[] = [...new Set(ids)];
    // Without the flag, closed markets may be left out; with it, open ones are.
    for (const closed of [undefined, true]) {
      const answered = new Set<string>();
      for (const chunk of chunks(missing, IDS_PER_REQUEST)) {
        const query = queryOf({ limit: PAGE, closed, [parameter]: chunk });
        const request = this.#get('/markets', query, this.#limits.gammaMarkets, signal);
        const { body } = await this.#api.ask(request, z.array(z.unknown()));
        for (const market of this.#api.elements('/markets', body, schemas.gammaMarketSchema)) {
          found.set(market.conditionId, market);
          for (const id of idsOf(market)) answered.add(id);
        }
      }
      missing = missing.filter((id) => !answered.has(id));
    }
    return [...found.values()];
  }

  async *#listing<T extends { readonly id: string | number }>(
    path: string,
    query: GammaQuery,
    schema: z.ZodType<T>,
    limit: RateLimit,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly T[]> {
    const { newestFirst, ...filters } = query;
    const seen = new Set<string>();
    let stepsBack = 0;
    let longest = 0;
    let first: string | null = null;
    for (let offset = 0; ; ) {
      const parameters = queryOf({ limit: PAGE, offset, order: 'id', ascending: !newestFirst, ...filters });
      const { body } = await this.#api.ask(this.#get(path, parameters, limit, signal), z.array(z.unknown()));
      const ids = body.map(idOf);
      if (offset > 0 && !ids.some((id) => id !== null && seen.has(id))) {
        // So many vanished before this page that it begins beyond the end of the last one: look further up.
        if (++stepsBack > MAX_STEPS_BACK) {
          throw new ShiftingListingError(`${path}: shifts faster than it can be read, at offset ${offset}`);
        }
        offset = Math.max(0, offset - PAGE / 2);
        continue;
      }
      const fresh = body.filter((_, index) => ids[index] === null || !seen.has(ids[index]!));
      for (const id of ids) if (id !== null) seen.add(id);
      if (fresh.length > 0) yield this.#api.elements(path, fresh, schema);
      // A full page of known elements only is met after a step back; one like the page before, where the venue
      // does not heed the offset.
      else if (body.length < longest || body.length === 0 || ids[0] === first) return;
      longest = Math.max(longest, body.length);
      first = ids[0] ?? null;
      // Pages may be shorter than asked for: the next begins by what came, less the overlap.
      offset += Math.max(1, body.length - Math.min(OVERLAP, Math.floor(body.length / 2)));
    }
  }

  #get(
    path: string,
    query: HttpRequest['query'],
    limit: RateLimit,
    signal: AbortSignal | undefined,
  ): HttpRequest {
    return {
      method: 'GET',
      path,
      route: path,
      limit,
      ...(query === undefined ? {} : { query }),
      ...(signal === undefined ? {} : { signal }),
    };
  }
}

function idOf(value: unknown): string | null {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
}
