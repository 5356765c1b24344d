import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { ConnectionPool } from '#src/connections/pool.ts';
import { DEFAULT_TIMING } from '#src/connections/pool-contract.ts';
import { systemTimers } from '#src/connections/timers.ts';
import { webSocketFactory } from '#src/connections/websocket.ts';
import { systemClock } from '#src/units/time.ts';
import { kalshiProfile } from '#src/venues/kalshi/session.ts';
import { polymarketProfile } from '#src/venues/polymarket/session.ts';
import type { SessionProfile } from '#src/venues/session.ts';
import { FakeKeeper } from './fake-keeper.ts';
import { KalshiModel, PolymarketModel } from './fake-venues.ts';
import { tickers } from './rig.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Venue {
  readonly url: string;
  readonly sockets: WebSocket[];
  readonly models: { receive(text: string): void }[];
  readonly extensions: string[];
}

async function venue(
  make: (socket: WebSocket) => { receive(text: string): void },
  isSigned: (headers: NodeJS.Dict<string | string[]>) => boolean = () => true,
): Promise<Venue> {
  const http: Server = createServer((_request, response) => response.end());
  const server = new WebSocketServer({ noServer: true, maxPayload: 1 << 26, perMessageDeflate: true });
  const sockets: WebSocket[] = [];
  const models: { receive(text: string): void }[] = [];
  const extensions: string[] = [];
  http.on('upgrade', (request, stream, head) => {
    if (!isSigned(request.headers)) {
      const body = '{"error":{"code":"token_authentication_failure"}}';
      stream.end(`HTTP/1.1 401 Unauthorized\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    server.handleUpgrade(request, stream, head, (socket) => {
      extensions.push(socket.extensions);
      sockets.push(socket);
      const model = make(socket);
      models.push(model);
      socket.on('message', (data) => model.receive(String(data)));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    return new Promise<void>((resolve) => http.close(() => resolve()));
  });
  return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws`, sockets, models, extensions };
}

function pool(url: string, profile: SessionProfile, headers: Record<string, string> = {}) {
  const keeper = new FakeKeeper();
  const frames: (string | Uint8Array)[] = [];
  const kinds: string[] = [];
  const made = new ConnectionPool({
    profile,
    settings: {
      url,
      book: { connections: 3, instrumentsPerConnection: 1_000, minimumPerConnection: 500 },
      feeds: [],
      timing: { ...DEFAULT_TIMING, backoff: { first: 20_000, cap: 100_000 } },
    },
    keeper,
    recorder: { received: (_at, _connection, frame) => frames.push(frame), sent: () => {} },
    clock: systemClock(),
    random: Math.random,
    socketFactory: webSocketFactory(),
    signer: () => headers,
    listener: { notice: ({ kind }) => kinds.push(kind), lifecycle: () => {}, unknownInstrument: () => {} },
  });
  made.start();
  const stopTicking = systemTimers.every(20, () => made.tick());
  closers.push(async () => {
    stopTicking();
    await made.stop((done) => systemTimers.after(500, done));
  });
  return { pool: made, keeper, frames, kinds };
}

describe('over real sockets', () => {
  it('a pool subscribes, takes frames of every kind, and comes back after a cut', async () => {
    const kalshi = await venue(
      (socket) => new KalshiModel({ send: (text) => socket.send(text), close: () => {} }),
    );
    const line = pool(kalshi.url, kalshiProfile({ useYesPrice: true, combos: false }));
    line.keeper.expect(tickers(1_200));
    line.pool.request(tickers(1_200));
    await vi.waitFor(() => expect(line.pool.status().instruments.seeded).toBe(1_200), 5_000);
    expect(kalshi.extensions).toEqual(kalshi.extensions.map(() => ''));
    kalshi.sockets[0]!.send(Buffer.from([1, 2, 255]), { binary: true });
    kalshi.sockets[0]!.send('{"type":"orderbo');
    kalshi.sockets[0]!.send(`"${'x'.repeat(10_000_000)}"`);
    await vi.waitFor(
      () => expect(line.frames.some((frame) => frame.length === 10_000_002)).toBe(true),
      5_000,
    );
    expect(line.frames.some((frame) => typeof frame !== 'string' && frame.length === 3)).toBe(true);
    const before = kalshi.sockets.length;
    kalshi.sockets[0]!.terminate();
    await vi.waitFor(() => expect(kalshi.sockets.length).toBe(before + 1), 5_000);
    await vi.waitFor(() => expect(line.pool.status().instruments.seeded).toBe(1_200), 5_000);
  });

  it('a refused upgrade is told with its status and body, and tried once only', async () => {
    const kalshi = await venue(
      (socket) => new KalshiModel({ send: (text) => socket.send(text), close: () => {} }),
      (headers) => headers['kalshi-access-key'] === 'good',
    );
    const bad = pool(kalshi.url, kalshiProfile({ useYesPrice: true, combos: false }), {
      'KALSHI-ACCESS-KEY': 'bad',
    });
    bad.pool.request(['A']);
    await vi.waitFor(() => expect(bad.kinds).toContain('unauthorized'), 5_000);
    expect(bad.pool.status().connections[0]!.last_close!.reason).toContain('token_authentication_failure');
    const good = pool(kalshi.url, kalshiProfile({ useYesPrice: true, combos: false }), {
      'KALSHI-ACCESS-KEY': 'good',
    });
    good.pool.request(['A']);
    await vi.waitFor(() => expect(good.pool.status().instruments.seeded).toBe(1), 5_000);
    expect(bad.pool.status().connections[0]!.epoch).toBe(1);
  });

  it('a venue that is not there is waited for', async () => {
    const line = pool('ws://127.0.0.1:9/ws', polymarketProfile());
    line.pool.request(['1']);
    await vi.waitFor(() => expect(line.pool.status().connections[0]!.epoch).toBeGreaterThan(2), 5_000);
    expect(line.pool.status().connections[0]!.last_close!.code).toBe(1006);
    expect(line.pool.status().connections[0]!.last_close!.reason).toContain('ECONNREFUSED');
  });

  it('stopping closes the sockets politely', async () => {
    const codes: number[] = [];
    const polymarket = await venue((socket) => {
      socket.on('close', (code) => codes.push(code));
      return new PolymarketModel({ send: (text) => socket.send(text), close: (code) => socket.close(code) });
    });
    const line = pool(polymarket.url, polymarketProfile());
    line.pool.request(['1', '2']);
    await vi.waitFor(() => expect(line.pool.status().instruments.seeded).toBe(2), 5_000);
    await line.pool.stop((done) => systemTimers.after(2_000, done));
    await vi.waitFor(() => expect(codes).toEqual([1_000]), 2_000);
  });
});
