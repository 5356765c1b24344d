import type { AnswerAt, ParametersAt, RowAt, RowPath } from '#src/api/paths.ts';
import type { Venue } from '#src/events/event.ts';
import { cursorPages } from '#src/http/pagination.ts';
import { systemSleep } from '#src/http/sleep.ts';
import { textLines } from '#src/recording/text-lines.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { broken, parsed, RemoteRequests, type RemoteSettings, RemoteTapeError } from './remote-request.ts';

/** Where the server is, and how patient to be with it. */
export type RemoteTapeSettings = Omit<RemoteSettings, 'sleep' | 'clock'> &
  Partial<Pick<RemoteSettings, 'sleep' | 'clock'>>;

/** What is asked of a path, as `docs/api.md` and the server's `/openapi.json` name it; `limit` is of all rows. */
export type RowsAsked<Path extends RowPath> = ParametersAt<Path> & { readonly limit?: number };

export interface RowOptions {
  readonly signal?: AbortSignal;
  /** Rows of a page, up to 10,000, which is what is taken when absent. */
  readonly pageSize?: number;
  /** In one answer as the server reads it (a server has few places for these), not in pages. */
  readonly stream?: boolean;
}

const LARGEST_PAGE = 10_000;
const LONGEST_ROW = 16 << 20;

/** As handed on: the server judges it. */
type Handed = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A tape behind the HTTP interface. Rows come as a loop asks for them, page by page; a page that the server has no
 * time for is asked for again when it says so, so that a loop of any length goes through. Any number of queries may
 * run at a time.
 */
export class RemoteTape {
  readonly #requests: RemoteRequests;

  /** @throws TypeError where the address is none */
  constructor(settings: RemoteTapeSettings) {
    this.#requests = new RemoteRequests({ sleep: systemSleep, clock: systemClock(), ...settings });
  }

  /** The book at a venue time, and whether it is the venue's for certain; as far as the tape is settled when absent. */
  async bookAt(
    venue: Venue,
    instrument: string,
    at?: Micros | string,
    { depth, signal }: { readonly depth?: number; readonly signal?: AbortSignal } = {},
  ): Promise<AnswerAt<'/v1/book'>> {
    const asked: ParametersAt<'/v1/book'> = { venue, instrument, at, depth };
    return (await this.#requests.json('/v1/book', asked, signal)) as AnswerAt<'/v1/book'>;
  }

  /** In the order of venue time. */
  trades(asked: RowsAsked<'/v1/trades'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/trades'>> {
    return this.rows('/v1/trades', asked, options);
  }

  /** Changes of books in the order of venue time. */
  deltas(asked: RowsAsked<'/v1/deltas'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/deltas'>> {
    return this.rows('/v1/deltas', asked, options);
  }

  /** By venue, instrument and time. */
  candles(asked: RowsAsked<'/v1/candles'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/candles'>> {
    return this.rows('/v1/candles', asked, options);
  }

  /** Figures of proven books in the order of time. */
  metrics(asked: RowsAsked<'/v1/metrics'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/metrics'>> {
    return this.rows('/v1/metrics', asked, options);
  }

  /** The books of an instrument every so often. */
  books(asked: RowsAsked<'/v1/books'>, options?: RowOptions): AsyncGenerator<RowAt<'/v1/books'>> {
    return this.rows('/v1/books', asked, options);
  }

  /** When and of what the tape, or one line, may lack events. */
  gaps(asked: RowsAsked<'/v1/gaps'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/gaps'>> {
    return this.rows('/v1/gaps', asked, options);
  }

  /** Which lines prove that they saw everything, by instrument and minute; of the last hour when no span is given. */
  coverage(
    asked: RowsAsked<'/v1/coverage/minutes'> = {},
    options?: RowOptions,
  ): AsyncGenerator<RowAt<'/v1/coverage/minutes'>> {
    return this.rows('/v1/coverage/minutes', asked, options);
  }

  /** The condition of every market and hour that has events; of the last hour when no span is given. */
  coverageHours(
    asked: RowsAsked<'/v1/coverage/hours'> = {},
    options?: RowOptions,
  ): AsyncGenerator<RowAt<'/v1/coverage/hours'>> {
    return this.rows('/v1/coverage/hours', asked, options);
  }

  /** What the venues announced of markets and events. */
  lifecycle(
    asked: RowsAsked<'/v1/lifecycle'> = {},
    options?: RowOptions,
  ): AsyncGenerator<RowAt<'/v1/lifecycle'>> {
    return this.rows('/v1/lifecycle', asked, options);
  }

  /** What the venues announced of outcomes. */
  settlements(
    asked: RowsAsked<'/v1/settlements'> = {},
    options?: RowOptions,
  ): AsyncGenerator<RowAt<'/v1/settlements'>> {
    return this.rows('/v1/settlements', asked, options);
  }

  /** By venue and name. */
  markets(asked: RowsAsked<'/v1/markets'> = {}, options?: RowOptions): AsyncGenerator<RowAt<'/v1/markets'>> {
    return this.rows('/v1/markets', asked, options);
  }

  /**
   * The rows of any path that gives rows. Ending the loop ends the request.
   *
   * @throws RemoteTapeError where the server refuses, does not answer or breaks off; rows given before are good
   * @throws the signal's reason when it is aborted
   */
  rows<Path extends RowPath>(
    path: Path,
    asked: RowsAsked<Path>,
    options: RowOptions = {},
  ): AsyncGenerator<RowAt<Path>> {
    const rows =
      options.stream === true ? this.#stream(path, asked, options) : this.#pages(path, asked, options);
    return rows as AsyncGenerator<RowAt<Path>>;
  }

  async *#pages(path: string, asked: Handed & { readonly limit?: number }, options: RowOptions) {
    const { signal, pageSize = LARGEST_PAGE } = options;
    let left = asked.limit ?? Number.POSITIVE_INFINITY;
    const pages = cursorPages(path, async (cursor) => {
      const parameters = { ...asked, limit: Math.min(pageSize, left), cursor: cursor ?? undefined };
      const { data, next } = pageOf(path, await this.#requests.json(path, parameters, signal));
      left -= data.length;
      return { items: data, next: left > 0 ? next : null };
    });
    for await (const page of pages) yield* page;
  }

  async *#stream(path: string, asked: Handed, { signal }: RowOptions) {
    const response = await this.#requests.answer(path, asked, 'application/x-ndjson', signal);
    if (response.body === null) return;
    const batches = textLines(response.body, LONGEST_ROW);
    try {
      for (;;) {
        const { value: lines, done } = await broken(path, signal, () => batches.next());
        if (done === true) return;
        for (const { number, text } of lines) {
          if (text === null)
            throw new RemoteTapeError(`${path}: line ${number} of the answer cannot be read`);
          yield parsed(path, text);
        }
      }
    } finally {
      // A loop that is left tells the server, which gives the place to others.
      await batches.return(undefined).catch(() => {});
    }
  }
}

function pageOf(
  path: string,
  body: unknown,
): { readonly data: readonly unknown[]; readonly next: string | null } {
  const { data, next } = (body ?? {}) as { data?: unknown; next?: unknown };
  if (Array.isArray(data) && (next === null || typeof next === 'string')) return { data, next };
  throw new RemoteTapeError(`${path}: an answer without rows, so no server of a tape`, { status: 200 });
}
