import type { z } from 'zod';
import { DEEPEST, isNestedDeeply } from '../units/nesting.ts';
import { type AnswerProblem, inShape, issueText, reasonText } from './answer-shape.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from './http-client.ts';

/**
 * Answers of an interface in the shapes the caller relies on. A whole answer out of shape is an error; an element
 * of a list out of shape is reported and left out, and costs nothing else.
 */
export class JsonApi {
  readonly #http: HttpClient;
  readonly #problem: (problem: AnswerProblem) => void;

  constructor(http: HttpClient, problem: (problem: AnswerProblem) => void) {
    this.#http = http;
    this.#problem = problem;
  }

  /** @throws HttpError when no answer comes, or one out of shape */
  async ask<T>(
    request: HttpRequest,
    schema: z.ZodType<T>,
  ): Promise<{ readonly body: T; readonly answer: HttpAnswer }> {
    const answer = await this.#http.request(request);
    return { body: inShape(schema, answer, request), answer };
  }

  /** The elements that are in shape. */
  elements<T>(route: string, values: unknown, schema: z.ZodType<T>): T[] {
    const kept: T[] = [];
    for (const value of Array.isArray(values) ? values : []) {
      // Elements are kept with everything that is in them.
      if (isNestedDeeply(value)) {
        const message = `nested deeper than ${DEEPEST}`;
        this.#problem({ route, subject: subjectOf(value), message, raw: null });
        continue;
      }
      const result = schema.safeParse(value);
      if (result.success) kept.push(result.data);
      else this.#problem({ route, subject: subjectOf(value), message: issueText(result.error), raw: value });
    }
    return kept;
  }

  /** What reading makes of each element; one on which it throws is reported and left out. */
  readEach<T, R>(route: string, values: readonly T[], read: (value: T) => R): R[] {
    const kept: R[] = [];
    for (const value of values) {
      try {
        kept.push(read(value));
      } catch (error) {
        this.#problem({ route, subject: subjectOf(value), message: reasonText(error), raw: value });
      }
    }
    return kept;
  }
}

const NAMES = [
  'ticker',
  'market_ticker',
  'event_ticker',
  'trade_id',
  'asset_id',
  'condition_id',
  'conditionId',
  'id',
];

function subjectOf(raw: unknown): string | null {
  if (typeof raw !== 'object' || raw === null) return null;
  for (const name of NAMES) {
    const value = (raw as Record<string, unknown>)[name];
    if (typeof value === 'string') return value;
  }
  return null;
}
