import { z } from 'zod';
import type { AnswerProblem } from '../../http/answer-shape.ts';
import type { HttpAnswer, HttpClient, Query } from '../../http/http-client.ts';
import { JsonApi } from '../../http/json-api.ts';
import type { CursorPage } from '../../http/pagination.ts';
import type { KalshiBudget } from './rest-budget.ts';
import { cursorSchema } from './rest-schema.ts';

/** A GET below the base path; `route` is the path with its parameters as names, where it has any. */
export interface KalshiGet {
  readonly path: string;
  readonly route?: string;
  readonly query?: Query;
  readonly accept?: readonly number[];
  readonly attemptTimeoutMillis?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Sends GETs within the budget. */
export class KalshiTransport extends JsonApi {
  readonly #budget: KalshiBudget;

  constructor(http: HttpClient, budget: KalshiBudget, problem: (problem: AnswerProblem) => void) {
    super(http, problem);
    this.#budget = budget;
  }

  get<T>(get: KalshiGet, schema: z.ZodType<T>): Promise<{ readonly body: T; readonly answer: HttpAnswer }> {
    const { signal, ...rest } = get;
    const route = get.route ?? get.path;
    return this.ask(
      {
        ...rest,
        method: 'GET',
        route,
        cost: this.#budget.cost('GET', route),
        limit: this.#budget.bucket,
        ...(signal === undefined ? {} : { signal }),
      },
      schema,
    );
  }

  /** One page of a listing: the elements in shape under `field`, and the next cursor. */
  async page<T>(
    get: KalshiGet,
    field: string,
    schema: z.ZodType<T>,
  ): Promise<CursorPage<T> & { readonly answer: HttpAnswer }> {
    const { body, answer } = await this.get(get, listOf(field));
    const next = cursorSchema.safeParse(body['cursor']).data ?? '';
    return {
      items: this.elements(get.route ?? get.path, body[field], schema),
      next: next === '' ? null : next,
      answer,
    };
  }
}

/** A body with a list under `field`; null stands for an empty one. */
export function listOf(field: string): z.ZodType<Record<string, unknown>> {
  return z.looseObject({ [field]: z.array(z.unknown()).nullable() });
}
