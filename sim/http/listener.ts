import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly address: string;
}

export interface RestAnswer {
  readonly status: number;
  /** Sent as JSON, or as it is when it is a string. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An upgrade to a WebSocket: refuse it with an answer, or take it. */
export interface UpgradeRules {
  /** Null: welcome. */
  refuse(request: RestRequest): RestAnswer | null;
  /** @param wire what the socket writes to */
  accept(socket: WebSocket, request: RestRequest, wire: Duplex): void;
}

const LARGEST_BODY = 4 << 20;
const LARGEST_FRAME = 4 << 20;

/** One loopback HTTP server: a handler for requests, and optionally WebSockets. */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @throws the system's error (`EADDRINUSE` and others) when the port cannot be had */
  static async listen(
    port: number,
    host: string,
    handle: (request: RestRequest) => Promise<RestAnswer>,
    upgrades?: UpgradeRules,
  ): Promise<Listener> {
    const server = createServer((incoming, outgoing) => {
      void readBody(incoming).then(async (body) => {
        const answer: RestAnswer =
          body === null
            ? { status: 413, body: { error: 'request body too large' } }
            : await handle(toRequest(incoming, body)).catch((error: Error) => ({
                status: 500,
                body: { error: error.message },
              }));
        const isText = typeof answer.body === 'string';
        outgoing.writeHead(answer.status, {
          'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
          ...answer.headers,
        });
        outgoing.end(isText ? answer.body : JSON.stringify(answer.body));
      });
    });
    const listener = new Listener(server);
    if (upgrades !== undefined) listener.#upgrade(upgrades);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #upgrade(rules: UpgradeRules): void {
    const sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: LARGEST_FRAME,
    });
    this.#server.on('upgrade', (incoming, socket, head) => {
      socket.on('error', () => {});
      const request = toRequest(incoming, '');
      const refusal = rules.refuse(request);
      if (refusal !== null) {
        const body = JSON.stringify(refusal.body);
        socket.end(
          `HTTP/1.1 ${refusal.status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
        return;
      }
      sockets.handleUpgrade(incoming, socket, head, (client) => {
        client.on('error', () => {});
        rules.accept(client, request, socket);
      });
    });
  }
}

function toRequest(incoming: IncomingMessage, body: string): RestRequest {
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body,
    address: incoming.socket.remoteAddress ?? '',
  };
}

async function readBody(incoming: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_BODY) return null;
      chunks.push(chunk);
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}
