import { afterEach, beforeEach, expect, test } from 'vitest';
import { HealthServer, type HealthSources } from '#src/telemetry/health-server.ts';

let server: HealthServer;
beforeEach(async () => {
  server = await HealthServer.start({ port: 0 });
});
afterEach(() => server.close());

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method });

const sources: HealthSources = {
  health: () => ({ ok: true, reasons: [] }),
  ready: () => ({ ok: true, reasons: [] }),
  metrics: () => 'tape_frames_total 1\n',
  status: () => ({ lines: 3n, password: 'hunter2', url: 'postgres://u:hunter2@h/d' }),
};

test('before anything else runs it answers that it is starting', async () => {
  for (const path of ['/health', '/ready']) {
    const response = await get(path);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ok: false, reasons: ['starting: nothing is captured yet'] });
  }
  expect(await (await get('/status')).json()).toEqual({ starting: true });
});

test('it gives what the sources say, and why it is unhealthy', async () => {
  let ok = true;
  server.use({ ...sources, health: () => ({ ok, reasons: ok ? [] : ['kalshi: no data for 61 s'] }) });
  expect((await get('/health')).status).toBe(200);
  ok = false;
  const response = await get('/health?verbose');
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({ ok: false, reasons: ['kalshi: no data for 61 s'] });
  const metrics = await get('/metrics');
  expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(await metrics.text()).toBe('tape_frames_total 1\n');
});

test('status shows no secret', async () => {
  server.use(sources);
  const text = await (await get('/status')).text();
  expect(text).not.toContain('hunter2');
  expect(JSON.parse(text)).toMatchObject({ lines: '3' });
});

test('a source that fails is a 500 with the reason; other paths and methods are refused; the server goes on', async () => {
  const fail = (): never => {
    throw new Error('no figures from postgres://u:hunter2@h/d');
  };
  server.use({ health: fail, ready: fail, metrics: async () => fail(), status: fail });
  for (const path of ['/health', '/ready', '/metrics', '/status']) {
    const response = await get(path);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: 'Error: no figures from postgres://u:[hidden]@h/d' });
  }
  expect((await get('/')).status).toBe(404);
  expect((await get('/health', 'POST')).status).toBe(405);
  server.use(sources);
  const head = await get('/status', 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a port in use is a clear error', async () => {
  await expect(HealthServer.start({ port: server.port })).rejects.toThrow(
    `the health server cannot listen on 127.0.0.1:${server.port}: the port is in use`,
  );
});
