import { request } from 'node:http';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiServer, ApiServerSettings } from '#src/api/server.ts';
import type { Micros } from '#src/units/time.ts';
import { bookCommand } from '../../cli/commands/book.ts';
import { candlesCommand } from '../../cli/commands/candles.ts';
import { coverageCommand } from '../../cli/commands/coverage.ts';
import { deltasCommand } from '../../cli/commands/deltas.ts';
import { gapsCommand } from '../../cli/commands/gaps.ts';
import { latencyCommand } from '../../cli/commands/latency.ts';
import { marketsCommand } from '../../cli/commands/markets.ts';
import { metricsCommand } from '../../cli/commands/metrics.ts';
import { tradesCommand } from '../../cli/commands/trades.ts';
import type { DatabaseOpener } from '../../cli/queries/database.ts';
import { delta, lifecycle, metrics, type Row, snapshot, store, T0, trade } from '../merge/lines.ts';
import { jsonLines, outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';
import { type ServedTape, servedApi, servedTape } from './served-tape.ts';

const databases = useDatabases();
const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const KEY = 'a-key-that-is-long-enough';
let tape: ServedTape;
let api: ApiServer;
const servers: ApiServer[] = [];
const faults: string[] = [];

async function serve(more: Partial<ApiServerSettings> = {}): Promise<ApiServer> {
  const onFault = (text: string): void => void faults.push(text);
  const server = await servedApi(tape.url, onFault, { hasConsole: true, ...more });
  servers.push(server);
  return server;
}

function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

async function fill({ client }: ServedTape): Promise<void> {
  await client.query(
    `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ('a', 'e', $1, $2)`,
    [T0 - 100 * SECOND, T0 + 100 * SECOND],
  );
  for (const [market, title] of [
    ['M1', 'Will it rain in Ålesund'],
    ['M2', "Will it 'snow' & rain"],
  ]) {
    await client.query(
      `INSERT INTO markets (venue, market, event, series, title, status, close_ts, details, updated_at)
       VALUES ('kalshi', $1, 'E', 'S', $2, 'active', $3, '{}', 1)`,
      [market, title, T0 + HOUR],
    );
  }
  await client.query(
    `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at)
     VALUES ('kalshi', 'K1', 'M1', 'YES', 0, 1), ('kalshi', 'K2', 'M2', 'YES', 0, 1)`,
  );
  const trades = Array.from({ length: 9 }, (_, index) =>
    trade({
      trade_id: `t${index}`,
      instrument: index % 3 === 0 ? 'K2' : 'K1',
      exchange_ts: T0 + Math.floor(index / 3) * SECOND,
    }),
  );
  // Of no market that is known, and so of no event.
  trades.push(trade({ trade_id: 't9', instrument: 'K9', exchange_ts: T0 + 3 * SECOND }));
  await store(client, 'trades', trades.map(onTape));
  await store(client, 'order_book_snapshots', [
    onTape(snapshot({ snapshot_ts: T0, bids: [400_000, 5_000_000], asks: [450_000, 2_000_000] })),
  ]);
  await store(client, 'order_book_deltas', [
    onTape(delta({ exchange_ts: T0 + SECOND, price: 400_000, amount: -2_000_000 })),
    // Nothing but the rest of their identity tells which comes first.
    onTape(delta({ exchange_ts: T0 + 2 * SECOND, price: 390_000, amount: 1_000_000 })),
    onTape(delta({ exchange_ts: T0 + 2 * SECOND, price: 380_000, amount: 1_000_000 })),
    onTape(delta({ exchange_ts: T0 + 2 * SECOND, price: 380_000, amount: 1_000_000, occurrence: 1 })),
  ]);
  await store(client, 'order_book_metrics', [
    { ...metrics({ at: T0 }), lines: 1 },
    { ...metrics({ at: T0 + SECOND, bid: null, mid_twice: null, spread: null }), lines: 1 },
  ]);
  for (const [id, from, to] of [
    ['g1', T0 - HOUR, T0 - 1],
    ['g2', T0 + 50 * SECOND, null],
  ]) {
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause, causes)
       VALUES ('tape', $1, 'kalshi', 'K1', $2, $3, 'line_down', '{a:line_down}')`,
      [id, from, to],
    );
  }
  await client.query(
    `INSERT INTO coverage (venue, instrument, minute, events_a, events_tape) VALUES
       ('kalshi', 'K1', $1, 5, 5), ('kalshi', 'K1', $1 + 60000000, 2, 2), ('kalshi', 'K2', $1, 1, 1)`,
    [T0 - (T0 % (60 * SECOND))],
  );
  await client.query(
    `INSERT INTO coverage_hours (venue, market, hour, condition) VALUES
       ('kalshi', 'M1', $1, 'available'), ('kalshi', 'M2', $1, 'missing'), ('kalshi', 'M1', $1 - 3600000000, 'degraded')`,
    [T0 - (T0 % HOUR)],
  );
  await store(client, 'market_lifecycle', [
    onTape(lifecycle({ subject: 'M1', type: 'created', at: T0 })),
    onTape(
      lifecycle({
        subject: 'M1',
        type: 'determined',
        at: T0 + SECOND,
        details: { result: 'yes', settlement_value: '0.7500' },
      }),
    ),
    onTape(
      lifecycle({
        venue: 'polymarket',
        subject: '0xabc',
        type: 'market_resolved',
        at: T0 + 2 * SECOND,
        details: { winning_asset_id: '77', winning_outcome: 'No' },
      }),
    ),
  ]);
}

beforeAll(async () => {
  tape = await servedTape(databases);
  await fill(tape);
  api = await serve();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await tape.end();
});

const get = async (path: string, headers: Record<string, string> = {}, server = api): Promise<Response> =>
  await fetch(`${server.url}${path}`, { headers });

interface Page {
  readonly data: Record<string, unknown>[];
  readonly next: string | null;
}
async function page(path: string): Promise<Page> {
  const response = await get(path);
  const body = await response.text();
  expect(response.status, `${path}: ${body}`).toBe(200);
  return JSON.parse(body) as Page;
}
async function failure(
  path: string,
  headers: Record<string, string> = {},
  server = api,
): Promise<{ status: number; code: string; message: string; parameter?: string }> {
  const response = await get(path, headers, server);
  const { error } = (await response.json()) as {
    error: { code: string; message: string; parameter?: string };
  };
  return { status: response.status, ...error };
}

const dependencies: { openDatabase: DatabaseOpener } = {
  openDatabase: async () => ({ client: tape.client, close: async () => {} }),
};
const told = async (command: Command, ...values: string[]): Promise<unknown[]> =>
  jsonLines(await outputOf(command, '--json', ...values));

describe('the HTTP interface', () => {
  it('answers what the command line answers, row by row and field by field', async () => {
    const span = `from=${T0 - HOUR}&to=${T0 + HOUR}`;
    const spanned = ['--from', String(T0 - HOUR), '--to', String(T0 + HOUR)];
    const cases: readonly (readonly [string, Command, readonly string[]])[] = [
      ['/v1/trades?instrument=K1', tradesCommand(dependencies), ['--instrument', 'K1']],
      ['/v1/trades?event=E&venue=kalshi', tradesCommand(dependencies), ['--event', 'E', '--venue', 'kalshi']],
      ['/v1/deltas', deltasCommand(dependencies), []],
      ['/v1/metrics?series=S', metricsCommand(dependencies), ['--series', 'S']],
      [
        `/v1/candles?width=5m&of=mids&empty=carry&${span}&instrument=K1`,
        candlesCommand(dependencies),
        ['--width', '5m', '--of', 'mids', '--empty', 'carry', ...spanned, '--instrument', 'K1'],
      ],
      ['/v1/gaps?instrument=K1', gapsCommand(dependencies), ['--instrument', 'K1']],
      [`/v1/markets?words=rai%20will`, marketsCommand(dependencies), ['rai', 'will']],
      [`/v1/coverage/minutes?${span}`, coverageCommand(dependencies), spanned],
      [`/v1/coverage/hours?${span}`, coverageCommand(dependencies), ['--hours', ...spanned]],
      [`/v1/latency?${span}`, latencyCommand(dependencies), spanned],
      [
        `/v1/books?venue=kalshi&instrument=K1&from=${T0}&to=${T0 + 3 * SECOND}&every=500ms&depth=1`,
        bookCommand(dependencies),
        [
          '--venue',
          'kalshi',
          '--instrument',
          'K1',
          '--from',
          String(T0),
          '--to',
          String(T0 + 3 * SECOND),
        ].concat(['--every', '500ms', '--depth', '1']),
      ],
    ];
    for (const [path, command, values] of cases) {
      const expected = await told(command, ...values);
      expect(expected.length, path).toBeGreaterThan(0);
      expect(await page(path), path).toEqual({ data: expected, next: null });
      const stream = await get(path, { accept: 'application/x-ndjson' });
      if (path.startsWith('/v1/latency')) continue;
      expect(stream.headers.get('content-type')).toBe('application/x-ndjson');
      expect(jsonLines(await stream.text()), path).toEqual(expected);
    }
    const at = ['--venue', 'kalshi', '--instrument', 'K1', '--at', String(T0 + SECOND)];
    const [book] = await told(bookCommand(dependencies), ...at);
    const answer = await get(`/v1/book?venue=kalshi&instrument=K1&at=${T0 + SECOND}`);
    expect(await answer.json()).toEqual(book);
    expect(book).toMatchObject({ complete: true, bids: [[400_000, 3_000_000]] });
  });

  it('tells announcements, and outcomes as each venue words them', async () => {
    const lifecycles = (await page('/v1/lifecycle?market=M1')).data;
    expect(lifecycles.map(({ type }) => type)).toEqual(['created', 'determined']);
    expect(lifecycles[1]).toMatchObject({ details: { result: 'yes' }, subject: 'M1', lines: 7 });
    expect((await page('/v1/lifecycle?event=E')).data).toHaveLength(2);
    expect((await page('/v1/settlements')).data).toEqual([
      {
        at: T0 + SECOND,
        venue: 'kalshi',
        market: 'M1',
        type: 'determined',
        outcome: 'yes',
        instrument: 'M1',
        value: 750_000,
        lines: 7,
      },
      {
        at: T0 + 2 * SECOND,
        venue: 'polymarket',
        market: '0xabc',
        type: 'market_resolved',
        outcome: 'No',
        instrument: '77',
        value: 1_000_000,
        lines: 7,
      },
    ]);
  });

  it('counts conditions by hour and draws the busiest instruments', async () => {
    const span = `from=${T0 - (T0 % HOUR)}&to=${T0 + HOUR}`;
    expect((await page(`/v1/coverage/conditions?${span}`)).data).toEqual([
      { venue: 'kalshi', hour: T0 - (T0 % HOUR), condition: 'available', markets: 1 },
      { venue: 'kalshi', hour: T0 - (T0 % HOUR), condition: 'missing', markets: 1 },
    ]);
    const map = await (await get(`/v1/coverage/map?${span}&rows=1&columns=4`)).json();
    expect(map).toMatchObject({ columns: 4, rows: [{ instrument: 'K1', events: 7 }] });
    expect((map as { rows: unknown[] }).rows).toHaveLength(1);
  });

  it('gives every row once over pages of any size, while rows come before and behind the cursor', async () => {
    const queries = [
      '/v1/trades?from=1',
      '/v1/deltas?from=1',
      '/v1/metrics?from=1',
      '/v1/candles?empty=null&from=1&width=1m&to=now&instrument=K1'
        .replace('from=1', `from=${T0}`)
        .replace('to=now', `to=${T0 + 240 * SECOND}`),
      '/v1/markets?status=active',
      '/v1/gaps?line=tape',
      '/v1/lifecycle?from=1',
      '/v1/settlements?from=1',
      `/v1/coverage/minutes?from=${T0 - 120 * SECOND}&to=${T0 + 120 * SECOND}`,
      `/v1/coverage/hours?from=${T0 - HOUR}&to=${T0 + HOUR}`,
      `/v1/books?venue=kalshi&instrument=K1&from=${T0}&to=${T0 + 3 * SECOND}&every=1s`,
    ];
    for (const query of queries) {
      const { data: whole } = await page(query);
      for (const limit of [1, 2]) {
        const seen: unknown[] = [];
        let cursor = '';
        do {
          const { data, next } = await page(`${query}&limit=${limit}${cursor}`);
          seen.push(...data);
          cursor = next === null ? '' : `&cursor=${next}`;
        } while (cursor !== '');
        expect(seen, query).toEqual(whole);
      }
    }
    const first = await page('/v1/trades?instrument=K1&limit=3');
    const late = { instrument: 'K1', exchange_ts: T0 - SECOND, trade_id: 'late' };
    const fresh = { instrument: 'K1', exchange_ts: T0 + 9 * SECOND, trade_id: 'new' };
    await store(tape.client, 'trades', [onTape(trade(late)), onTape(trade(fresh))]);
    const rest = await page(`/v1/trades?instrument=K1&limit=100&cursor=${first.next}`);
    const ids = [...first.data, ...rest.data].map((row) => row['trade_id']);
    expect(ids).toEqual(['t1', 't2', 't4', 't5', 't7', 't8', 'new']);
    await tape.client.query(`DELETE FROM trades WHERE trade_id IN ('late', 'new')`);
  });

  it('says of bad input which parameter is wrong and what was expected, and goes on', async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['/v1/trades?venue=nyse', 'venue', /expected one of kalshi, polymarket/],
      ['/v1/trades?limit=0', 'limit', /1 or more/],
      ['/v1/trades?limit=1e3', 'limit', /whole number/],
      ['/v1/trades?limit=10001', 'limit', /at most 10000 rows in a page/],
      ['/v1/trades?limit=1&limit=2', 'limit', /more than once/],
      ['/v1/trades?from=yesterday', 'from', /not a time: "yesterday"/],
      ['/v1/trades?from=99999999999999999999d%20ago', 'from', /not a time/],
      ['/v1/trades?instrument=', 'instrument', /not empty/],
      ['/v1/trades?instrument=%00', 'instrument', /zero byte/],
      [`/v1/trades?instrument=${'x'.repeat(301)}`, 'instrument', /at most 300/],
      ['/v1/trades?__proto__=1', '__proto__', /there is no parameter/],
      ['/v1/trades?cursor=%F0%9F%92%A9', 'cursor', /not a cursor/],
      ['/v1/trades?cursor=WzEsMiwzXQ', 'cursor', /belongs to other parameters/],
      ['/v1/candles?width=2m', 'width', /expected one of 1m, 5m, 1h, 1d/],
      ['/v1/coverage/hours?from=2&to=1', 'to', /later than from/],
      ['/v1/book?venue=kalshi', 'instrument', /is missing/],
      ['/v1/book?venue=kalshi&instrument=K1&depth=-1', 'depth', /whole number/],
      ['/v1/books?venue=kalshi&instrument=K1&from=1&every=0s', 'every', /span of time/],
      ['/v1/status?x=1', 'x', /there are: none/],
    ];
    for (const [path, parameter, message] of cases) {
      const said = await failure(path);
      expect(said, path).toMatchObject({ status: 400, code: 'bad_parameter', parameter });
      expect(said.message, path).toMatch(message);
    }
    expect(await failure('/v1/book?venue=kalshi&instrument=nothing')).toMatchObject({
      status: 404,
      parameter: 'instrument',
    });
    const { next } = await page('/v1/trades?limit=1');
    expect(await failure(`/v1/trades?instrument=K1&cursor=${next}`)).toMatchObject({ parameter: 'cursor' });
    const forged = Buffer.from(
      JSON.stringify([JSON.parse(Buffer.from(next!, 'base64url').toString())[0], 'x', 1, {}]),
    ).toString('base64url');
    expect(await failure(`/v1/trades?cursor=${forged}`)).toMatchObject({ status: 400, parameter: 'cursor' });
    for (const words of ["'); DROP TABLE markets; --", '&|!():*', '\\', '%', ':*', '<script>']) {
      expect((await page(`/v1/markets?words=${encodeURIComponent(words)}`)).data).toEqual([]);
    }
    expect((await page(`/v1/markets?words=${encodeURIComponent("'snow'")}`)).data).toHaveLength(1);
    expect(await failure('/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
    const posted = await fetch(`${api.url}/v1/trades`, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(faults).toEqual([]);
  });

  it('lets what is settled be kept and confirmed, and nothing else', async () => {
    const settled = await get(`/v1/trades?instrument=K1&to=${T0 + 50 * SECOND}`);
    const tag = settled.headers.get('etag');
    expect(settled.headers.get('cache-control')).toBe('private, no-cache');
    const again = await get(`/v1/trades?instrument=K1&to=${T0 + 50 * SECOND}`, {
      'if-none-match': `"x", ${tag}`,
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
    await store(tape.client, 'trades', [
      onTape(trade({ instrument: 'K1', exchange_ts: T0, trade_id: 'late' })),
    ]);
    const changed = await get(`/v1/trades?instrument=K1&to=${T0 + 50 * SECOND}`, { 'if-none-match': tag! });
    expect(changed.status).toBe(200);
    await tape.client.query(`DELETE FROM trades WHERE trade_id = 'late'`);
    for (const open of [
      '/v1/trades',
      `/v1/trades?to=${T0 + 99 * SECOND}`,
      '/v1/book?venue=kalshi&instrument=K1',
    ]) {
      const { headers } = await get(open);
      expect([headers.get('etag'), headers.get('cache-control')], open).toEqual([null, 'no-store']);
    }
  });

  it('ends what takes too long, and gives its connections back', async () => {
    const poolSettings = {
      connections: 1,
      streams: 1,
      statementMillis: 1_000,
      waitMillis: 1_000,
      idleMillis: 60_000,
    };
    const slow = await serve({ poolSettings });
    await tape.client.query('BEGIN; LOCK TABLE trades IN ACCESS EXCLUSIVE MODE');
    expect(await failure('/v1/trades', {}, slow)).toMatchObject({ status: 503, code: 'too_slow' });
    expect(await failure('/v1/trades', { accept: 'application/x-ndjson' }, slow)).toMatchObject({
      status: 503,
      code: 'too_slow',
    });
    await tape.client.query('ROLLBACK');
    expect((await get('/v1/trades', {}, slow)).status).toBe(200);
    const many = `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, cause)
      SELECT 'b', 'many' || n, 'kalshi', 'K' || n, n, repeat('x', 900) FROM generate_series(1, 12000) AS n`;
    await tape.client.query(many);
    // A reader that takes nothing holds the only connection; another is told to wait.
    const control = new AbortController();
    const headers = { accept: 'application/x-ndjson' };
    const stalled = await fetch(`${slow.url}/v1/gaps?line=b`, { headers, signal: control.signal });
    expect(stalled.status).toBe(200);
    const refused = await get('/v1/gaps?line=b', headers, slow);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    control.abort();
    await expect
      .poll(async () => (await get('/v1/gaps?line=b&limit=1', headers, slow)).status, { timeout: 20_000 })
      .toBe(200);
    // It loses it after a while, and learns that it has not got everything.
    const strict = await serve({ poolSettings: { ...poolSettings, idleMillis: 300 } });
    const idle = await fetch(`${strict.url}/v1/gaps?line=b`, { headers });
    expect(idle.status).toBe(200);
    await expect
      .poll(async () => (await get('/v1/gaps?line=b&limit=1', headers, strict)).status, { timeout: 20_000 })
      .toBe(200);
    await expect(idle.text()).rejects.toThrow();
    const lines = jsonLines(await (await get('/v1/gaps?line=b', headers, slow)).text());
    expect(new Set(lines.map((row) => row['instrument'])).size).toBe(12_000);
    await tape.client.query(`DELETE FROM gaps WHERE line = 'b'`);
  });

  it('never writes, whatever a query would do', async () => {
    const { TapePool } = await import('#src/api/tape-pool.ts');
    const pool = new TapePool({ connectionString: tape.url });
    await expect(pool.use((client) => client.query('DELETE FROM trades'))).rejects.toThrow(/read-only/);
    await pool.close();
  });

  it('tells the state of the tape, once and as events for as long as somebody listens', async () => {
    const { headers, status } = await get('/v1/status');
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const control = new AbortController();
    const live = await fetch(`${api.url}/v1/live/instrument?venue=kalshi&instrument=K1`, {
      signal: control.signal,
    });
    const reader = live.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('\n\n')) text += (await reader.read()).value ?? '';
    control.abort();
    const event = JSON.parse(/^event: instrument\ndata: (.*)$/m.exec(text)![1]!) as {
      book: { at: number; complete: boolean };
      trades: unknown[];
    };
    expect(event.book).toMatchObject({ at: T0 + 98 * SECOND, instrument: 'K1' });
    expect(await failure('/v1/live/instrument?venue=kalshi&instrument=no')).toMatchObject({ status: 404 });
  });

  it('answers who asks for the head of a stream of events alone, and follows nothing for it', async () => {
    const paths = ['/v1/live', '/v1/live/instrument?venue=kalshi&instrument=K1'];
    const heads = Array.from({ length: 65 }, (_, index) =>
      fetch(`${api.url}${paths[index % 2]}`, { method: 'HEAD' }),
    );
    for (const head of await Promise.all(heads))
      expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const more = Array.from({ length: 64 }, () => fetch(`${api.url}/v1/live`, { method: 'HEAD' }));
    await Promise.all(more);
    const control = new AbortController();
    const live = await fetch(`${api.url}/v1/live`, { signal: control.signal });
    expect(live.status).toBe(200);
    control.abort();
  });

  it('tells those who follow an instrument that there is no answer, and goes on when there is one', async () => {
    const control = new AbortController();
    const live = await fetch(`${api.url}/v1/live/instrument?venue=kalshi&instrument=K2`, {
      signal: control.signal,
    });
    const reader = live.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const told = async (event: string): Promise<string> => {
      for (;;) {
        const found = new RegExp(`^event: ${event}\\ndata: (.*)\\n\\n`, 'm').exec(text);
        if (found !== null) {
          text = text.slice(found.index + found[0].length);
          return found[1]!;
        }
        text += (await reader.read()).value ?? '';
      }
    };
    await told('instrument');
    await tape.client.query('ALTER TABLE order_book_snapshots RENAME TO away');
    try {
      expect(JSON.parse(await told('failure'))).toMatchObject({ error: { code: 'other_schema' } });
    } finally {
      await tape.client.query('ALTER TABLE away RENAME TO order_book_snapshots');
    }
    text = '';
    await told('instrument');
    control.abort();
  });

  it('describes every path, with the parameters that it takes and the fields that it gives', async () => {
    const document = (await (await get('/openapi.json')).json()) as {
      openapi: string;
      info: { version: string };
      paths: Record<
        string,
        {
          get: {
            parameters: { name: string; required: boolean; schema: object }[];
            responses: Record<string, { headers?: Record<string, object> }>;
          };
        }
      >;
      components: { responses: Record<string, unknown> };
    };
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3']);
    for (const [path, { get: operation }] of Object.entries(document.paths)) {
      const required = operation.parameters.filter((parameter) => parameter.required);
      const response = await get(`${path}?no_such_parameter=1`);
      expect(response.status, path).toBe(400);
      const { message } = ((await response.json()) as { error: { message: string } }).error;
      for (const status of ['200', '400', '401', '403', '429', '500', '503'])
        expect(Object.keys(operation.responses), path).toContain(status);
      const names = operation.parameters.map(({ name }) => name).join(', ') || 'none';
      expect(message, path).toContain(`there are: ${names}`);
      if (required.length > 0)
        expect((await failure(path)).message, path).toBe(`${required[0]!.name} is missing`);
    }
    const refs = JSON.stringify(document.paths).matchAll(/#\/components\/responses\/(\w+)/g);
    for (const [, name] of refs) expect(document.components.responses).toHaveProperty(name!);
    // What else it answers stands where it happens.
    const ofStatus = (status: string): string[] =>
      Object.keys(document.paths).filter((path) => status in document.paths[path]!.get.responses);
    expect(ofStatus('404').sort()).toEqual(['/v1/book', '/v1/books', '/v1/live/instrument']);
    for (const path of ofStatus('404')) {
      const asked = `${path}?venue=kalshi&instrument=nothing${path === '/v1/books' ? '&from=1&to=2&every=1s' : ''}`;
      expect((await failure(asked)).status, path).toBe(404);
    }
    for (const path of ofStatus('304'))
      expect(document.paths[path]!.get.responses['200']!.headers, path).toHaveProperty('ETag');
    for (const path of [`/v1/trades?to=${T0}`, `/v1/book?venue=kalshi&instrument=K1&at=${T0}`]) {
      expect((await get(path)).headers.get('etag'), path).not.toBeNull();
      expect(ofStatus('304')).toContain(path.split('?')[0]);
    }
    const trades = document.paths['/v1/trades']!.get;
    const limit = trades.parameters.find(({ name }) => name === 'limit');
    expect(limit?.schema).toMatchObject({ type: 'integer', minimum: 1 });
    const row = (await page('/v1/trades?limit=1')).data[0]!;
    const shape = JSON.stringify(trades);
    for (const name of Object.keys(row)) expect(shape).toContain(`"${name}":{`);
  });
});

describe('access to the HTTP interface', () => {
  it('needs a key where it can be reached from elsewhere, and does not start without', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org'])
      await expect(serve({ host }), host).rejects.toThrow(/set TAPE_API_KEY/);
    await expect(serve({ key: 'short' })).rejects.toThrow(/shorter than 16/);
    const open = await serve({ host: '0.0.0.0', key: KEY });
    const local = { ...open, url: open.url.replace('0.0.0.0', '127.0.0.1') };
    expect(await failure('/v1/trades', {}, local)).toMatchObject({ status: 401, code: 'no_key' });
    const wrong = await failure('/v1/trades', { authorization: `Bearer ${KEY}x` }, local);
    expect(wrong.status).toBe(401);
    expect(JSON.stringify(wrong)).not.toContain(KEY);
    const offers: Record<string, string>[] = [{ authorization: `Bearer ${KEY}` }, { 'x-api-key': KEY }];
    for (const headers of offers) expect((await get('/v1/trades', headers, local)).status).toBe(200);
    // What holds nothing of the tape can be had without.
    expect((await get('/openapi.json', {}, local)).status).toBe(200);
    expect((await get('/', {}, local)).status).toBe(200);
  });

  it('refuses a client that asks too often and says when to come again', async () => {
    let now = T0;
    const clock = () => now as Micros;
    const server = await serve({ allowance: { refillPerSecond: 0.5, capacity: 3 }, clock });
    const ask = () => get('/openapi.json', {}, server);
    for (let request = 0; request < 3; request++) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_requests' } });
    now += 2 * SECOND;
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });

  it('is not lent to pages of other origins unless one is named, nor under another name', async () => {
    const { headers } = await get('/v1/trades', { origin: 'https://example.org' });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    const lent = await serve({ allowOrigin: 'https://example.org' });
    const allowed = await get('/v1/trades', { origin: 'https://example.org' }, lent);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://example.org');
    const wish = ['authorization', 'x-api-key', 'if-none-match'];
    const preflight = await fetch(`${lent.url}/v1/trades`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://example.org',
        'access-control-request-method': 'GET',
        'access-control-request-headers': wish.join(','),
      },
    });
    const lending = (preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(',');
    expect(lending.map((name) => name.trim())).toEqual(expect.arrayContaining(wish));
    const other = await get('/v1/trades', { origin: 'https://example.com' }, lent);
    expect(other.headers.get('access-control-allow-origin')).not.toBe('https://example.com');
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(api.url);
      request({ port, host: '127.0.0.1', path: '/v1/trades', headers: { host: `evil.example:${port}` } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('says in JSON that the database is away, and tells nothing of where it is', async () => {
    const database = { connectionString: 'postgresql://someone:secret-word@127.0.0.1:1/none' };
    const server = await serve({ database });
    const response = await get('/v1/trades', {}, server);
    const text = await response.text();
    expect(response.status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'database_away' } });
    expect(text).not.toContain('secret-word');
    const status = await (await get('/v1/status', {}, server)).json();
    expect(status).toMatchObject({ health: { ok: false }, tape: { error: expect.any(String) } });
    expect(JSON.stringify(status)).not.toContain('secret-word');
  });
});
