import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { redact, scrubText } from './redaction.ts';

/** Whether all is well; if not, why, in plain sentences. */
export interface Verdict {
  readonly ok: boolean;
  readonly reasons: readonly string[];
}

/** Where the answers come from. Each is asked anew at every request. */
export interface HealthSources {
  /** Of the feed, not of the process: is data arriving, and is it getting out? */
  readonly health: () => Verdict;
  /** May others rely on this process yet? */
  readonly ready: () => Verdict;
  /** Text in the format of Prometheus. */
  readonly metrics: () => string | Promise<string>;
  /** Anything that JSON can show; secrets are hidden. */
  readonly status: () => unknown;
}

export interface HealthServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Loopback by default. */
  readonly host?: string;
}

const STARTING: Verdict = { ok: false, reasons: ['starting: nothing is captured yet'] };
const starting: HealthSources = {
  health: () => STARTING,
  ready: () => STARTING,
  metrics: () => '',
  status: () => ({ starting: true }),
};

/**
 * `/health`, `/ready`, `/metrics` and `/status` over HTTP. It listens before anything else of the process runs
 * and says that it is starting until it is told whom to ask.
 */
export class HealthServer {
  readonly #server: Server;
  #sources: HealthSources = starting;

  /** @throws Error that names host and port when they cannot be had. */
  static async start(options: HealthServerOptions): Promise<HealthServer> {
    const health = new HealthServer();
    const host = options.host ?? '127.0.0.1';
    await new Promise<void>((resolve, reject) => {
      health.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
        reject(
          new Error(`the health server cannot listen on ${host}:${options.port}: ${reason}`, {
            cause: error,
          }),
        );
      });
      health.#server.listen(options.port, host, resolve);
    });
    health.#server.on('error', () => {});
    // It must not be what keeps a process alive.
    health.#server.unref();
    return health;
  }

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.requestTimeout = 10_000;
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  use(sources: HealthSources): void {
    this.#sources = sources;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    request.resume();
    const head = request.method === 'HEAD';
    if (!head && request.method !== 'GET') {
      response.setHeader('allow', 'GET, HEAD');
      return send(response, 405, { error: 'only GET and HEAD' }, false);
    }
    const path = (request.url ?? '/').split('?')[0];
    try {
      switch (path) {
        case '/health':
          return sendVerdict(response, this.#sources.health(), head);
        case '/ready':
          return sendVerdict(response, this.#sources.ready(), head);
        case '/status':
          return send(response, 200, this.#sources.status() ?? null, head);
        case '/metrics': {
          const text = await this.#sources.metrics();
          response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
          response.end(head ? undefined : text);
          return;
        }
        default:
          return send(response, 404, { error: 'there is /health, /ready, /metrics and /status' }, head);
      }
    } catch (error) {
      if (response.headersSent) response.destroy();
      else send(response, 500, { error: scrubText(String(error)) }, head);
    }
  }
}

function sendVerdict(response: ServerResponse, verdict: Verdict, head: boolean): void {
  send(response, verdict.ok ? 200 : 503, { ok: verdict.ok, reasons: verdict.reasons }, head);
}

function send(response: ServerResponse, code: number, body: unknown, head: boolean): void {
  const text = `${JSON.stringify(redact(body))}\n`;
  response.writeHead(code, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(head ? undefined : text);
}
