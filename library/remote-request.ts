import { failureBody } from '#src/api/problem.ts';
import { retryAfterMillis } from '#src/http/body.ts';
import { readErrorBody } from '#src/http/error-body.ts';
import type { Query } from '#src/http/http-client.ts';
import { queryOf } from '#src/http/query.ts';
import type { Sleep } from '#src/http/sleep.ts';
import { type Clock, MICROS_PER_MILLI } from '#src/units/time.ts';

/** What a server said instead of an answer, or that none came. */
export class RemoteTapeError extends Error {
  override readonly name = 'RemoteTapeError';
  /** Null where no answer came, or one broke off. */
  readonly status: number | null;
  /** The server's own word (`docs/api.md`); null where it says none. */
  readonly code: string | null;
  /** The parameter that is wrong; null where none is. */
  readonly parameter: string | null;

  constructor(
    message: string,
    more: {
      readonly status?: number;
      readonly code?: string | null;
      readonly parameter?: string | null;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.status = more.status ?? null;
    this.code = more.code ?? null;
    this.parameter = more.parameter ?? null;
  }
}

export interface RemoteSettings {
  /** Of the server, with the path before `/v1` where a proxy puts one there. */
  readonly url: string;
  /** Asked for by every server that is not on the own machine. */
  readonly key?: string;
  /** Requests for one answer at most, where the server says to come again; 5 when absent. */
  readonly attempts?: number;
  /** A server that says to come again later than this is not asked again; a minute when absent. */
  readonly longestWaitMillis?: number;
  readonly fetch?: typeof fetch;
  readonly sleep: Sleep;
  readonly clock: Clock;
}

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** Asks a server of the HTTP interface, and asks again where that says when. */
export class RemoteRequests {
  readonly #settings: RemoteSettings;
  readonly #base: URL;

  /** @throws TypeError where the address is none */
  constructor(settings: RemoteSettings) {
    this.#settings = settings;
    this.#base = new URL(settings.url);
  }

  /**
   * An answer whose status is 200.
   *
   * @throws RemoteTapeError for every other, and where none comes
   * @throws the signal's reason when it is aborted
   */
  async answer(
    path: string,
    parameters: Parameters,
    accept: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    const { attempts = 5, longestWaitMillis = 60_000, sleep, clock } = this.#settings;
    const url = this.#url(path, queryOf(parameters));
    for (let attempt = 1; ; attempt++) {
      const response = await broken(path, signal, () => this.#fetch(url, accept, signal));
      if (response.status === 200) return response;
      const text = await broken(path, signal, () => response.text());
      const isPassing = response.status === 429 || response.status === 503;
      const wait = isPassing ? retryAfterMillis(response.headers, clock() / MICROS_PER_MILLI) : null;
      if (wait === null || wait > longestWaitMillis || attempt >= attempts)
        throw refusal(path, response.status, text);
      await sleep(wait, signal);
    }
  }

  /** The JSON of an answer. @throws RemoteTapeError, or the signal's reason */
  async json(path: string, parameters: Parameters, signal?: AbortSignal): Promise<unknown> {
    const response = await this.answer(path, parameters, 'application/json', signal);
    const text = await broken(path, signal, () => response.text());
    return parsed(path, text);
  }

  #url(path: string, query: Query): URL {
    const url = new URL(this.#base);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    for (const [name, value] of query) url.searchParams.append(name, value);
    return url;
  }

  async #fetch(url: URL, accept: string, signal: AbortSignal | undefined): Promise<Response> {
    const { key, fetch: send = fetch } = this.#settings;
    const headers = { accept, ...(key === undefined ? {} : { 'x-api-key': key }) };
    // A key must not follow to another host.
    return await send(url, { headers, redirect: 'manual', signal: signal ?? null });
  }
}

/** Work with the network; where it fails, says of which path. @throws RemoteTapeError, or the signal's reason */
export async function broken<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(path, signal, error);
  }
}

/** What to throw for an error of the network: the signal's reason where it was aborted. */
function failureOf(path: string, signal: AbortSignal | undefined, error: unknown): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof RemoteTapeError) return error;
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  return new RemoteTapeError(`${path}: no whole answer: ${reason}`, { cause: error });
}

/** @throws RemoteTapeError where the text is no JSON */
export function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = readErrorBody(text);
    throw new RemoteTapeError(`${path}: not JSON, so no server of a tape: ${message}`, {
      status: 200,
      cause,
    });
  }
}

function refusal(path: string, status: number, text: string): RemoteTapeError {
  const said = failureBody.safeParse(jsonOrNull(text));
  const { code, message, parameter } = said.success
    ? said.data.error
    : { ...readErrorBody(text), parameter: undefined };
  return new RemoteTapeError(`${path}: ${status}: ${message}`, {
    status,
    code,
    parameter: parameter ?? null,
  });
}

/** Proxies answer with pages of their own. */
function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
