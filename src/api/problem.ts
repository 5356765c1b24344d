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
  get body(): { error: { code: string; message: string; parameter?: string } } {
    const { code, message, parameter } = this;
    return { error: { code, message, ...(parameter === null ? {} : { parameter }) } };
  }
}
