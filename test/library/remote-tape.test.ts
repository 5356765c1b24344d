import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RemoteTape, RemoteTapeError, type RemoteTapeSettings } from 'prediction-tape';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiServer, ApiServerSettings } from '#src/api/server.ts';
import type { Price } from '#src/units/price.ts';
import type { Micros } from '#src/units/time.ts';
import { type ServedTape, servedApi, servedTape } from '../api/served-tape.ts';
import { delta, lifecycle, metrics, type Row, snapshot, store, T0, trade } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const SECOND = 1_000_000;
const TRADES = 12;
const servers: ApiServer[] = [];
let tape: ServedTape;
let url: string;

async function serve(more: Partial<ApiServerSettings> = {}): Promise<string> {
  const server = await servedApi(tape.url, (text) => expect.fail(text), more);
  servers.push(server);
  return server.url;
}

const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 7 });

beforeAll(async () => {
  tape = await servedTape(databases);
  const { client } = tape;
  await client.query(
    `INSERT INTO markets (venue, market, event, series, title, status, close_ts, details, updated_at)
     VALUES ('kalshi', 'M1', 'E', 'S', 'Will it rain in Ålesund', 'active', $1, '{}', 1)`,
    [T0 + SECOND],
  );
  await client.query(
    `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at)
     VALUES ('kalshi', 'K1', 'M1', 'YES', 0, 1)`,
  );
  const trades = Array.from({ length: TRADES }, (_, index) =>
    trade({ trade_id: `t${index}`, instrument: 'K1', exchange_ts: T0 + Math.floor(index / 3) * SECOND }),
  );
  await store(client, 'trades', trades.map(onTape));
  await store(client, 'order_book_snapshots', [
    onTape(snapshot({ snapshot_ts: T0, bids: [400_000, 5_000_000, 390_000, 1_000_000], asks: [450_000, 1] })),
  ]);
  await store(client, 'order_book_deltas', [
    onTape(delta({ exchange_ts: T0 + SECOND, price: 400_000, amount: -2_000_000 })),
  ]);
  await store(client, 'order_book_metrics', [{ ...metrics({ at: T0 }), lines: 1 }]);
  await store(client, 'market_lifecycle', [
    onTape(lifecycle({ subject: 'M1', type: 'determined', at: T0, details: { result: 'yes' } })),
  ]);
  await client.query(
    `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause, causes)
     VALUES ('tape', 'g1', 'kalshi', 'K1', $1, NULL, 'line_down', '{a:line_down}')`,
    [T0 + 50 * SECOND],
  );
  await client.query(
    `INSERT INTO coverage (venue, instrument, minute, events_a, events_tape) VALUES ('kalshi', 'K1', $1, 5, 5)`,
    [T0 - (T0 % (60 * SECOND))],
  );
  await client.query(
    `INSERT INTO coverage_hours (venue, market, hour, condition) VALUES ('kalshi', 'M1', $1, 'available')`,
    [T0 - (T0 % (3_600 * SECOND))],
  );
  // Of a line more than what lies between server and client holds, so that the stream cannot end by itself.
  await tape.client.query(
    `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, cause)
     SELECT 'b', 'many' || n, 'kalshi', 'K' || n, n, repeat('x', 900) FROM generate_series(1, 12000) AS n`,
  );
  url = await serve();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await tape.end();
});

/** A client that tells what it asked for and how long it was told to wait. */
function client(more: Partial<RemoteTapeSettings> = {}) {
  const asked: URL[] = [];
  const waits: number[] = [];
  const remote = new RemoteTape({
    url,
    fetch: (input, init) => {
      asked.push(new URL(String(input)));
      return fetch(input, init);
    },
    sleep: async (millis, signal) => {
      signal?.throwIfAborted();
      waits.push(millis);
    },
    ...more,
  });
  return { remote, asked, waits };
}

async function refused(work: Promise<unknown>): Promise<RemoteTapeError> {
  const error = await work.then(
    () => expect.fail('it was answered'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RemoteTapeError);
  return error as RemoteTapeError;
}

const around = { from: (T0 - 120 * SECOND) as Micros, to: (T0 + 120 * SECOND) as Micros };
/** A loop over each kind of rows there is. */
const loops = (remote: RemoteTape, options: { stream: boolean; pageSize: number }) => [
  remote.trades({ instrument: 'K1' }, options),
  remote.deltas({ venue: 'kalshi' }, options),
  remote.metrics({ series: 'S' }, options),
  remote.candles({ width: '1m', of: 'trades', ...around }, options),
  remote.books({ venue: 'kalshi', instrument: 'K1', ...around, every: '1m', depth: 1 }, options),
  remote.lifecycle({ market: 'M1' }, options),
  remote.settlements({ event: 'E' }, options),
  remote.markets({ words: 'rain' }, options),
  remote.gaps({ line: 'tape' }, options),
  remote.coverage(around, options),
  remote.coverageHours({ ...around, condition: 'available' }, options),
];

describe('a tape behind the HTTP interface', () => {
  it('has a loop for every path that gives rows, with the rows that the server gives, in pages and as a stream', async () => {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: Record<string, { get: { responses: { 200: { content?: Record<string, unknown> } } } }>;
    };
    const paths = Object.entries(document.paths)
      .filter(([, { get }]) => get.responses[200].content?.['application/x-ndjson'] !== undefined)
      .map(([path]) => path);
    const { remote, asked } = client();
    const paged = loops(remote, { stream: false, pageSize: 2 });
    const streamed = loops(remote, { stream: true, pageSize: 2 });
    const tried = new Set<string>();
    for (const [index, loop] of paged.entries()) {
      const rows = await Array.fromAsync<unknown>(loop);
      const first = new URL(asked.at(-1)!);
      tried.add(first.pathname);
      expect(rows.length, first.pathname).toBeGreaterThan(0);
      for (const name of ['limit', 'cursor']) first.searchParams.delete(name);
      expect(rows, first.pathname).toEqual(((await (await fetch(first)).json()) as { data: unknown }).data);
      expect(await Array.fromAsync<unknown>(streamed[index]!), first.pathname).toEqual(rows);
      expect(asked.at(-1)!.search, first.pathname).toBe(first.search);
    }
    expect([...tried].sort()).toEqual(paths.sort());
    const pages = asked.filter(
      ({ pathname, searchParams }) => pathname === '/v1/trades' && searchParams.has('limit'),
    );
    expect(pages).toHaveLength(TRADES / 2);
  });

  it('gives so many rows as asked for and asks for no more', async () => {
    const { remote, asked } = client();
    for (const stream of [false, true]) {
      const rows = await Array.fromAsync(remote.trades({ limit: 5 }, { pageSize: 3, stream }));
      expect(rows.map(({ trade_id }) => trade_id)).toEqual(['t0', 't1', 't2', 't3', 't4']);
    }
    expect(asked.map(({ searchParams }) => searchParams.get('limit'))).toEqual(['3', '2', '5']);
  });

  it('gives the book at a time, as it was and as deep as asked', async () => {
    const { remote } = client();
    const at = (T0 + SECOND) as Micros;
    expect(await remote.bookAt('kalshi', 'K1', at, { depth: 1 })).toMatchObject({
      at,
      bids: [[400_000, 3_000_000]],
      asks: [[450_000, 1]],
    });
    expect((await remote.bookAt('kalshi', 'K1', T0 as Micros)).bids).toEqual([
      [400_000, 5_000_000],
      [390_000, 1_000_000],
    ]);
  });

  it('has the types of what the server takes and gives', async () => {
    const { remote } = client();
    for await (const row of remote.candles(around)) {
      const { bucket, close, complete }: { bucket: Micros; close: Price | null; complete: boolean } = row;
      expect([typeof bucket, typeof close, typeof complete]).toEqual(['number', 'number', 'boolean']);
      // @ts-expect-error there is no such column
      expect(row.colour).toBeUndefined();
    }
    // @ts-expect-error there is no such width
    expect(await refused(Array.fromAsync(remote.candles({ width: '2m' })))).toMatchObject({
      parameter: 'width',
    });
    // @ts-expect-error there is no such parameter
    expect(await refused(Array.fromAsync(remote.gaps({ colour: '' })))).toMatchObject({
      parameter: 'colour',
    });
    const every = 60 as unknown as string;
    const books = remote.books({ venue: 'kalshi', instrument: 'K1', from: 0 as Micros, every });
    expect(await refused(Array.fromAsync(books))).toMatchObject({ parameter: 'every' });
  });

  it('finds the server behind a path of a proxy', async () => {
    const seen: string[] = [];
    const remote = new RemoteTape({
      url: 'https://tape.example/of/us/',
      fetch: async (input) => {
        seen.push(String(input));
        return Response.json({ data: [], next: null });
      },
    });
    expect(await Array.fromAsync(remote.gaps({ line: 'a' }))).toEqual([]);
    expect(seen).toEqual(['https://tape.example/of/us/v1/gaps?line=a&limit=10000']);
  });
});

describe('what a server refuses', () => {
  it('is said with status, word and message, and with the parameter that is wrong', async () => {
    const { remote, waits } = client();
    const error = await refused(Array.fromAsync(remote.trades({ from: 'yesterday' })));
    expect(error).toMatchObject({ status: 400, code: 'bad_parameter', parameter: 'from' });
    expect(error.message).toMatch(/^\/v1\/trades: 400: from: not a time: "yesterday"/);
    expect(await refused(remote.bookAt('kalshi', 'nothing', T0 as Micros))).toMatchObject({
      status: 404,
      code: 'not_found',
      parameter: 'instrument',
    });
    const streamed = await refused(Array.fromAsync(remote.candles({ event: '' }, { stream: true })));
    expect(streamed).toMatchObject({ status: 400, parameter: 'event' });
    expect(waits).toEqual([]);
  });

  it('is what comes without the key, which is sent where there is one', async () => {
    const key = 'a-key-that-is-long-enough';
    const guarded = await serve({ key });
    expect(await refused(Array.fromAsync(client({ url: guarded }).remote.gaps()))).toMatchObject({
      status: 401,
      code: 'no_key',
    });
    expect(await Array.fromAsync(client({ url: guarded, key }).remote.gaps())).toHaveLength(1);
  });

  it('is asked for again when the server says so, and not before', async () => {
    let now = 1_000 * SECOND;
    const slow = await serve({
      clock: () => now as Micros,
      allowance: { refillPerSecond: 0.25, capacity: 1 },
    });
    const waits: number[] = [];
    const sleep = async (millis: number): Promise<void> => {
      waits.push(millis);
      now += millis * 1_000;
    };
    const { remote } = client({ url: slow, sleep });
    expect(await Array.fromAsync(remote.trades({}, { pageSize: 4 }))).toHaveLength(TRADES);
    expect(waits).toEqual([4_000, 4_000]);
    const hasty = client({ url: slow, longestWaitMillis: 3_999 });
    expect(await refused(Array.fromAsync(hasty.remote.gaps()))).toMatchObject({
      status: 429,
      code: 'too_many_requests',
    });
    const patient = client({ url: slow, attempts: 3 });
    expect(await refused(Array.fromAsync(patient.remote.gaps()))).toMatchObject({ status: 429 });
    expect([hasty.waits, patient.waits]).toEqual([[], [4_000, 4_000]]);
  });

  it('is not asked for again where the server does not say when, or says it of anything but its load', async () => {
    for (const [status, headers, expected] of [
      [503, {}, 1],
      [500, { 'retry-after': '1' }, 1],
      [503, { 'retry-after': '1' }, 3],
    ] as const) {
      let asked = 0;
      const { remote } = client({
        attempts: 3,
        fetch: async () => {
          asked++;
          return new Response('<html><title>Bad day</title>', { status, headers });
        },
      });
      const error = await refused(Array.fromAsync(remote.gaps()));
      expect([asked, error.status, error.code, error.message]).toEqual([
        expected,
        status,
        null,
        `/v1/gaps: ${status}: HTML page "Bad day"`,
      ]);
    }
  });
});

describe('an answer that does not come to its end', () => {
  const lines = (end: (controller: ReadableStreamDefaultController) => void) => async (): Promise<Response> =>
    new Response(
      new ReadableStream({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode('{"trade_id":"t1"}\n{"trade_id":')),
        pull: end,
      }),
    );

  it('gives the rows that came, and then an error', async () => {
    for (const [end, message] of [
      [(controller) => controller.error(new Error('terminated')), /no whole answer: terminated/],
      [(controller) => controller.close(), /not JSON/],
    ] as [(controller: ReadableStreamDefaultController) => void, RegExp][]) {
      const { remote } = client({ fetch: lines(end) });
      const rows: unknown[] = [];
      const error = await refused(
        (async () => {
          for await (const row of remote.trades({}, { stream: true })) rows.push(row);
        })(),
      );
      expect(rows).toEqual([{ trade_id: 't1' }]);
      expect(error.message).toMatch(message);
    }
  });

  it('is said to come from something else where it is no answer of a tape', async () => {
    for (const text of ['<html>', '{}', 'null', '{"data":7,"next":null}', '{"data":[]}']) {
      const { remote } = client({ fetch: async () => new Response(text) });
      expect((await refused(Array.fromAsync(remote.gaps()))).message, text).toMatch(/no server of a tape/);
    }
    const { remote } = client({ url: 'http://127.0.0.1:1' });
    expect(await refused(Array.fromAsync(remote.gaps()))).toMatchObject({ status: null });
  });

  it('does not follow to another address, which the key is not for', async () => {
    const moved = createServer((_, answer) => answer.writeHead(307, { location: `${url}/v1/gaps` }).end());
    await new Promise<void>((resolve) => moved.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = moved.address() as AddressInfo;
      const { remote } = client({ url: `http://127.0.0.1:${port}` });
      expect(await refused(Array.fromAsync(remote.gaps()))).toMatchObject({ status: 307 });
    } finally {
      moved.close();
      moved.closeAllConnections();
    }
  });

  it('ends with the reason of the signal: before, while waiting, and within', async () => {
    const reason = new Error('enough');
    const { remote } = client();
    await expect(Array.fromAsync(remote.gaps({}, { signal: AbortSignal.abort(reason) }))).rejects.toBe(
      reason,
    );
    const waiting = new AbortController();
    const busy = client({
      fetch: async () => {
        waiting.abort(reason);
        return new Response('', { status: 503, headers: { 'retry-after': '60' } });
      },
    });
    await expect(busy.remote.bookAt('kalshi', 'K1', undefined, waiting)).rejects.toBe(reason);
    const within = new AbortController();
    const rows = remote.gaps({ line: 'b' }, { stream: true, signal: within.signal });
    expect((await rows.next()).done).toBe(false);
    within.abort(reason);
    await expect(Array.fromAsync(rows)).rejects.toBe(reason);
  });

  it('gives its place at the server to others when the loop is left', async () => {
    const narrow = await serve({
      poolSettings: {
        connections: 2,
        streams: 1,
        statementMillis: 10_000,
        waitMillis: 5_000,
        idleMillis: 60_000,
      },
    });
    const { remote } = client({ url: narrow, attempts: 1 });
    const other = client({
      url: narrow,
      attempts: 1_000,
      sleep: () => new Promise((resolve) => setTimeout(resolve, 10)),
    });
    for await (const _ of remote.gaps({ line: 'b' }, { stream: true })) {
      expect(await refused(Array.fromAsync(remote.gaps({}, { stream: true })))).toMatchObject({
        code: 'busy',
      });
      break;
    }
    expect(await Array.fromAsync(other.remote.gaps({}, { stream: true }))).toHaveLength(1);
  });
});
