import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type pg from 'pg';
import { servePage } from '../console/page-files.ts';
import type { TokenBucketSettings } from '../http/token-bucket.ts';
import type { SystemSource } from '../status/system-status.ts';
import { type Clock, systemClock } from '../units/time.ts';
import { checkAccess } from './access-key.ts';
import { apiApp, defaultAllowance } from './app.ts';
import { defaultPoolSettings, TapePool, type TapePoolSettings } from './tape-pool.ts';

export interface ApiServerSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly database: pg.ClientConfig;
  readonly system: SystemSource;
  readonly key: string | null;
  readonly allowOrigin?: string | null;
  /** Whether the console's page is served as well. */
  readonly hasConsole: boolean;
  readonly version: string;
  readonly onFault: (text: string) => void;
  readonly allowance?: TokenBucketSettings;
  readonly poolSettings?: TapePoolSettings;
  readonly clock?: Clock;
}

export interface ApiServer {
  readonly url: string;
  close(): Promise<void>;
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server.address() as AddressInfo;
}

/**
 * Starts the HTTP interface.
 *
 * @throws AccessError where it could be reached from elsewhere without a key
 * @throws the server's error, with its `code`, where it cannot listen
 */
export async function startApiServer(settings: ApiServerSettings): Promise<ApiServer> {
  const { host, port, key, clock = systemClock(), hasConsole } = settings;
  checkAccess(host, key);
  const pool = new TapePool(settings.database, settings.poolSettings ?? defaultPoolSettings);
  const closing = new AbortController();
  const app = apiApp({
    ...settings,
    pool,
    closing: closing.signal,
    clock,
    allowance: settings.allowance ?? defaultAllowance,
    allowOrigin: settings.allowOrigin ?? null,
  });
  if (hasConsole) servePage(app);
  const listener = getRequestListener((request, bindings) => {
    const { incoming } = bindings as { incoming: IncomingMessage };
    return app.fetch(request, { remoteAddress: incoming.socket.remoteAddress ?? '' });
  });
  const server = createServer((request, response) => void listener(request, response));
  server.requestTimeout = 10_000;
  server.on('clientError', (_error, socket) => socket.destroy());
  try {
    const address = await listen(server, host, port);
    server.on('error', () => {});
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return {
      url: `http://${name}:${address.port}`,
      async close() {
        closing.abort();
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
        await pool.close();
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}
