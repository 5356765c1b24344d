import { type Clock, MICROS_PER_MILLI, type Micros } from '../units/time.ts';
import { type BackoffSettings, backoffMillis } from './backoff.ts';
import { BodyTooLargeError, readBody, retryAfterMillis } from './body.ts';
import { readErrorBody, shorten } from './error-body.ts';
import { HttpError, type HttpOutcome } from './http-error.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Sleep } from './sleep.ts';

export type Query = readonly (readonly [name: string, value: string])[];

export interface HttpRequest {
  /** `POST` only where it reads and may be sent again. */
  readonly method: 'GET' | 'POST';
  /** Below the base URL, beginning with a slash; segments already encoded. */
  readonly path: string;
  /** Path with its parameters as names, for counting: `/markets/{ticker}`. */
  readonly route: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** What one attempt takes from the limit; 1 unless said. */
  readonly cost?: number;
  readonly limit?: RateLimit;
  /** Statuses besides 2xx whose body is the answer all the same. */
  readonly accept?: readonly number[];
  /** The answer is plain text: it is not parsed, and `json` holds the text. */
  readonly plain?: true;
  /** Other than the client's, for bodies known to be long. */
  readonly attemptTimeoutMillis?: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed body. */
  readonly json: unknown;
  readonly text: string;
  /** When the body had wholly arrived. */
  readonly received_at: Micros;
}

/** One attempt, for counters. */
export interface HttpObservation {
  readonly method: string;
  readonly route: string;
  readonly outcome: HttpOutcome;
  readonly status: number | null;
  /** From 1. */
  readonly attempt: number;
  readonly millis: number;
  /** Whether another attempt follows. */
  readonly retried: boolean;
}

export interface HttpClientOptions {
  /** With any path prefix, e.g. `https://host/trade-api/v2`. */
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly fetch?: typeof fetch;
  /** Headers of one attempt, by method and whole path without query: signatures are made anew for each. */
  readonly headers?: (method: string, path: string) => Readonly<Record<string, string>>;
  readonly observe?: (observation: HttpObservation) => void;
  /** 10,000 unless said. */
  readonly attemptTimeoutMillis?: number;
  /** From the first attempt to giving up, waits included; time in the limit's queue before it does not count. 60,000 unless said. */
  readonly deadlineMillis?: number;
  /** 6 unless said. */
  readonly maxAttempts?: number;
  /** After decompression; 64 MiB unless said. */
  readonly maxBodyBytes?: number;
  readonly backoff?: BackoffSettings;
}

const RETRIED: ReadonlySet<HttpOutcome> = new Set([
  'rate_limited',
  'server_error',
  'timeout',
  'network',
  'truncated',
  'not_json',
]);

interface Attempt {
  readonly outcome: HttpOutcome;
  readonly status: number | null;
  readonly reason: string;
  readonly code: string | null;
  readonly body: string;
  readonly retryAfterMillis: number | null;
  readonly answer?: HttpAnswer;
  readonly cause?: unknown;
}

/**
 * JSON over HTTP as the venues' interfaces need it: every attempt waits for its rate limit, has a time limit of
 * its own and a fresh signature; what may pass (429, 5xx, network, a broken or foreign body) is tried again with
 * exponential backoff and full jitter until the deadline, and never before a `Retry-After`; what cannot (400,
 * 401, 403, 404 and other refusals) is not.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #base: URL;
  readonly #fetch: typeof fetch;

  /** @throws TypeError when the base URL is none. */
  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#base = new URL(options.baseUrl);
    this.#fetch = options.fetch ?? globalThis.fetch;
  }

  /** @throws HttpError when no usable answer came, or when stopped by the signal. */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { clock, sleep, random } = this.#options;
    const maxAttempts = this.#options.maxAttempts ?? 6;
    const backoff = this.#options.backoff ?? { baseMillis: 250, capMillis: 15_000 };
    const url = this.#url(request);
    let deadline = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        await request.limit?.acquire(request.cost ?? 1, request.signal);
      } catch (error) {
        throw this.#error(request, url, stopped(error), attempt - 1);
      }
      const started = clock();
      if (attempt === 1) {
        deadline = started + (this.#options.deadlineMillis ?? 60_000) * MICROS_PER_MILLI;
      }
      const result = await this.#attempt(request, url, (deadline - started) / MICROS_PER_MILLI);
      const wait = this.#waitBefore(result, backoffMillis(backoff, attempt - 1, random));
      if (result.outcome === 'rate_limited') request.limit?.refused(wait);
      const now = clock();
      const retry =
        RETRIED.has(result.outcome) &&
        attempt < maxAttempts &&
        now + wait * MICROS_PER_MILLI < deadline &&
        request.signal?.aborted !== true;
      this.#observe(request, result, attempt, (now - started) / MICROS_PER_MILLI, retry);
      if (result.answer !== undefined) return result.answer;
      if (!retry) throw this.#error(request, url, result, attempt);
      try {
        await sleep(wait, request.signal);
      } catch (error) {
        throw this.#error(request, url, stopped(error), attempt);
      }
    }
  }

  /** Retry-After is a floor; the jitter comes on top, so that refused clients do not return together. */
  #waitBefore(result: Attempt, jitter: number): number {
    return result.retryAfterMillis === null ? jitter : result.retryAfterMillis + jitter;
  }

  #url(request: HttpRequest): URL {
    const url = new URL(this.#base);
    url.pathname = `${this.#base.pathname.replace(/\/+$/, '')}${request.path}`;
    for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
    return url;
  }

  async #attempt(request: HttpRequest, url: URL, leftMillis: number): Promise<Attempt> {
    const limit = request.attemptTimeoutMillis ?? this.#options.attemptTimeoutMillis ?? 10_000;
    const late = new AbortController();
    // A real timer: what it bounds is real input and output. It goes with the attempt, or many would pile up.
    const timer = setTimeout(() => late.abort(), Math.max(1, Math.min(limit, Math.ceil(leftMillis))));
    timer.unref();
    const timeout = late.signal;
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    let status: number | null = null;
    try {
      const response = await this.#fetch(url, {
        method: request.method,
        headers: this.#headers(request, url),
        body: request.json === undefined ? null : JSON.stringify(request.json),
        // A signature must not follow to another host.
        redirect: 'manual',
        signal,
      });
      status = response.status;
      const text = await readBody(response, this.#options.maxBodyBytes ?? 64 * 1024 * 1024);
      return this.#judge(request, response, text);
    } catch (cause) {
      const base = { status, code: null, body: '', retryAfterMillis: null, cause };
      if (request.signal?.aborted) return { ...base, outcome: 'stopped', reason: 'stopped' };
      if (timeout.aborted) return { ...base, outcome: 'timeout', reason: 'no whole answer in time' };
      if (cause instanceof BodyTooLargeError) {
        return { ...base, outcome: 'too_large', reason: cause.message };
      }
      if (status !== null) {
        return { ...base, outcome: 'truncated', reason: `answer broke off (${causeText(cause)})` };
      }
      return { ...base, outcome: 'network', reason: causeText(cause) };
    } finally {
      clearTimeout(timer);
    }
  }

  #headers(request: HttpRequest, url: URL): Record<string, string> {
    return {
      accept: 'application/json',
      // Left out, fetch would send `*`; the venues translate market texts by it.
      'accept-language': 'en',
      'user-agent': 'prediction-tape',
      ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...this.#options.headers?.(request.method, url.pathname),
    };
  }

  #judge(request: HttpRequest, response: Response, text: string): Attempt {
    const { status } = response;
    const received_at = this.#options.clock();
    const base = { status, code: null, body: shorten(text), retryAfterMillis: null };
    if (response.ok || request.accept?.includes(status)) {
      try {
        const json: unknown = request.plain ? text : JSON.parse(text);
        const answer = { status, json, text, received_at };
        return { ...base, outcome: 'ok', reason: '', answer };
      } catch (cause) {
        // An accepted failure status without its body is still that failure.
        if (response.ok) {
          return { ...base, cause, outcome: 'not_json', reason: `answered ${status}: ${notJson(text)}` };
        }
      }
    }
    const { code, message } = readErrorBody(text);
    const named = code === null || message === code ? message : `${code}: ${message}`;
    const reason = `answered ${status} (${named})`;
    const after = retryAfterMillis(response.headers, received_at / MICROS_PER_MILLI);
    const refusal = { ...base, code, reason, retryAfterMillis: after };
    if (status === 429) return { ...refusal, outcome: 'rate_limited' };
    if (status >= 500 || status === 408) return { ...refusal, outcome: 'server_error' };
    if (status >= 300 && status < 400) {
      const target = response.headers.get('location') ?? 'nowhere';
      return { ...refusal, outcome: 'redirected', reason: `answered ${status}, moved to ${shorten(target)}` };
    }
    return { ...refusal, outcome: 'refused' };
  }

  #observe(request: HttpRequest, result: Attempt, attempt: number, millis: number, retried: boolean): void {
    const { method, route } = request;
    const { outcome, status } = result;
    this.#options.observe?.({ method, route, outcome, status, attempt, millis, retried });
  }

  #error(request: HttpRequest, url: URL, result: Attempt, attempts: number): HttpError {
    return new HttpError({
      outcome: result.outcome === 'ok' ? 'wrong_shape' : result.outcome,
      method: request.method,
      path: url.pathname,
      query: shorten(url.searchParams.toString(), 120),
      status: result.status,
      code: result.code,
      body: result.body,
      attempts,
      reason: result.reason,
      cause: result.cause,
    });
  }
}

function stopped(cause: unknown): Attempt {
  const base = { status: null, code: null, body: '', retryAfterMillis: null, cause };
  return { ...base, outcome: 'stopped', reason: 'stopped' };
}

function notJson(text: string): string {
  const { message } = readErrorBody(text);
  return text.trim().startsWith('<') ? message : `not whole JSON: ${shorten(text, 80)}`;
}

/** fetch hides the reason ("ECONNREFUSED") in the cause of a "fetch failed". */
function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause;
  if (inner instanceof Error) {
    const code = (inner as NodeJS.ErrnoException).code;
    return code === undefined || inner.message.includes(code)
      ? inner.message || code!
      : `${inner.message} (${code})`;
  }
  return error.message;
}
