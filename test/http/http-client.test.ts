import { afterEach, describe, expect, it } from 'vitest';
import { backoffMillis } from '#src/http/backoff.ts';
import { HttpClient, type HttpClientOptions, type HttpObservation } from '#src/http/http-client.ts';
import { HttpError } from '#src/http/http-error.ts';
import { TokenBucket } from '#src/http/token-bucket.ts';
import { systemClock } from '#src/units/time.ts';
import { type Received, type Reply, TestServer } from './test-server.ts';
import { VirtualTime } from './virtual-time.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(
  handle: (request: Received, count: number) => Reply | Promise<Reply>,
): Promise<TestServer> {
  const server = await TestServer.start(handle);
  servers.push(server);
  return server;
}

interface Setup {
  readonly client: HttpClient;
  readonly waits: number[];
  readonly seen: HttpObservation[];
}

/** A client that notes its waits instead of waiting. */
function clientOf(baseUrl: string, more: Partial<HttpClientOptions> = {}): Setup {
  const waits: number[] = [];
  const seen: HttpObservation[] = [];
  const client = new HttpClient({
    baseUrl,
    clock: systemClock(),
    random: () => 0.5,
    sleep: async (millis) => {
      waits.push(millis);
    },
    observe: (observation) => seen.push(observation),
    ...more,
  });
  return { client, waits, seen };
}

const get = { method: 'GET', path: '/things/7', route: '/things/{id}' } as const;

async function failure(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HttpError);
  return error as HttpError;
}

describe('an HTTP client', () => {
  it('answers with the parsed body and keeps the prefix of its base URL', async () => {
    const server = await serve(() => ({ body: { value: 1 } }));
    const { client, seen } = clientOf(`${server.url}/trade-api/v2/`);
    const answer = await client.request({
      ...get,
      query: [
        ['tickers', 'A'],
        ['tickers', 'B C'],
      ],
    });
    expect(answer.json).toEqual({ value: 1 });
    expect(answer.received_at).toBeGreaterThan(1.7e15);
    expect(server.requests[0]!.path).toBe('/trade-api/v2/things/7');
    expect(server.requests[0]!.query.getAll('tickers')).toEqual(['A', 'B C']);
    expect(seen).toMatchObject([
      { route: '/things/{id}', outcome: 'ok', status: 200, attempt: 1, retried: false },
    ]);
  });

  it('asks for no translation', async () => {
    const server = await serve(() => ({}));
    await clientOf(server.url).client.request(get);
    expect(server.requests[0]!.headers['accept-language']).toBe('en');
  });

  it.each([
    [429, '{"error":"too many requests"}', 'too many requests'],
    [429, '{"error":{"code":"too_many_requests","message":"slow down"}}', 'too_many_requests: slow down'],
    [500, '{"code":"internal","message":"oops","details":"shard 3"}', 'internal: oops: shard 3'],
    [502, '<html><head><title>502 Bad Gateway</title></head></html>', 'HTML page "502 Bad Gateway"'],
    [503, '', 'empty body'],
    [504, 'upstream timed out', 'upstream timed out'],
  ])('tries a %i with body %s again, and names it when it stays', async (status, body, named) => {
    const server = await serve(() => ({ status, body }));
    const { client, waits, seen } = clientOf(server.url, { maxAttempts: 3 });
    const error = await failure(client.request(get));
    expect(server.requests).toHaveLength(3);
    expect(waits).toEqual([125, 250]);
    expect(seen.map(({ retried }) => retried)).toEqual([true, true, false]);
    expect(error.status).toBe(status);
    expect(error.attempts).toBe(3);
    expect(error.message).toContain('GET /things/7');
    expect(error.message).toContain(`answered ${status} (${named})`);
  });

  it.each([
    [400, '{"code":"bad_request","message":"limit is too large"}', 'is not tried again'],
    [401, '{"error":{"code":"token_authentication_failure","message":"unauthorized"}}', 'check key id'],
    [403, '{"message":"forbidden"}', 'no right'],
    [404, '{"error":"No orderbook exists for the requested token id"}', 'does not exist'],
  ])('never tries a %i again, and says what to do', async (status, body, advice) => {
    const server = await serve(() => ({ status, body }));
    const { client, waits } = clientOf(server.url);
    const error = await failure(client.request(get));
    expect(server.requests).toHaveLength(1);
    expect(waits).toEqual([]);
    expect(error.outcome).toBe('refused');
    expect(error.message).toContain(advice);
  });

  it('comes through after passing trouble of every kind', async () => {
    const server = await serve((_, count) => {
      if (count === 1) return { status: 500, body: 'x' };
      if (count === 2) return { status: 200, body: '<html><title>Sign in</title></html>' };
      if (count === 3) return { status: 200, body: '{"value":' };
      if (count === 4) {
        return (response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('{"value":');
          setTimeout(() => response.destroy(), 5);
        };
      }
      if (count === 5) return (response) => response.destroy();
      return { body: { value: 2 } };
    });
    const { client, seen } = clientOf(server.url);
    expect((await client.request(get)).json).toEqual({ value: 2 });
    expect(seen.map(({ outcome }) => outcome)).toEqual([
      'server_error',
      'not_json',
      'not_json',
      'truncated',
      'network',
      'ok',
    ]);
  });

  it('never comes back before a Retry-After in seconds', async () => {
    const server = await serve((_, count) =>
      count === 1 ? { status: 429, headers: { 'retry-after': '7' } } : { body: {} },
    );
    const { client, waits } = clientOf(server.url);
    await client.request(get);
    expect(waits).toEqual([7_125]);
  });

  it('understands a Retry-After that is a date', async () => {
    const server = await serve((_, count) => {
      const date = new Date(Date.now() + 20_000).toUTCString();
      return count === 1 ? { status: 503, headers: { 'retry-after': date } } : { body: {} };
    });
    const { client, waits } = clientOf(server.url);
    await client.request(get);
    expect(waits[0]).toBeGreaterThan(18_000);
    expect(waits[0]).toBeLessThan(20_500);
  });

  it('gives up rather than wait beyond its deadline', async () => {
    const server = await serve(() => ({ status: 429, headers: { 'retry-after': '3600' } }));
    const { client, waits } = clientOf(server.url, { deadlineMillis: 30_000 });
    const error = await failure(client.request(get));
    expect(error.outcome).toBe('rate_limited');
    expect(server.requests).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  it('holds everyone on the same limit back after a 429', async () => {
    const server = await serve((_, count) => (count === 1 ? { status: 429, body: '{}' } : { body: {} }));
    const time = new VirtualTime();
    const limit = new TokenBucket({ refillPerSecond: 1_000, capacity: 1_000 }, time.clock, time.sleep);
    const { client } = clientOf(server.url, { clock: time.clock, sleep: time.sleep });
    const first = client.request({ ...get, limit });
    while (server.requests.length === 0 || limit.waiting > 0) await time.settle();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = client.request({ ...get, limit });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.requests).toHaveLength(1);
    await time.advance(1_000);
    await Promise.all([first, second]);
    expect(server.requests).toHaveLength(3);
  });

  it('gives every attempt a time limit of its own', async () => {
    const server = await serve((_, count) =>
      count === 1
        ? new Promise<Reply>((resolve) => setTimeout(() => resolve({}), 2_000))
        : { body: { value: 3 } },
    );
    const { client, seen } = clientOf(server.url, { attemptTimeoutMillis: 100 });
    expect((await client.request(get)).json).toEqual({ value: 3 });
    expect(seen.map(({ outcome }) => outcome)).toEqual(['timeout', 'ok']);
  });

  it('counts a body that stalls as a timeout', async () => {
    const server = await serve(() => (response) => {
      response.writeHead(200);
      response.write('{');
    });
    const { client } = clientOf(server.url, { attemptTimeoutMillis: 100, maxAttempts: 1 });
    expect((await failure(client.request(get))).outcome).toBe('timeout');
  });

  it.each([true, false])(
    'stops reading a body beyond its limit (length announced: %s)',
    async (announced) => {
      const server = await serve(() => (response) => {
        const body = `"${'x'.repeat(5_000)}"`;
        response.writeHead(200, announced ? { 'content-length': body.length } : {});
        response.end(body);
      });
      const { client } = clientOf(server.url, { maxBodyBytes: 1_000 });
      const error = await failure(client.request(get));
      expect(error.outcome).toBe('too_large');
      expect(server.requests).toHaveLength(1);
    },
  );

  it('carries no signature to the target of a redirect', async () => {
    const other = await serve(() => ({ body: {} }));
    const server = await serve(() => ({ status: 301, headers: { location: `${other.url}/elsewhere` } }));
    const { client } = clientOf(server.url, { headers: () => ({ 'x-signature': 's' }) });
    const error = await failure(client.request(get));
    expect(error.outcome).toBe('redirected');
    expect(error.message).toContain(other.url);
    expect(other.requests).toHaveLength(0);
  });

  it('makes the headers anew for each attempt, over the whole path without query', async () => {
    const server = await serve((_, count) => (count === 1 ? { status: 500 } : { body: {} }));
    let made = 0;
    const { client } = clientOf(`${server.url}/base`, {
      headers: (method, path) => ({ 'x-signed': `${++made} ${method} ${path}` }),
    });
    await client.request({ ...get, query: [['a', '1']] });
    expect(server.requests.map(({ headers }) => headers['x-signed'])).toEqual([
      '1 GET /base/things/7',
      '2 GET /base/things/7',
    ]);
  });

  it('names a host that does not answer', async () => {
    const server = await serve(() => ({}));
    const { url } = server;
    await servers.pop()!.close();
    const error = await failure(clientOf(url, { maxAttempts: 2 }).client.request(get));
    expect(error.outcome).toBe('network');
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  it('stops at once when told to, also while it waits', async () => {
    const server = await serve(() => ({ status: 500 }));
    const time = new VirtualTime();
    const stop = new AbortController();
    const { client } = clientOf(server.url, { clock: time.clock, sleep: time.sleep });
    const request = failure(client.request({ ...get, signal: stop.signal }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort(new Error('enough'));
    expect((await request).outcome).toBe('stopped');
    expect((await failure(client.request({ ...get, signal: stop.signal }))).outcome).toBe('stopped');
    expect(server.requests).toHaveLength(1);
  });

  it('takes the body of a status that was announced as an answer', async () => {
    const server = await serve(() => ({ status: 503, body: { exchange_active: false } }));
    const { client } = clientOf(server.url);
    const answer = await client.request({ ...get, accept: [503] });
    expect(answer.status).toBe(503);
    expect(answer.json).toEqual({ exchange_active: false });
  });

  it('spreads its waits over the whole range, and no further than the cap', () => {
    const settings = { baseMillis: 100, capMillis: 1_000 };
    expect(backoffMillis(settings, 0, () => 0)).toBe(0);
    expect(backoffMillis(settings, 2, () => 0.999)).toBeCloseTo(399.6);
    expect(backoffMillis(settings, 40, () => 0.999)).toBeCloseTo(999);
  });
});
