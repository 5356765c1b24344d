import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { rowObject } from '../queries/output-column.ts';
import { horizonOf } from '../storage/production/tape-queries.ts';
import { defaultRules } from '../tape/rules.ts';
import type { Micros } from '../units/time.ts';
import { pageCursor, placeOfCursor } from './page-cursor.ts';
import { PAGE_DEFAULT, PAGE_LIMIT, readParameters } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import type { RowQuery } from './row-queries.ts';
import { databaseProblem, type TapePool } from './tape-pool.ts';

const NDJSON = 'application/x-ndjson';
/** A page that takes longer is cut; the next one goes on. */
const PAGE_MILLIS = 5_000;
/** A stream that takes longer breaks off. */
const STREAM_MILLIS = 600_000;
/** Text is handed on in pieces of about so many characters. */
const CHUNK = 32_768;

interface Asked {
  readonly parameters: never;
  readonly after?: readonly unknown[];
  readonly limit: number | undefined;
  /** What a cursor belongs to. */
  readonly identity: string;
}

function readRequest(query: RowQuery, url: URL): Asked {
  const parameters = readParameters(query.parameters, url.searchParams) as Record<string, unknown>;
  const { cursor, limit } = parameters as { cursor?: string; limit?: number };
  const others = [...url.searchParams].filter(([name]) => name !== 'cursor' && name !== 'limit').sort();
  const identity = JSON.stringify([query.path, others]);
  const after = cursor === undefined ? undefined : placeOfCursor(identity, query.place, cursor);
  return { parameters: parameters as never, limit, identity, ...(after === undefined ? {} : { after }) };
}

/**
 * Whether nothing that lies before a time is still on its way from a line that runs. A line that is away may bring
 * more when it is back, so even such an answer is asked for anew, and confirmed by its tag.
 */
export async function isSettled(client: ClientBase, until: Micros | null, venue?: string): Promise<boolean> {
  if (until === null) return false;
  const horizon = await horizonOf(client, defaultRules, venue);
  return horizon !== null && until <= horizon;
}

/** JSON that a client may keep where it is settled, and need not get again. */
export function jsonAnswer(request: Request, body: unknown, settled = false): Response {
  const text = `${JSON.stringify(body)}\n`;
  const headers = new Headers({ 'content-type': 'application/json; charset=utf-8' });
  if (!settled) {
    headers.set('cache-control', 'no-store');
    return new Response(text, { headers });
  }
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  headers.set('cache-control', 'private, no-cache');
  headers.set('etag', tag);
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((part) => part.trim());
  return known.includes(tag) ? new Response(null, { status: 304, headers }) : new Response(text, { headers });
}

async function pageAnswer(
  pool: TapePool,
  query: RowQuery,
  asked: Asked,
  request: Request,
): Promise<Response> {
  const { parameters, after, identity } = asked;
  const limit = asked.limit ?? PAGE_DEFAULT;
  if (limit > PAGE_LIMIT) {
    const message = `limit: at most ${PAGE_LIMIT} rows in a page; for more, follow \`next\` or ask for ${NDJSON}`;
    throw new ApiProblem(400, 'bad_parameter', message, { parameter: 'limit' });
  }
  return await pool.use(async (client) => {
    const started = performance.now();
    const data: unknown[] = [];
    let next: string | null = null;
    let last: unknown;
    for await (const row of query.rows(client, parameters, { limit: limit + 1, ...(after && { after }) })) {
      const isFull = data.length === limit || (data.length > 0 && performance.now() - started > PAGE_MILLIS);
      if (isFull) {
        next = pageCursor(identity, query.placeOf(last as never));
        break;
      }
      data.push(rowObject(query.columns, row));
      last = row;
    }
    const { venue } = parameters as { venue?: string };
    const settled = await isSettled(client, query.until(parameters), venue);
    return jsonAnswer(request, { data, next }, settled);
  });
}

/** Lines of JSON as they are read off the database, as fast as the client takes them. */
async function streamAnswer(pool: TapePool, query: RowQuery, asked: Asked): Promise<Response> {
  const { parameters, after, limit } = asked;
  const { client, release } = await pool.leaseStream();
  const page = { ...(limit === undefined ? {} : { limit }), ...(after && { after }) };
  const rows = query.rows(client, parameters, page)[Symbol.asyncIterator]();
  const ends = performance.now() + STREAM_MILLIS;
  let given = 0;
  const chunk = async (): Promise<{ text: string; done: boolean }> => {
    let text = '';
    while (text.length < CHUNK && (limit === undefined || given < limit)) {
      if (performance.now() > ends) throw new Error('the stream took too long');
      const { value, done } = await rows.next();
      if (done === true) return { text, done: true };
      given++;
      text += `${JSON.stringify(rowObject(query.columns, value))}\n`;
    }
    return { text, done: limit !== undefined && given >= limit };
  };
  const finish = async (broken: boolean): Promise<void> => {
    await rows.return?.().catch(() => {});
    release(broken);
  };
  let first: { text: string; done: boolean };
  try {
    // Before the answer begins, so that what is wrong with the question is still said by its status.
    first = await chunk();
  } catch (error) {
    await finish(true);
    throw databaseProblem(error, pool.settings) ?? error;
  }
  let ready: typeof first | null = first;
  const encoder = new TextEncoder();
  let stalled: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stalled);
        try {
          const { text, done } = ready ?? (await chunk());
          ready = null;
          if (text !== '') controller.enqueue(encoder.encode(text));
          if (!done) {
            // Nothing is asked of a stream whose reader takes nothing: only a timer ends it.
            const left = Math.min(pool.settings.idleMillis, ends - performance.now());
            stalled = setTimeout(() => {
              controller.error(new Error('the reader takes nothing'));
              void finish(true);
            }, left);
            return;
          }
          await finish(false);
          controller.close();
        } catch (error) {
          // Breaking off is how a client learns that it has not got everything.
          await finish(true);
          controller.error(error);
        }
      },
      cancel: () => {
        clearTimeout(stalled);
        return finish(true);
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: { 'content-type': NDJSON, 'cache-control': 'no-store' } });
}

/** Answers a query with a page of rows, or with a stream of lines where the request accepts that. */
export async function rowAnswer(pool: TapePool, query: RowQuery, request: Request): Promise<Response> {
  const asked = readRequest(query, new URL(request.url));
  const wantsStream = (request.headers.get('accept') ?? '').includes(NDJSON);
  return wantsStream && request.method !== 'HEAD'
    ? await streamAnswer(pool, query, asked)
    : await pageAnswer(pool, query, asked, request);
}
