import type { MiddlewareObj } from '@middy/core';
import type { Logger } from 'pino';
import type { z } from 'zod';

/** An environment or event that is not what the function's contract says. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/** @throws ContractError naming what is wrong, one part per issue, without values. */
export function check<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  value: unknown,
): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new ContractError(`${what}: ${issues.join('; ')}`);
}

/** Replaces the event by what the schema makes of it. */
export function parsedEvent(schema: z.ZodType): MiddlewareObj {
  return {
    before: (request) => {
      request.event = check('event', schema, request.event);
    },
  };
}

/** Logs what a handler throws, once, and lets it be thrown on. */
export function errorLog(log: () => Pick<Logger, 'error'>): MiddlewareObj {
  return {
    onError: (request) => {
      const { name, message } = request.error as Error;
      log().error({ name, error: message }, 'invocation failed');
    },
  };
}
