/** What became of an attempt or a request; a stable word for counting. */
export type HttpOutcome =
  | 'ok'
  | 'rate_limited'
  | 'server_error'
  | 'refused'
  | 'redirected'
  | 'timeout'
  | 'network'
  | 'truncated'
  | 'too_large'
  | 'not_json'
  | 'wrong_shape'
  | 'stopped';

export interface HttpErrorDetails {
  readonly outcome: Exclude<HttpOutcome, 'ok'>;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Query as sent, shortened; empty where there is none. */
  readonly query: string;
  /** Status of the last answer, or null where none came. */
  readonly status: number | null;
  /** The venue's own error code, where it gives one. */
  readonly code: string | null;
  /** Start of the body, on one line. */
  readonly body: string;
  readonly attempts: number;
  readonly reason: string;
  readonly cause?: unknown;
}

/** A request that gave no usable answer: says which, how often it was tried, what came, and what to do. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly outcome: Exclude<HttpOutcome, 'ok'>;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly code: string | null;
  readonly body: string;
  readonly attempts: number;
  /** What a person can do about it. */
  readonly advice: string;

  constructor(details: HttpErrorDetails) {
    const advice = adviceFor(details.outcome, details.status);
    const query = details.query === '' ? '' : `?${details.query}`;
    const tried = details.attempts > 1 ? ` (${details.attempts} attempts)` : '';
    super(`${details.method} ${details.path}${query}: ${details.reason}${tried}; ${advice}`, {
      cause: details.cause,
    });
    this.outcome = details.outcome;
    this.method = details.method;
    this.path = details.path;
    this.status = details.status;
    this.code = details.code;
    this.body = details.body;
    this.attempts = details.attempts;
    this.advice = advice;
  }
}

/**
 * What the request gives, or null where the venue answers that it is not there (404).
 *
 * @throws HttpError for every other failure
 */
export async function orNull<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof HttpError && error.status === 404) return null;
    throw error;
  }
}

function adviceFor(outcome: HttpOutcome, status: number | null): string {
  switch (outcome) {
    case 'rate_limited':
      return 'lower the configured request rate, or wait';
    case 'server_error':
      return 'the venue is in trouble; it is worth trying later';
    case 'redirected':
      return 'set the base URL to the address that it names';
    case 'timeout':
      return 'check the network, or allow more time';
    case 'network':
      return 'check the base URL and the network';
    case 'truncated':
      return 'the connection broke within the answer; it is worth trying later';
    case 'too_large':
      return 'ask for less at once, or raise the body limit';
    case 'not_json':
      return 'check that the base URL is that of the interface and no proxy answers in its place';
    case 'wrong_shape':
      return 'the interface may have changed; the body is kept in the error';
    case 'stopped':
      return 'the caller stopped it';
    default:
      return adviceForStatus(status);
  }
}

function adviceForStatus(status: number | null): string {
  switch (status) {
    case 400:
      return 'the request is wrong and is not tried again';
    case 401:
      return 'check key id, private key, that the key is of this environment, and the clock';
    case 403:
      return 'the key or the address has no right to this';
    case 404:
      return 'it does not exist there, or no longer';
    default:
      return 'it is not tried again';
  }
}
