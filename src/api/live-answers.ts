import type { ClientBase } from 'pg';
import type { Sleep } from '../http/sleep.ts';
import { type BookAnswer, bookAnswer } from '../queries/book-rows.ts';
import { rowObject } from '../queries/output-column.ts';
import { tradeColumns } from '../queries/tape-columns.ts';
import { type SystemReport, type SystemSource, systemReport } from '../status/system-status.ts';
import type { TapeStatus } from '../status/tape-status.ts';
import { horizonOf, tradesOf } from '../storage/production/tape-queries.ts';
import { defaultRules } from '../tape/rules.ts';
import { type Clock, MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { LiveFeed, type Reading } from './live-feed.ts';
import { ApiProblem } from './problem.ts';
import type { TapePool } from './tape-pool.ts';

/** An instrument as far as the tape is settled. */
export interface LiveInstrument {
  readonly book: BookAnswer;
  /** Of the last minute, the latest last. */
  readonly trades: readonly Readonly<Record<string, unknown>>[];
}

const STATUS_MILLIS = 1_000;
/** What is counted in the database changes slowly and costs more. */
const TAPE_MILLIS = 5_000;
const INSTRUMENT_MILLIS = 1_000;
/** Instruments that are followed at most, by all clients together. */
const MOST_INSTRUMENTS = 16;
const TRADES = 50;
const DEPTH = 50;

export interface LiveFeedsSettings {
  readonly pool: TapePool;
  readonly system: SystemSource;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly problemOf: (error: unknown) => ApiProblem;
  /** Ends every feed. */
  readonly closing: AbortSignal;
}

/** What clients can follow: the state of the system, and instruments. */
export class LiveFeeds {
  readonly #settings: LiveFeedsSettings;
  readonly #instruments = new Map<string, LiveFeed<LiveInstrument>>();
  readonly status: LiveFeed<SystemReport>;

  constructor(settings: LiveFeedsSettings) {
    this.#settings = settings;
    const { pool, system, clock } = settings;
    let known: { readonly at: number; readonly tape: Promise<TapeStatus> } | null = null;
    const tape = (work: (client: ClientBase) => Promise<TapeStatus>): Promise<TapeStatus> => {
      const now = clock();
      if (known === null || now - known.at >= TAPE_MILLIS * 1_000) known = { at: now, tape: pool.use(work) };
      return known.tape;
    };
    this.status = this.#feed(() => systemReport(system, tape), STATUS_MILLIS);
  }

  #feed<Value>(read: () => Promise<Value>, everyMillis: number): LiveFeed<Value> {
    const { sleep, problemOf, closing } = this.#settings;
    return new LiveFeed({ read, everyMillis, sleep, problemOf, closing });
  }

  /** @throws ApiProblem 503 when others follow as many instruments as may be. */
  instrument(venue: string, instrument: string): LiveFeed<LiveInstrument> {
    for (const [key, feed] of this.#instruments) if (feed.followers === 0) this.#instruments.delete(key);
    const key = `${venue} ${instrument}`;
    const known = this.#instruments.get(key);
    if (known !== undefined) return known;
    if (this.#instruments.size >= MOST_INSTRUMENTS)
      throw new ApiProblem(503, 'busy', 'as many instruments as may be are followed', { retryAfter: 10 });
    const { pool } = this.#settings;
    const feed = this.#feed(
      () => pool.use((client) => this.#read(client, venue, instrument)),
      INSTRUMENT_MILLIS,
    );
    this.#instruments.set(key, feed);
    return feed;
  }

  async #read(client: ClientBase, venue: string, instrument: string): Promise<LiveInstrument> {
    const horizon = await horizonOf(client, defaultRules, venue);
    const at = horizon ?? this.#settings.clock();
    const book = await bookAnswer(client, { venue, instrument, depth: DEPTH }, at, defaultRules);
    const trades: Record<string, unknown>[] = [];
    const filter = { venue, instrument, from: (at - MICROS_PER_MINUTE) as Micros, to: (at + 1) as Micros };
    for await (const trade of tradesOf(client, filter)) {
      trades.push(rowObject(tradeColumns, trade));
      if (trades.length > TRADES) trades.shift();
    }
    return { book, trades };
  }
}

const KEEP_ALIVE_MILLIS = 15_000;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** The head of an answer with events: nobody who asks for it alone follows anything. */
export function eventStreamHead(): Response {
  return new Response(null, { headers: STREAM_HEADERS });
}

function eventText<Value>(name: string, reading: Reading<Value>): string {
  const [event, data] = 'value' in reading ? [name, reading.value] : ['failure', reading.problem.body];
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Server-sent events as fast as the client takes them: one of this name for each value, and one named `failure`, with what
 * a failed request would be answered, where there was none.
 */
export function eventStream<Value>(
  name: string,
  readings: AsyncGenerator<Reading<Value>>,
  stop: AbortController,
): Response {
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<Reading<Value>>> | null = null;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= readings.next();
        // A proxy in between closes what says nothing for long.
        let timer: NodeJS.Timeout | undefined;
        const silence = new Promise<null>((resolve) => {
          timer = setTimeout(() => resolve(null), KEEP_ALIVE_MILLIS);
        });
        const result = await Promise.race([pending, silence]).finally(() => clearTimeout(timer));
        if (result === null) return controller.enqueue(encoder.encode(': still here\n\n'));
        pending = null;
        if (result.done === true) return controller.close();
        controller.enqueue(encoder.encode(eventText(name, result.value)));
      },
      async cancel() {
        stop.abort();
        await readings.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: STREAM_HEADERS });
}
