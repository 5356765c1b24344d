import { z } from 'zod';
import { shorten } from './error-body.ts';
import type { HttpAnswer, HttpRequest } from './http-client.ts';
import { HttpError } from './http-error.ts';

/** Something in an answer that could not be used; the rest of the answer was. */
export interface AnswerProblem {
  readonly route: string;
  /** What it was of, e.g. a ticker, where that could be read. */
  readonly subject: string | null;
  readonly message: string;
  /** As received. */
  readonly raw: unknown;
}

/**
 * The answer in the shape the caller relies on.
 *
 * @throws HttpError (`wrong_shape`) naming the field that differs.
 */
export function inShape<T>(schema: z.ZodType<T>, answer: HttpAnswer, request: HttpRequest): T {
  const result = schema.safeParse(answer.json);
  if (result.success) return result.data;
  throw wrongShape(answer, request, issueText(result.error));
}

/** An answer that is JSON but not what was asked for. */
export function wrongShape(answer: HttpAnswer, request: HttpRequest, reason: string): HttpError {
  return new HttpError({
    outcome: 'wrong_shape',
    method: request.method,
    path: request.path,
    query: '',
    status: answer.status,
    code: null,
    body: shorten(answer.text),
    attempts: 1,
    reason,
  });
}

/** First complaint of a schema, as `field: what was expected`. */
export function issueText(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'unexpected shape';
  return `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`;
}

/** Why an element could not be read, on one line. */
export function reasonText(error: unknown): string {
  if (error instanceof z.ZodError) return issueText(error);
  return error instanceof Error ? error.message : String(error);
}
