import { z } from 'zod';

/** The body of every answer that is a failure. */
export const failureBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    parameter: z.string().optional().meta({ description: 'the parameter that is wrong' }),
  }),
});

/** What a client did wrong, or what cannot be answered now. Shown to the client as it is: holds no secret. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  /** The parameter that is wrong; null where none is. */
  readonly parameter: string | null;
  /** Seconds after which it is worth asking again; null where it is not. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly parameter?: string; readonly retryAfter?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.parameter = more.parameter ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }

  /** The body of the answer. */
  get body(): z.infer<typeof failureBody> {
    const { code, message, parameter } = this;
    return { error: { code, message, ...(parameter === null ? {} : { parameter }) } };
  }
}
