import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { webSocketFactory } from '#src/connections/websocket.ts';
import { HttpClient } from '#src/http/http-client.ts';
import { openSession, sessionConfig } from '#src/storage/connection.ts';
import { systemClock } from '#src/units/time.ts';
import { selfSigned } from './certificate.ts';

const HOST = '127.0.0.1';
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** A venue whose certificate nobody has vouched for. @returns its port, and the requests that it got to see */
async function impostor(): Promise<{ readonly port: number; readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createHttpsServer(selfSigned(HOST), (request, response) => {
    seen.push(`${request.headers['kalshi-access-key']}`);
    response.end('{}');
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (_socket, request) => seen.push(`${request.headers['kalshi-access-key']}`));
  sockets.on('error', () => {});
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const signed = { 'KALSHI-ACCESS-KEY': 'k' };

describe('a venue whose certificate nobody has vouched for', () => {
  it('gets no request by REST', async () => {
    const { port, seen } = await impostor();
    const client = new HttpClient({
      baseUrl: `https://${HOST}:${port}`,
      clock: systemClock(),
      sleep: async () => {},
      random: () => 0,
      headers: () => signed,
      maxAttempts: 2,
    });
    const asked = client.request({ method: 'GET', path: '/', route: '/' });
    await expect(asked).rejects.toMatchObject({ outcome: 'network', attempts: 2 });
    await expect(asked).rejects.toThrow(/self-signed certificate/);
    expect(seen).toEqual([]);
  });

  it('gets no socket', async () => {
    const { port, seen } = await impostor();
    const told = await new Promise<string>((resolve) => {
      webSocketFactory()(
        { url: `wss://${HOST}:${port}`, headers: signed },
        {
          opened: () => resolve('opened'),
          message: () => {},
          heartbeat: () => {},
          refused: (status) => resolve(`refused ${status}`),
          closed: (code, reason) => resolve(`closed ${code} ${reason}`),
        },
      );
    });
    expect(told).toMatch(/^closed 1006 .*self-signed certificate/);
    expect(seen).toEqual([]);
  });
});

/** A server that answers the request for TLS as PostgreSQL does, and keeps what it is sent then. */
async function databaseServer(host: string, isEncrypted: boolean) {
  const certificate = selfSigned(host);
  const heard: string[] = [];
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      if (!isEncrypted) {
        socket.on('data', (bytes) => heard.push(bytes.toString('latin1')));
        socket.write('N');
        return;
      }
      socket.write('S');
      const secure = new TLSSocket(socket, { isServer: true, ...certificate });
      secure.on('error', () => {});
      secure.on('data', (bytes) => {
        heard.push(bytes.toString('latin1'));
        secure.destroy();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = async (more: object = {}): Promise<unknown> => {
    const secret = { host: HOST, port, username: 'writer', password: 'p', dbname: 'd', ...more };
    const settings = { applicationName: 'test', statementTimeoutMillis: 1_000 };
    const config = await sessionConfig({ secret: 's' }, settings, async () => JSON.stringify(secret));
    const session = await openSession(config);
    await session.end();
    return session;
  };
  return { open, heard, ca: certificate.cert };
}

describe('a database that a secret names', () => {
  it('is told nothing when its certificate is not that of the authority in the secret', async () => {
    const { open, heard } = await databaseServer(HOST, true);
    await expect(open()).rejects.toThrow(/self-signed certificate/);
    await expect(open({ ca: selfSigned(HOST).cert })).rejects.toThrow(/certificate|signature/);
    expect(heard).toEqual([]);
  });

  it('is told nothing when its certificate is for another host', async () => {
    const { open, heard, ca } = await databaseServer('10.9.8.7', true);
    await expect(open({ ca })).rejects.toThrow(/altnames|IP/);
    expect(heard).toEqual([]);
  });

  it('is told nothing when it would rather speak without TLS', async () => {
    const { open, heard } = await databaseServer(HOST, false);
    await expect(open()).rejects.toThrow(/does not support SSL/);
    expect(heard).toEqual([]);
  });

  it('is spoken to where both are right', async () => {
    const { open, heard, ca } = await databaseServer(HOST, true);
    await expect(open({ ca })).rejects.toThrow(/terminated|closed|ended/i);
    expect(heard.join('')).toContain('writer');
  });
});
