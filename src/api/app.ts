import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { z } from 'zod';
import { type Sleep, systemSleep } from '../http/sleep.ts';
import type { TokenBucketSettings } from '../http/token-bucket.ts';
import { type SystemSource, systemReport } from '../status/system-status.ts';
import { knowsInstrument } from '../storage/production/tape-queries.ts';
import { scrubText } from '../telemetry/redaction.ts';
import type { Clock } from '../units/time.ts';
import { hostOf, isLoopback, keyChecker, offeredKey } from './access-key.ts';
import { eventStream, eventStreamHead, LiveFeeds } from './live-answers.ts';
import { openApiDocument } from './openapi.ts';
import { parametersOf, readParameters } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import { RequestAllowance } from './request-allowance.ts';
import { isSettled, jsonAnswer, rowAnswer } from './row-answers.ts';
import { type RowQuery, rowQueries, unknownInstrument } from './row-queries.ts';
import { type SingleQuery, singleQueries } from './single-answers.ts';
import { databaseProblem, type TapePool } from './tape-pool.ts';

export interface ApiSettings {
  readonly pool: TapePool;
  readonly system: SystemSource;
  readonly clock: Clock;
  readonly sleep?: Sleep;
  /** Asked for with every request but those of the console's page; null for nobody but the own machine. */
  readonly key: string | null;
  readonly allowance: TokenBucketSettings;
  /** Pages of this origin may read the answers; none where it is null. */
  readonly allowOrigin: string | null;
  readonly version: string;
  /** Ends what clients follow, so that nothing goes on behind a server that is closed. */
  readonly closing: AbortSignal;
  /** Told of mistakes of the program. */
  readonly onFault: (text: string) => void;
}

export const defaultAllowance: TokenBucketSettings = { refillPerSecond: 20, capacity: 200 };

/** The address a request came from, as the server sees it. */
export interface ApiBindings {
  readonly remoteAddress?: string;
}

type ApiContext = Context<{ Bindings: ApiBindings }>;

function failureOf(context: ApiContext, problem: ApiProblem): Response {
  const { status, retryAfter, body } = problem;
  context.header('cache-control', 'no-store');
  if (retryAfter !== null) context.header('retry-after', String(retryAfter));
  if (status === 401) context.header('www-authenticate', 'Bearer');
  return context.json(body, status as 400);
}

/** The HTTP interface to a tape. It only reads. */
export function apiApp(settings: ApiSettings): Hono<{ Bindings: ApiBindings }> {
  const { pool, system, clock, key, onFault, version, closing, sleep = systemSleep } = settings;
  const app = new Hono<{ Bindings: ApiBindings }>();
  const allowance = new RequestAllowance(settings.allowance, clock);
  const isKey = key === null ? null : keyChecker(key);
  const problemOf = (error: unknown): ApiProblem => {
    const problem = databaseProblem(error, pool.settings);
    if (problem !== null) return problem;
    onFault(scrubText((error as Error).stack ?? String(error)));
    return new ApiProblem(500, 'fault', 'a mistake of the server; its log has more');
  };
  const feeds = new LiveFeeds({ pool, system, clock, sleep, problemOf, closing });
  const rows: readonly RowQuery[] = rowQueries(clock);
  const singles: readonly SingleQuery[] = singleQueries(clock);

  app.onError((error, context) => failureOf(context, problemOf(error)));
  app.notFound((context) =>
    failureOf(context, new ApiProblem(404, 'not_found', 'there is no such path; /openapi.json lists them')),
  );

  app.use(async (context, next) => {
    await next();
    context.header('x-content-type-options', 'nosniff');
    context.header('referrer-policy', 'no-referrer');
    context.header('cross-origin-resource-policy', 'same-origin');
    if (!context.res.headers.has('content-security-policy'))
      context.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  });
  if (settings.allowOrigin !== null) {
    const origin = settings.allowOrigin;
    const allowHeaders = ['Authorization', 'X-API-Key', 'If-None-Match'];
    app.use(
      cors({ origin, allowMethods: ['GET', 'HEAD'], allowHeaders, exposeHeaders: ['Retry-After', 'ETag'] }),
    );
  }
  app.use(async (context, next) => {
    // Without a key only the own machine is served; a page elsewhere whose name leads here is not it.
    if (isKey === null && !isLoopback(hostOf(context.req.header('host') ?? '')))
      throw new ApiProblem(
        403,
        'forbidden',
        'without a key, the server answers under the name localhost only',
      );
    const wait = allowance.ask(context.env?.remoteAddress ?? '');
    if (wait > 0)
      throw new ApiProblem(429, 'too_many_requests', `too many requests; again in ${wait} s`, {
        retryAfter: wait,
      });
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
      context.header('allow', 'GET, HEAD');
      throw new ApiProblem(405, 'read_only', 'the tape is only read: GET and HEAD');
    }
    await next();
  });
  app.use('/v1/*', async (context, next) => {
    if (isKey !== null && !isKey(offeredKey(context.req.raw.headers)))
      throw new ApiProblem(
        401,
        'no_key',
        'an API key is asked for: Authorization: Bearer KEY, or X-API-Key: KEY',
      );
    await next();
  });

  for (const query of rows) app.get(query.path, (context) => rowAnswer(pool, query, context.req.raw));
  for (const query of singles) {
    app.get(query.path, async (context) => {
      const url = new URL(context.req.url);
      const parameters = readParameters(query.parameters, url.searchParams) as { venue?: string };
      return await pool.use(async (client) => {
        const { body, until } = await query.answer(client, parameters as never);
        return jsonAnswer(context.req.raw, body, await isSettled(client, until, parameters.venue));
      });
    });
  }

  const nothing = z.object({});
  const { venue, instrument } = parametersOf(clock);
  const ofInstrument = z.object({ venue, instrument });
  const live = [
    {
      path: '/v1/status',
      summary: 'Health, rates, lag, gaps, top offenders and jobs',
      parameters: nothing,
      isStream: false,
    },
    { path: '/v1/live', summary: 'The status, told every second', parameters: nothing, isStream: true },
    {
      path: '/v1/live/instrument',
      summary: 'Book and trades of an instrument as far as the tape is settled, told every second',
      parameters: ofInstrument,
      isStream: true,
    },
  ];
  app.get('/v1/status', async (context) => {
    readParameters(nothing, new URL(context.req.url).searchParams);
    const report = await systemReport(system, (work) => pool.use(work));
    return jsonAnswer(context.req.raw, report);
  });
  app.get('/v1/live', (context) => {
    readParameters(nothing, new URL(context.req.url).searchParams);
    if (context.req.raw.method === 'HEAD') return eventStreamHead();
    feeds.status.checkRoom();
    const stop = new AbortController();
    return eventStream('status', feeds.status.follow(stop.signal), stop);
  });
  app.get('/v1/live/instrument', async (context) => {
    const asked = readParameters(ofInstrument, new URL(context.req.url).searchParams);
    const isKnown = await pool.use((client) => knowsInstrument(client, asked.venue, asked.instrument));
    if (!isKnown) throw unknownInstrument(asked.venue, asked.instrument);
    if (context.req.raw.method === 'HEAD') return eventStreamHead();
    const feed = feeds.instrument(asked.venue, asked.instrument);
    feed.checkRoom();
    const stop = new AbortController();
    return eventStream('instrument', feed.follow(stop.signal), stop);
  });

  const document = openApiDocument(rows, singles, live, version);
  app.get('/openapi.json', (context) => context.json(document));
  return app;
}
